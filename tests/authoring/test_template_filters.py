"""How values are written: dates, money and numbers by language, and what a filter does with nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.authoring.template_filters import (
    FILTERS,
    fallback,
    joined,
    shortened,
    shown,
    shown_in_line,
    shown_in_markdown,
    written_date,
    written_money,
    written_number,
    written_percent,
)
from bot.errors import MissingField, RenderFailed
from tests.authoring.mails import body_html, template

DAY = date(2027, 6, 30)


@pytest.mark.parametrize(
    "style, english, japanese",
    [
        ("short", "6/30/27", "2027/06/30"),
        ("medium", "Jun 30, 2027", "2027/06/30"),
        ("long", "June 30, 2027", "2027年6月30日"),
        ("full", "Wednesday, June 30, 2027", "2027年6月30日水曜日"),
        ("day", "Jun 30", "6月30日"),
        ("month", "June 2027", "2027年6月"),
    ],
)
def test_a_date_is_written_in_the_mails_language(style: str, english: str, japanese: str) -> None:
    assert written_date(DAY, style, locale="en") == english
    assert written_date(DAY, style, locale="ja") == japanese


@pytest.mark.parametrize(
    "value", [DAY, "2027-06-30", "2027-06-30T09:00:00+09:00", datetime(2027, 6, 30, 1, tzinfo=UTC)]
)
def test_dates_datetimes_and_iso_texts_are_dates(value: object) -> None:
    assert written_date(value, locale="en-GB") == "30 June 2027"


@pytest.mark.parametrize(
    "value, currency, locale, written",
    [
        (1_200_000, "JPY", "ja", "1,200,000円"),
        (1_200_000, "jpy", "en", "¥1,200,000"),
        (1234.5, "USD", "en", "$1,234.50"),
        (Decimal("99.9"), "EUR", "de", "99,90\xa0€"),
        (0, None, "ja", "0円"),
        ("1,500", None, "en", "$1,500.00"),
    ],
)
def test_money_is_written_in_the_mails_language(value: Any, currency: str | None, locale: str, written: str) -> None:
    assert written_money(value, currency, locale=locale) == written


def test_money_takes_the_customers_currency_and_the_mails_language() -> None:
    assert body_html("{{ arr | money }}") == "<p>1,200,000円</p>"
    assert body_html("{{ arr | money }}", customer={"currency": "USD"}) == "<p>$1,200,000.00</p>"
    assert "customer.currency" in template("{{ arr | money }}").fields


def test_numbers_and_shares() -> None:
    assert written_number(1234567.891, locale="en") == "1,234,567.89"
    assert written_percent(0.87, locale="ja") == "87%"


@pytest.mark.parametrize("name", sorted(set(FILTERS) - {"default", "d", "length", "count"}))
@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_stays_nothing_so_that_the_output_can_ask_for_it(name: str, nothing: object) -> None:
    assert not FILTERS[name](nothing)


@pytest.mark.parametrize("value", [10**16, float("inf"), float("nan"), "no number"])
def test_a_number_that_cannot_be_written_fails(value: object) -> None:
    with pytest.raises((RenderFailed, ArithmeticError)):
        written_number(value)


def test_lists_are_joined_as_the_language_does() -> None:
    assert joined(["a", "b"], locale="ja") == "a、b"
    assert joined(["a", "b"], locale="en") == "a, b"
    assert body_html("{{ customer.tags | join(' / ') }}") == "<p>vip / x&lt;y</p>"


def test_small_text_filters() -> None:
    assert fallback("", "x") == "x"
    assert fallback(0, "x") == 0
    assert shortened("abcdef", 4) == "abc…"
    assert body_html("{{ tier | upper | trim }}") == "<p>GOLD PLAN</p>"
    assert body_html("{{ customer.tags | first }} {{ customer.tags | length }}") == "<p>vip 2</p>"
    assert body_html("{{ (arr / 7) | round(1) }} {{ 2 + 3 * 4 }}") == "<p>171428.6 14</p>"


@pytest.mark.parametrize("nothing", [None, "", "  ", "\u3000"])
def test_s35_none_empty_and_blank_are_missing(nothing: object) -> None:
    with pytest.raises(MissingField, match=r"a\.b"):
        shown(nothing, "a.b")


@pytest.mark.parametrize("value, written", [(0, "0"), (False, "False"), (1.5, "1.5"), (2.0, "2"), (DAY, "2027-06-30")])
def test_zero_and_no_are_values(value: object, written: str) -> None:
    assert shown(value, "x") == written


def test_control_characters_and_direction_overrides_are_dropped_and_emoji_kept() -> None:
    assert shown("a\x00b\u202ec\ud800👩‍🔧\nd", "x") == "abc👩‍🔧\nd"


def test_a_header_value_is_one_line_without_encoded_words() -> None:
    assert shown_in_line("a\r\nBcc: x\u2028y\x0bz", "x") == "a Bcc: x y z"
    assert "=?" not in shown_in_line("=?utf-8?q?=0D=0ABcc:_x?=", "x")


def test_a_drafts_value_cannot_act_as_markdown() -> None:
    assert shown_in_markdown("[x](https://e.example) *a* `b` # c_d _e", "x") == (
        "\\[x\\](https://e.example) \\*a\\* \\`b\\` # c_d \\_e"
    )
    assert shown_in_markdown("# 株式会社\n- x", "x") == "\\# 株式会社 - x"
