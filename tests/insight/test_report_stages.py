"""Stages and health over all customers: who is where, how long it takes, who moved on and renewed; bands and what moved."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Table, insert

from bot.insight.report_health import report_health
from bot.insight.report_stages import report_stages, stuck_of
from storage.facts import StageChange, Subscription
from storage.scores import Score
from storage.stages import StageCheck
from tests.cast import customer
from tests.world import World

CHANGE: Table = StageChange.__table__  # type: ignore[attr-defined]
HELD: Table = Subscription.__table__  # type: ignore[attr-defined]
CHECK: Table = StageCheck.__table__  # type: ignore[attr-defined]
SCORE: Table = Score.__table__  # type: ignore[attr-defined]
STAGES = """
- {stage: trial, title: Trial, expected: 30 days, next: paying, complete_when: {used: "count('login', days=7) > 0"}}
- {stage: paying, title: Paying}
- {stage: gone, title: Gone, final: true}
"""


def moved(world: World, customer_id: int, days_ago: int, old: str | None, new: str) -> dict[str, Any]:
    at = world.now - timedelta(days=days_ago)
    return {"customer_id": customer_id, "old": old, "new": new, "at": at, "cause": "test"}


def held(customer_id: int, key: str, began: date, ended: date | None, mrr: float) -> dict[str, Any]:
    return {"customer_id": customer_id, "source": "test", "key": key, "product": "core", "mrr": mrr,
            "started_on": began, "ended_on": ended}  # fmt: skip


def test_stages_say_who_is_late_and_whether_those_who_move_on_renew(world: World) -> None:
    world.write("playbooks/stages.yml", STAGES)
    world.deploy()
    at = world.now
    fast, slow, left, late = (
        customer(world.database, key, at, stage=stage, stage_since=at - timedelta(days=days))
        for key, stage, days in (
            ("fast", "paying", 40),
            ("slow", "paying", 10),
            ("left", "gone", 5),
            ("late", "trial", 32),
        )
    )
    changes = [moved(world, fast, 60, None, "trial"), moved(world, fast, 40, "trial", "paying")]
    changes += [moved(world, slow, 60, None, "trial"), moved(world, slow, 10, "trial", "paying")]
    changes += [moved(world, left, 20, None, "trial"), moved(world, left, 5, "trial", "gone")]
    rows = [held(fast, "f1", date(2026, 1, 1), date(2026, 12, 31), 100), held(fast, "f2", date(2027, 1, 1), None, 150)]
    rows += [
        held(slow, "s1", date(2026, 1, 1), date(2026, 12, 31), 100),
        held(left, "l1", date(2026, 1, 1), date(2027, 1, 31), 80),
    ]
    with world.database.write() as connection:
        connection.execute(insert(CHANGE), changes)
        connection.execute(insert(HELD), rows)
        connection.execute(
            insert(CHECK).values(customer_id=late, stage="trial", name="used", holds=False, since=at.date())
        )
    with world.database.read() as connection:
        trial, paying, gone = report_stages(connection, at)
    assert (trial["people"], trial["expected_days"], trial["overdue"]) == (1, 30, 1)
    assert trial["median_days"] == 20  # of 15, 20 and 50 days
    assert trial["completion"] == 0.5  # two of four
    assert (trial["renewal_of_movers"], trial["expansion_of_movers"]) == (0.5, 0.5)
    assert (trial["renewal_of_others"], trial["expansion_of_others"]) == (0, 0)
    assert (paying["people"], paying["overdue"], gone["people"]) == (2, None, 1)
    assert list(stuck_of([trial, paying, gone])) == ["trial: checks that fail: used 1"]


def test_health_counts_bands_and_who_rose_and_fell(world: World) -> None:
    ids = [customer(world.database, key, world.now) for key in ("up", "down", "new")]
    today, before = world.now.date(), world.now.date() - timedelta(days=40)

    def score(customer_id: int, name: str, day: date, value: float, band: str, **more: Any) -> dict[str, Any]:
        return {"customer_id": customer_id, "card": "health", "name": name, "day": day, "value": value, "band": band,
                "state": "fresh", "confidence": None, "noted_at": world.now, **more}  # fmt: skip

    rows = [
        score(ids[0], "health", before, 50, "yellow", confidence=0.5),
        score(ids[0], "health", today, 80, "green", confidence=1.0),
    ]
    rows += [
        score(ids[1], "health", before, 80, "green", confidence=1.0),
        score(ids[1], "health", today, 20, "red", confidence=1.0),
    ]
    rows += [score(ids[2], "health", today, 60, "yellow", confidence=1.0), score(ids[1], "usage", before, 10, "red")]
    with world.database.write() as connection:
        connection.execute(insert(SCORE), rows)
    with world.database.read() as connection:
        card, usage = report_health(connection, world.now)
    assert (card["name"], card["green"], card["yellow"], card["red"]) == ("health", 1, 1, 1)
    assert (card["mean"], card["mean_30_days_ago"], card["rose"], card["fell"]) == (53.3, 65, 1, 1)
    assert (card["confidence"], usage["name"], usage["red"], usage["rose"]) == (1.0, "usage", 1, 0)
