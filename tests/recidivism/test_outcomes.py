"""Outcomes and history against a slow reference, hand counts, and what must not change."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recidiv_core.errors import InputError
from recidiv_core.recidivism import DurationColumns, EventColumns, build_outcomes, outcome_rates
from recidiv_core.recidivism.dates import add_months, as_days
from tests.conftest import shared
from tests.recidivism import oracle

COLUMNS = EventColumns("person", "date", offence="offence", custody_days="days", weapon="weapon")
CUTOFF = dt.date(2008, 2, 29)
CLASSES = ["assault", "fraud", "theft"]
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "person": st.sampled_from([None, 1, 2, 3]),
            # Around leap days and the cut-off, and close enough for many on one day.
            "date": st.none()
            | st.sampled_from([dt.date(2004, 2, 29), dt.date(2005, 2, 28), CUTOFF, dt.date(2008, 3, 1)])
            | st.dates(dt.date(2003, 12, 28), dt.date(2008, 3, 3)),
            "offence": st.sampled_from([None, *CLASSES]),
            "days": st.sampled_from([None, 0, 7, 30]),
            "weapon": st.booleans(),
        }
    ),
    min_size=1,
    max_size=14,
)


def frame_of(events):
    frame = pd.DataFrame(events, columns=["person", "date", "offence", "days", "weapon"])
    frame["date"] = pd.to_datetime(frame["date"])
    frame["offence"] = frame["offence"].astype("str").where(frame["offence"].notna())
    return frame.astype({"person": "Float64", "days": "Float64"})


def built(events, **options):
    return build_outcomes(
        frame_of(events),
        columns=COLUMNS,
        horizons=(1, 2, None),
        cutoff=str(CUTOFF),
        violent=[c for c in ["assault"] if any(e["offence"] == c for e in events)],
        **options,
    )


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_outcomes_and_history_are_those_of_the_obvious_way(events):
    expected = oracle.appearances(events, CUTOFF)
    classes = sorted({e["offence"] for e in events if e["offence"] is not None and e["person"] is not None})
    if not expected:
        with pytest.raises(InputError):
            built(events)
        return
    data = built(events)
    assert [(int(p), d.date()) for p, d in zip(data.table["person"], data.table["date"], strict=True)] == [
        (one["person"], one["day"]) for one in expected
    ]
    for row, one in zip(data.table.to_dict("records"), expected, strict=True):
        for years, words in ((1, "within 1 year"), (2, "within 2 years"), (None, "at any time")):
            for kind, own in (("recidivism", None), ("violent recidivism", {"assault"})):
                name = f"{kind} {words}"
                if name in row:
                    want = oracle.outcome(one, CUTOFF, years, own)
                    assert (None if np.isnan(row[name]) else int(row[name])) == want, (name, one["day"])
        for name, want in oracle.features(one, [c for c in classes if f"lifetime offences: {c}" in row]).items():
            if name == "diversity index" and name not in row:
                continue
            got = row[name]
            assert (want is None and np.isnan(got)) or got == pytest.approx(want, abs=1e-12), name


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.dates(dt.date(2004, 1, 1), dt.date(2008, 2, 28)), st.randoms(use_true_random=False))
def test_a_feature_uses_only_what_was_known_on_its_date(events, day, random):
    """Shuffle the future: everything after ``day`` gets other people, offences and sentences, and nothing before it
    changes.
    """
    past = [e for e in events if e["date"] is not None and e["date"] <= day and e["person"] is not None]
    if not past:
        return
    future = [e for e in events if e["date"] is not None and e["date"] > day]
    shuffled = [dict(e) for e in future]
    for key in ("person", "offence", "days", "weapon"):
        values = [e[key] for e in shuffled]
        random.shuffle(values)
        for event, value in zip(shuffled, values, strict=True):
            event[key] = value
    tables = []
    for later in (future, shuffled):
        data = build_outcomes(frame_of(past + later), columns=COLUMNS, horizons=(None,), cutoff=str(CUTOFF), violent=[])
        own = data.table[data.table["date"] <= pd.Timestamp(day)]
        tables.append(own[["person", "date", *data.features]].reset_index(drop=True))
    pd.testing.assert_frame_equal(*tables)


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_the_file_does_not_matter(events, random):
    if not oracle.appearances(events, CUTOFF):
        return
    other = list(events)
    random.shuffle(other)
    pd.testing.assert_frame_equal(built(events).table, built(other).table)
    pd.testing.assert_frame_equal(built(events).ledger, built(other).ledger)


def test_the_ledger_adds_up_by_hand():
    events = pd.DataFrame(
        [
            (1, "1999-05-01", "theft", 20),
            (1, "2001-01-01", "assault", 22),
            (1, "2001-01-01", "theft", 22),
            (2, "2000-06-01", "robbery", 111),
            (3, "2006-02-04", "theft", 30),
            (3, "2006-02-01", "theft", 30),
            (4, "2003-01-01", "fraud", 40),
            (4, None, "fraud", 41),
            (None, "2003-01-01", "fraud", 41),
            (5, "2007-01-01", "theft", 50),
        ],
        columns=["person", "court", "offence", "age"],
    )
    data = build_outcomes(
        events,
        columns={"person": "person", "date": "court", "offence": "offence", "age": "age"},
        horizons=(3,),
        start="2000-01-01",
        cutoff="2006-02-03",
    )
    ledger = data.ledger.set_index("issue")
    assert ledger["n_left"].tolist() == [10, 9, 8, 6, 5, 4, 3, 2, 2]
    assert ledger.loc["several offences of one person on one day", "n_rows"] == 1
    assert ledger.loc["before 2000-01-01", "n_rows"] == 1
    assert ledger.loc["an age below 10 or above 100", "n_rows"] == 1
    assert ledger.loc["watched for less than 3 years", "n_rows"] == 1
    assert ledger.loc["watched too briefly for every outcome", "n_rows"] == 1
    # Person 1's assault of 2001 is the primary offence of its day, its theft and that of 1999 stay in the history.
    first = data.table.iloc[0]
    assert (first["offence"], first["lifetime offences: theft"], first["offences"], first["appearances"]) == (
        "assault",
        2,
        3,
        2,
    )
    assert data.outcomes["recidivism within 3 years"].n == 2
    assert not (data.table["person"] == 2).any()


def test_time_at_risk_begins_with_the_release():
    """Somebody who is taken in again while inside has not returned; who was never released has no outcome."""
    events = pd.DataFrame(
        {
            "id": [1, 1, 1, 2, 3],
            "in": ["2000-01-01", "2000-06-01", "2002-03-01", "2001-01-01", "2001-01-01"],
            "out": ["2001-01-01", "2001-01-01", None, "2001-06-01", "9999-12-31"],
        }
    )
    data = build_outcomes(events, columns=EventColumns("id", "in", release="out"), horizons=(1, 2), cutoff="2004-01-01")
    assert data.table[["id", "recidivism within 1 year", "recidivism within 2 years"]].to_numpy().tolist() == [
        [1, 0.0, 1.0],
        [1, 0.0, 1.0],
        [2, 0.0, 0.0],
    ]
    held = data.ledger.set_index("issue").loc["not released by the cut-off"]
    assert (held["n_rows"], held["n_left"]) == (2, 3)


def test_a_date_that_stands_for_none_does_not_become_the_cutoff():
    events = pd.DataFrame({"id": [1, 2, 3], "date": ["2001-01-01", "9999-12-31", "2003-01-01"]})
    data = build_outcomes(events, columns=EventColumns("id", "date"), horizons=(1,))
    assert data.options["cutoff"] == "2003-01-01" and len(data) == 1


@pytest.mark.parametrize(
    ("n_classes", "most"), [(1, 0.0), (2, 0.5), (11, 1 - 1 / 11)], ids=["specialised", "two", "F's 0.909"]
)
def test_the_diversity_index_reaches_its_ends(n_classes, most):
    events = pd.DataFrame(
        {
            "id": 1,
            "date": pd.date_range("2000-01-01", periods=n_classes),
            "offence": [f"class {i:02}" for i in range(n_classes)],
        }
    )
    data = build_outcomes(events, columns=EventColumns("id", "date", offence="offence"), horizons=(None,))
    assert data.table["diversity index"].iloc[-1] == pytest.approx(most)


def test_ages_come_from_birth_or_from_the_age_on_a_day():
    events = pd.DataFrame(
        {"id": [1, 1], "date": ["2000-02-28", "2003-03-01"], "birth": ["1980-02-29"] * 2, "age": [30.8912] * 2}
    )
    by_birth = build_outcomes(events, columns=EventColumns("id", "date", birth="birth"), horizons=(None,)).table
    by_age = build_outcomes(
        events, columns=EventColumns("id", "date", age="age", age_on="2011-01-20"), horizons=(None,)
    ).table
    assert by_birth["age"].tolist() == [19, 23] == by_age["age"].tolist()
    assert by_birth["age at first appearance"].tolist() == [19, 19]
    assert by_birth["age–crime risk"].tolist() == ["high", "high"] and by_birth["minor"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("texts", "day", "said"),
    [
        (["31/10/2002", "01/02/2003"], "2003-02-01", "day/month/year"),
        (["10/31/2002", "01/02/2003"], "2003-01-02", "month/day/year"),
        (["05/10/2002", "01/02/2003"], "2003-02-01", "day/month/year; month first would fit as well"),
        (["2002-10-31", "2003-02-01"], "2003-02-01", None),
    ],
)
def test_dates_are_read_by_what_fits_all_and_a_guess_is_told(texts, day, said):
    days, note = as_days(pd.Series(texts))
    assert str(np.datetime64(int(days[1]), "D")) == day
    assert note == (said and f"dates read as {said}")


@given(st.lists(st.dates(dt.date(1950, 1, 1), dt.date(2050, 1, 1)), min_size=1), st.integers(1, 60))
def test_months_are_added_as_the_calendar_does(dates, months):
    from dateutil.relativedelta import relativedelta

    days = np.array(dates, dtype="datetime64[D]").astype(np.int64)
    assert add_months(days, months).astype("datetime64[D]").tolist() == [
        d + relativedelta(months=months) for d in dates
    ]


BAD = [
    ({"columns": {"person": "id"}}, "columns: date"),
    ({"columns": {"person": "id", "date": "when", "colour": "x"}}, "an unknown part"),
    ({"columns": {"person": "id", "date": "nowhere"}}, "no such column"),
    ({"columns": {"person": "id", "date": "id"}}, "two parts"),
    ({"horizons": (0,)}, "whole months"),
    ({"horizons": (0.3,)}, "whole months"),
    ({"horizons": ()}, "at least one"),
    ({"horizons": (50,)}, "ends before the cut-off"),
    ({"violent": ["murder"]}, "classes that occur"),
    ({"cutoff": "soon"}, "a date like"),
    ({"cutoff": "1900-01-01"}, "up to the cut-off"),
    ({"cutoff": "2999-01-01"}, "a day that is over"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[words for _, words in BAD])
def test_bad_input_is_told_in_words(options, words):
    events = pd.DataFrame({"id": [1, 1], "when": ["2000-01-01", "2002-01-01"], "what": ["theft", "fraud"]})
    usual = {"columns": {"person": "id", "date": "when", "offence": "what"}, "horizons": (1,)}
    with pytest.raises(InputError, match=words):
        build_outcomes(events, **(usual | options))


def test_too_many_offence_classes_are_refused_not_pooled():
    events = pd.DataFrame({"id": range(61), "when": "2000-01-01", "what": [f"charge {i}" for i in range(61)]})
    with pytest.raises(InputError, match="at most 60 offence classes"):
        build_outcomes(events, columns=EventColumns("id", "when", offence="what"))


# time, returned, follow-up: returned in time, returned late, not returned, followed too briefly (twice), codes for
# missing (twice)
DURATIONS = [(5, 1, 40), (30, 1, 40), (0, 0, 40), (0, 0, 20), (5, 1, 20), (-9, 1, 40), (0, 0, -9)]


def test_durations_make_the_same_outcomes_and_count_who_was_not_watched():
    frame = pd.DataFrame(DURATIONS, columns=["time", "recid", "follow"]).assign(sex="M")
    data = build_outcomes(
        frame,
        columns=DurationColumns("time", "recid", follow_up="follow", demographics=("sex",)),
        horizons=(1, 2, 3, None),
    )
    assert [(o.n, o.n_returned, o.n_too_short) for o in data.outcomes.values()] == [
        (5, 2, 0),
        (3, 1, 2),
        (3, 2, 2),
        (5, 3, 0),
    ]
    assert data.table["recidivism within 2 years"].isna().tolist() == [False, False, False, True, True]
    assert data.features == ()


def test_without_a_follow_up_an_outcome_is_said_only_where_nobody_was_watched_too_briefly():
    """52 weeks, arrested or not: all were watched for a year, 102 of 432 returned.

    With a shorter watch early returns alone would stay.
    """
    weeks = pd.DataFrame({"week": [20] * 102 + [52] * 330, "arrest": [1] * 102 + [0] * 330})
    columns = DurationColumns("week", "arrest", unit="weeks")
    outcome = build_outcomes(weeks, columns=columns, horizons=(1,)).outcomes["recidivism within 1 year"]
    assert (outcome.n, outcome.n_returned) == (432, 102)
    weeks.loc[431, "week"] = 51
    data = build_outcomes(weeks, columns=columns, horizons=(1, None))
    assert data.outcomes["recidivism within 1 year"].n == 0 and data.outcomes["recidivism at any time"].n == 432
    assert data.ledger["solution"].str.contains("cannot be said without a follow-up").any()


@pytest.mark.parametrize(("unit", "watched"), [("days", 730), ("weeks", 104), ("months", 24), ("years", 2)])
def test_two_years_are_two_years_in_every_unit(unit, watched):
    frame = pd.DataFrame({"time": [watched, 0, watched + 0.5], "back": [1, 0, 1], "seen": [watched] * 3})
    data = build_outcomes(frame, columns=DurationColumns("time", "back", follow_up="seen", unit=unit), horizons=(2,))
    assert (data.outcomes["recidivism within 2 years"].n, data.outcomes["recidivism within 2 years"].n_returned) == (
        3,
        1,
    )


def test_sentences_that_are_no_numbers_are_counted():
    events = pd.DataFrame({"id": [1, 2], "date": ["2000-01-01", "2001-01-01"], "days": ["6 months", "30"]})
    data = build_outcomes(events, columns=EventColumns("id", "date", custody_days=("days",)), horizons=(None,))
    assert data.ledger.set_index("issue").loc["'days' holds texts or negative numbers", "n_rows"] == 1


def test_numbers_can_be_offence_classes_and_ids_with_spaces_are_one_person():
    events = pd.DataFrame(
        {"id": ["A", "A ", "B"], "date": ["2000-01-01", "2001-01-01", "2000-01-01"], "code": [1.0, 2.0, np.nan]}
    )
    data = build_outcomes(events, columns=EventColumns("id", "date", offence="code"), horizons=(None,), violent=["2"])
    assert data.outcomes["violent recidivism at any time"].n_returned == 1
    assert data.table["id"].tolist() == ["A", "A", "B"] and outcome_rates(data)["n_people"].tolist() == [2, 2]


def test_all_dates_of_a_file_stand_in_one_order_and_offsets_are_left_out():
    events = pd.DataFrame({"id": [1, 2], "in": ["05/06/2004", "07/08/2004"], "out": ["05/07/2004", "12/20/2005"]})
    data = build_outcomes(
        events, columns=EventColumns("id", "in", release="out"), horizons=(None,), cutoff="2010-01-01"
    )
    assert data.table["in"].dt.strftime("%Y-%m-%d").tolist() == ["2004-05-06", "2004-07-08"]
    days, _ = as_days(pd.Series(["2005-01-01T00:30+02:00", "2005-01-02T10:00-05:00"]))
    assert days[:2].astype("datetime64[D]").astype(str).tolist() == ["2005-01-01", "2005-01-02"]


def test_a_file_with_an_outcomes_name_is_refused():
    frame = pd.DataFrame({"time": [1], "back": [1], "recidivism within 1 year": [1]})
    with pytest.raises(InputError, match="no column of that name"):
        build_outcomes(frame, columns=DurationColumns("time", "back"), horizons=(1,))


def test_north_carolina_counted_by_hand():
    frame = pd.read_csv(shared("nc_schmidt_witte_18876.csv.gz"))
    data = build_outcomes(
        frame,
        columns=DurationColumns("TIME", "RECID", follow_up="FOLLOW", demographics=("WHITE", "MALE")),
        horizons=(1, 2, 3, 5),
    )
    recid, time, follow = (pd.to_numeric(frame[c], errors="coerce") for c in ("RECID", "TIME", "FOLLOW"))
    assert (
        data.outcomes["recidivism within 5 years"].n_too_short > 5_000
    )  # the others were watched for 46 months and more
    for years in (1, 2, 3, 5):
        usable = recid.isin([0, 1]) & (follow >= 12 * years) & ~((recid == 1) & ~(time >= 0))
        outcome = data.outcomes[f"recidivism within {years} year{'s' if years > 1 else ''}"]
        assert outcome.n == int(usable.sum())
        assert outcome.n_returned == int((usable & (recid == 1) & (time <= 12 * years)).sum())
