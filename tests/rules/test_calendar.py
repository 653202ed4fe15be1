"""Counting time across clock changes, month ends, holidays and zones: the shared vectors, then what they do not say."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.calendar import (
    EVERY_DAY,
    BusinessCalendar,
    add,
    is_zone,
    local_date,
    local_to_utc,
    resolve_moment,
    shift_date,
    start_of_day,
    subtract,
    to_local,
)
from bot.rules.durations import parse_anchor, parse_duration, parse_moment
from bot.rules.schedules import add_days, add_months

CASES: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "time_cases.json").read_text("utf-8")
)
PLAIN = BusinessCalendar()
ODD_ZONES = (
    "UTC", "Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo",
    "America/Havana", "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Apia",
    "America/St_Johns", "Asia/Gaza", "Antarctica/Troll", "Europe/Dublin", "Etc/GMT+12", "Asia/Tehran", "America/Nuuk",
)  # fmt: skip
ZONES = st.sampled_from(ODD_ZONES)
INSTANTS = st.datetimes(
    min_value=datetime.fromisoformat("1960-01-01"),
    max_value=datetime.fromisoformat("2090-01-01"),
    timezones=st.just(UTC),
)
DURATIONS = st.sampled_from(
    [
        "1 day",
        "5 days",
        "2 weeks",
        "1 month",
        "3 months",
        "1 year",
        "2 business days",
        "36 hours",
        "90 min",
        "4 business hours",
    ]
).map(parse_duration)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def names(kind: str) -> list[str]:
    return [case.get("why") or str(number) for number, case in enumerate(CASES[kind])]


@pytest.mark.parametrize("case", CASES["local_to_utc"], ids=names("local_to_utc"))
def test_a_skipped_local_time_moves_forward_and_a_doubled_one_is_its_first(case: dict[str, Any]) -> None:
    instant = local_to_utc(datetime.fromisoformat(case["local"]), case["zone"])
    assert instant == datetime.fromisoformat(case["utc_compatible"])
    assert to_local(instant, case["zone"]).replace(tzinfo=None).isoformat() == case["actual_local"]


@pytest.mark.parametrize("case", CASES["date_arithmetic"], ids=names("date_arithmetic"))
def test_dates_count_days_and_clamp_months(case: dict[str, Any]) -> None:
    operation, unit = case["op"].split("_")
    sign = -1 if (operation == "minus") != (case["n"] < 0) else 1
    duration = parse_duration(f"{abs(case['n'])} {unit}")
    assert shift_date(date.fromisoformat(case["date"]), sign, duration, PLAIN) == date.fromisoformat(case["expect"])


@pytest.mark.parametrize("case", CASES["next_business_day"], ids=names("next_business_day"))
def test_the_next_business_day_is_today_until_the_hour_has_come(case: dict[str, Any]) -> None:
    calendar = BusinessCalendar(
        holidays=(case["holidays"],) if case["holidays"] else (), open_days=EVERY_DAY - set(case["weekend"])
    )
    moment = parse_moment(f"{case['hour']:02}:00 next business day")
    instant = resolve_moment(moment, datetime.fromisoformat(case["now_utc"]), case["zone"], calendar)
    assert instant == datetime.fromisoformat(case["expect_utc"])
    assert to_local(instant, case["zone"]).isoformat() == case["expect_local"]


@pytest.mark.parametrize("case", CASES["hours_vs_days"], ids=lambda case: str(case["zone"]))
def test_s18_days_keep_the_local_time_and_hours_do_not(case: dict[str, Any]) -> None:
    start = local_to_utc(datetime.fromisoformat(case["start_local"]), case["zone"])
    after_hours = add(parse_duration(f"{case['hours']} hours"), start, case["zone"], PLAIN)
    after_days = add(parse_duration(f"{case['hours'] // 24} days"), start, case["zone"], PLAIN)
    assert to_local(after_hours, case["zone"]).replace(tzinfo=None).isoformat() == case["plus_hours_local"]
    assert to_local(after_days, case["zone"]).replace(tzinfo=None).isoformat() == case["plus_days_local"]


@pytest.mark.parametrize(
    "zone, day, begins",
    [
        ("Asia/Tokyo", "2026-06-01", "2026-05-31T15:00"),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00"),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00"),
        ("America/Havana", "2025-11-02", "2025-11-02T04:00"),
        ("Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00"),
    ],
)
def test_s7_a_day_begins_at_its_first_instant_even_where_midnight_is_skipped_or_doubled(
    zone: str, day: str, begins: str
) -> None:
    instant = start_of_day(date.fromisoformat(day), zone)
    assert instant == utc(begins)
    assert local_date(instant, zone) == date.fromisoformat(day)
    assert local_date(instant - timedelta.resolution, zone) < date.fromisoformat(day)


def test_s7_ninety_days_before_renewal_is_midnight_of_the_customers_zone() -> None:
    anchor = parse_anchor("renewal_date - 90 days")
    assert anchor.offset is not None
    day = shift_date(date(2027, 2, 19), anchor.sign, anchor.offset, PLAIN)
    assert start_of_day(day, "America/New_York") == utc("2026-11-21T05:00")
    assert start_of_day(day, "Asia/Tokyo") == utc("2026-11-20T15:00")


def test_s18_days_29_to_31_clamp() -> None:
    start = utc("2027-01-31T01:00")  # 10:00 in Tokyo
    assert add(parse_duration("1 month"), start, "Asia/Tokyo", PLAIN) == utc("2027-02-28T01:00")
    assert add(parse_duration("13 months"), start, "Asia/Tokyo", PLAIN) == utc("2028-02-29T01:00")
    assert subtract(parse_duration("2 months"), start, "Asia/Tokyo", PLAIN) == utc("2026-11-30T01:00")


def test_s18_business_days_are_those_of_the_customers_country() -> None:
    two_days = parse_duration("2 business days")
    thursday = utc("2026-04-30T01:00")  # before the Golden Week: 3 to 6 May
    assert add(two_days, thursday, "Asia/Tokyo", BusinessCalendar(holidays=("JP public",))) == utc("2026-05-07T01:00")
    assert add(two_days, thursday, "Asia/Tokyo", PLAIN) == utc("2026-05-04T01:00")
    assert subtract(two_days, utc("2026-05-08T01:00"), "Asia/Tokyo", PLAIN) == utc("2026-05-06T01:00")


def test_a_wait_that_would_end_in_a_gap_ends_after_it() -> None:
    start = local_to_utc(datetime.fromisoformat("2026-03-07T02:30"), "America/New_York")
    assert add(parse_duration("1 day"), start, "America/New_York", PLAIN) == utc("2026-03-08T07:30")


def test_a_day_that_a_country_skipped_moves_to_the_following_one() -> None:
    start = local_to_utc(datetime.fromisoformat("2011-12-29T09:00"), "Pacific/Apia")
    after = add(parse_duration("1 day"), start, "Pacific/Apia", PLAIN)
    assert to_local(after, "Pacific/Apia").replace(tzinfo=None).isoformat() == "2011-12-31T09:00:00"


def test_business_hours_of_a_mail_wait_are_nine_to_six_of_the_calendars_days() -> None:
    friday_16 = utc("2026-06-05T07:00")
    assert add(parse_duration("4 business hours"), friday_16, "Asia/Tokyo", PLAIN) == utc("2026-06-08T02:00")
    with pytest.raises(ValueError, match="backwards"):
        subtract(parse_duration("4 business hours"), friday_16, "Asia/Tokyo", PLAIN)


@pytest.mark.parametrize(
    "text, now, expected",
    [
        ("today 17:00", "2026-06-05T07:59", "2026-06-05T08:00"),
        ("today 17:00", "2026-06-05T08:00", "2026-06-08T08:00"),  # Friday 17:00 is over: Monday
        ("today 17:00", "2026-06-06T01:00", "2026-06-06T08:00"),  # a Saturday is today, too
        ("tomorrow 09:00", "2026-06-05T01:00", "2026-06-06T00:00"),
        ("next monday 10:00", "2026-06-05T01:00", "2026-06-08T01:00"),
        ("next monday 10:00", "2026-06-08T01:00", "2026-06-15T01:00"),
        ("09:00 next business day", "2026-06-05T00:00", "2026-06-08T00:00"),  # 09:00 sharp: not a wait of no time
        ("2026-06-09 15:00", "2026-06-05T01:00", "2026-06-09T06:00"),
        ("2020-06-09", "2026-06-05T01:00", "2020-06-08T15:00"),  # a date that is past ends the wait at once
    ],
)
def test_a_moment_is_the_next_one_after_now(text: str, now: str, expected: str) -> None:
    assert resolve_moment(parse_moment(text), utc(now), "Asia/Tokyo", PLAIN) == utc(expected)


def test_a_moment_that_never_comes_is_refused() -> None:
    frozen = BusinessCalendar(freeze=((date(2026, 1, 1), date(2036, 1, 1)),))
    with pytest.raises(ValueError, match="does not come within"):
        resolve_moment(parse_moment("09:00 next business day"), utc("2026-06-05T01:00"), "Asia/Tokyo", frozen)


@pytest.mark.parametrize(
    "zone", ["", "JST+9", "asia/tokyo", "Asia", "../etc/passwd", "/etc/localtime", "Mars/Base", "Factory"]
)
def test_what_is_no_zone_is_named_so(zone: str) -> None:
    assert not is_zone(zone)
    with pytest.raises(ValueError, match="is not a time zone"):
        local_to_utc(datetime.fromisoformat("2026-01-01"), zone)


def test_every_zone_of_the_tzdata_package_can_be_used() -> None:
    for zone in available_timezones() - {"Factory"}:
        assert is_zone(zone)
        assert to_local(local_to_utc(datetime.fromisoformat("2026-01-01T12:00"), zone), zone).hour == 12


def test_a_naive_instant_and_an_aware_local_time_are_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        to_local(datetime.fromisoformat("2026-01-01"), "UTC")
    with pytest.raises(ValueError, match="already has a zone"):
        local_to_utc(utc("2026-01-01"), "UTC")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Tokyo"])
def test_never_and_the_beginning_of_time_do_not_crash(zone: str) -> None:
    year = parse_duration("1 year")
    never = start_of_day(date.max, zone)
    first = start_of_day(date.min, zone)
    assert add(year, never, zone, PLAIN) >= never
    assert subtract(year, first, zone, PLAIN) <= first
    assert add(parse_duration("99 years"), first, zone, PLAIN) > first
    assert add(parse_duration("9999 hours"), datetime.max.replace(tzinfo=UTC), zone, PLAIN).year == 9999


@given(local=st.datetimes(min_value=datetime.fromisoformat("1900-01-01")), zone=ZONES)
def test_a_local_time_that_exists_reads_back(local: datetime, zone: str) -> None:
    back = to_local(local_to_utc(local, zone), zone).replace(tzinfo=None)
    assert back == local or local < back <= local + timedelta(days=1) or local.year == 9999


@given(duration=DURATIONS, start=INSTANTS, zone=ZONES)
def test_adding_is_always_later_and_is_utc(duration: Any, start: datetime, zone: str) -> None:
    after = add(duration, start, zone, PLAIN)
    assert after > start
    assert after.tzinfo is UTC


@given(days=st.integers(1, 400), start=INSTANTS, zone=ZONES)
def test_s18_days_keep_the_local_time_unless_a_gap_swallows_it(days: int, start: datetime, zone: str) -> None:
    begun = to_local(start, zone)
    after = to_local(add(parse_duration(f"{days} days"), start, zone, PLAIN), zone)
    wanted = datetime.combine(add_days(begun.date(), days), begun.time())
    skipped = after.replace(tzinfo=None) - wanted
    assert timedelta(0) <= skipped <= timedelta(days=1)
    if skipped:
        assert local_to_utc(wanted, zone) == local_to_utc(after.replace(tzinfo=None), zone)


@given(day=st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1)), months=st.integers(1, 1200))
def test_months_there_and_back_end_on_the_same_day_or_the_months_end(day: date, months: int) -> None:
    back = add_months(add_months(day, months), -months)
    assert back == day or (back.month == day.month and back.day < day.day)


@given(start=INSTANTS, zone=ZONES, hour=st.integers(0, 23))
def test_the_next_business_day_is_later_than_now_and_no_business_day_lies_between(
    start: datetime, zone: str, hour: int
) -> None:
    calendar = BusinessCalendar(holidays=("US",))
    instant = resolve_moment(parse_moment(f"{hour:02}:00 next business day"), start, zone, calendar)
    assert instant > start
    day = local_date(start, zone)
    while day < local_date(instant, zone):
        assert not calendar.is_business_day(day) or local_to_utc(datetime.combine(day, time(hour)), zone) <= start
        day = add_days(day, 1)
