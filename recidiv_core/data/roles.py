"""Which column plays which part."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from recidiv_core.errors import InputError

Polarity = Literal["punitive", "assistive"]
POLARITIES: tuple[Polarity, ...] = ("punitive", "assistive")


@dataclass(frozen=True)
class Roles:
    """The part each column plays in an audit.

    Parameters
    ----------
    label : str
        Column with the outcome; two values.
    score : str, optional
        Column with the model's score, in any unit; higher means more of the event.
    prediction : str, optional
        Column with the model's yes/no decision, coded like the label.
    sensitive : str or sequence of str
        Protected attributes.
    features : sequence of str
        What the model used, where known.
    weight, id : str, optional
        Row weights (non-negative) and a key for joining.
    positive_label : scalar
        The label value that stands for the event predicted (DESIGN: recidivism).
    polarity : {"punitive", "assistive"}
        Whether a positive prediction harms or helps the person.

    Raises
    ------
    InputError
        When ``polarity`` is unknown or a role is not a column name.
    """

    label: str
    _: dataclasses.KW_ONLY
    score: str | None = None
    prediction: str | None = None
    sensitive: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    weight: str | None = None
    id: str | None = None
    positive_label: Any = 1
    polarity: Polarity = "punitive"

    def __post_init__(self) -> None:
        for name in ("sensitive", "features"):
            value = getattr(self, name)
            columns = (value,) if isinstance(value, str) else tuple(dict.fromkeys(value))
            object.__setattr__(self, name, columns)
        if self.polarity not in POLARITIES:
            raise InputError.one("polarity", "'punitive' or 'assistive'", repr(self.polarity))
        for name, column in self.columns():
            if not isinstance(column, str):
                raise InputError.one(name, "the name of a column", type(column).__name__)

    def columns(self) -> list[tuple[str, str]]:
        """Every (role, column) pair that is set, in a fixed order."""
        single = [(role, getattr(self, role)) for role in ("label", "score", "prediction", "weight", "id")]
        many = [("sensitive", column) for column in self.sensitive] + [("features", c) for c in self.features]
        return [(role, column) for role, column in single + many if column is not None]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and for the digest."""
        return dataclasses.asdict(self) | {"sensitive": list(self.sensitive), "features": list(self.features)}
