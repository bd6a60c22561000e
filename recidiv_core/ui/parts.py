"""The parts that every page is made of: question and answer, picture, table, method, add to report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st
import vl_convert
from streamlit.errors import StreamlitPageNotFoundError

from recidiv_core.charts.groups import compared_metrics, disparity_chart
from recidiv_core.charts.theme import VERDICT_MARKS, Spec, static
from recidiv_core.data import SAMPLES, csv_bytes
from recidiv_core.errors import InputError
from recidiv_core.groups import METRICS, GroupAudit
from recidiv_core.plain import plain
from recidiv_core.report import METHOD, REFERENCES, Entry
from recidiv_core.thresholds import DEFINITIONS
from recidiv_core.ui.exchange import download
from recidiv_core.ui.rooms import BY_WORD, Room
from recidiv_core.ui.state import session
from recidiv_core.words import opened

_COLOURS = {"exceeds": "orange", "within": "green", "cannot conclude": "gray"}


def literal(text: object) -> str:
    """``text`` so that Markdown shows it as it is: names come with the data and may hold anything."""
    plain_text = str(text).replace("\n", " ")
    # Addresses become links whatever is escaped: a sign without width keeps them apart.
    plain_text = re.sub(r"(?<=:)(?=//)|(?<=[wW]{3})(?=\.)|(?<=@)", "\u2060", plain_text)
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$:~^&=])", r"\\\1", plain_text)


def spoken(text: object) -> str:
    """``text`` for a label that is only read out: what Markdown could make something of is left out."""
    return re.sub(r"[\\`*_\[\]!|<>$:~^#]", " ", str(text).replace("\n", " "))


def verdict_mark(verdict: str) -> str:
    """A verdict as Markdown: sign, word and colour."""
    mark = VERDICT_MARKS[verdict]
    return f":{_COLOURS[verdict]}[**{mark.sign} {mark.word}**]"


def opening(word: str) -> Room:
    """The page's question as its title."""
    room = BY_WORD[word]
    session().room = word
    st.html(
        "<style>.stMainBlockContainer { padding-top: 4.5rem; padding-bottom: 3rem; } "
        "[data-testid='stStatusWidget'] button { display: none; }</style>"
    )
    st.title(room.question, anchor=False)
    return room


def about() -> None:
    """The table, the outcome and who counts as flagged, in one line."""
    st.caption(literal(_about()))


def _about() -> str:
    """What everything on the page is about: the table, the outcome, and who counts as flagged."""
    current = session()
    dataset, audit = current.dataset, current.audit()
    kind = "Sample data: " if dataset.name in SAMPLES else ""
    flagged = "the prediction" if audit.threshold is None else f"score of {audit.threshold:g} and above"
    share = audit.n_flagged / len(dataset)
    return (
        f"{kind}{dataset.name} · {len(dataset):,} people · outcome: {dataset.roles.label} · "
        f"{BY_WORD[current.room].cut}: {flagged}, {100 * share:.1f} % of people"
    )


def link(word: str, label: str, *, icon: str) -> None:
    """A link to a room's page; a plain one when the page runs without app.py, which alone knows the others."""
    room = BY_WORD[word]
    try:
        st.page_link(room.script, label=label, icon=icon)
    except StreamlitPageNotFoundError:
        st.markdown(f"[{label}](/{room.url_path})")


def answer_box(verdict: str | None, text: str, *, about: str | None = None) -> None:
    """The answer in one or two sentences, with its verdict."""
    with st.container(border=True):
        lead = f"**{literal(about)}** · " if about else ""
        st.markdown((f"{lead}{verdict_mark(verdict)}  \n" if verdict else "") + literal(text))


