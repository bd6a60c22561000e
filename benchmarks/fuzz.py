"""What hostile input does: tables read, tables through every page, training, copies and PDF, model files, bodies for
the API.

python -m benchmarks.fuzz [SHARE] [--first SEED] [--only STAGE …]    (a tenth by default; 1 is all of it, two hours on
two cores)

For each stage: how many were done, refused in words, ended by a worker's limits, and faults (with the seed that brings
each back), the longest, and the memory at the peak. The exit status is 1 when there is a fault. Everything follows from
the seeds.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import multiprocessing
import os
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import httpx
import numpy as np
import pandas as pd

from recidiv_core import audit_groups, train_model, workers
from recidiv_core.data import AuditDataset, Table, assign_roles, read_table
from recidiv_core.data.reading import parse_table
from recidiv_core.errors import InputError
from recidiv_core.models.loading import OPENING
from recidiv_core.report import render_report
from recidiv_core.workers import place_of
from tests.hostile import as_bytes, damaged, shaped

DONE, REFUSED, ENDED = "done", "refused", "ended"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = (
    "overview",
    "data",
    "groups",
    "thresholds",
    "slices",
    "counterfactuals",
    "report",
    "recidivism",
    "sentencing",
    "models",
    "privacy",
)
_AT_ONCE = 3  # pages that one table is put through: all of them take turns


class Fault(Exception):
    """A fault that was caught on its way, with its place."""


def loaded(random: np.random.Generator) -> tuple[Table, AuditDataset]:
    """The first of some tables that loads."""
    for _ in range(8):
        frame, roles = shaped(random)
        try:
            table = read_table(frame, name="hostile")
            return table, assign_roles(table, roles)
        except InputError:
            continue
    raise InputError.one("tables", "one of eight that loads", "none")


def tables(random: np.random.Generator) -> str:
    """A file, sound or damaged, is read."""
    parse_table(*as_bytes(random, shaped(random)[0]))
    return DONE


def pages(random: np.random.Generator) -> str:
    """A table that loads is put through some of the pages, each with all that its room works out at once."""
    from streamlit import error_util

    table, dataset = loaded(random)
    seen: list[str] = []
    error_util._log_uncaught_app_exception = lambda error: seen.append(place_of(error))
    for page in random.choice(PAGES, _AT_ONCE, replace=False):
        _opened(str(page), table, dataset)
        if seen:
            raise Fault(f"{page}: {seen[0]}")
    return DONE


def _opened(page: str, table: Table, dataset: AuditDataset) -> None:
    from streamlit.testing.v1 import AppTest

    from recidiv_core.recidivism import suggest_durations, suggest_events
    from recidiv_core.sentencing import suggest_sentences
    from recidiv_core.ui.sentencing import first_case
    from recidiv_core.ui.state import _KEY, Events, Sentences, Session, Training, first_settings

    sentences = Sentences(table, suggest_sentences(table.frame))
    app = AppTest.from_file(f"{ROOT}/pages/{page}.py", default_timeout=120)
    app.session_state[_KEY] = Session(
        dataset=dataset,
        settings=first_settings(dataset),
        draft=table,
        draft_roles=dataset.roles,
        training=Training(table, dataset.roles),
        attribute=dataset.roles.sensitive[0],
        events=Events(table, suggest_events(table) or suggest_durations(table)),
        sentences=sentences,
        case_choices=first_case(sentences),
    )
    app.run()


def training(random: np.random.Generator) -> str:
    """A model is trained on a table that loads, a copy is made and judged, and the audit becomes a PDF."""
    from recidiv_core.privacy import audit_privacy, split_real, synthesize

    _, dataset = loaded(random)
    told: list[str] = []
    steps: list[Callable[[], Any]] = [
        lambda: render_report(audit_groups(dataset, n_boot=200)),
        lambda: train_model(dataset, algorithm="logistic_regression", n_iter=2, n_inner=2),
        lambda: _judged(split_real(dataset, random_state=0), synthesize, audit_privacy),
    ]
    for step in steps:
        try:
            step()
        except InputError as error:
            told.append(str(error))
    return DONE if len(told) < len(steps) else REFUSED


def _judged(split: Any, synthesize: Callable[..., Any], audit_privacy: Callable[..., Any]) -> None:
    copy = synthesize(split.train, method="copula")
    audit_privacy(split.train.frame, copy.frame, holdout=split.holdout.frame)


def models(random: np.random.Generator) -> str:
    """A model file, most of them damaged, is opened in a worker."""
    data = sound_models()[int(random.integers(len(sound_models())))]
    for _ in range(int(random.integers(0, 3))):
        data = damaged(random, data)
    try:
        workers.run(OPENING, data, about="model", options={"name": "model", "size": len(data)})
    except workers.Broken as error:
        if error.place:
            raise Fault(error.place) from None
        return ENDED
    except workers.TooLong:
        return ENDED
    return DONE


@cache
def sound_models() -> list[bytes]:
    """A model of each kind that is taken, small."""
    import onnx
    import skops.io
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from xgboost import XGBClassifier

    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(80, 3)), columns=["a", "b", "c"])
    y = (X["a"] + random.normal(size=80) > 0).astype(int)
    kinds = [
        LogisticRegression(),
        RandomForestClassifier(3, max_depth=2),
        HistGradientBoostingClassifier(max_iter=3),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ]
    found = [skops.io.dumps(kind.fit(X, y)) for kind in kinds]
    booster = XGBClassifier(n_estimators=3, max_depth=2).fit(X, y).get_booster()
    found += [bytes(booster.save_raw("json")), bytes(booster.save_raw("ubj"))]
    tensor = onnx.helper.make_tensor_value_info
    weights = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [3, 1], [1.0, -1.0, 0.5])
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["z"]), onnx.helper.make_node("Sigmoid", ["z"], ["p"])]
    graph = onnx.helper.make_graph(nodes, "g", [tensor("x", 1, [None, 3])], [tensor("p", 1, [None, 1])], [weights])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    return [*found, model.SerializeToString()]


def bodies(random: np.random.Generator) -> str:
    """A body for the API with roles and options, right and wrong."""
    is_sound = random.random() < 0.6
    if is_sound:
        table, dataset = loaded(random)
        body, roles = table.frame.to_csv(index=False).encode(), dataset.roles
    else:
        frame, roles = shaped(random)
        body = as_bytes(random, frame, xlsx=False)[0]
    task = str(random.choice(["audit", "thresholds", "slices"]))
    asked: dict[str, Any] = {k: v for k, v in roles.to_dict().items() if v is not None and k != "features"}
    options: dict[str, Any] = {"definition": "equal_opportunity"} if task == "thresholds" else {}
    odd = [10**400, -1, 1e999, "x", None, [], {}, True, 0.5, "\ud800", "é" * 9]
    for _ in range(0 if is_sound else int(random.integers(0, 3))):
        side = asked if random.random() < 0.5 else options
        key = str(
            random.choice(
                [
                    "label",
                    "score",
                    "sensitive",
                    "tolerance",
                    "threshold",
                    "k",
                    "n_boot",
                    "definition",
                    "error",
                    "alpha",
                    "min_support",
                    "no such",
                ]
            )
        )
        side[key] = odd[int(random.integers(len(odd)))]
    query = {"roles": _json(asked), "options": _json(options)}
    if not is_sound and random.random() < 0.3:
        query["options"] = str(
            random.choice(['{"tolerance": ' + "9" * 400 + "}", "[" * 2_000, "{", "null", '{"k": 1e400}'])
        )
    with ThreadPoolExecutor(1) as elsewhere:  # a browser's tests leave a loop running in the thread of the suite
        status, told = elsewhere.submit(asyncio.run, _asked(task, body, query)).result()
    if status >= 500:
        raise Fault(f"{task}: status {status}, {told[:80]}")
    return DONE if status == 200 else REFUSED


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


async def _asked(task: str, body: bytes, query: dict[str, str]) -> tuple[int, str]:
    transport = httpx.ASGITransport(guarded(), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=None) as asker:
        answer = await asker.post(f"/api/{task}", params=query, content=body)
    return answer.status_code, answer.text


def guarded() -> Any:
    """The routes behind the guard; the audits run here, where a fault of theirs is seen."""
    from recidiv_core.api import Guard, create_api
    from recidiv_core.api.tasks import answer
    from recidiv_core.sentencing import sentencing_records, simulate_sentences

    class Here:
        async def run(self, task: str, body: bytes, roles: dict[str, Any], options: dict[str, Any]) -> bytes:
            return answer(body, task=task, roles=roles, options=options)

    if not _API:
        records = sentencing_records(simulate_sentences(100, random_state=0).frame)
        api = create_api(records, workers=Here())
        _API.append(Guard(api, api=api))
    return _API[0]


_API: list[Any] = []
STAGES: dict[str, tuple[Callable[[np.random.Generator], str], int]] = {
    "tables": (tables, 100_000),
    "pages": (pages, 5_000),
    "training": (training, 200),
    "models": (models, 2_000),
    "bodies": (bodies, 5_000),
}


def one(asked: tuple[str, int]) -> tuple[str, float, str]:
    """What one seed of a stage brings: outcome, seconds, and the place of a fault."""
    stage, seed = asked
    begun = time.monotonic()
    try:
        outcome, place = STAGES[stage][0](np.random.default_rng([seed, len(stage)])), ""
    except InputError:
        outcome, place = REFUSED, ""
    except Exception as error:
        outcome, place = "fault", str(error) if isinstance(error, Fault) else place_of(error)
    return outcome, time.monotonic() - begun, place


def quiet() -> None:
    """What the program says meanwhile is not looked at here: in a server it goes to the log, by place alone."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    sys.stdout = io.StringIO()


