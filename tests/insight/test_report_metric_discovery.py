"""Which measure of the first days tells apart who stayed and who left, and when that cannot be said. Both databases."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Table, insert

from bot.insight.report_metric_discovery import TELLS, TOO_FEW, found_of, report_metric_discovery
from storage.accounts import Customer, bucket_of
from storage.facts import DailyUsage
from storage.health import MetricValue
from tests.world import World

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
USAGE: Table = DailyUsage.__table__  # type: ignore[attr-defined]
METRIC: Table = MetricValue.__table__  # type: ignore[attr-defined]
STAGES = "- {stage: adoption, title: Adoption}\n- {stage: churned, title: Gone, final: true}\n"
LONG_AGO = date(2026, 3, 1)


def people(
    world: World, number: int, first: int, *, left: bool, began: date = LONG_AGO, gone_after: int = 200
) -> list[int]:
    """Customers with ids from `first` on, who began on that day; `left`: so many days later."""
    stage = {"stage": "churned" if left else "adoption", "stage_since": world.now - timedelta(days=365 - gone_after)}
    empty: dict[str, Any] = {"tags": [], "owners": {}, "limits": {}, "attributes": {}}
    ids = list(range(first, first + number))
    rows = [
        {"id": found, "key": f"c{found}", "bucket": bucket_of(f"c{found}"), "name": f"C{found}", "started_on": began}
        | stage | {"created_at": world.now} | empty
        for found in ids
    ]  # fmt: skip
    with world.database.write() as connection:
        connection.execute(insert(CUSTOMER), rows)
    return ids


def used(world: World, ids: list[int], event: str, day: int, total: float, began: date = LONG_AGO) -> None:
    row = {
        "event": event,
        "day": began + timedelta(days=day),
        "source": "events",
        "count": 1,
        "total": total,
        "users": 1,
    }
    with world.database.write() as connection:
        connection.execute(insert(USAGE), [{"customer_id": found, **row} for found in ids])


def reported(world: World, first_days: int = 30) -> dict[str, dict[str, Any]]:
    with world.database.read() as connection:
        return {row["measure"]: row for row in report_metric_discovery(connection, world.now, first_days)}


def test_the_number_that_separates_who_stayed_is_found_and_what_all_did_alike_is_not(world: World) -> None:
    world.write("playbooks/stages.yml", STAGES)
    world.deploy()
    stayed, left = people(world, 40, 1, left=False), people(world, 30, 101, left=True)
    used(
        world, stayed[:1], "scouts_sent", -1, 99
    )  # since when it is tracked; before the first day, so it does not count
    used(world, stayed, "scouts_sent", 3, 9)
    used(world, left[:25], "scouts_sent", 3, 2)  # five never did it: they count too
    used(world, left, "scouts_sent", 40, 50)  # after the first month: too late
    used(world, [*stayed, *left], "login", 0, 1)
    with world.database.write() as connection:
        values = [(found, 0.9) for found in stayed] + [(found, 0.1) for found in left]
        rows = [{"customer_id": found, "metric": "rate", "day": LONG_AGO, "value": value} for found, value in values]
        connection.execute(insert(METRIC), [{**row, "changed_at": world.now} for row in rows])
    rows_by_name = reported(world)
    scouts = rows_by_name['in_first_days("scouts_sent", days=30)']
    assert (scouts["stayed"], scouts["left"], scouts["mean_stayed"], scouts["mean_left"]) == (40, 30, 9.0, 1.67)
    assert (scouts["at_least"], scouts["stayed_who_reached"], scouts["stayed_of_others"]) == (9, 1.0, 0.0)
    assert scouts["verdict"] == TELLS
    assert rows_by_name['metric("rate") after 30 days']["verdict"] == TELLS
    login = rows_by_name['in_first_days("login", days=30)']
    assert (login["stayed"], login["left"], login["at_least"], login["verdict"]) == (40, 30, None, TOO_FEW)
    assert next(found_of(list(rows_by_name.values()))).endswith(
        ">= 9: 100% of those who reached it stayed, 0% of the others"
    )


def test_only_customers_count_whose_first_days_are_known_and_who_had_the_time_to_leave(world: World) -> None:
    world.write("playbooks/stages.yml", STAGES)
    world.deploy()
    known, before, young = LONG_AGO, LONG_AGO - timedelta(days=1), world.now.date() - timedelta(days=100)
    stayed, left = people(world, 19, 1, left=False), people(world, 30, 101, left=True)
    people(world, 9, 201, left=False, began=before)  # the event was not tracked yet
    people(world, 9, 301, left=False, began=young)  # may still leave
    people(world, 9, 401, left=True, began=known, gone_after=20)  # left within the first days
    used(world, stayed, "scouts_sent", 0, 9)
    used(world, left, "scouts_sent", 0, 2)
    (scouts, *_) = reported(world).values()
    assert (scouts["stayed"], scouts["left"]) == (19, 30)
    assert (scouts["verdict"], scouts["at_least"]) == (TOO_FEW, None), "19 are too few"


def test_without_usage_nothing_is_said(world: World) -> None:
    world.deploy()
    assert reported(world) == {}