def picture(title: str, chart: Spec, *, name: str, table: pd.DataFrame, of: str | None = None) -> None:
    """A chart with its title, alternative text, and a menu to take chart or table away; ``of`` says what it is about,
    where it is not the dataset audited.
    """
    head, menu = st.columns([5, 1], vertical_alignment="center", wrap=False)
    head.markdown(f"**{literal(title)}**")
    st.vega_lite_chart(spec=chart, key=f"chart {name}")  # its description is the alternative text
    alone = static(chart, title=title, subtitle=of or _about())
    with menu.popover(
        "Save", icon=":material/download:", help=f"Save the chart or its table: {title}", key=f"take {name}"
    ):
        _offer("SVG", f"{name}.svg", "image/svg+xml", lambda: vl_convert.vegalite_to_svg(alone).encode())
        _offer("PNG", f"{name}.png", "image/png", lambda: vl_convert.vegalite_to_png(alone, scale=2))
        _offer("CSV", f"{name}.csv", "text/csv", lambda: csv_bytes(table))
        _offer("JSON", f"{name}.json", "application/json", lambda: json_bytes(table))


def disparities(audit: GroupAudit, attribute: str) -> None:
    """The pictures that show the verdicts: the range of each measure against the tolerance, a picture for each unit."""
    titles = {"rate": "Rates", "number": "Other measures", "ratio": "Balance of the two errors"}
    rows = audit.of(attribute, "disparities")
    for unit, title in titles.items():
        if compared_metrics(audit, attribute, unit):
            whole = f"{title}: the largest difference between groups, against the tolerance (band)"
            picture(whole, disparity_chart(audit, attribute, unit=unit), name=f"disparities-{unit}", table=rows)


def _offer(label: str, file_name: str, mime: str, make: Any) -> None:
    download(label, make, file_name, mime, key=f"get {file_name}", width="stretch")


def json_bytes(value: Any) -> bytes:
    """Strict JSON."""
    return json.dumps(plain(value), ensure_ascii=False, indent=1, allow_nan=False).encode()


def table(
    data: pd.DataFrame, *, name: str, description: str, whole: tuple[int, Callable[[], pd.DataFrame]] | None = None
) -> None:
    """A sortable table with its download; of more rows than are shown where ``whole`` says how many, and makes them."""
    n_whole, make = whole or (len(data), lambda: data)
    shown = data.copy()
    for column in [c for c in shown if pd.api.types.is_object_dtype(shown[c])]:
        shown[column] = [" – ".join(map(str, v)) if isinstance(v, tuple) else v for v in shown[column]]
    for column, known in (("metric", METRICS), *((c, DEFINITIONS) for c in ("definition", "first", "second"))):
        if column in shown and set(shown[column]) <= set(known):  # else the user's own column of that name
            shown[column] = [known[name].title for name in shown[column]]
    titles = {column: _column(column, shown[column]) for column in shown.columns}
    st.dataframe(shown, hide_index=True, column_config=titles, key=f"table {name}", alt=description)
    label = f"Download as CSV ({n_whole:,} row{'s' if n_whole != 1 else ''})"
    download(
        label,
        lambda: csv_bytes(make()),
        f"{name}.csv",
        "text/csv",
        key=f"csv {name}",
        icon=":material/download:",
        type="tertiary",
    )


def _column(name: str, values: pd.Series) -> Any:
    """A column's heading in words, and its numbers with as many figures as can be read."""
    heading = opened(str(name).replace("_", " "))
    if not pd.api.types.is_float_dtype(values):
        return heading
    whole = (values.dropna() % 1 == 0).all()
    return st.column_config.NumberColumn(heading, format="%d" if whole else "%.4g")


def choose_attribute(key: str) -> str:
    """The protected attribute that the page is about; asked when there are several, and the same on every page."""
    current = session()
    names = list(current.dataset.attributes)
    if len(names) > 1:
        widget = f"{key} {current.dataset.digest[:12]}"
        if st.session_state.get(widget) != current.attribute:
            st.session_state[widget] = current.attribute

        def choose() -> None:
            session().attribute = st.session_state[widget]

        st.segmented_control("Protected attribute", names, required=True, key=widget, on_change=choose)
    return current.attribute


def problems(error: InputError, lead: str = "This cannot be used yet. What was loaded before is still there.") -> None:
    """Everything that is wrong with an input, in words."""
    lines = "\n".join(f"- {literal(problem)}" for problem in error.problems)
    st.error(f"{lead}\n\n{lines}", icon=":material/error:")


