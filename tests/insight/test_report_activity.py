"""How often people were in touch, per CSM, against the target of their customers; each touch counts once. Both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Table, insert

from bot.insight.report_activity import report_activity, untouched_of
from storage.facts import Meeting, Note
from storage.handoffs import HandoffMail, HandoffState
from tests.cast import csm, customer
from tests.storage.handoff_rows import handoff
from tests.world import WORKSPACE, World

MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
NOTE: Table = Note.__table__  # type: ignore[attr-defined]
BY_HAND: Table = HandoffMail.__table__  # type: ignore[attr-defined]
TOUCH = "touch: {high: {touches_a_month: 4}, low: {touches_a_month: 0.5}, tech: {}}\n"
STAGES = "- {stage: adoption, title: Adoption}\n- {stage: churned, title: Gone, final: true}\n"


def team(world: World) -> dict[str, int]:
    """Sato has a big, a small and a lost customer, Suzuki a small one, nobody a self-running one."""
    world.write("playbooks/workspace.yml", WORKSPACE + TOUCH)
    world.write("playbooks/stages.yml", STAGES)
    world.deploy()
    for key in ("sato", "suzuki"):
        csm(world.database, key)
    given = {"big": ("sato", "high"), "small": ("sato", "low"), "other": ("suzuki", "low"), "own": (None, "tech")}
    ids = {
        key: customer(world.database, key, world.now, csm=who, touch=touch, stage="adoption")
        for key, (who, touch) in given.items()
    }
    ids["lost"] = customer(world.database, "lost", world.now, csm="sato", touch="high", stage="churned")
    return ids


def happens(world: World, customer_id: int, days_ago: int, table: Table, **values: Any) -> None:
    at = world.now - timedelta(days=days_ago)
    row = {"customer_id": customer_id, "source": "test", "key": f"{table.name}-{customer_id}-{days_ago}", **values}
    row |= {"starts_at": at} if table is MEETING else {"at": at, "text": "Talked"}
    with world.database.write() as connection:
        connection.execute(insert(table).values(**row))


def closed(world: World, customer_id: int, by: str, **values: Any) -> int:
    at = world.now - timedelta(days=3)
    state = {"state": HandoffState.DONE.value, "closed_by": by, "closed_at": at, **values}
    return handoff(world.database, customer_id=customer_id, opened_at=at, owner=by, contact_id=None, **state)


def reported(world: World, csm: str | None = None) -> dict[str | None, dict[str, Any]]:
    with world.database.read() as connection:
        return {row["csm"]: row for row in report_activity(connection, world.now, csm)}


def test_touches_count_for_who_did_them_and_else_for_the_customers_csm(world: World) -> None:
    ids = team(world)
    happens(world, ids["big"], 2, MEETING)
    happens(world, ids["big"], 35, MEETING)
    happens(world, ids["big"], -2, MEETING)  # still to come
    happens(world, ids["small"], 4, NOTE, by="suzuki")
    happens(world, ids["own"], 4, NOTE, by="somebody at support")
    closed(world, ids["big"], "sato")
    closed(world, ids["other"], "journeybot")  # the machine's own
    rows = reported(world)
    sato, suzuki, nobody = rows["sato"], rows["suzuki"], rows[None]
    assert (sato["touches"], sato["meetings"], sato["handoffs"], sato["before"]) == (2, 1, 1, 1)
    assert (sato["customers"], sato["target"], sato["share"]) == (2, 4.5, 0.44), "nothing is asked for who has left"
    assert (suzuki["touches"], suzuki["notes"], suzuki["share"]) == (1, 1, 2.0)
    assert (nobody["touches"], nobody["target"], nobody["share"]) == (1, 0, None)
    assert (rows["all"]["touches"], rows["all"]["target"], rows["all"]["share"]) == (4, 5.0, 0.8)


def test_customers_without_a_touch_are_named_the_most_revenue_first(world: World) -> None:
    ids = team(world)
    customer(world.database, "rich", world.now, csm="sato", touch="low", arr=9_000)
    happens(world, ids["big"], 2, MEETING)
    rows = reported(world, "sato")
    assert list(rows) == ["sato"]
    assert rows["sato"]["untouched"] == 2
    assert [found["customer"] for found in rows["sato"]["without_a_touch"]] == ["rich", "small"]
    assert list(untouched_of(list(rows.values()))) == ["sato: no touch in 30 days: rich, small"]


def test_one_hand_off_with_its_mail_and_its_note_is_one_touch(world: World) -> None:
    ids = team(world)
    done = closed(world, ids["big"], "sato")
    closed(world, ids["big"], "sato", kind="question")  # the machine asked, and no customer was touched
    handoff(
        world.database,
        customer_id=ids["big"],
        contact_id=None,
        owner="sato",
        opened_at=world.now,
        due_at=world.now - timedelta(days=1),
    )
    happens(world, ids["big"], 3, NOTE, by="sato", source="journeybot", key=f"handoff-{done}-done")
    written = {"way": "elsewhere", "by": "sato", "at": world.now - timedelta(days=3), "template": "renewal"}
    with world.database.write() as connection:
        connection.execute(insert(BY_HAND).values(handoff_id=done, changes=[], **written))
    sato = reported(world)["sato"]
    assert (sato["touches"], sato["mails"], sato["handoffs"], sato["notes"], sato["late"]) == (1, 1, 0, 0, 1)


def test_before_anybody_is_there_nothing_is_said(world: World) -> None:
    assert reported(world) == {}
