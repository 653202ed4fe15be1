"""What the names of a condition mean over scores, bands and stages, on both databases. The clock stands at Monday noon in Tokyo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from bot.errors import ConditionError
from bot.rules.condition_scope import table_of
from bot.rules.conditions import parse_condition
from storage.database import Database
from storage.scores import Score
from tests.rules import facts
from tests.rules.asking import ask, at, days_ago
from tests.rules.facts import NOW


@pytest.fixture
def world(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        yield connection


def scored(world: Connection, customer: int, *rows: tuple[int, float | None, str | None], name: str = "health") -> None:
    """Rows of a score: so many days ago, value, band."""
    since: date | None = None
    band_before: str | None = None
    for days, value, band in rows:
        since = since if band == band_before else days_ago(days)
        band_before = band
        row = {"customer_id": customer, "name": name, "card": name, "day": days_ago(days), "value": value, "band": band}
        world.execute(insert(table_of(Score)).values(**row, band_since=since, noted_at=NOW))


def test_the_score_of_today_is_the_latest_row(world: Connection) -> None:
    customer = facts.add_customer(world)
    scored(world, customer, (20, 80.0, "green"), (6, 60.0, "yellow"), (2, 55.0, "yellow"))
    assert ask(world, 'score("health")', customer) == 55
    assert ask(world, 'band("health")', customer) == "yellow"
    assert ask(world, 'band_days("health")', customer) == 6
    assert ask(world, 'score_change("health", days=10)', customer) == -25


def test_s1_without_a_score_nothing_is_red_and_nothing_is_known(world: Connection) -> None:
    customer = facts.add_customer(world)
    assert not ask(world, 'band("health") == "red"', customer)
    assert ask(world, 'band("health") != "red"', customer)
    for unknown in (
        'score("health") < 40',
        'band_days("health") >= 1',
        'worsened("health", days=30)',
        'improved("health", days=30)',
    ):
        assert ask(world, unknown, customer) is None


@pytest.mark.parametrize(
    ("rows", "days", "verdict"),
    [
        pytest.param([(50, 80.0, "green"), (3, 30.0, "red")], 30, True, id="a fall within the window"),
        pytest.param([(50, 80.0, "green"), (40, 30.0, "red")], 30, False, id="a fall before it"),
        pytest.param([(50, 80.0, "green"), (31, 30.0, "red")], 30, False, id="red when the window began"),
        pytest.param([(50, 80.0, "green"), (29, 30.0, "red")], 30, True, id="still green when it began"),
        pytest.param([(50, 80.0, "green"), (20, 30.0, "red"), (4, 75.0, "green")], 30, False, id="it came back"),
        pytest.param([(20, 30.0, "red"), (9, 75.0, "green"), (4, 50.0, "yellow")], 30, True, id="up and down again"),
        pytest.param([(20, 50.0, "yellow"), (4, 45.0, "yellow")], 30, False, id="lower in the same band"),
        pytest.param([(4, 30.0, "red")], 30, False, id="red since it is known"),
    ],
)
def test_worsened_compares_with_the_best_band_of_the_window(
    world: Connection, rows: list[tuple[int, float | None, str | None]], days: int, verdict: bool
) -> None:
    customer = facts.add_customer(world)
    scored(world, customer, *rows)
    assert bool(ask(world, f'worsened("health", days={days})', customer)) is verdict


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        pytest.param([(50, 30.0, "red"), (3, 80.0, "green")], True, id="a rise within the window"),
        pytest.param([(50, 30.0, "red"), (40, 80.0, "green")], False, id="a rise before it"),
        pytest.param([(50, 80.0, "green"), (3, 30.0, "red")], False, id="a fall"),
        pytest.param([(20, 30.0, "red"), (9, 50.0, "yellow"), (4, 30.0, "red")], False, id="up and down again"),
    ],
)
def test_improved_compares_with_the_worst_band_of_the_window(
    world: Connection, rows: list[tuple[int, float | None, str | None]], verdict: bool
) -> None:
    customer = facts.add_customer(world)
    scored(world, customer, *rows)
    assert bool(ask(world, 'improved("health", days=30)', customer)) is verdict


def test_a_stage_is_overdue_on_the_day_after_its_expected_days(world: Connection) -> None:
    expected: dict[str, Any] = {"stages": {"onboarding": 60}}
    inside = facts.add_customer(world, stage="onboarding", stage_since=at(60))
    late = facts.add_customer(world, stage="onboarding", stage_since=at(61))
    other = facts.add_customer(world, stage="adoption", stage_since=at(400))
    unknown = facts.add_customer(world, stage="onboarding", stage_since=None)
    verdicts = [ask(world, "stage_overdue", each, **expected) for each in (inside, late, other)]
    assert [bool(each) for each in verdicts] == [False, True, False]
    assert ask(world, "stage_overdue", unknown, **expected) is None
    assert not ask(world, "stage_overdue", late)


def test_flagged_hand_offs_are_counted_apart(world: Connection) -> None:
    customer = facts.add_customer(world)
    walk = facts.add_walk(world, customer)
    facts.add_handoff(world, walk, customer, "plain", kind="bug_risk")
    facts.add_handoff(world, walk, customer, "flagged", kind="bug_risk", flagged_at=NOW)
    facts.add_handoff(world, walk, customer, "over", kind="bug_risk", flagged_at=NOW, state="done")
    assert ask(world, 'open_handoffs(kind="bug_risk")', customer) == 2
    assert ask(world, 'open_handoffs(kind="bug_risk", flagged=true)', customer) == 1
    assert ask(world, 'open_handoffs(kind="bug_risk", flagged=false)', customer) == 1


def test_flagged_is_true_or_false_and_nothing_else() -> None:
    with pytest.raises(ConditionError, match="`flagged` of `open_handoffs` is `true` or `false`"):
        parse_condition('open_handoffs(flagged="yes") >= 1')
