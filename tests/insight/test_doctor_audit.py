"""doctor as the auditor of delivery.md: each invariant is broken by hand, and the complaint of that name is there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from bot.insight.complaints import Complaint
from bot.insight.doctor import examine
from bot.pipeline.send_guard import HostGuard
from storage.accounts import Suppression
from storage.handoffs import HandoffAct
from storage.hosts import HOST
from storage.marker import MarkerFile
from storage.outbox_moves import ATTEMPT, MESSAGE
from tests.insight.test_doctor import HANDOFF, begin, corrupt, found
from tests.world import World


def _named(world: World, name: str) -> list[Complaint]:
    return [complaint for complaint in world.doctor() if complaint.name == name]


@pytest.mark.parametrize(
    "broken",
    [{"closed_at": None, "state": "done"}, {"state": "open", "closed_at": "now"}],
)
def test_every_handoff_has_one_end(world: World, broken: dict[str, Any]) -> None:
    begin(world)
    assert _named(world, "handoff_end_broken") == []
    values = {name: world.now if value == "now" else value for name, value in broken.items()}
    corrupt(world, update(HANDOFF).where(HANDOFF.c.id == world.handoffs[-1].id).values(values))
    assert found(world, "handoff_end_broken").count == 1


def test_a_handoff_that_was_closed_twice_is_an_error(world: World) -> None:
    begin(world)
    one = world.handoffs[-1].id
    corrupt(world, update(HANDOFF).where(HANDOFF.c.id == one).values(state="done", closed_at=world.now))
    for number, act in enumerate(("done", "withdrawn")):
        assert _named(world, "handoff_end_broken") == []
        row = {"handoff_id": one, "key": f"k{number}", "act": act, "by": "sato", "at": world.now}
        corrupt(world, insert(HandoffAct).values(row))
    assert found(world, "handoff_end_broken").severity == "error"


@pytest.mark.parametrize(("age", "severity"), [(timedelta(hours=2), "note"), (timedelta(hours=30), "warning")])
def test_unknown_fates_are_told_with_their_age(world: World, age: timedelta, severity: str) -> None:
    begin(world)
    over = {"state": "unknown", "over_at": world.now - age}
    corrupt(world, update(MESSAGE).where(MESSAGE.c.id == world.sent[0].id).values(over))
    complaint = found(world, "mails_unknown")
    assert (complaint.severity, complaint.count) == (severity, 1)


def test_held_mails_are_counted_by_reason(world: World) -> None:
    begin(world)
    first, second = (mail.id for mail in world.sent)
    corrupt(world, update(MESSAGE).where(MESSAGE.c.id == first).values(state="held", reason="review"))
    corrupt(world, update(MESSAGE).where(MESSAGE.c.id == second).values(state="held", reason="missing_field"))
    assert found(world, "held_by_reason").examples == ("missing_field: 1", "review: 1")


@pytest.mark.parametrize(
    ("outcome", "is_told"), [("accepted", True), ("unknown", True), (None, True), ("refused", False)]
)
def test_an_attempt_after_a_suppression_counts_unless_the_provider_refused_it(
    world: World, outcome: str | None, is_told: bool
) -> None:
    begin(world)
    mail = world.sent[0]
    assert mail.accepted_at is not None
    row = {"address": mail.to, "category": "", "reason": "hand", "at": mail.accepted_at - timedelta(hours=1)}
    corrupt(world, insert(Suppression).values(row))
    corrupt(world, update(ATTEMPT).where(ATTEMPT.c.message_id == mail.id).values(outcome=outcome))
    assert bool(_named(world, "sent_after_suppression")) is is_told


def test_an_invalid_index_of_postgresql_is_an_error(world: World) -> None:
    if world.database.is_sqlite:
        # It checks its own file with PRAGMA integrity_check instead.
        assert _named(world, "index_invalid") == []
        return
    corrupt(world, text("ALTER TABLE csm ADD CONSTRAINT named CHECK (name <> '') NOT VALID"))
    assert found(world, "index_invalid").examples == ("constraint named",)


def _guarded(world: World, folder: Path) -> list[Complaint]:
    guard = HostGuard(file=MarkerFile(folder=folder, installation=world.app.installation), name="one")
    return examine(world.database, world.app.published(), world.now, world.app.settings, guard)


def test_a_paused_host_is_an_error_and_a_fresh_one_is_not(world: World, tmp_path: Path) -> None:
    begin(world)
    assert "sending_paused" not in {complaint.name for complaint in _guarded(world, tmp_path)}
    corrupt(world, update(MESSAGE).values(provider="sendgrid"))
    complaint = next(each for each in _guarded(world, tmp_path) if each.name == "sending_paused")
    assert complaint.severity == "error"
    assert "db release" in complaint.hint


def test_a_copy_whose_mails_are_files_is_only_noted(world: World) -> None:
    begin(world)
    row = {"id": "x", "name": "prod", "joined_at": world.now, "joined_by": "first start", "generation": 9}
    corrupt(world, insert(HOST).values(row))
    assert found(world, "sending_unknown_host").severity == "note"


def test_a_marker_that_cannot_be_written_is_an_error(world: World, tmp_path: Path) -> None:
    begin(world)
    (tmp_path / "file").write_text("in the way")
    names = {complaint.name for complaint in _guarded(world, tmp_path / "file" / "host")}
    assert "marker_unwritable" in names
