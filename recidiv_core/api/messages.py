"""What is asked and answered, as the OpenAPI description has it.

Unknown fields are refused: a misspelt one would widen the question in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from recidiv_core.errors import Problem
from recidiv_core.sentencing import LEVELS
from recidiv_core.thresholds import DEFINITIONS, OBJECTIVES

Name = Annotated[str, Field(min_length=1, max_length=200)]
Rate = Annotated[float, Field(ge=0, le=1)]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Other(Asked):
    """A group that shares nobody with the one asked about."""

    race: Name | None = None
    gender: Name | None = None


class Case(Asked):
    """S's request."""

    charge_code: Name = Field(examples=["Drug trafficking"])
    race: Name = Field(examples=["Black"])
    gender: Name = Field(examples=["Male"])
    controlled_substance_quantity_level: int | None = Field(
        None, ge=LEVELS[0], le=LEVELS[-1], examples=[6], description="0 to 17; without it all levels are taken"
    )
    compare_to: Other | None = Field(
        None, description="whom to compare with, among the same charge and level; without it everybody else there"
    )


class Interval(BaseModel):
    low: float
    high: float
    confidence_level: float


class SentenceDeviation(BaseModel):
    """S's ``commitmentTerm`` is the mean of given − guideline over ``n`` sentences; ``interval`` is null for fewer
    than two.
    """

    sentence_type: Literal["Prison Only"]
    commitmentTerm: float
    commitmentUnit: Literal["Months"]
    n: int
    interval: Interval | None


class Known(BaseModel):
    """What the counted sentences say, so that a question can be asked of them."""

    charge_code: list[str]
    race: list[str]
    gender: list[str]
    controlled_substance_quantity_level: list[int]


class Deviation(BaseModel):
    charge_code: str
    sentence_deviations: list[SentenceDeviation]


class Compared(BaseModel):
    """Whom they were compared with, of that charge and level. ``difference`` is null where ``reason`` says why."""

    group: str
    n: int
    commitmentTerm: float | None
    commitmentUnit: Literal["Months"]
    interval: Interval | None
    difference: float | None
    difference_interval: Interval | None
    reason: str


class Answer(BaseModel):
    """S's answer, with n, interval, those compared with, and the records that it rests on."""

    success: Literal[True]
    charge_code: str
    race: str
    gender: str
    controlled_substance_quantity_level: int | None
    deviations: list[Deviation]
    comparison: Compared
    records: str


class Fault(BaseModel):
    """``field`` names what is wrong, ``got`` is a phrase; neither holds a value."""

    field: str
    expected: str
    got: str

    @classmethod
    def of(cls, problem: Problem, names: Mapping[str, str]) -> Fault:
        """A problem of the library; ``names`` are the request's for the library's own."""
        role, _, rest = problem.where.partition(" ")
        field = f"{names[role]} {rest}".strip() if role in names else problem.where.strip("'")
        return cls(field=field, expected=problem.expected, got=problem.found)


class Refusal(BaseModel):
    """Why there is no answer."""

    success: Literal[False] = False
    message: str
    problems: list[Fault] = []


class RolesAsked(Asked):
    """Which column plays which part."""

    label: Name
    score: Name | None = None
    prediction: Name | None = None
    sensitive: list[Name] = Field(min_length=1, max_length=20)
    features: list[Name] = Field([], max_length=2_000)
    weight: Name | None = None
    id: Name | None = None
    positive_label: (
        Annotated[str, Field(max_length=200)] | Annotated[int, Field(ge=-(2**53), le=2**53)] | float | bool
    ) = 1
    polarity: Literal["punitive", "assistive"] = "punitive"


class AuditOptions(Asked):
    """What :func:`recidiv_core.audit_groups` takes."""

    threshold: float | None = None
    tolerance: Rate = 0.01
    confidence_level: float = Field(0.95, gt=0.5, lt=1)
    min_support: int = Field(30, ge=1)
    random_state: int = Field(0, ge=0, lt=2**32)


class ThresholdOptions(Asked):
    """What :func:`recidiv_core.audit_thresholds` takes; ``attribute`` by default the first of ``sensitive``."""

    definition: Literal[tuple(DEFINITIONS)]
    attribute: Name | None = None
    tolerance: Rate = 0.01
    confidence_level: float = Field(0.95, gt=0.5, lt=1)
    objective: Literal[tuple(OBJECTIVES)] = "f_beta"
    beta: float = Field(1.0, gt=0)
    cost_ratio: float | None = Field(None, gt=0)
    partial: Rate = 1.0
    min_precision: Rate | None = None
    max_selection_rate: Rate | None = None
    min_recall: Rate | None = None
    min_support: int = Field(30, ge=1)
    random_state: int = Field(0, ge=0, lt=2**32)


class SliceOptions(Asked):
    """What :func:`recidiv_core.audit_slices` takes."""

    error: Name | None = None
    threshold: float | None = None
    features: list[Name] | None = Field(None, max_length=2_000)
    include_sensitive: bool = True
    k: int = Field(10, ge=1, le=100)
    alpha: float = Field(0.95, gt=0, le=1)
    max_level: int | None = Field(None, ge=1, le=10)
    min_support: int | None = Field(None, ge=1)
    random_state: int = Field(0, ge=0, lt=2**32)
