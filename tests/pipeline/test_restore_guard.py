"""The restore guard (delivery.md): a restored or copied database decides and hands nothing over until a person releases it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from bot.pipeline.releasing import preview_release, release
from bot.pipeline.send_guard import HostGuard
from bot.rules.references import MailName
from bot.webhooks.preferences import reader_of
from bot.webhooks.unsubscribe import MailLinks
from storage.database import Database
from storage.hosts import HOST, PauseCause
from storage.marker import MarkerFile
from storage.outbox_moves import MESSAGE
from tests.cast import customer, person
from tests.fakes.sendgrid_webhook import wire_event
from tests.pipeline.provider import DELIVERY_EVENT, posted, rows, strays, take_in
from tests.pipeline.scenes import name_of_mail, settings
from tests.restoring import restored, take_backup
from tests.world import World

WALK = """
title: Welcome
state: live
walks: customer
enter: {when: stage == "adoption", existing: enter}
steps:
  - email: welcome
  - wait: 2 days
  - email: second
"""

Restore = Callable[[Path], Database]


def guard_of(world: World, folder: Path) -> HostGuard:
    """A host whose marker lies in this folder; `machine` is a file that no machine has."""
    file = MarkerFile(folder=folder, installation=world.app.installation, machine=folder / "no-machine-id")
    return HostGuard(file=file, name="one")


def begin(world: World, tmp_path: Path) -> World:
    world.mail("welcome", "second")
    world.playbook("welcome", WALK)
    world.deploy()
    world.app.guard = guard_of(world, tmp_path / "host")
    return world


def arrives(world: World, key: str) -> None:
    customer(world.database, key, world.now, stage="adoption", timezone="Asia/Tokyo")
    person(world.database, key, "tanaka", world.now, roles=("decision_maker*", "champion"))


@pytest.fixture
def restore(request: pytest.FixtureRequest, database: Database) -> Iterator[Restore]:
    server = None if database.is_sqlite else request.getfixturevalue("postgresql_url")
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(restored(database, path, server))


def again(world: World, database: Database, tmp_path: Path, host: str = "host") -> World:
    """journeybot started on another database of the same installation, at the same moment."""
    found = World(database, tmp_path / "workspace", at=world.now)
    found.app.guard = guard_of(found, tmp_path / host)
    return found


def read_back(links: MailLinks, mail: MailName) -> MailName:
    """What the page behind a mail's unsubscribe link takes it for."""
    found = links.read(str(links.url(mail)).rpartition("/")[2])
    assert found is not None
    return found


def let_go(world: World, *, until: timedelta | None = None) -> int:
    guard = world.app.guard
    assert isinstance(guard, HostGuard)
    moment = None if until is None else world.now + until
    with world.database.write() as connection:
        return release(connection, guard, world.now, by="sato", expire_until=moment)


def test_a_first_start_joins_without_asking_and_each_batch_moves_the_generation(world: World, tmp_path: Path) -> None:
    begin(world, tmp_path)
    arrives(world, "a")
    assert world.tick().pause is None
    assert len(world.sent) == 1
    marker = guard_of(world, tmp_path / "host").file.read()
    assert marker is not None
    assert marker.generation == 1
    world.time_passes(days=3)
    marker = guard_of(world, tmp_path / "host").file.read()
    assert marker is not None
    assert marker.generation == 2
    with world.database.read() as connection:
        assert connection.execute(select(HOST.c.generation)).scalars().all() == [2]


