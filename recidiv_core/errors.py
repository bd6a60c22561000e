"""What can go wrong, in words for the person in front of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class RecidivError(Exception):
    """Base of every error that this library raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    ``where`` names the column, file or option; ``expected`` and ``found`` are phrases. Neither ever
    holds a cell value: an error message travels into logs and screenshots.
    """

    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, got {self.found}."


class InputError(RecidivError):
    """An input cannot be used. ``problems`` holds every problem found, not the first one only."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def one(cls, where: str, expected: str, found: str) -> InputError:
        return cls([Problem(where, expected, found)])
