"""Recidivism data: from conviction or release events to outcomes, exclusions and criminal history."""

from recidiv_core.recidivism.columns import DurationColumns, EventColumns, suggest_durations, suggest_events
from recidiv_core.recidivism.describe import describe_outcomes, outcome_rates, return_curve
from recidiv_core.recidivism.history import AGE_RISK
from recidiv_core.recidivism.outcomes import DEFAULT_HORIZONS, FEASIBLE_AGES, build_outcomes
from recidiv_core.recidivism.result import Outcome, RecidivismData
from recidiv_core.recidivism.sentences import MEASURED, group_answer, outcome_answer
from recidiv_core.recidivism.simulate import EVENT_COLUMNS, TRUTH, SimulatedEvents, simulate_events

__all__ = [
    "AGE_RISK",
    "DEFAULT_HORIZONS",
    "EVENT_COLUMNS",
    "FEASIBLE_AGES",
    "MEASURED",
    "TRUTH",
    "DurationColumns",
    "EventColumns",
    "Outcome",
    "RecidivismData",
    "SimulatedEvents",
    "build_outcomes",
    "describe_outcomes",
    "group_answer",
    "outcome_answer",
    "outcome_rates",
    "return_curve",
    "simulate_events",
    "suggest_durations",
    "suggest_events",
]
