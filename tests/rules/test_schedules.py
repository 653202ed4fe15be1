"""When repeating entries fall due, in naive local time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.durations import parse_schedule
from bot.rules.schedules import add_days, add_months

local = datetime.fromisoformat
MOMENTS = st.datetimes(min_value=local("1950-01-01"), max_value=local("2150-01-01"))
TEXTS = st.sampled_from(
    [
        "monday 09:00",
        "sun 23:59",
        "day 1 10:00",
        "day 31 00:00",
        "day 29 12:00",
        "every day 09:00",
        "business day 09:00",
    ]
)
INTERVALS = st.sampled_from(["1 month", "3 months", "1 year", "2 weeks", "1 day", "5 months"])


def latest(text: str, now: str, start: str | None = None) -> str | None:
    found = parse_schedule(text).latest_at_or_before(local(now), local(start) if start else None)
    return found.isoformat(" ", "minutes") if found else None


def following(text: str, now: str, start: str | None = None) -> str | None:
    found = parse_schedule(text).next_after(local(now), local(start) if start else None)
    return found.isoformat(" ", "minutes") if found else None


def test_a_moment_that_is_now_is_due_and_the_next_one_is_later() -> None:
    assert latest("monday 09:00", "2026-06-01 09:00") == "2026-06-01 09:00"
    assert following("monday 09:00", "2026-06-01 09:00") == "2026-06-08 09:00"
    assert latest("monday 09:00", "2026-06-01 08:59") == "2026-05-25 09:00"


def test_day_31_is_the_last_day_of_a_shorter_month() -> None:
    assert following("day 31 10:00", "2027-01-31 10:00") == "2027-02-28 10:00"
    assert following("day 31 10:00", "2028-02-01 00:00") == "2028-02-29 10:00"
    assert latest("day 31 10:00", "2027-04-30 09:59") == "2027-03-31 10:00"
    assert latest("day 29 10:00", "2027-03-01 00:00") == "2027-02-28 10:00"


def test_months_are_counted_from_the_start_so_a_short_month_does_not_shorten_the_rest() -> None:
    start = "2027-01-31 10:00"
    assert following("1 month", "2027-01-31 10:00", start) == "2027-02-28 10:00"
    assert following("1 month", "2027-02-28 10:00", start) == "2027-03-31 10:00"
    assert latest("2 months", "2027-03-31 10:00", start) == "2027-03-31 10:00"
    assert latest("2 months", "2027-03-31 09:59", start) == start
    assert latest("1 year", "2029-02-28 23:00", "2028-02-29 09:00") == "2029-02-28 09:00"


def test_an_interval_has_no_occurrence_before_its_start() -> None:
    assert latest("3 months", "2027-04-12 09:59", "2027-04-12 10:00") is None
    assert latest("3 months", "2027-04-12 10:00", "2027-04-12 10:00") == "2027-04-12 10:00"
    assert following("2 weeks", "2020-01-01 00:00", "2027-04-12 10:00") == "2027-04-12 10:00"


def test_a_weekday_has_no_occurrence_before_its_start() -> None:
    assert latest("monday 09:00", "2026-06-03 12:00", "2026-06-02 00:00") is None
    assert following("monday 09:00", "2026-06-03 12:00", "2026-06-15 09:00") == "2026-06-15 09:00"


def test_a_business_day_asks_the_caller_what_is_one() -> None:
    schedule = parse_schedule("business day 09:00")
    friday = local("2026-06-05 09:00")
    assert schedule.next_after(friday) == local("2026-06-08 09:00")
    holiday = date(2026, 6, 8)
    assert schedule.next_after(friday, is_business_day=lambda day: day.weekday() < 5 and day != holiday) == local(
        "2026-06-09 09:00"
    )
    assert schedule.next_after(friday, is_business_day=lambda day: False) is None


def test_an_interval_without_a_start_is_refused() -> None:
    assert parse_schedule("3 months").needs_start
    with pytest.raises(ValueError, match="needs a start"):
        parse_schedule("3 months").latest_at_or_before(local("2027-01-01"))


@given(text=TEXTS, now=MOMENTS)
def test_now_lies_between_the_latest_and_the_next_occurrence(text: str, now: datetime) -> None:
    schedule = parse_schedule(text)
    before, after = schedule.latest_at_or_before(now), schedule.next_after(now)
    assert before is not None
    assert after is not None
    assert before <= now < after
    assert schedule.next_after(before) == after
    assert schedule.latest_at_or_before(after) == after
    assert schedule.latest_at_or_before(after - timedelta.resolution) == before


@given(text=INTERVALS, start=MOMENTS, distance=st.timedeltas(timedelta(0), timedelta(days=5000)))
def test_now_lies_between_two_intervals_and_none_is_left_out(text: str, start: datetime, distance: timedelta) -> None:
    schedule = parse_schedule(text)
    now = start + distance
    before, after = schedule.latest_at_or_before(now, start), schedule.next_after(now, start)
    assert before is not None
    assert after is not None
    assert start <= before <= now < after
    assert schedule.next_after(before, start) == after


@given(day=st.dates(), months=st.integers(-40_000, 40_000))
def test_adding_months_never_leaves_the_calendar_and_keeps_the_day_or_the_months_end(day: date, months: int) -> None:
    moved = add_months(day, months)
    assert moved.day <= day.day or moved in (date.min, date.max)
    assert moved.day == day.day or moved in (date.min, date.max) or add_days(moved, 1).day == 1


def test_never_stays_never() -> None:
    assert add_months(date.max, 1) == add_days(date.max, 90) == date.max
    assert add_months(date.min, -1) == add_days(date.min, -90) == date.min