def test_a_restored_backup_sends_nothing_twice_until_a_person_says_so(
    world: World, tmp_path: Path, restore: Restore
) -> None:
    """backup → later sends → restore → send-paused → what was sent is expired, what fell due since leaves."""
    begin(world, tmp_path)
    arrives(world, "a")
    world.tick()
    backup = take_backup(world.database, tmp_path / "backup")
    world.time_passes(days=3)
    assert [mail.template for mail in world.sent] == ["welcome", "second"]  # the second is not in the backup

    late = again(world, restore(backup), tmp_path)
    late.jump(hours=1)
    arrives(late, "c")
    report = late.tick()
    assert report.pause is not None
    assert report.pause.cause == PauseCause.RESTORED
    assert late.channel.accepted == []
    waiting = {(mail.customer, mail.template): mail.state for mail in late.outbox}
    assert waiting == {("a", "welcome"): "accepted", ("a", "second"): "pending", ("c", "welcome"): "pending"}

    guard = late.app.guard
    assert isinstance(guard, HostGuard)
    with late.database.read() as connection:
        shown = preview_release(connection, guard, late.now)
    # c's walk is new here; nobody can know whether it had its mail before the restore.
    assert [(row.mails, row.due, row.doubtful) for row in shown.playbooks] == [(2, 2, 2)]
    assert shown.pause is not None
    assert shown.pause.handed_over_until is not None

    assert let_go(late, until=shown.pause.handed_over_until - late.now) == 1
    assert late.tick().pause is None
    states = {(mail.customer, mail.template): mail.state for mail in late.outbox}
    assert states == {("a", "welcome"): "accepted", ("a", "second"): "expired", ("c", "welcome"): "accepted"}
    took = next(took for took in late.decisions if took.reason == "sending_released")
    assert (took.details["by"], took.details["why"], took.details["expired"]) == ("sato", "restored", 1)
    assert "expired_at_release" in late.reasons("a")


def test_what_is_said_of_mails_that_the_backup_lacks_reaches_no_other_mail(
    world: World, tmp_path: Path, restore: Restore
) -> None:
    """The restored database gives their numbers a second time; their names and their links name them alone."""
    begin(world, tmp_path)
    links = MailLinks(public_url="https://j.example", keys=(b"k" * 40,), installation=world.app.installation)
    backup = take_backup(world.database, tmp_path / "backup")
    arrives(world, "a")
    world.tick()
    (lost,) = world.channel.accepted
    lost_name = name_of_mail(world, world.sent[0].id)

    late = again(world, restore(backup), tmp_path)
    late.jump(hours=1)
    arrives(late, "b")
    late.tick()
    let_go(late)
    late.tick()
    assert [(mail.customer, mail.id) for mail in late.sent] == [("b", lost_name.number)]
    posted(late, *(wire_event(lost.reference, kind) for kind in ("delivered", "bounce", "spamreport")))
    take_in(late)
    assert set(strays(late)) == {"unknown_message"}
    assert rows(late, select(DELIVERY_EVENT)) == []
    mine = name_of_mail(late, lost_name.number)
    with late.database.read() as connection:
        assert reader_of(connection, read_back(links, lost_name)) is None
        found = reader_of(connection, read_back(links, mine))
    assert found is not None
    assert found.addresses == ("tanaka@b.example",)


def test_a_mail_that_waited_in_the_backup_is_settled_by_what_is_said_of_it(
    world: World, tmp_path: Path, restore: Restore
) -> None:
    """It was handed over after the backup, so nothing here tells of an attempt; the provider does, and it is not sent again."""
    begin(world, tmp_path)
    settings(world, 'windows: [{days: every day, hours: "12:00-18:00"}]')
    world.deploy()
    arrives(world, "a")
    world.tick()
    backup = take_backup(world.database, tmp_path / "backup")
    world.jump(hours=4)
    world.tick()
    (sent,) = world.channel.accepted
    late = again(world, restore(backup), tmp_path)
    posted(late, wire_event(sent.reference, "delivered", timestamp=int(late.now.timestamp())))
    assert late.tick().pause is not None
    let_go(late)
    late.tick()
    assert late.channel.accepted == []
    assert [(mail.template, mail.state, mail.reason) for mail in late.outbox] == [("welcome", "accepted", "evidence")]
    assert [complaint.name for complaint in late.doctor() if complaint.severity == "error"] == []


