"""Long work on the Thresholds page: started by a button, with progress, time left and a stop button."""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd
import streamlit as st

from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds import (
    DEFINITIONS,
    PEERS,
    FairnessScale,
    compatibility,
    fairness_scale,
    halves_of,
    peer_points,
    score_curves,
    tradeoff_curve,
)
from recidiv_core.ui.state import Session

Report = Callable[[float, str], None]
FAST_ROWS = 50_000  # up to here the scale and the pairs take well under two seconds
TOLERANCES = tuple(i / 1000 for i in range(2, 201, 8))
_PROTOCOLS = {
    "held_out": "Held out: tuned on other rows than judged on",
    "paper": "As in the paper: tuned and judged on the same fold",
}


def long_work(label: str, *, key: str, run: Callable[[Report], None]) -> None:
    """A button that starts long work, then a bar with the time left and a stop button.

    Any press outside a fragment ends the run at its next report; what ``run`` has put aside by then stays.
    """
    start = st.empty()
    if not start.button(label, key=f"start {key}", icon=":material/play_arrow:"):
        return
    begun = time.monotonic()
    bar, stop = st.empty(), st.empty()
    stop.button("Stop", key=f"stop {key}", icon=":material/stop:")

    def report(done: float, text: str) -> None:
        passed = time.monotonic() - begun
        left = f", about {passed / done * (1 - done):.0f} s left" if done > 0.05 else ""
        bar.progress(min(done, 1.0), f"{text}{left}")

    report(0.0, "Starting")
    run(report)
    for place in (start, bar, stop):
        place.empty()


def work_on_tradeoff(current: Session, curves: ScoreCurves) -> pd.DataFrame | None:
    """The trade-off curves of all definitions; those that are finished stay when the rest is stopped."""
    options = current.threshold_options()
    key = ("tradeoff", current.dataset.digest, current.attribute, tuple(sorted(map(str, options.items()))))
    done: dict[str, pd.DataFrame] = current.finished.setdefault(key, {})

    def run(report: Report) -> None:
        own = current.dataset.only(current.attribute)
        dealt = halves_of(own, attribute=current.attribute, random_state=current.settings.random_state)
        halves = dealt.tuning, score_curves(dealt.judging, attribute=current.attribute)
        for position, name in enumerate(DEFINITIONS):
            if name not in done:
                done[name] = tradeoff_curve(
                    curves, definition=name, tolerances=TOLERANCES, halves=halves,
                    progress=lambda share, text, p=position: report((p + share) / len(DEFINITIONS), DEFINITIONS[text.split(":")[0]].title),
                    **options | {"partial": options["partial"] if name == "statistical_parity" else 1.0},
                )  # fmt: skip

    if len(done) < len(DEFINITIONS) and len(current.dataset) <= FAST_ROWS:
        run(lambda share, text: None)
    elif len(done) < len(DEFINITIONS):
        long_work("Draw the trade-off" if not done else "Draw the rest", key="tradeoff", run=run)
    return pd.concat(done.values(), ignore_index=True) if done else None


def work_on_peers(current: Session, definition: str) -> pd.DataFrame | None:
    """Where fairlearn and aif360 land for one definition."""
    options = current.threshold_options() | {"partial": 1.0}
    key = ("peers", current.dataset.digest, current.attribute, definition, tuple(sorted(map(str, options.items()))))

    def run(report: Report) -> None:
        current.finished[key] = peer_points(
            current.dataset, attribute=current.attribute, definition=definition, random_state=current.settings.random_state, progress=report, **options,
        )  # fmt: skip

    if not any(definition in aims for aims in PEERS.values()):
        st.caption(f"fairlearn and aif360 have no post-processing for {DEFINITIONS[definition].title.lower()}.")
        return None
    if key not in current.finished:
        long_work("Where would fairlearn and aif360 land?", key="peers", run=run)
    return current.finished.get(key)


def work_on_scale(current: Session) -> FairnessScale | None:
    """The fairness scale table, by either protocol."""
    protocol = st.segmented_control(
        "Protocol", list(_PROTOCOLS), default="held_out", required=True, format_func=_PROTOCOLS.get, key="thresholds protocol"
    )  # fmt: skip
    s = current.settings
    key = ("scale", current.dataset.digest, current.attribute, protocol, s.tolerance, s.random_state)

    def run(report: Report) -> None:
        current.finished[key] = fairness_scale(
            current.dataset, attribute=current.attribute, protocol=protocol, tolerance=s.tolerance, random_state=s.random_state, progress=report
        )  # fmt: skip

    if key not in current.finished:
        if len(current.dataset) <= FAST_ROWS:
            run(lambda share, text: None)
        else:
            long_work("Make the table", key="scale", run=run)
    return current.finished.get(key)


def work_on_compatibility(current: Session, curves: ScoreCurves) -> pd.DataFrame | None:
    """Which pairs of definitions can hold together."""
    options = current.search_options(curves, "statistical_parity")
    key = ("compatibility", current.dataset.digest, current.attribute, str(options))

    def run(report: Report) -> None:
        current.finished[key] = compatibility(curves, options, progress=report)

    if key not in current.finished:
        if len(current.dataset) <= FAST_ROWS:
            run(lambda share, text: None)
        else:
            long_work("Which definitions can hold together?", key="compatibility", run=run)
    return current.finished.get(key)
