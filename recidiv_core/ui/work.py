"""Long work: with progress, time left and a stop button."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from recidiv_core.data import AuditDataset
from recidiv_core.slices import SliceAudit, audit_slices, compare_slices, search_cost
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds import (
    DEFINITIONS,
    PEERS,
    FairnessScale,
    compatibility,
    decision_points,
    fairness_scale,
    halves_of,
    peer_points,
    score_curves,
    tradeoff_curve,
)
from recidiv_core.ui.state import Session

Report = Callable[[float, str], None]
FAST_ROWS = 50_000  # up to here the scale and the pairs take well under two seconds
_KEPT = 40
TOLERANCES = tuple(i / 1000 for i in range(2, 201, 8))
_PROTOCOLS = {
    "held_out": "Held out: tuned on other rows than judged on",
    "paper": "As in the paper: tuned and judged on the same fold",
}


def long_work(label: str, *, key: str, run: Callable[[Report], None], of: Any = None) -> None:
    """A button that starts long work, then a bar with the time left and a stop button.

    Any press outside a fragment ends the run at its next report; what ``run`` has put aside by then stays. With ``of``,
    what the work is about, it starts by itself, unless it was stopped for the same before.
    """
    start = st.empty()
    stopped = f"stopped {key}"
    is_due = of is not None and st.session_state.get(stopped) != of
    if not (start.button(label, key=f"start {key}", icon=":material/play_arrow:", disabled=is_due) or is_due):
        return
    begun = time.monotonic()
    bar, stop = st.empty(), st.empty()
    stop.button(
        "Stop", key=f"stop {key}", icon=":material/stop:", on_click=lambda: st.session_state.update({stopped: of})
    )

    def report(done: float, text: str) -> None:
        passed = time.monotonic() - begun
        left = f", about {passed / done * (1 - done):.0f} s left" if done > 0.05 else ""
        bar.progress(min(done, 1.0), f"{text}{left}")

    report(0.0, "Starting")
    try:
        run(report)
    finally:  # nothing of a run that failed stays; one that was stopped draws no more anyway
        for place in (start, bar, stop):
            place.empty()


def _quiet(share: float, text: str) -> None:
    """The report of work too short for a bar."""


def _finished(
    current: Session, label: str, *, name: str, of: Any, make: Callable[[Report], Any], is_quick: bool
) -> Any:
    """What ``make`` brings, made once for ``of`` on this dataset and attribute: at once where it is quick, else by a
    button.

    None until then.
    """
    key = (name, current.dataset.digest, current.attribute, current.settings.random_state, str(of))
    if key not in current.finished:

        def run(report: Report) -> None:
            _make_room(current)
            current.finished[key] = make(report)

        if is_quick:
            run(_quiet)
        else:
            long_work(label, key=name, run=run)
    return current.finished.get(key)


def _is_small(current: Session) -> bool:
    return len(current.dataset) <= FAST_ROWS


def work_on_slices(current: Session) -> SliceAudit | None:
    """The audit of slices; it starts by itself where it is not too much."""
    options, key = _slices_key(current)
    if key not in current.finished:

        def run(report: Report) -> None:
            _make_room(current)
            current.finished[key] = audit_slices(current.dataset, progress=report, **options)

        cost = search_cost(current.dataset, options)
        told = st.empty()
        if cost["is_heavy"]:
            told.caption(cost["words"])
        long_work("Search", key="slices", run=run, of=None if cost["is_heavy"] else key)
        if key in current.finished:
            told.empty()
    return current.finished.get(key)


def finished_slices(current: Session) -> SliceAudit | None:
    """The audit of slices with the current choices, if it was made."""
    return current.finished.get(_slices_key(current)[1])


def _slices_key(current: Session) -> tuple[dict[str, Any], Any]:
    options = current.slicing.options(current)
    return options, ("slices", current.dataset.digest, repr(options))


def _make_room(current: Session) -> None:
    while len(current.finished) >= _KEPT:
        current.finished.pop(next(iter(current.finished)))


def work_on_tradeoff(current: Session, curves: ScoreCurves) -> pd.DataFrame | None:
    """The trade-off curves of all definitions; those that are finished stay when the rest is stopped."""
    options = current.threshold_options()
    # An empty result at first, which each definition joins as it is finished.
    done = _finished(current, "", name="tradeoff", of=options, make=lambda report: {}, is_quick=True)

    def run(report: Report) -> None:
        own = current.dataset.only(current.attribute)
        dealt = halves_of(own, attribute=current.attribute, random_state=current.settings.random_state)
        halves = dealt.tuning, score_curves(dealt.judging, attribute=current.attribute)
        for position, name in enumerate(DEFINITIONS):
            if name not in done:
                done[name] = tradeoff_curve(
                    curves,
                    definition=name,
                    tolerances=TOLERANCES,
                    halves=halves,
                    progress=lambda share, text, p=position: report(
                        (p + share) / len(DEFINITIONS), DEFINITIONS[text.split(":")[0]].title
                    ),
                    **options | {"partial": options["partial"] if name == "statistical_parity" else 1.0},
                )

    if len(done) < len(DEFINITIONS):
        if _is_small(current):
            run(_quiet)
        else:
            long_work("Draw the rest" if done else "Draw the trade-off", key="tradeoff", run=run)
    return pd.concat(done.values(), ignore_index=True) if done else None


def work_on_peers(current: Session, definition: str) -> pd.DataFrame | None:
    """Where fairlearn and aif360 land for one definition."""
    options = current.threshold_options() | {"partial": 1.0, "definition": definition}
    own = decision_points(current.dataset, current.mitigated, attribute=current.attribute, **options)
    if not any(definition in aims for aims in PEERS.values()):
        st.caption(f"fairlearn and aif360 have no post-processing for {DEFINITIONS[definition].title.lower()}.")
        return own if len(own) else None
    found = _finished(
        current,
        "Where would fairlearn and aif360 land?",
        name="peers",
        of=options,
        is_quick=False,
        make=lambda report: peer_points(
            current.dataset,
            attribute=current.attribute,
            random_state=current.settings.random_state,
            progress=report,
            **options,
        ),
    )
    parts = [part for part in (found, own) if part is not None and len(part)]
    return pd.concat(parts, ignore_index=True) if parts else None


def work_on_scale(current: Session) -> FairnessScale | None:
    """The fairness scale table, by either protocol."""
    protocol = st.segmented_control(
        "Protocol",
        list(_PROTOCOLS),
        default="held_out",
        required=True,
        format_func=_PROTOCOLS.get,
        key="thresholds protocol",
    )
    options = {"protocol": protocol, "tolerance": current.settings.tolerance}
    return _finished(
        current,
        "Make the table",
        name="scale",
        of=options,
        is_quick=_is_small(current),
        make=lambda report: fairness_scale(
            current.dataset,
            attribute=current.attribute,
            random_state=current.settings.random_state,
            progress=report,
            **options,
        ),
    )


def work_on_compatibility(current: Session, curves: ScoreCurves) -> pd.DataFrame | None:
    """Which pairs of definitions can hold together."""
    options = current.search_options(curves, "statistical_parity")
    return _finished(
        current,
        "Which definitions can hold together?",
        name="pairs",
        of=options,
        is_quick=_is_small(current),
        make=lambda report: compatibility(curves, options, progress=report),
    )


def work_on_comparison(current: Session, name: str, other: AuditDataset) -> pd.DataFrame | None:
    """The same slices in this dataset and in another one."""
    options = current.slicing.options(current)
    return _finished(
        current,
        "Compare",
        name="variants",
        of=(name, other.digest, options),
        is_quick=False,
        make=lambda report: compare_slices(
            {current.dataset.name: current.dataset, name: other}, progress=report, **options
        ),
    )
