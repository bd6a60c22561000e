"""The rooms that have a page, in the order of the menu."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# A file of our own: Streamlit would fetch a named icon from the network.
ICON = str(Path(__file__).with_name("icon.png"))


@dataclass(frozen=True)
class Room:
    """``word`` names the room everywhere; ``question`` is its page's title.

    ``cut`` is what the line under the title calls the cut-point: on most pages people above it are flagged.

    ``url_path`` differs from the file's name on purpose: in a fresh server a path that equals it would run the page
    without app.py.
    """

    word: str
    title: str
    question: str
    url_path: str
    is_first: bool = False
    cut: str = "flagged"

    @property
    def script(self) -> str:
        return f"pages/{self.word}.py"


ROOMS = (
    Room("overview", "Overview", "Does this model treat people alike?", "start", is_first=True),
    Room("data", "Data", "Who is in the data?", "your-data"),
    Room("recidivism", "Recidivism", "Who comes back, and who can say?", "events-to-outcomes"),
    Room("models", "Models", "How well can it be predicted, and by what?", "train-or-load"),
    Room("groups", "Groups", "Does the model treat the groups alike?", "by-group"),
    Room(
        "thresholds",
        "Thresholds",
        "Which thresholds satisfy which definition of fairness?",
        "per-group-thresholds",
        cut="baseline",
    ),
    Room(
        "slices",
        "Slices",
        "Where does the model fail?",
        "where-it-fails",
    ),
    Room(
        "counterfactuals",
        "Counterfactuals",
        "Does the decision change with nothing but the attribute?",
        "the-same-person-twice",
    ),
    Room(
        "privacy",
        "Privacy",
        "Does a copy keep the use, and whom does it give away?",
        "a-copy-of-the-data",
    ),
    Room(
        "sentencing",
        "Sentencing",
        "How do sentences deviate from the guidelines?",
        "sentences-and-guidelines",
    ),
    Room("report", "Report", "What goes into the report?", "take-away"),
)
BY_WORD = {room.word: room for room in ROOMS}