def test_a_backup_that_lacks_no_hand_over_is_not_stopped(world: World, tmp_path: Path, restore: Restore) -> None:
    begin(world, tmp_path)
    arrives(world, "a")
    world.tick()
    backup = take_backup(world.database, tmp_path / "backup")
    world.time_passes(hours=1)
    late = again(world, restore(backup), tmp_path)
    assert late.tick().pause is None


def test_a_copy_on_another_host_is_stopped_and_released_there_only(
    world: World, tmp_path: Path, restore: Restore
) -> None:
    begin(world, tmp_path)
    arrives(world, "a")
    world.tick()
    arrives(world, "b")
    copy = again(world, restore(take_backup(world.database, tmp_path / "copy")), tmp_path, host="elsewhere")
    report = copy.tick()
    assert report.pause is not None
    assert report.pause.cause == PauseCause.COPIED
    assert copy.channel.accepted == []
    assert let_go(copy) == 0
    assert copy.tick().pause is None
    assert len(copy.channel.accepted) == 1
    assert world.tick().pause is None  # the host that it was copied from goes on


def test_two_hosts_on_one_database_are_each_released_once(world: World, tmp_path: Path) -> None:
    begin(world, tmp_path)
    arrives(world, "a")
    world.tick()
    other = again(world, world.database, tmp_path, host="other")
    assert other.tick().pause is not None
    let_go(other)
    for number, mine in enumerate((world, other, world, other)):
        arrives(mine, f"more{number}")
        assert mine.tick().pause is None
    assert len(world.sent) == 5


def test_a_marker_carried_to_another_machine_is_not_its_own(world: World, tmp_path: Path) -> None:
    begin(world, tmp_path)
    machine = tmp_path / "machine-id"
    machine.write_text("one")
    file = MarkerFile(folder=tmp_path / "host", installation=world.app.installation, machine=machine)
    world.app.guard = HostGuard(file=file, name="one")
    arrives(world, "a")
    assert world.tick().pause is None
    machine.write_text("two")
    report = world.tick()
    assert report.pause is not None
    assert report.pause.cause == PauseCause.COPIED


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"host": "x"}'])
def test_a_damaged_marker_stops_and_a_release_makes_a_new_one(world: World, tmp_path: Path, damage: str) -> None:
    begin(world, tmp_path)
    arrives(world, "a")
    world.tick()
    guard_of(world, tmp_path / "host").file.path.write_text(damage)
    assert world.tick().pause is not None
    let_go(world)
    assert world.tick().pause is None


def test_a_database_that_sent_before_hosts_were_counted_is_asked_about(world: World, tmp_path: Path) -> None:
    begin(world, tmp_path)
    arrives(world, "a")
    world.tick()
    with world.database.write() as connection:
        connection.execute(delete(HOST))
        connection.execute(update(MESSAGE).values(provider="sendgrid"))
    late = again(world, world.database, tmp_path, host="new")
    assert late.tick().pause is not None


def test_a_restore_under_a_running_server_is_noticed_before_the_next_batch(world: World, tmp_path: Path) -> None:
    """The check is in each delivery, not only at the start."""
    begin(world, tmp_path)
    arrives(world, "a")
    world.tick()
    with world.database.write() as connection:
        connection.execute(update(HOST).values(generation=HOST.c.generation - 1))
    arrives(world, "b")
    report = world.tick()
    assert report.pause is not None
    assert len(world.channel.accepted) == 1


def test_no_marker_is_written_before_the_intent_stands(world: World, tmp_path: Path) -> None:
    """A kill between the intent and the marker leaves the database ahead, which is no restore."""
    begin(world, tmp_path)
    arrives(world, "a")
    world.tick()
    with world.database.write() as connection:
        connection.execute(update(HOST).values(generation=HOST.c.generation + 1))
    assert world.tick().pause is None
