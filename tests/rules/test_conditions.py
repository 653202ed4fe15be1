"""What a condition's text is read as, and what a person is told when it cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConditionError
from bot.rules.condition_tree import text_of
from bot.rules.conditions import parse_condition, parse_value


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ('stag == "x"', "`stag`", "`stage`"),
        ('cuont("login", days=3) > 0', "`cuont(…)`", "count("),
        ('email == "x"', "`email`", "`contact.email`"),
        ('attributes.x.y == "z"', "reaches into a field", "attributes.x"),
        ('arr >= "10000"', "`arr` is a number", "e.g. arr >= 10000"),
        ('renewal_date < "soon"', "`renewal_date` is a date", "2027-03-31"),
        ("stage == 3", "`stage` is a text", 'stage == "3"'),
        ('stage < "x"', "`<` asks for numbers or dates", "`==`"),
        ("renewed == 1", "`renewed` is a yes or no", "alone"),
        ("attributes.a < attributes.b", "numbers or dates", "attributes.a - attributes.b"),
        ("arr > none", "nothing is larger", "is none"),
        ("stage", "`stage` is a text, not a yes or no", 'stage == "…"'),
        ('count("login", days=7)', "is a number", "> 0"),
        ('count("login")', "exactly one of `days=` or `since=`", "days=30"),
        ('count("login", days=7, since="x") > 0', "exactly one of", "days=30"),
        ("count(login, days=7) > 0", "must stand in quotes", '"login"'),
        ('users("login", days=0) > 0', "from 1 to 3660", "days=7"),
        ('falling("login", weeks=1)', "from 2 to 104", "weeks=3"),
        ('met("x", kinds="ebr") > 0', "no `kinds=`", "`kind=`"),
        ("days_since(stage) > 3", "asks for a date", "2027-03-31"),
        ("tickets > 3", "is a function", "tickets("),
        ("stage() == 3", "is not a function", 'stage == "onboarding"'),
        ('"trial" in tags', "comes a list", 'has_tag("trial")'),
        ('stage in "adoption"', "comes a list", 'stage in ["adoption"]'),
        ("stage in []", "never holds", "list"),
        ("stage is defined", "`is defined`", "is none"),
        ("stage | upper", "filters", "templates"),
        ("arr if renewed else 3", "if y else", "and"),
        ('attributes["x"] == 1', "`[…]`", "attributes.x"),
        ('stage = "x"', "`=`", "`stage == "),
        ("renewed && has_tag('x')", "`&&`", " and "),
        ("arr > 5 AND renewed", "`AND`", " and "),
        ("arr >= 1,000,000", "`1,000,000`", "1000000"),
        ("renewed and and renewed", "`and`", "doubled"),
        ("arr > 1e999", "too large", "10^15"),
        ("renewal_date + arr > today", "does not work with dates", "whole number of days"),
        ("event == 3", "`event` needs a field", "event."),
        ('stage == "\x00"', "cannot", ""),
        ("", "empty", "stage =="),
        ("  ", "empty", "stage =="),
        ("(" * 300 + "renewed" + ")" * 300, "nested too deeply", "split"),
        ("not " * 900 + "renewed", "nested too deeply", "split"),
        ("renewed and " * 500 + "renewed", "longer than 4 kB", "split"),
    ],
)
def test_a_faulty_condition_names_its_fault_and_the_repair(text: str, sentence: str, hint: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_condition(text)
    if "\x00" not in text:
        assert sentence in caught.value.sentence
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("0 < arr < 5", "(0 < arr) and (arr < 5)"),
        ("stage == none", "stage is none"),
        ("not stage is none", "stage is not none"),
        ("customer.stage == 'x'", 'stage == "x"'),
        ('tickets(priority="high") > 0', 'tickets(priority="high") > 0'),
        ('"2027-01-01" <= started_on', '"2027-01-01" <= started_on'),
        ("attributes.a is not none and\n  renewed", "(attributes.a is not none) and renewed"),
    ],
)
def test_a_condition_is_read_as_people_mean_it(text: str, read_as: str) -> None:
    assert text_of(parse_condition(text).tree) == read_as


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("today", "date"),
        ('total("scouts_sent", days=30)', "number"),
        ("today - 3", "date"),
        ("renewal_date - today", "number"),
        ("attributes.x", "any"),
        ("stage", "text"),
        ("renewed", "bool"),
        ("none", "nothing"),
    ],
)
def test_a_value_knows_its_type(text: str, type_: str) -> None:
    assert parse_value(text).type == type_


def test_a_condition_knows_what_it_uses() -> None:
    found = parse_condition('count("login", since="notice") > 0 and (done("call") or event.score <= limit("low"))')
    assert found.names == {"count", "done", "event", "limit"}
    assert found.steps == {"notice", "call"}
    assert found.event_fields == {"score"}
    assert found.feeds == {"login"}
    assert found.needs_walk
    assert not found.needs_contact


def test_s10_a_condition_knows_that_it_only_asks_about_mail() -> None:
    assert parse_condition('clicked("a") or opened("b") and not replied("a")').only_asks_mail
    assert not parse_condition('clicked("a") or done("b")').only_asks_mail
    assert not parse_condition("renewed").only_asks_mail


@pytest.mark.parametrize(
    ("text", "by_time", "moves"),
    [
        ("days_until(renewal_date) <= 30", True, True),
        ("30 > days_until(renewal_date)", True, True),
        ("days_since(started_on) >= 14 and today >= renewal_date", True, True),
        ("days_in_stage > 3 or clicked('x')", True, True),
        ("days_in_stage > 3 and clicked('x')", False, True),
        ("days_until(renewal_date) >= 30", False, True),
        ("days_until(next_meeting('ebr')) <= 3", False, True),
        ('count("login", days=14) == 0', False, True),
        ('count("login", since="x") > 0', False, False),
        ('tickets(status="open") >= 2', False, False),
        ('stage == "onboarding"', False, False),
    ],
)
def test_s11_what_time_itself_makes_true(text: str, by_time: bool, moves: bool) -> None:
    found = parse_condition(text)
    assert (found.becomes_true_by_time, found.moves_with_time) == (by_time, moves)


def test_the_same_text_is_parsed_once() -> None:
    assert parse_condition("renewed") is parse_condition("renewed")


PIECES = [
    *"ab()[]<>=!&|.,'{}%#-+*/ 019\n",
    '"',
    "stage",
    "arr",
    " and ",
    "not ",
    "count",
    "days=",
    " in ",
    " is none",
    "}}",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_text_is_a_condition_or_a_condition_error(text: str) -> None:
    refused = ""
    try:
        parse_value(text)
    except ConditionError as fault:
        refused = fault.sentence
    assert refused or text_of(parse_value(text).tree)
