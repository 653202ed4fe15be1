"""What is typed after /journey is read in English and Japanese. Pure."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.command_text import Typed, Unreadable, read_command, read_day, split_until
from bot.slack.command_words import WORDS

WEDNESDAY = date(2027, 3, 3)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", Typed(verb="help")),
        ("help", Typed(verb="help")),
        ("handoffs", Typed(verb="handoffs")),
        ("対応依頼", Typed(verb="handoffs")),
        ("customer Hinode Foods", Typed(verb="customer", who="Hinode", rest="Foods")),
        ('customer "Hinode Foods"', Typed(verb="customer", who="Hinode Foods", is_quoted=True)),
        ("お客様　「ひので 食品」", Typed(verb="customer", who="ひので 食品", is_quoted=True)),
        ("note acme called them, all well", Typed(verb="note", who="acme", rest="called them, all well")),
        ("メモ 「ひので」 電話しました", Typed(verb="note", who="ひので", rest="電話しました", is_quoted=True)),
        ("NOTE “A B” hi", Typed(verb="note", who="A B", rest="hi", is_quoted=True)),
        ("メモ ひので食品：電話しました", Typed(verb="note", who="ひので食品", rest="電話しました")),
        ("note acme", Unreadable(word="how_note")),
        ("note", Unreadable(word="how_note")),
        ("pause", Unreadable(word="how_pause")),
        ("why", Unreadable(word="how_why")),
        ("customer", Unreadable(word="how_customer")),
        ("resume", Unreadable(word="how_resume")),
        ("delete everything", Unreadable(word="unknown_verb", given="delete")),
    ],
)
def test_commands_are_read(text: str, read: Typed | Unreadable) -> None:
    assert read_command(text) == read
    assert not isinstance(read, Unreadable) or read.word in WORDS


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-03-05", date(2027, 3, 5)),
        ("2027/3/5", date(2027, 3, 5)),
        ("２０２７年３月５日", date(2027, 3, 5)),
        ("3月5日", date(2027, 3, 5)),
        ("3月2日まで", date(2028, 3, 2)),
        ("tomorrow", date(2027, 3, 4)),
        ("明日", date(2027, 3, 4)),
        ("friday", date(2027, 3, 5)),
        ("next Wednesday", date(2027, 3, 10)),
        ("fri", date(2027, 3, 5)),
        ("金曜日", date(2027, 3, 5)),
        ("5 March", date(2027, 3, 5)),
        ("the 5th of March", date(2027, 3, 5)),
        ("March 2nd", date(2028, 3, 2)),
        ("5 mar 2029", date(2029, 3, 5)),
        ("5 smarch", None),
        ("31 June", None),
        ("明後日", date(2027, 3, 5)),
        ("来週月曜まで", date(2027, 3, 8)),
        ("来週の金曜日", date(2027, 3, 12)),
        ("next week", date(2027, 3, 8)),
        ("来月まで", date(2027, 4, 1)),
        ("in 2 weeks", date(2027, 3, 17)),
        ("10日後", date(2027, 3, 13)),
        ("3/5", None),
        ("2027-02-29", None),
        ("13月1日", None),
        ("0000-01-01", None),
        ("soon", None),
        ("", None),
    ],
)
def test_days_are_read_as_people_write_them(text: str, day: date | None) -> None:
    assert read_day(text, WEDNESDAY) == day


def test_a_slash_is_month_and_day_where_japanese_is_read() -> None:
    assert read_day("3/5まで", WEDNESDAY, is_japanese=True) == date(2027, 3, 5)
    assert read_day("13/5", WEDNESDAY, is_japanese=True) is None


def test_the_name_and_the_day_of_a_pause_are_told_apart() -> None:
    assert split_until("Until Ltd until friday") == ("Until Ltd", "friday")
    assert split_until("ひので 食品 3月5日まで") == ("ひので 食品", "3月5日")
    assert split_until("until friday") == ("", "friday")
    assert split_until("Hinode Foods") is None


@given(st.text(max_size=200))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    assert isinstance(read_command(text), Typed | Unreadable)
    read_day(text, WEDNESDAY)
    split_until(text)
