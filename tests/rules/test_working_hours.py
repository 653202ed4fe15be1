"""The clocks of a hand-off: what `due` and `acknowledge_within` mean for its owner."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules.calendar import (
    EVERY_DAY,
    MONDAY_TO_FRIDAY,
    BusinessCalendar,
    WorkingHours,
    add_working_time,
    is_working,
    parse_working_hours,
)
from bot.rules.durations import parse_duration

PLAIN = BusinessCalendar()
TOKYO = "Asia/Tokyo"
NIGHT_SHIFT = WorkingHours(start=time(22), end=time(6))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def tokyo(text: str) -> datetime:
    return utc(text) - timedelta(hours=9)


def due(
    opened: str, duration: str, hours: WorkingHours = WorkingHours(), calendar: BusinessCalendar = PLAIN
) -> datetime:
    return add_working_time(tokyo(opened), parse_duration(duration), hours, TOKYO, calendar)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", WorkingHours()),
        ("  ", WorkingHours()),
        ("monday to friday 09:00-18:00", WorkingHours()),
        ("mon-fri 9:00-18:00", WorkingHours()),
        ("09:00-18:00", WorkingHours()),
        ("mon;tue;thu 10:00-16:00", WorkingHours(days=frozenset({0, 1, 3}), start=time(10), end=time(16))),
        ("tuesday to saturday", WorkingHours(days=frozenset({1, 2, 3, 4, 5}))),
        ("every day 00:00-24:00", WorkingHours(days=EVERY_DAY, start=time.min, end=time.min)),
        ("22:00-06:00", NIGHT_SHIFT),
    ],
)
def test_working_hours_are_days_and_hours_either_of_which_may_be_left_out(text: str, expected: WorkingHours) -> None:
    assert parse_working_hours(text) == expected
    assert parse_working_hours("").days == MONDAY_TO_FRIDAY


@pytest.mark.parametrize("text", ["office hours", "mon-fri 9-18", "09:00-18:00 mon-fri", "mon-fri 25:00-26:00"])
def test_working_hours_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="`"):
        parse_working_hours(text)


@pytest.mark.parametrize(
    "opened, duration, expected",
    [
        ("2026-06-05T15:00", "1 business day", "2026-06-08T15:00"),  # Friday → Monday
        ("2026-06-05T20:00", "1 business day", "2026-06-09T09:00"),  # opens Monday 09:00
        ("2026-06-06T11:00", "1 business day", "2026-06-09T09:00"),
        ("2026-06-05T16:00", "4 business hours", "2026-06-08T11:00"),
        ("2026-06-05T16:00", "2 business hours", "2026-06-05T18:00"),  # the end of the day is still that day
        ("2026-06-05T06:30", "4 business hours", "2026-06-05T13:00"),
        ("2026-06-05T18:00", "30 minutes", "2026-06-08T09:30"),  # 18:00 is closed
        ("2026-06-05T17:50", "2 h", "2026-06-08T10:50"),
        ("2026-06-05T10:00", "20 business hours", "2026-06-09T12:00"),
        ("2026-06-05T15:00", "1 day", "2026-06-08T15:00"),  # ends on a Saturday, so on Monday
        ("2026-06-05T15:00", "3 days", "2026-06-08T15:00"),
        ("2026-05-29T15:00", "1 month", "2026-06-29T15:00"),
    ],
)
def test_s27_due_counts_the_owners_working_time_from_opening(opened: str, duration: str, expected: str) -> None:
    assert due(opened, duration) == tokyo(expected)


def test_s27_a_holiday_of_the_owner_is_no_working_day() -> None:
    calendar = BusinessCalendar(holidays=("JP public",), freeze=((date(2026, 5, 7), date(2026, 5, 7)),))
    assert due("2026-05-01T15:00", "1 business day", calendar=calendar) == tokyo("2026-05-08T15:00")
    assert due("2026-05-01T17:00", "2 business hours", calendar=calendar) == tokyo("2026-05-08T10:00")


def test_s18_the_owners_days_count_not_the_customers() -> None:
    shop = BusinessCalendar(open_days=frozenset({5, 6}))
    assert due("2026-06-05T15:00", "1 business day", calendar=shop) == tokyo("2026-06-08T15:00")
    saturday_too = parse_working_hours("tuesday to saturday 09:00-18:00")
    assert due("2026-06-05T15:00", "1 business day", saturday_too) == tokyo("2026-06-06T15:00")
    assert due("2026-06-06T15:00", "1 business day", saturday_too) == tokyo("2026-06-09T15:00")


def test_a_night_shift_belongs_to_the_day_it_began() -> None:
    assert due("2026-06-05T23:00", "4 business hours", NIGHT_SHIFT) == tokyo("2026-06-06T03:00")
    assert due("2026-06-06T02:00", "1 business day", NIGHT_SHIFT) == tokyo("2026-06-09T02:00")
    assert due("2026-06-06T05:00", "2 business hours", NIGHT_SHIFT) == tokyo("2026-06-08T23:00")


def test_a_clock_change_makes_a_working_day_longer_or_shorter() -> None:
    hours = parse_working_hours("every day 00:00-24:00")
    day = parse_duration("24 business hours")
    start = utc("2026-03-08T05:00")  # midnight in New York; this day has 23 hours
    assert add_working_time(start, day, hours, "America/New_York", PLAIN) == start + timedelta(hours=24)
    gap = parse_working_hours("every day 02:00-03:00")
    assert add_working_time(start, parse_duration("30 min"), gap, "America/New_York", PLAIN) == utc("2026-03-09T06:30")


def test_an_owner_who_never_works_is_refused() -> None:
    away = BusinessCalendar(freeze=((date(2026, 1, 1), date(2036, 1, 1)),))
    with pytest.raises(ValueError, match="never works"):
        due("2026-06-05T15:00", "1 business hour", calendar=away)


def test_whether_the_owner_works_now() -> None:
    assert is_working(tokyo("2026-06-05T09:00"), WorkingHours(), TOKYO, PLAIN)
    assert not is_working(tokyo("2026-06-05T18:00"), WorkingHours(), TOKYO, PLAIN)
    assert not is_working(tokyo("2026-06-06T12:00"), WorkingHours(), TOKYO, PLAIN)
    assert is_working(tokyo("2026-06-06T02:00"), NIGHT_SHIFT, TOKYO, PLAIN)


@settings(deadline=None)
@given(
    opened=st.datetimes(
        min_value=datetime.fromisoformat("2000-01-01"),
        max_value=datetime.fromisoformat("2060-01-01"),
        timezones=st.just(UTC),
    ),
    minutes=st.integers(1, 3000),
    more=st.integers(1, 3000),
    hours=st.sampled_from(["", "mon;wed 10:00-12:15", "22:00-06:00", "every day 00:00-24:00", "sat 08:00-20:00"]),
    zone=st.sampled_from(["Asia/Tokyo", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo"]),
)
def test_working_time_adds_up(opened: datetime, minutes: int, more: int, hours: str, zone: str) -> None:
    """First some minutes and then some more is the same as all of them at once."""
    worked = parse_working_hours(hours)
    first = add_working_time(opened, parse_duration(f"{minutes} min"), worked, zone, PLAIN)
    second = add_working_time(first, parse_duration(f"{more} business minutes"), worked, zone, PLAIN)
    assert opened + timedelta(minutes=minutes) <= first
    assert second == add_working_time(opened, parse_duration(f"{minutes + more} min"), worked, zone, PLAIN)