def explanations(reading: Sequence[str]) -> None:
    """How to read the page, in plain words, and the method with formulas and sources; both folded."""
    with st.expander("How to read this", icon=":material/visibility:"):
        st.markdown("\n\n".join(reading))
    with st.expander("Method", icon=":material/function:"):
        for title, body in METHOD:
            st.markdown(f"**{title}.** {literal(body)}")
        st.markdown("\n".join(f"{i}. {literal(text)}" for i, text in enumerate(REFERENCES, start=1)))


def add_to_report(result: Any, *, key: str) -> None:
    """A note of the user's own and the button that puts the result into the report."""
    with st.container(border=True):
        st.text_area(
            "Add this to the report, with a note of your own",
            key=f"note {key}",
            max_chars=2000,
            height=68,
            placeholder="What the reader should know about this result (optional)",
        )

        def add() -> None:
            note = st.session_state[f"note {key}"]  # as it is at the press: what was just typed may have come with it
            session().entries.append(Entry(result, note.strip()))
            st.session_state[f"note {key}"] = ""  # the next result has a note of its own
            st.toast("Added to the report", icon=":material/check:")

        st.button("Add to report", key=f"add {key}", icon=":material/note_add:", on_click=add)


READING_VERDICTS = (
    "**Exceeds tolerance ▲** The data show a difference between groups that is larger than the tolerance, even "
    "when chance is allowed for over all groups and measures at once.",
    "**Within tolerance ●** The data show that every difference is smaller than the tolerance.",
    "**Cannot conclude □** The data fit both. This is not a clean bill: the groups are too small, and the page "
    "says how large a difference would have had to be to be seen.",
    "**Example in people.** A false positive rate of 45 % against 24 %: of 100 people in the first group who never "
    "had the outcome, 45 were flagged; of 100 such people in the second, 24.",
)

READING_THRESHOLDS = (
    "**A dot is some people**, at their score. Blue is right, orange is wrong; filled is flagged, hollow is not; "
    "round had the outcome, three-cornered did not. Move a group's line and see who changes.",
    "**Satisfied** is a fact about these rows: the largest difference between groups is below the tolerance. "
    "Whether it holds for people like these is another question; its verdict comes from rows that the thresholds "
    "were not tuned on.",
    "**The price** counts people: against one threshold for all, how many more of every 1,000 in a group are "
    "flagged, flagged wrongly, or missed.",
    "**Why not all at once.** Where base rates differ, making one thing alike pulls another apart. The page tries "
    "every pair of definitions on your data and says which can hold together.",
    "**Example in people.** A threshold of 0.4 for one group and 0.5 for another means: of two people with a score "
    "of 0.45, the one in the first group is flagged and the other is not. Whether that may be done at all is a "
    "matter of law; in many places it may not.",
)

READING_RECIDIVISM = (
    "**At risk** means free to come back: from the day of the court, or of the release where the table has one.",
    "**Watched for long enough.** Whoever was released shortly before the end of the data has had no time to "
    "return. They are left out of the outcomes within that time, and counted, whether they returned or not. The "
    "curve uses them for as long as they were seen.",
    "**Measured, not true.** The table knows who was convicted, or taken in, again. Where a group is watched more, "
    "more of its returns are seen. The simulated events show by how much that alone can set groups apart.",
    "**Example in people.** 28 % within 1 year, n = 38,852: of 100 appearances that were watched for a year, 28 "
    "were followed by another of the same person in that year.",
)

READING_MODELS = (
    "**AUC.** Of one person with the outcome and one without, how often the first has the higher score. 0.5 is a "
    "coin, 1 never wrong.",
    "**Out of fold.** Each person is scored by a model that was trained on other people. A figure on the rows a "
    "model was trained on would flatter it.",
    "**Recall, precision, specificity** are at the threshold with most recall at a precision of 85 %, as the "
    "fairness scale's authors choose it; their SD is that over folds. The small print of 0.5 is in the second "
    "table.",
    "**Unaware is not blind.** Without the attribute a model can still tell it from others: a district, a history "
    "that more watching has made longer. “Proxies” shows which.",
    "**Example in people.** Recall of 41 % at a precision of 85 %: of 100 people who came back the model flags 41, "
    "and of 100 it flags 85 came back.",
)

