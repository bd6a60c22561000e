"""The house: which way the arrows run, and that every room has its places."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from recidiv_core.ui.rooms import ROOMS
from tests.conftest import ROOT

LIBRARY = ROOT / "recidiv_core"
# What each part may import. A room may use data, stats, errors and the two small files of words; where one room builds
# on another, the pair stands here.
SMALL = {"errors", "files", "memory", "options", "trail", "plain", "words", "version"}
BASE = SMALL | {"stats"}
ROOMS_WITH_RESULTS = {
    "data",
    "recidivism",
    "models",
    "groups",
    "thresholds",
    "slices",
    "counterfactuals",
    "privacy",
    "sentencing",
}
ARROWS = {
    "errors": set(),
    "files": set(),
    "options": set(),
    "memory": {"errors"},
    "trail": {"errors"},
    "plain": set(),
    "words": set(),
    "version": set(),
    "places": set(),
    "stats": {"errors"},
    "workers": {"errors"},
    "data": BASE | {"places", "workers"},
    "groups": BASE | {"data"},
    "thresholds": BASE | {"data", "groups"},
    "slices": BASE | {"data"},
    "models": BASE | {"data", "workers"},
    "recidivism": BASE | {"data"},
    "charts": SMALL | ROOMS_WITH_RESULTS,
    "report": BASE | ROOMS_WITH_RESULTS | {"charts"},
    "ui": BASE | ROOMS_WITH_RESULTS | {"charts", "report", "workers"},
    "commands": BASE | ROOMS_WITH_RESULTS | {"charts", "report", "server", "api"},
    "__main__": {"errors", "commands", "workers"},
    "__init__": BASE | ROOMS_WITH_RESULTS | {"report"},
    "counterfactuals": BASE | {"data", "models"},
    "privacy": BASE | {"data", "groups", "models", "slices"},
    "sentencing": BASE | {"data"},
    "api": BASE | {"data", "groups", "thresholds", "slices", "sentencing", "report", "workers"},
    "sessions": {"memory"},
    "server": {"errors", "memory", "places", "sentencing", "api", "sessions", "ui", "workers"},
    # To come, each with `data` and `stats`, and with the rooms that it builds on:
    "offences": BASE | {"data", "models"},
    "policy": BASE | {"data", "groups", "thresholds"},
}


def part_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_arrows_run_one_way(path):
    part, names = part_of(path), imports_of(path)
    used = {name.split(".")[1] for name in names if name.startswith("recidiv_core.")} - {part}
    assert used <= ARROWS[part], f"{part} may not import {used - ARROWS[part]}"
    if part not in ("ui", "server", "sessions"):
        assert not any(name.split(".")[0] == "streamlit" for name in names)


def test_there_is_no_circle():
    seen: dict[str, bool] = {}

    def visit(part: str) -> None:
        assert seen.get(part) is not False, f"a circle through {part}"
        if part not in seen:
            seen[part] = False
            for other in ARROWS[part]:
                visit(other)
            seen[part] = True

    for part in ARROWS:
        visit(part)


@pytest.mark.parametrize("page", sorted((ROOT / "pages").glob("*.py")), ids=lambda p: p.stem)
def test_pages_import_names_and_do_no_arithmetic_on_arrays(page):
    names = imports_of(page)
    assert not names & {"numpy", "scipy", "sklearn"}
    assert page.stem in {room.word for room in ROOMS}


def test_every_room_with_a_page_has_its_places():
    for room in ROOMS:
        assert (ROOT / room.script).exists()
        assert room.url_path != room.word
    for word in ROOMS_WITH_RESULTS:
        for place in (LIBRARY / word, LIBRARY / "charts" / f"{word}.py", ROOT / "tests" / word):
            assert place.exists(), place


def test_the_library_needs_no_user_interface():
    code = (
        "import sys; sys.modules['streamlit'] = sys.modules['altair'] = None; import recidiv_core as r; "
        "d = r.load_dataset('sample:nc_releases'); r.build_report(r.audit_groups(d, threshold=0.25), sys.argv[1])"
    )
    out = Path(
        subprocess.check_output([sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())"], text=True).strip()
    )
    subprocess.run([sys.executable, "-c", code, str(out / "r.pdf")], check=True, cwd=ROOT)
    assert (out / "r.pdf").stat().st_size > 10_000


def test_the_public_names_are_those_promised():
    import recidiv_core

    promised = {"Roles", "load_dataset", "audit_groups", "build_report"}
    promised |= {"ScoreCurves", "score_curves", "optimal_thresholds", "tradeoff_curve", "fairness_scale", "apply_rule"}
    promised |= {"bin_features", "find_slices", "audit_slices"}
    promised |= {
        "build_outcomes",
        "simulate_events",
        "evaluate_models",
        "train_model",
        "load_model",
        "marginal_effects",
    }
    promised |= {"make_pairs", "pairs_from_rows", "suggest_profile_spec", "audit_counterfactuals", "proxy_probe"}
    promised |= {"synthesize", "nearest_distances", "audit_privacy", "link_records", "audit_utility"}
    promised |= {"sentencing_disparity", "adjusted_disparity", "simulate_sentences"}
    assert promised <= set(recidiv_core.__all__)
    assert all(hasattr(recidiv_core, name) for name in recidiv_core.__all__)


def test_the_words_of_the_screen():
    """Assess and mitigate, not debias; no verdict says that a model is fair."""
    banned = ("unbiased", "debias", "bias-free", "is fair", "fair model", "not biased", "solved")
    texts = [
        *LIBRARY.rglob("*.py"),
        *(ROOT / "pages").glob("*.py"),
        LIBRARY / "report" / "template.typ",
        ROOT / "README.md",
    ]
    for path in texts:
        text = path.read_text(encoding="utf-8").lower()
        assert not [word for word in banned if word in text], path


# Longer than a screen: one compiled function that calls itself, whose parts would each need all of its arrays.
LONG = {("slices/kernels.py", "descend")}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement that is no docstring to the last."""
    first = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return function.end_lineno - first[0].lineno + 1


def test_a_function_fits_on_a_screen():
    found = {
        (str(path.relative_to(LIBRARY)), node.name)
        for path in LIBRARY.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > 60
    }
    assert found == LONG


def test_the_formatter_is_skipped_for_a_few_tables_only():
    skip = "# fmt: " + "skip"
    places = [
        p for top in ("recidiv_core", "pages", "tests", "benchmarks", "supply") for p in (ROOT / top).rglob("*.py")
    ]
    assert sum(path.read_text(encoding="utf-8").count(skip) for path in places) <= 10