def run(stage: str, share: float, first: int) -> int:
    """Run a share of a stage; returns the number of faults."""
    from benchmarks.fuzz import (
        one,
    )  # a page tested takes the place of the main module, by whose name this one would be looked for

    n, counts, longest, faults = max(1, round(STAGES[stage][1] * share)), Counter(), (0.0, 0), {}
    begun = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), quiet, maxtasksperchild=500) as pool:
        found = pool.imap(one, [(stage, first + i) for i in range(n)], chunksize=5)
        for seed, (outcome, seconds, place) in enumerate(found, start=first):
            counts[outcome] += 1
            longest = max(longest, (seconds, seed))
            if place:
                faults.setdefault(place, []).append(seed)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    told = ", ".join(
        f"{counts[kind]:,} {kind}" for kind in (DONE, REFUSED, ENDED, "fault") if counts[kind] or kind == "fault"
    )
    print(
        f"{stage}: {n:,} in {time.monotonic() - begun:,.0f} s: {told}; longest {longest[0]:.1f} s (seed "
        f"{longest[1]}), peak {peak:.2f} GB"
    )
    for place, seeds in sorted(faults.items(), key=lambda item: -len(item[1])):
        print(f"    {len(seeds)} × {place} (seed {seeds[0]})")
    sys.stdout.flush()
    return counts["fault"]


def main() -> int:
    """All stages, or those asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("share", nargs="?", type=float, default=0.1)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES))
    options = parser.parse_args()
    return 1 if sum([run(stage, options.share, options.first) for stage in options.only]) else 0


if __name__ == "__main__":
    sys.exit(main())
