"""Two installs on one database, one bad customer among thousands, an acknowledgement that races escalation, names that would
leave their folder, and a failpoint that must never act on real people (delivery.md)."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, update

from bot.app import App
from bot.errors import SettingsError, UsageError
from bot.failpoints import VARIABLE, Place, arm, disarm, is_armed
from bot.pipeline.unanswered import escalate_overdue
from bot.settings import Settings
from storage import handoff_moves
from storage.accounts import Customer
from storage.database import Database
from storage.marks import mark_changed
from storage.outbox import MessageState
from tests.pipeline.scenes import journey, settings
from tests.promise.openings import CUSTOMERS
from tests.promise.smithy import Smithy
from tests.runners.shop import add_customers
from tests.storage.handoff_rows import handoff, row_of
from tests.world import World

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CROWD = 10_000


@pytest.mark.parametrize("round_", range(3))
def test_two_installs_on_one_database_do_everything_once(smithy: Smithy, round_: int) -> None:
    """Real processes that tick at the same moment, round after round."""
    with smithy.case() as case:
        for _ in range(3):
            both = [case.start(""), case.start("")]
            ends = [case.wait(pid) for pid in both]
            assert any(end.exited == 0 for end in ends), ends
            case.time_passes(minutes=5)
        assert case.tick().exited == 0
        assert case.faults() == []
        assert set(case.taken().values()) == {1}
        assert len(case.taken()) == CUSTOMERS
        assert case.disagreements() == []


def test_one_bad_customer_among_ten_thousand_stops_nobody_else(database: Database, tmp_path: Path) -> None:
    world = World(database, tmp_path / "workspace")
    settings(world, "fuses: {enter: 'off', send: 'off'}")
    world.write(
        "templates/emails/hello.en.md",
        "---\nsubject: Hello\ncategory: lifecycle\n---\n{{ (100 / attributes.seats) | round(1) }} per seat.\n",
    )
    journey(world, "p", "- email: hello\n  to: champion", enter='when: stage == "new"\nexisting: enter')
    add_customers(world.database, CROWD)
    with database.write() as connection:
        connection.execute(update(CUSTOMER).values(attributes={"seats": 5}))
        bad = update(CUSTOMER).where(CUSTOMER.c.key == "c5000").values(attributes={"seats": 0})
        connection.execute(bad)
        mark_changed(connection, [5000])
    world.deploy()
    world.tick()
    states = Counter(mail.state for mail in world.outbox)
    assert states == {MessageState.ACCEPTED.value: CROWD - 1, MessageState.QUARANTINED.value: 1}
    assert [mail.customer for mail in world.outbox if mail.state == "quarantined"] == ["c5000"]


@pytest.mark.parametrize("round_", range(5))
def test_acknowledgement_races_escalation_and_one_of_them_wins(database: Database, round_: int) -> None:
    """Whoever is first: acknowledged and never escalated, or escalated and then its old owner's word is answered."""
    now = datetime(2027, 3, 1, 3, 0, tzinfo=UTC)
    late = now - timedelta(minutes=1)
    it = handoff(database, escalate_to="suzuki", acknowledge_within="4 business hours", acknowledge_by=late)
    gate = threading.Barrier(2)
    faults: list[BaseException] = []

    def guarded(act: str) -> None:
        gate.wait()
        try:
            if act == "escalate":
                escalate_overdue(database, now)
                return
            with database.write() as connection:
                handoff_moves.acknowledge(connection, it, by="sato", at=now, key="click")
        except BaseException as fault:  # noqa: BLE001  (shown by the test)
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(act,)) for act in ("escalate", "acknowledge")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert faults == []
    row = row_of(database, it)
    assert row.state == "acknowledged"
    assert (row.owner, row.escalations) in {("sato", 0), ("sato", 1), ("suzuki", 1)}
    assert escalate_overdue(database, now + timedelta(days=3)).escalated == 0


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\secret", "/etc/passwd", "hello/../../x", "%2e%2e/x", "a\x00b"]
)
def test_path_traversal_by_a_template_name_is_refused(world: World, name: str) -> None:
    """A playbook names a template; what it names is looked up among the deployed ones and never opened."""
    world.mail("hello")
    journey(world, "p", f'- email: "{name}"'.replace("\\", "\\\\").replace("\x00", "\\0"))
    with pytest.raises((UsageError, Exception), match=r"error\(s\)"):
        world.deploy()


def test_a_failpoint_is_refused_where_mails_would_leave_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"{Place.INTENDED}=kill")
    (tmp_path / "playbooks").mkdir()
    with pytest.raises(SettingsError, match="would leave this machine"):
        App.open(Settings(workspace=tmp_path, email="sendgrid", sendgrid_api_key="SG.key"))
    assert not is_armed(list(Place))
    monkeypatch.setenv(VARIABLE, f"{Place.INTENDED}=error@3+")
    with App.open(Settings(workspace=tmp_path)):
        assert is_armed([Place.INTENDED])
    disarm()


@pytest.mark.parametrize(
    "text", ["nowhere=kill", "intent.committed=explode", "intent.committed", "intent.committed=kill@x"]
)
def test_a_failpoint_that_does_not_exist_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="is no failpoint"):
        arm(text)
    assert not is_armed(list(Place))
