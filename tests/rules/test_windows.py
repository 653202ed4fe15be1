"""When something may be sent, and when it is late."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules.calendar import BusinessCalendar, to_local
from bot.rules.windows import Window, is_late, next_open, parse_window

PLAIN = BusinessCalendar()
OFFICE = parse_window("monday to friday", "09:00-18:00")
LUNCH_GAP = parse_window("every day", "14:00-17:00")
NIGHT = parse_window("friday", "22:00-02:00")
CHANGES = (  # a zone and a date of a clock change in it
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("America/Santiago", "2026-09-06"),
    ("Africa/Cairo", "2026-04-24"),
    ("Africa/Cairo", "2026-10-29"),
    ("America/Havana", "2025-11-02"),
    ("Pacific/Chatham", "2026-09-27"),
    ("Pacific/Apia", "2011-12-30"),
    ("Asia/Tokyo", "2026-06-05"),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_open_window_opens_at_once() -> None:
    at = utc("2026-06-05T01:23:45.678901")
    assert next_open([OFFICE], at, "Asia/Tokyo", PLAIN) == at


def test_s7_mail_of_midnight_goes_at_the_next_window() -> None:
    assert next_open([OFFICE], utc("2026-06-04T15:00"), "Asia/Tokyo", PLAIN) == utc("2026-06-05T00:00")


def test_the_closing_time_is_closed_and_the_opening_time_open() -> None:
    assert next_open([OFFICE], utc("2026-06-05T09:00"), "Asia/Tokyo", PLAIN) == utc("2026-06-08T00:00")
    assert next_open([OFFICE], utc("2026-06-08T00:00"), "Asia/Tokyo", PLAIN) == utc("2026-06-08T00:00")


def test_s18_the_window_is_that_of_the_contacts_zone() -> None:
    at = utc("2026-06-05T00:00")
    assert next_open([OFFICE], at, "Asia/Tokyo", PLAIN) == at
    assert next_open([OFFICE], at, "America/New_York", PLAIN) == utc("2026-06-05T13:00")


def test_two_windows_open_where_both_are_open() -> None:
    assert next_open([OFFICE, LUNCH_GAP], utc("2026-06-05T00:00"), "Asia/Tokyo", PLAIN) == utc("2026-06-05T05:00")
    assert next_open([LUNCH_GAP, OFFICE], utc("2026-06-05T08:00"), "Asia/Tokyo", PLAIN) == utc("2026-06-08T05:00")


def test_a_night_window_is_open_in_the_small_hours_of_the_next_day_only_if_it_opened() -> None:
    assert next_open([NIGHT], utc("2026-06-05T16:30"), "Asia/Tokyo", PLAIN) == utc("2026-06-05T16:30")  # Saturday 01:30
    assert next_open([NIGHT], utc("2026-06-05T17:00"), "Asia/Tokyo", PLAIN) == utc("2026-06-12T13:00")
    assert next_open([NIGHT], utc("2026-06-04T16:30"), "Asia/Tokyo", PLAIN) == utc("2026-06-05T13:00")  # Friday 01:30


def test_the_whole_day_is_open_all_day() -> None:
    whole = parse_window("saturday", "00:00-24:00")
    assert next_open([whole], utc("2026-06-05T14:59:59"), "Asia/Tokyo", PLAIN) == utc("2026-06-05T15:00")
    assert next_open([whole], utc("2026-06-06T14:59:59"), "Asia/Tokyo", PLAIN) == utc("2026-06-06T14:59:59")
    assert next_open([whole], utc("2026-06-06T15:00"), "Asia/Tokyo", PLAIN) == utc("2026-06-12T15:00")


def test_holidays_and_freeze_dates_are_closed() -> None:
    calendar = BusinessCalendar(holidays=("JP public", "JP bank"), freeze=((date(2026, 12, 28), date(2027, 1, 4)),))
    assert next_open([OFFICE], utc("2026-12-25T10:00"), "Asia/Tokyo", calendar) == utc("2027-01-05T00:00")
    assert next_open([OFFICE], utc("2026-05-01T10:00"), "Asia/Tokyo", calendar) == utc("2026-05-07T00:00")
    assert next_open([], utc("2026-05-03T01:00"), "Asia/Tokyo", calendar) == utc("2026-05-06T15:00")


def test_a_window_that_is_not_for_business_days_is_open_on_holidays_but_not_on_freeze_dates() -> None:
    calendar = BusinessCalendar(holidays=("JP public",), freeze=((date(2026, 5, 5), date(2026, 5, 5)),))
    always = parse_window("every day", "14:00-17:00", business=False)
    assert next_open([always], utc("2026-05-04T01:00"), "Asia/Tokyo", calendar) == utc("2026-05-04T05:00")
    assert next_open([always], utc("2026-05-05T01:00"), "Asia/Tokyo", calendar) == utc("2026-05-06T05:00")
    assert next_open([always, OFFICE], utc("2026-05-04T01:00"), "Asia/Tokyo", calendar) == utc("2026-05-07T05:00")


@pytest.mark.parametrize(
    "windows",
    [
        [OFFICE, parse_window("saturday;sunday", "09:00-18:00")],
        [OFFICE, parse_window("every day", "18:00-22:00")],
    ],
)
def test_windows_that_never_open_together_are_refused(windows: list[Window]) -> None:
    with pytest.raises(ValueError, match="never open together"):
        next_open(windows, utc("2026-06-05T00:00"), "Asia/Tokyo", PLAIN)


@pytest.mark.parametrize(
    "hours, zone, at, expected",
    [
        # New York, 8 March 2026: 02:00 becomes 03:00 at 07:00Z. A window in the gap moves on to the next day.
        ("02:00-03:00", "America/New_York", "2026-03-08T05:00", "2026-03-09T06:00"),
        ("02:15-02:45", "America/New_York", "2026-03-08T05:00", "2026-03-09T06:15"),
        ("02:30-04:00", "America/New_York", "2026-03-08T05:00", "2026-03-08T07:00"),
        ("01:00-02:30", "America/New_York", "2026-03-08T07:00", "2026-03-09T05:00"),
        ("09:00-18:00", "America/New_York", "2026-03-07T23:00", "2026-03-08T13:00"),
        # 1 November 2026: 02:00 becomes 01:00 at 06:00Z. The doubled hour is open twice.
        ("01:00-01:30", "America/New_York", "2026-11-01T04:00", "2026-11-01T05:00"),
        ("01:00-01:30", "America/New_York", "2026-11-01T05:30", "2026-11-01T06:00"),
        ("01:15-01:30", "America/New_York", "2026-11-01T05:45", "2026-11-01T06:15"),
        ("00:30-01:10", "America/New_York", "2026-11-01T05:20", "2026-11-01T06:00"),
        # Santiago, 6 September 2026: the day begins at 01:00.
        ("00:00-02:00", "America/Santiago", "2026-09-05T12:00", "2026-09-06T04:00"),
        ("00:00-00:30", "America/Santiago", "2026-09-05T12:00", "2026-09-07T03:00"),
        # Samoa had no 30 December 2011.
        ("09:00-10:00", "Pacific/Apia", "2011-12-29T21:00", "2011-12-30T19:00"),
    ],
)
def test_a_clock_change_moves_the_opening_to_what_the_wall_clock_says(
    hours: str, zone: str, at: str, expected: str
) -> None:
    assert next_open([parse_window("every day", hours)], utc(at), zone, PLAIN) == utc(expected)


def test_s8_a_weekend_is_never_late() -> None:
    due = utc("2026-06-05T09:30")  # Friday 18:30 in Tokyo
    allowed = next_open([OFFICE], due, "Asia/Tokyo", PLAIN)
    assert allowed == utc("2026-06-08T00:00")
    assert not is_late(allowed, utc("2026-06-08T00:05"), timedelta(hours=24))
    assert not is_late(allowed, utc("2026-06-09T00:00"))
    assert is_late(allowed, utc("2026-06-09T00:00:01"))


def test_s8_a_golden_week_is_never_late() -> None:
    calendar = BusinessCalendar(holidays=("JP public",))
    allowed = next_open([OFFICE], utc("2026-05-01T09:30"), "Asia/Tokyo", calendar)
    assert not is_late(allowed, utc("2026-05-07T08:00"))


TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
WINDOWS = st.builds(
    Window,
    days=st.frozensets(st.integers(0, 6), min_size=4),
    start=TIMES,
    end=TIMES,
    business=st.booleans(),
)


def is_open(windows: list[Window], instant: datetime, zone: str, calendar: BusinessCalendar) -> bool:
    """The definition, spelled out apart from the code: what the wall clock says at this instant."""
    local = to_local(instant, zone)
    day, clock = local.weekday(), local.time()
    if calendar.is_frozen(local.date()) or (
        calendar.is_holiday(local.date()) and (not windows or any(window.business for window in windows))
    ):
        return False
    return all(
        (day in window.days and window.start <= clock < window.end)
        if window.start < window.end
        else (day in window.days and clock >= window.start) or ((day + 6) % 7 in window.days and clock < window.end)
        for window in windows
    )


@settings(max_examples=150, deadline=None)
@given(
    windows=st.lists(WINDOWS, max_size=3),
    change=st.sampled_from(CHANGES),
    minutes=st.integers(-3000, 3000),
)
def test_it_is_the_first_open_instant_even_around_clock_changes(
    windows: list[Window], change: tuple[str, str], minutes: int
) -> None:
    """Checked against the definition, minute by minute: nothing earlier is open, and asking again changes nothing."""
    zone, day = change
    calendar = BusinessCalendar(holidays=("US",), freeze=((date(2026, 3, 9), date(2026, 3, 9)),))
    at = utc(f"{day}T00:00") + timedelta(minutes=minutes)
    try:
        found = next_open(windows, at, zone, calendar)
    except ValueError:
        found = at + timedelta(days=9)
    else:
        assert is_open(windows, found, zone, calendar)
        assert next_open(windows, found, zone, calendar) == found
    assert found >= at
    before = min(found, at + timedelta(days=2))
    while at < before:
        assert not is_open(windows, at, zone, calendar)
        at += timedelta(minutes=1)
