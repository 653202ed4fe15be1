"""What the time words of a playbook mean, and that every refusal names the repair."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.durations import (
    Anchor,
    Duration,
    Moment,
    MomentKind,
    parse_anchor,
    parse_clock,
    parse_duration,
    parse_hours,
    parse_moment,
    parse_schedule,
    parse_weekday,
)
from bot.rules.schedules import Rhythm, Schedule


def refusal_of(parse: Callable[[str], object], text: str) -> str | None:
    try:
        parse(text)
    except ValueError as refusal:
        return str(refusal)
    return None


@pytest.mark.parametrize(
    "text, expected",
    [
        ("5 days", Duration(days=5)),
        ("1 day", Duration(days=1)),
        ("2 h", Duration(minutes=120)),
        ("4 hours", Duration(minutes=240)),
        ("30 minutes", Duration(minutes=30)),
        ("90 min", Duration(minutes=90)),
        ("2 weeks", Duration(days=14)),
        ("3 months", Duration(months=3)),
        ("1 year", Duration(months=12)),
        ("2 business days", Duration(business_days=2)),
        ("4 business hours", Duration(business_minutes=240)),
        ("  2  Business   Days ", Duration(business_days=2)),
        ("2h", Duration(minutes=120)),
        ("５ days", Duration(days=5)),
    ],
)
def test_a_duration_is_a_whole_number_and_a_unit(text: str, expected: Duration) -> None:
    assert parse_duration(text) == expected


def test_a_duration_remembers_how_it_was_written() -> None:
    assert parse_duration(" 2 weeks ").text == "2 weeks"


@pytest.mark.parametrize(
    "text, hint",
    [
        ("5", "no unit"),
        ("", "like `5 days`"),
        ("five days", "like `5 days`"),
        ("5 dayz", "did you mean `5 days`?"),
        ("2 busines days", "did you mean `2 business days`?"),
        ("3 huors", "did you mean `3 hours`?"),
        ("-3 days", "write `3 days`"),
        ("0 months", "at least `1 month`"),
        ("1.5 hours", "whole number"),
        ("1,5 hours", "whole number"),
        ("5 m", "minutes or months"),
        ("1 day 2 hours", "one number and one unit"),
        ("5 bananas", "the units are"),
        ("5 days ago", "did you mean"),
        ("101 years", "a hundred years"),
        ("9" * 5000 + " days", "a hundred years"),
        ("000 days", "no time at all"),
    ],
)
def test_a_refused_duration_says_how_to_repair_it(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        parse_duration(text)


@pytest.mark.parametrize(
    "parse", [parse_duration, parse_moment, parse_schedule, parse_anchor, parse_hours, parse_weekday]
)
@given(text=st.text(max_size=30) | st.text('0123456789 -:.,+()daysmonthbui"', max_size=30))
def test_any_text_parses_or_is_refused_in_our_own_sentence(parse: Callable[[str], object], text: str) -> None:
    assert (refusal_of(parse, text) or "`").startswith("`")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("09:00 next business day", Moment(kind=MomentKind.BUSINESS_DAY, at=time(9), text="")),
        ("next business day 9:00", Moment(kind=MomentKind.BUSINESS_DAY, at=time(9), text="")),
        ("today 17:00", Moment(kind=MomentKind.TODAY, at=time(17), text="")),
        ("17:00 today", Moment(kind=MomentKind.TODAY, at=time(17), text="")),
        ("tomorrow at 08:30", Moment(kind=MomentKind.TOMORROW, at=time(8, 30), text="")),
        ("next monday 10:00", Moment(kind=MomentKind.WEEKDAY, at=time(10), weekday=0, text="")),
        ("Friday 10:00", Moment(kind=MomentKind.WEEKDAY, at=time(10), weekday=4, text="")),
        ("2027-09-09 15:00", Moment(kind=MomentKind.DATE, at=time(15), date=date(2027, 9, 9), text="")),
        ("2027-09-09T15:00:30", Moment(kind=MomentKind.DATE, at=time(15, 0, 30), date=date(2027, 9, 9), text="")),
        ("2027-09-09", Moment(kind=MomentKind.DATE, at=time.min, date=date(2027, 9, 9), text="")),
    ],
)
def test_a_moment_names_a_day_and_a_time(text: str, expected: Moment) -> None:
    assert parse_moment(text) == expected


@pytest.mark.parametrize(
    "text, hint",
    [
        ("today", "at what time"),
        ("todya 17:00", "did you mean `today 17:00`?"),
        ("next mnday 10:00", "did you mean `next monday 10:00`?"),
        ("today 17:00 18:00", "at what time"),
        ("today 24:00", "hours go from 00 to 23"),
        ("2027-02-29", "not a date of the calendar"),
        ("2027-09-09 25:00", "hours go from 00 to 23"),
        ("2027-09-09T15:00Z", "without an offset"),
        ("2027-09-09 15:00+09:00", "without an offset"),
    ],
)
def test_a_refused_moment_says_how_to_repair_it(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        parse_moment(text)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("monday 09:00", Schedule(rhythm=Rhythm.WEEKLY, at=time(9), weekday=0, text="monday 09:00")),
        ("every fri 9:00", Schedule(rhythm=Rhythm.WEEKLY, at=time(9), weekday=4, text="every fri 9:00")),
        ("day 31 10:00", Schedule(rhythm=Rhythm.MONTHLY, at=time(10), day=31, text="day 31 10:00")),
        ("every day 09:00", Schedule(rhythm=Rhythm.DAILY, at=time(9), text="every day 09:00")),
        ("business day 09:00", Schedule(rhythm=Rhythm.BUSINESS_DAILY, at=time(9), text="business day 09:00")),
        ("3 months", Schedule(rhythm=Rhythm.INTERVAL, months=3, text="3 months")),
        ("every 2 weeks", Schedule(rhythm=Rhythm.INTERVAL, days=14, text="every 2 weeks")),
    ],
)
def test_a_schedule_is_a_rhythm_and_a_time(text: str, expected: Schedule) -> None:
    assert parse_schedule(text) == expected


@pytest.mark.parametrize(
    "text, hint",
    [
        ("mnday 09:00", "did you mean `monday 09:00`?"),
        ("monday", "at what time"),
        ("day 0 10:00", "no month has a day 0"),
        ("day 32 10:00", "no month has a day 32"),
        ("2 hours", "days, weeks, months or years"),
        ("2 business days", "`business day 09:00`"),
        ("0 months", "no time at all"),
    ],
)
def test_a_refused_schedule_says_how_to_repair_it(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        parse_schedule(text)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("renewal_date", Anchor(field="renewal_date")),
        ("renewal_date - 90 days", Anchor(field="renewal_date", sign=-1, offset=Duration(days=90))),
        ("renewal_date-90 days", Anchor(field="renewal_date", sign=-1, offset=Duration(days=90))),
        ("attributes.x + 2 business days", Anchor(field="attributes.x", offset=Duration(business_days=2))),
        ("attributes.契約日 + 1 day", Anchor(field="attributes.契約日", offset=Duration(days=1))),
        ("started_on + 1 month", Anchor(field="started_on", offset=Duration(months=1))),
        (
            'next_meeting("kickoff") - 2 business days',
            Anchor(field="next_meeting", argument="kickoff", sign=-1, offset=Duration(business_days=2)),
        ),
        ("next_meeting('ebr')", Anchor(field="next_meeting", argument="ebr")),
    ],
)
def test_an_anchor_is_a_date_and_a_distance(text: str, expected: Anchor) -> None:
    assert parse_anchor(text) == expected


@pytest.mark.parametrize(
    "text, hint",
    [
        ("renewal_date – 90 days", "plain `-`"),
        ("90 days before renewal_date", "like `renewal_date - 90 days`"),
        ("renewal_date - 90 dayz", "did you mean `90 days`?"),
        ("renewal_date - 4 hours", "moves by days"),
        ("renewal_date -", "like `renewal_date - 90 days`"),
        ("next_meeting - 1 day", "name the kind of meeting"),
    ],
)
def test_a_refused_anchor_says_how_to_repair_it(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        parse_anchor(text)


def test_hours_may_end_at_midnight_or_on_the_next_day() -> None:
    assert parse_hours("00:00-24:00") == (time.min, time.min)
    assert parse_hours("22:00-02:00") == (time(22), time(2))
    assert parse_hours("9:00 to 18:00") == parse_hours("09:00〜18:00") == (time(9), time(18))


@pytest.mark.parametrize(
    "text, hint",
    [
        ("09:00", "are no hours"),
        ("09:00-09:00", "the whole day"),
        ("24:00-09:00", "`24:00` is not a time of day"),
        ("09:00-25:00", "`25:00` is not a time of day"),
        ("9am-6pm", "`9am` is not a time of day"),
    ],
)
def test_hours_that_say_nothing_are_refused(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        parse_hours(text)


@given(at=st.times())
def test_every_time_of_day_reads_back(at: time) -> None:
    at = at.replace(microsecond=0, fold=0)
    assert parse_clock(at.isoformat()) == at
