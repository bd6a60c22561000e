"""What a profile is made of: for each column a field of Mimesis, a range, levels, or the data itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as plain_field
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.models import usable_features

# Mimesis's own fields that can stand in a profile, and what each is called on the page.
FIELDS: dict[str, str] = {
    "uuid": "id (UUID)",
    "person.full_name": "full name",
    "person.first_name": "first name",
    "person.surname": "surname",
    "person.email": "e-mail address",
    "person.username": "user name",
    "person.phone_number": "telephone number",
    "person.occupation": "occupation",
    "person.nationality": "nationality",
    "person.language": "language",
    "person.university": "university",
    "person.academic_degree": "academic degree",
    "address.address": "street and number",
    "address.city": "city",
    "address.state": "state or region",
    "address.postal_code": "postal code",
    "address.country": "country",
    "finance.company": "company",
    "datetime.formatted_date": "date",
}
GENDERED = frozenset({"person.full_name", "person.first_name", "person.surname", "person.nationality"})
# A column with such a name, in any language that its words are given in, is made by this field; the first that fits
# counts.
_GUESSES: tuple[tuple[str, str], ...] = (
    (r"e.?mail", "person.email"),
    (r"phone|tel(ephone)?\b|mobile", "person.phone_number"),
    (r"(sur|last|family).?name|apellido", "person.surname"),
    (r"(first|given).?name|nombre$", "person.first_name"),
    (r"user.?name|login", "person.username"),
    (r"(full.?)?name$", "person.full_name"),
    (r"occupation|job|profession", "person.occupation"),
    (r"nationality", "person.nationality"),
    (r"language", "person.language"),
    (r"university|college", "person.university"),
    (r"degree$", "person.academic_degree"),
    (r"zip|post(al)?.?code", "address.postal_code"),
    (r"city|town|municip", "address.city"),
    (r"state$|region|province", "address.state"),
    (r"country", "address.country"),
    (r"street|address", "address.address"),
    (r"company|employer", "finance.company"),
    (r"date|birth", "datetime.formatted_date"),
    (r"(^|[_ ])(uu)?id$", "uuid"),
)
_GENDER = re.compile(r"^(gender|sex|sexo|geschlecht)$", re.IGNORECASE)
_MALE, _FEMALE = re.compile(r"^(m|male|man|men|hombre)$", re.I), re.compile(r"^(f|female|woman|women|mujer)$", re.I)
_FEW = 10  # numbers with no more values than this are levels
_RARE = 10  # what fewer rows have, or lies beyond all but so many, is no suggestion: it may be one person's
_LARGEST = 2.0**53  # whole numbers beyond it are not exact


@dataclass(frozen=True)
class FieldSpec:
    """How the values of one column are made; exactly one of four ways.

    Parameters
    ----------
    field : str
        A field of Mimesis, one of ``FIELDS``; ``arguments`` are its own. ``follows`` names a column of the profile that
        says male or female, and makes names agree with it.
    low, high : float
        A range, both ends included, every value as likely; ``is_whole`` gives whole numbers.
    levels : sequence
        One of these, each as likely.
    from_data : bool
        With all other such columns together, from the dataset: see :func:`make_pairs`.
    """

    field: str | None = None
    arguments: Mapping[str, Any] = plain_field(default_factory=dict)
    follows: str | None = None
    low: float | None = None
    high: float | None = None
    is_whole: bool = False
    levels: tuple[Any, ...] = ()
    from_data: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.levels, (str, bytes)) or not isinstance(self.levels, Iterable):
            raise InputError.one("levels", "a sequence of values", "something else")
        object.__setattr__(self, "levels", tuple(self.levels))

    @property
    def kind(self) -> str | None:
        """ "field", "range", "levels" or "data"; None when it is none of them, or several."""
        ways = {
            "field": self.field is not None,
            "range": self.low is not None or self.high is not None,
            "levels": bool(self.levels),
            "data": self.from_data,
        }
        chosen = [way for way, is_given in ways.items() if is_given]
        return chosen[0] if len(chosen) == 1 else None

    def words(self) -> str:
        """The way, for a table."""
        if self.kind == "field":
            return f"Mimesis: {FIELDS.get(self.field, self.field)}"
        if self.kind == "range":
            low, high = (f"{bound:,.10g}" if _is_finite(bound) else "?" for bound in (self.low, self.high))
            return f"{low} to {high}{', whole numbers' if self.is_whole else ''}"
        return f"one of {', '.join(map(str, self.levels))}" if self.kind == "levels" else "from the data"

    def problems(self, name: str) -> list[Problem]:
        """What is wrong with it, as the spec of the column ``name``."""
        where = f"column {shown(name)}"
        if self.kind is None:
            return [Problem(where, "a field, a range, levels, or the data", "none of them, or more than one")]
        if self.kind == "field" and (not isinstance(self.field, str) or self.field not in FIELDS):
            return [Problem(where, f"one of Mimesis's fields {', '.join(FIELDS)}", shown(self.field, 40))]
        if self.kind != "range":
            return []
        if not (_is_finite(self.low) and _is_finite(self.high)):
            return [Problem(where, f"a range with two ends within ±{_LARGEST:g}", "one that has not")]
        if self.low > self.high:
            return [Problem(where, "a range from a lower to a higher number", f"{self.low:g} to {self.high:g}")]
        if self.is_whole and np.floor(self.high) < np.ceil(self.low):
            return [Problem(where, "a range with a whole number in it", f"{self.low:g} to {self.high:g}")]
        return []


@dataclass(frozen=True, eq=False)
class ProfileSpec:
    """The columns of a profile in their order.

    ``dataset`` lends its types, its polarity and what is "from data"; ``flag`` is another polarity.
    """

    columns: Mapping[str, FieldSpec]
    dataset: AuditDataset | None = plain_field(default=None, repr=False)
    flag: str | None = None

    @property
    def polarity(self) -> str:
        """Whether being flagged harms ("punitive") or helps ("assistive"): as ``flag`` says, else the dataset, else
        it harms.
        """
        return self.flag or (self.dataset.roles.polarity if self.dataset is not None else "punitive")

    def with_column(self, name: str, spec: FieldSpec) -> ProfileSpec:
        """The same with one column made in another way."""
        return replace(self, columns={**self.columns, name: spec})

    def table(self) -> pd.DataFrame:
        """column, made as."""
        rows = [(name, spec.words()) for name, spec in self.columns.items()]
        return pd.DataFrame(rows, columns=["column", "made as"])


def suggest_profile_spec(
    dataset: AuditDataset, *, columns: Sequence[str] | None = None, from_data: bool = False
) -> ProfileSpec:
    """A spec to start from: an id, a name, and for each column of ``columns`` (those a model would take) what its type
    and values say.

    Numbers get their range in the data, without the ten rows at either end; texts and numbers of few values the levels
    that at least ten rows have; a column of many texts the field of Mimesis that its name asks for. (A rare value may
    be one person's, and the spec stands in the report.) With ``from_data`` every column comes from the data instead,
    all together.
    """
    if columns is None:
        columns = [feature.name for feature in usable_features(dataset)[0]]
    made = {name: FieldSpec(from_data=True) if from_data else _guessed(name, dataset.frame[name]) for name in columns}
    gender = next((name for name in columns if is_gender(name, dataset.frame[name])), None)
    reading = {free("profile", columns): FieldSpec(field="uuid"), free("name", columns): _name(gender)}
    return ProfileSpec({**reading, **made}, dataset)


def free(name: str, taken: Sequence[str]) -> str:
    """``name``, or something close to it that is not taken."""
    while name in taken:
        name += " (new)"
    return name


def is_gender(name: str, column: pd.Series) -> bool:
    """Whether a column says male or female."""
    return bool(_GENDER.match(name)) and {"male", "female"} <= {gender_of(v) for v in column.dropna().unique()}


def gender_of(value: object) -> str | None:
    """ "male" or "female" where a value says so."""
    text = str(value).strip()
    return "male" if _MALE.match(text) else "female" if _FEMALE.match(text) else None


def _name(gender: str | None) -> FieldSpec:
    return FieldSpec(field="person.full_name", follows=gender)


def _guessed(name: str, column: pd.Series) -> FieldSpec:
    values = column.dropna()
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    counts = values.value_counts()
    common = counts[counts >= min(_RARE, counts.iloc[0] if len(counts) else 1)].index.tolist()
    if is_number and len(counts) > _FEW:
        known = np.sort(values.to_numpy(dtype=float)[np.isfinite(values.to_numpy(dtype=float))])
        beyond = min(_RARE, len(known) // 4)
        low, high = known[beyond], known[-1 - beyond]
        is_whole = bool((known % 1 == 0).all())
        return (
            FieldSpec(low=int(low), high=int(high), is_whole=True)
            if is_whole
            else FieldSpec(low=float(low), high=float(high))
        )
    fitting = [made for pattern, made in _GUESSES if re.search(pattern, name, re.IGNORECASE)]
    if fitting and len(counts) > _FEW:
        return FieldSpec(field=fitting[0])
    return FieldSpec(levels=tuple(sorted(common, key=float if is_number else str)))


def _is_finite(bound: Any) -> bool:
    return isinstance(bound, (int, float, np.integer, np.floating)) and abs(bound) <= _LARGEST
