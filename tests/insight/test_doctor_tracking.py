"""doctor counts what the tracking API could not take in, each kind by its own name."""

from __future__ import annotations

from pathlib import Path

from bot.insight.doctor_tracking import tracking_complaints
from bot.intake.tracking.bodies import packed
from bot.intake.tracking.calls import Reading
from bot.intake.tracking.taking_in import take_in_tracked
from storage.database import Database
from storage.posts import TRACKED, TRACKING, Post, keep_posts
from tests.intake.house import CUSTOMERS, NOW, bring, write
from tests.intake.tracked import call, take_in
from tests.world import World


def test_what_waits_what_was_refused_and_what_was_odd_is_told_with_its_number(world: World) -> None:
    world.deploy()
    login = call("track", userId="u1", event="login", timestamp=world.now.isoformat())
    take_in(world.database, login, "odd", call("track", event="login"), at=world.now)
    take_in(world.database, call("group", userId="u2", groupId="acme"), at=world.now)
    take_in(world.database, call("group", userId="u2", groupId="acme"), at=world.now)
    body = packed(Reading(), {"post_wrong_key": 7})
    keep_posts(world.database, [Post(source=TRACKED, content_type="", received_at=world.now, body=body)], TRACKING)
    take_in_tracked(world.database, world.now, "UTC")
    told = {found.name: found for found in world.doctor() if found.name.startswith("tracking_")}
    assert {name: (found.count, found.examples) for name, found in told.items()} == {
        "tracking_waiting": (1, ("unknown_user: 1",)),
        "tracking_refused": (2, ("no_object: 1", "no_user: 1")),
        "tracking_turned_away": (7, ("wrong_key: 7",)),
        "tracking_odd": (1, ("replayed: 1",)),
    }


def test_a_tracked_event_starts_a_playbook_at_the_next_tick(world: World) -> None:
    world.mail("hello")
    world.playbook(
        "hello",
        """
        title: Hello
        state: live
        walks: contact
        enter: {on: report_created}
        steps:
          - email: hello
            to: contact
        """,
    )
    world.deploy()
    world.tick()
    at = world.now.isoformat()
    ada = {"email": "ada@acme.example"}
    take_in(
        world.database,
        call("group", userId="u1", groupId="acme", timestamp=at),
        call("identify", userId="u1", traits=ada, timestamp=at),
        call("track", userId="u1", event="report_created", timestamp=at),
        at=world.now,
    )
    world.time_passes(hours=1)
    assert [(mail.customer, mail.template) for mail in world.sent] == [("acme", "hello")]


def test_what_imported_files_hold_that_cannot_be_read_is_counted_by_column_and_a_dry_run_counts_nothing(
    database: Database, tmp_path: Path
) -> None:
    folder = write(
        tmp_path,
        customers=CUSTOMERS,
        surveys="customer,kind,score,at\nc-1,nps,11,2027-02-20\nc-1,nps,9/10,2027-02-20\nnobody,nps,9,2027-02-20\n",
        tickets="customer,ticket,opened_at,closed_at\nc-1,T-1,2027-02-20,2027-02-19\nc-1,T-2,2027-02-31,\n",
    )
    for dry_run in (True, False):
        bring(database, folder, dry_run=dry_run)
    with database.read() as connection:
        (told,) = tracking_complaints(connection, NOW)
    assert (told.name, told.count) == ("import_rejected", 5)
    assert set(told.examples) == {
        *("surveys.score: 2", "surveys.customer: 1", "tickets.closed_at: 1", "tickets.opened_at: 1")
    }
