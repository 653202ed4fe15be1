"""Which dates are business days: countries, banks, freezes, open days."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.business_days import (
    EVERY_DAY,
    MONDAY_TO_FRIDAY,
    BusinessCalendar,
    is_in_region,
    parse_freeze,
    parse_holiday_source,
    parse_open_days,
    parse_regional_freeze,
    shift_date,
)
from bot.rules.durations import parse_duration

DATES = st.dates(min_value=date(1970, 1, 1), max_value=date(2095, 1, 1))
JAPAN = BusinessCalendar(holidays=("JP public", "JP bank"))


def test_japan_keeps_public_holidays_and_the_banks_keep_the_new_year() -> None:
    assert JAPAN.is_holiday(date(2026, 5, 6))
    assert [day for day in range(1, 8) if not JAPAN.is_business_day(date(2026, 1, day))] == [1, 2, 3, 4]
    assert not JAPAN.is_business_day(date(2026, 12, 31))
    assert BusinessCalendar(holidays=("JP public",)).is_business_day(date(2026, 12, 31))


@pytest.mark.parametrize(
    "region, day, holiday",
    [
        ("JP", date(2026, 5, 5), True),
        ("US", date(2026, 7, 3), True),  # observed
        ("us", date(2026, 11, 26), True),
        ("US-CA", date(2026, 3, 31), True),  # Cesar Chavez, in California only
        ("US", date(2026, 3, 31), False),
        ("US-ZZ", date(2026, 11, 26), True),
        ("UK", date(2026, 12, 28), True),
        ("GB-ENG", date(2026, 4, 6), True),
        ("USA", date(2026, 11, 26), True),
        ("Atlantis", date(2026, 12, 25), False),
        ("EMEA", date(2026, 12, 25), False),
        ("ZZ", date(2026, 12, 25), False),
        ("", date(2026, 12, 25), False),
    ],
)
def test_a_region_brings_its_holidays_and_an_unknown_one_none(region: str, day: date, holiday: bool) -> None:
    assert BusinessCalendar(region=region).is_holiday(day) is holiday


@given(region=st.text(max_size=12), day=DATES)
def test_no_region_ever_raises(region: str, day: date) -> None:
    assert BusinessCalendar(region=region).is_holiday(day) in (True, False)


def test_a_customer_abroad_keeps_the_holidays_of_that_country_not_ours() -> None:
    abroad = BusinessCalendar(holidays=("JP public", "JP bank"), region="US")
    assert not abroad.is_holiday(date(2026, 5, 5))
    assert abroad.is_holiday(date(2026, 11, 26))


def test_a_customer_at_home_or_nowhere_keeps_the_workspaces_holidays() -> None:
    for region in ("JP", "", "関東"):
        assert BusinessCalendar(holidays=("JP public", "JP bank"), region=region).is_holiday(date(2026, 12, 31))


@pytest.mark.parametrize(
    "text, hint",
    [
        ("JP bnak", "did you mean `JP bank`"),
        ("XX public", "no holidays are known"),
        ("US-ZZ", "no region `ZZ`"),
        ("", "``"),
    ],
)
def test_an_unknown_source_of_the_workspace_is_refused(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        parse_holiday_source(text)
    with pytest.raises(ValueError, match=hint):
        BusinessCalendar(holidays=(text,))


@pytest.mark.parametrize(
    "text, days",
    [
        ("monday to friday", MONDAY_TO_FRIDAY),
        ("", MONDAY_TO_FRIDAY),
        ("Mon-Fri", MONDAY_TO_FRIDAY),
        ("every day", EVERY_DAY),
        ("mon;wed;fri", {0, 2, 4}),
        ("mon, wed , friday;", {0, 2, 4}),
        ("saturday to tuesday", {5, 6, 0, 1}),
        ("mon-wed;sat", {0, 1, 2, 5}),
        ("sunday", {6}),
    ],
)
def test_open_days_are_ranges_and_lists(text: str, days: set[int]) -> None:
    assert parse_open_days(text) == days


@pytest.mark.parametrize("text", ["mnday to friday", "mon-wed-fri", "noday", ";", "5"])
def test_open_days_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"weekday|open days"):
        parse_open_days(text)


def test_a_freeze_closes_its_first_and_last_date() -> None:
    frozen = BusinessCalendar(freeze=(parse_freeze("2026-12-28 to 2027-01-04"),))
    assert frozen.next_business_day(date(2026, 12, 25)) == date(2027, 1, 5)
    assert frozen.add_business_days(date(2027, 1, 5), -1) == date(2026, 12, 25)
    assert parse_freeze("2026-12-28") == (date(2026, 12, 28), date(2026, 12, 28))


@pytest.mark.parametrize(
    "text", ["2027-01-04 to 2026-12-28", "christmas", "2027-02-29", "2026-01-01 to 2026-01-02 to 2026-01-03"]
)
def test_a_freeze_that_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="`"):
        parse_freeze(text)


def test_a_calendar_without_a_single_business_day_is_refused_not_searched_for_ever() -> None:
    with pytest.raises(ValueError, match="at least one"):
        BusinessCalendar(open_days=frozenset())
    with pytest.raises(ValueError, match="no business day within"):
        BusinessCalendar(freeze=((date(2020, 1, 1), date(2040, 1, 1)),)).next_business_day(date(2026, 1, 1))


def test_a_date_is_not_moved_by_hours() -> None:
    with pytest.raises(ValueError, match="does not move a date"):
        shift_date(date(2026, 1, 1), 1, parse_duration("4 hours"), JAPAN)


@given(day=DATES, number=st.integers(0, 300))
def test_business_days_there_and_back_end_where_they_began(day: date, number: int) -> None:
    begun = JAPAN.business_day_from(day)
    there = JAPAN.add_business_days(begun, number)
    assert JAPAN.is_business_day(there)
    assert JAPAN.add_business_days(there, -number) == begun


@given(day=DATES)
def test_nothing_between_a_day_and_the_next_business_day_is_one(day: date) -> None:
    following = JAPAN.next_business_day(day)
    assert following > day
    assert not any(
        JAPAN.is_business_day(date.fromordinal(n)) for n in range(day.toordinal() + 1, following.toordinal())
    )


def test_a_freeze_may_hold_for_one_country_or_region() -> None:
    dates = (date(2027, 4, 29), date(2027, 5, 5))
    assert parse_regional_freeze("2027-04-29 to 2027-05-05") == ("", dates)
    assert parse_regional_freeze("jp 2027-04-29 to 2027-05-05") == ("JP", dates)
    assert parse_regional_freeze("US_CA 2027-04-29 to 2027-05-05") == ("US-CA", dates)


@pytest.mark.parametrize("text", ["XX 2027-04-29", "JP", "Japan 2027-04-29", "JP soon"])
def test_a_freeze_of_no_country_or_no_dates_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"country|is not a|date"):
        parse_regional_freeze(text)


@pytest.mark.parametrize(
    ("region", "place", "is_inside"),
    [
        ("JP", "", True),
        ("", "", True),
        ("", "JP", False),
        ("jp", "JP", True),
        ("uk", "GB", True),
        ("US-CA", "US", True),
        ("US", "US-CA", False),
        ("US-MA", "US-CA", False),
        ("US-CA", "US-CA", True),
    ],
)
def test_a_customer_is_in_its_country_and_its_region(region: str, place: str, is_inside: bool) -> None:
    assert is_in_region(region, place) is is_inside
