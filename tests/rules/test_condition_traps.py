"""Habits of other languages in conditions are named, with the condition as it should be; right conditions never are."""

from __future__ import annotations

import time

import pytest

from bot.rules.condition_traps import condition_traps

TRAPS = [
    ('stage = "trial"', "`=`", 'stage == "trial"'),
    ('(stage = "trial") and count("login", days=30) > 3', "`=`", '(stage == "trial") and count("login", days=30) > 3'),
    ('count("login", days=30) = 3', "`=`", 'count("login", days=30) == 3'),
    ("a && b", "`&&`", "a and b"),
    ("a&&b", "`&&`", "a and b"),
    ("a || b", "`||`", "a or b"),
    ("a AND b", "`AND`", "a and b"),
    ("a OR b", "`OR`", "a or b"),
    ("NOT a", "`NOT`", "not a"),
    ("NOT (a)", "`NOT`", "not (a)"),
    ("a Or b", "`Or`", "a or b"),
    ("!renewed", "`!`", "not renewed"),
    ("a and !b", "`!`", "a and not b"),
    ("a === 1", "`===`", "a == 1"),
    ("a !== 1", "`!==`", "a != 1"),
    ("a <> 1", "`<>`", "a != 1"),
    ("a => 1", "`=>`", "a >= 1"),
    ("a =< 1", "`=<`", "a <= 1"),
    ("a ≥ 1", "`≥`", "a >= 1"),
    ("a ≦ 1", "`≤`", "a <= 1"),
    ("a ≠ 1", "`≠`", "a != 1"),
    ("stage == “trial”", "`“`", 'stage == "trial"'),
    ("stage == ‘trial’", "`‘`", 'stage == "trial"'),
    ("stage == 「trial」", "`「`", 'stage == "trial"'),
    ('stage ＝ "trial"', "`＝`", 'stage == "trial"'),
    ("arr ＞ １００", "`＞`", "arr > 100"),
    ('stage\u3000== "trial"', "full-width space", 'stage == "trial"'),
    ("arr >= 1,000,000", "`1,000,000`", "1000000"),
    ("nps == null", "`null`", "is none"),
    ("nps is not NULL", "`NULL`", "is not none"),
    ('stage == "trial', "quote", "one quote on each side"),
]

RIGHT = [
    'stage == "a = b && c"',
    'count("login", days=30) > 0',
    'tickets(status="open", older_than_days=limit("ticket_open_days")) >= 1',
    'tickets(priority=["high", "urgent"], days=30) > 1',
    'region == "株式会社（東京）＝１，０００"',
    "attributes.usage_talk_ok != false",
    'touch in ["high", "low"] and not renewed',
    "arr in [100, 200]",
    "arr in [100,200]",
    'title == "it\'s"',
    "a != b and c >= 1 and d <= 2",
    'name == "AND NOT !"',
    "attributes.AND == 1",
    "attributes.null == 1",
    "",
]


@pytest.mark.parametrize(("text", "named", "repair"), TRAPS)
def test_a_habit_of_another_language_is_named_with_its_repair(text: str, named: str, repair: str) -> None:
    trap = condition_traps(text)
    assert trap is not None
    assert named in trap[0]
    assert repair in trap[1]


@pytest.mark.parametrize("text", RIGHT)
def test_a_right_condition_is_no_trap(text: str) -> None:
    assert condition_traps(text) is None


@pytest.mark.parametrize(
    ("text", "named", "repair"), [trap for trap in TRAPS if " " in trap[2] and "quote" not in trap[2]]
)
def test_the_repair_of_a_trap_is_no_trap(text: str, named: str, repair: str) -> None:
    assert condition_traps(repair) is None


@pytest.mark.parametrize(
    "text", ["=" * 4000, "a=" * 2000, "(" * 4000, "x(" * 1300 + "=", "1,000 " * 600, '"' * 3999, "!" * 4000]
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    condition_traps(text)
    assert time.process_time() - began < 0.5
