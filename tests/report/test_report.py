import io
import json
import re

import numpy as np
import pandas as pd
import pypdf
import pytest

from recidiv_core import InputError, Roles, audit_groups, build_report, load_dataset
from recidiv_core.report import Entry, document, render_report
from recidiv_core.report.pdf import render_pdf
from tests.conftest import audit_of

HOSTILE = [
    "#panic()",
    "$x$",
    "x" * 300,
    "العربية",
    "עברית",
    "<script>alert(1)</script>",
    "*b* _i_ `c` @r <l>",
    "a\\b",
    '"q"',
    "漢字",
    "//c",
    "= h",
]


def pdf_text(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.fixture(scope="module")
def audit():
    return audit_of({"a": (300, 200, 100, 400), "b": (250, 250, 250, 250), "small": (12, 4, 9, 20)})


@pytest.fixture(scope="module")
def pdf(audit):
    return render_report(Entry(audit, "A note of mine."), format="pdf")


def test_pdf_is_tagged_ua_1_with_text_and_manifest(audit, pdf):
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "en" and root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid:part" in root["/Metadata"].get_data()
    text = pdf_text(pdf)
    for words in (
        "exceeds tolerance",
        "A note of mine.",
        "Verdicts for group",
        "Method",
        "References",
        audit.dataset["sha256"][:20],
    ):
        assert squeezed(words) in squeezed(text)
    attached = json.loads(reader.attachments["manifest.json"][0])
    assert attached["results"][0]["dataset"]["sha256"] == audit.dataset["sha256"]
    assert attached["results"][0]["options"]["random_state"] == 0 and attached["packages"]["numpy"]


def test_every_figure_has_alternative_text(pdf):
    """Read from the structure tree of the file, not from our own template."""
    figures = []

    def walk(node):
        node = node.get_object()
        if isinstance(node, list):
            for child in node:
                walk(child)
        elif isinstance(node, dict):
            if node.get("/S") == "/Figure":
                figures.append(str(node.get("/Alt", "")))
            if "/K" in node:
                walk(node["/K"])

    walk(pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"]["/StructTreeRoot"]["/K"])
    assert len(figures) >= 5 and all(len(alt) > 30 for alt in figures)


def test_compiler_refuses_a_figure_without_alternative_text(audit):
    content = document.document(audit, min_cell=10)
    for section in content["sections"]:
        for block in section["blocks"]:
            block.pop("alt", None)
    with pytest.raises(Exception, match="alt"):
        render_pdf(content)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_appear_literally(name):
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {name: random.choice(["g1", name], 400), "y": random.integers(0, 2, 400), "s": random.random(400)}
    )
    audit = audit_groups(load_dataset(frame, roles=Roles("y", score="s", sensitive=name), name=name), threshold=0.5)
    text = squeezed(pdf_text(render_report(audit, format="pdf")))
    shown = "".join(c if ord(c) < 0x3000 else f"⟨U+{ord(c):04X}⟩" for c in name)
    expected = squeezed(shown)
    # A right-to-left name may be extracted in the order of the page; the letters must all be there, together.
    assert expected in text or expected[::-1] in text
    html = render_report(audit, format="html").decode()
    assert "<script>alert" not in html
    content = json.loads(render_report(audit, format="json"))
    assert content["results"][0]["roles"]["sensitive"] == [name]


def test_pdf_html_and_json_say_the_same(audit, pdf):
    html = re.sub(r"<[^>]+>", " ", render_report(audit, format="html").decode())
    content = json.loads(render_report(audit, format="json"))
    text = pdf_text(pdf)
    for item in content["summary"]:
        for words in (item["answer"], item["verdict"]):
            assert squeezed(words) in squeezed(text) and squeezed(words) in squeezed(html)
    assert content["results"][0]["by_group"][2]["fp"] is None  # 4 people: withheld in all three
    small = next(line for line in text.splitlines() if line.startswith("small "))
    assert "withheld" in small


def test_html_loads_nothing_and_runs_nothing(audit):
    html = render_report(audit, format="html").decode()
    assert "<script" not in html and "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=\"(?!data:)", html)
    assert html.count("<img ") == html.count("<figure>") == len(re.findall(r'<img [^>]*alt="[^"]{30,}"', html))


@pytest.mark.parametrize("options", [{"format": "docx"}, {"language": "xx"}, {"min_cell": -1}])
def test_wrong_options_are_refused(audit, tmp_path, options):
    with pytest.raises(InputError):
        build_report(audit, tmp_path / "r", **options)


def test_report_is_written_where_asked(audit, tmp_path):
    path = build_report([audit, Entry(audit, "again")], tmp_path / "r.json", format="json")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert [r["note"] for r in content["results"]] == ["", "again"]
    with pytest.raises(InputError, match="written"):
        build_report(audit, tmp_path / "no" / "r.pdf")
    with pytest.raises(InputError, match="at least one result"):
        build_report([], tmp_path / "r.pdf")


def test_manifest_repeats_the_audit():
    """What the manifest holds is enough to get the same numbers again from the same bytes."""
    data = (
        pd.DataFrame({"y": [0, 1] * 100, "s": np.arange(200) % 7, "g": list("aabb") * 50}).to_csv(index=False).encode()
    )
    roles = Roles("y", score="s", sensitive="g")
    first = audit_groups(load_dataset(data, roles=roles), threshold=3, tolerance=0.02, random_state=5)
    entry = json.loads(render_report(first, format="json"))["manifest"]["results"][0]
    options = {k: v for k, v in entry["options"].items() if k != "min_cell"}
    again = audit_groups(load_dataset(data, roles=Roles(**entry["roles"])), **options)
    assert again.dataset["digest"] == first.dataset["digest"] or again.dataset["sha256"] == entry["dataset"]["sha256"]
    pd.testing.assert_frame_equal(first.disparities, again.disparities)