READING_COUNTERFACTUALS = (
    "**A clone** is the same profile once more, with another value of the protected attribute and nothing else "
    "changed. Whatever changes in the decision, the attribute alone did it.",
    "**A flip** is a profile whose clones get different decisions. **Gains** and **loses** say which way, for the "
    "person.",
    "**0 flips is no clean bill.** A model that is not given the attribute cannot flip, and can still know it from "
    "other columns. “Proxies” says how well.",
    "**An interval** “(95 % interval 12 to 16 %)” is where the rate of all such people lies, as far as these can "
    "tell. **McNemar's p** is small when chance in the draw of profiles cannot explain why more lose than gain. "
    "**AUC** of a probe: 0.5, the other columns say nothing of the attribute; 1, they give it away.",
    "**Where profiles come from** matters: a rate holds for people like these. Profiles made column by column may "
    "be nobody's; those between real rows are like somebody.",
    "**Example in people.** Flip rate of 15 %, 13 % lose: of 100 profiles, 15 get another decision with nothing "
    "but the attribute changed, and 13 of them a worse one.",
)

READING_PRIVACY = (
    "**Train, holdout.** The real table is dealt into two halves. Copies are made from the first; the second says "
    "what people score who are like them and were never seen. A copy that is nearer to the first gives its people "
    "away.",
    "**Distance.** Numbers are put on 0 to 1 by the real table; a category that differs counts 1. 0 is an exact copy.",
    "**Share nearer to train.** 50 % is chance. The interval is about other draws of the people; ▲ where it lies "
    "above 50 %.",
    "**Risk of an attack.** What it gains on people in the copy, beyond what it gains on others: 0 % nothing, 100 "
    "% everything. An attack that does no better than guessing proves nothing, and is marked.",
    "**Use.** A model trained on the copy, judged on real people. What it loses against one trained on real rows "
    "is the price.",
    "**Example in people.** 72 % nearer to train: of 100 records of the copy, 72 have their nearest person among "
    "those it was made from, where 50 would be chance.",
)

READING_SENTENCING = (
    "**Deviation.** Months given less months in the guidelines (the midpoint, where they give a range). +10: ten "
    "months longer.",
    "**What is counted.** Sentences to prison, in months; life is left out. “What was counted” says how many are not.",
    "**The case** answers for sentences like one client's: this charge, this quantity level, this group. The "
    "figures describe; the cases can still differ in history and much else.",
    "**Like cases** are alike in charge, level, history and district. Once by regression, which lets each of them "
    "shift the deviation; once by comparing only within cells that are alike in all of them. Where both say the "
    "same, the figure does not hang on the way.",
    "**An interval** “(+9.4 to +12.3)” is where the mean of all such sentences lies, as far as these can tell. "
    "Where it holds 0, it may be chance.",
    "**Example in people.** +10.8 months against −1.8: of two people sentenced for this charge at this level, one "
    "in the first group is given about a year more than one in the second, on average.",
)

READING_SLICES = (
    "**A slice** is all people who share something: an age, a number of priors, a district, or several at once. "
    "The search tries every combination there is and shows those with the most error for their size.",
    "**▲ Confirmed** The error is larger than the average on people that the search did not see, chance allowed "
    "for over all slices in the table. **□ Not confirmed** It may be chance: among so many combinations some look "
    "bad on any data.",
    "**The tick** is the error on the rows searched. It is too high as a rule: a slice was picked because its "
    "error looked high there. Believe the dot, which comes from the other rows, and its interval.",
    "**Near-duplicates** hold nearly the same people under another description. They are folded under the best of "
    "them.",
    "**Example in people.** A false positive rate of 47 % in a slice against 33 % over all: of 100 people in the "
    "slice who never had the outcome 47 were flagged; of 100 such people anywhere, 33.",
)
