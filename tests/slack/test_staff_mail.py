"""Mails to our own people about hand-offs (S26): where Slack does not reach them, at most once, in their language and hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from bot.channels.base import Answer, Outcome, Outgoing
from bot.channels.memory import MemoryChannel
from bot.pipeline.escalate import post_handoffs
from bot.pipeline.staff_mail import Postman, mail_handoffs
from bot.slack.card_views import CardDrawer
from storage import handoff_moves as moves
from storage.accounts import Csm
from storage.notices import STAFF_MAIL
from tests.fakes.slack_server import Failure
from tests.slack.world import NOW, UNPOSTED, World
from tests.storage.handoff_rows import handoff

DOWN = Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error")
LOST = Answer(outcome=Outcome.UNKNOWN, reason="timeout")
REFUSED = Answer(outcome=Outcome.REFUSED, reason="bad_request")


def postman(world: World, channel: MemoryChannel | None = None, *, has_slack: bool = True) -> Postman:
    return Postman(
        database=world.database,
        channel=channel or MemoryChannel(world.clock.monotonic),
        writer=CardDrawer(clock=world.clock, timezone="UTC"),
        clock=world.clock,
        sender_email="hello@us.example",
        has_slack=has_slack,
    )


def address(world: World, *keys: str) -> None:
    with world.database.write() as connection:
        for key in keys:
            connection.execute(update(Csm).where(Csm.key == key).values(email=f"{key}@us.example"))  # type: ignore[arg-type]


def opened(world: World, number: int = 1, **values: object) -> list[int]:
    found = [handoff(world.database, **{**UNPOSTED, **values}) for _ in range(number)]
    address(world, "sato", "suzuki", "mori")
    return found


def to(channel: MemoryChannel) -> list[str]:
    return [mail.to_email for mail in channel.accepted]


def states(world: World) -> list[str]:
    with world.database.read() as connection:
        return list(connection.scalars(select(STAFF_MAIL.c.state).order_by(STAFF_MAIL.c.id)))


def test_s26_without_any_slack_the_owner_gets_one_mail_with_all_that_the_card_says(world: World) -> None:
    (it,) = opened(world, tasks=[{"en": "Read the timeline"}], due_at=NOW + timedelta(days=1))
    channel = MemoryChannel(world.clock.monotonic)
    for _ in range(3):
        mail_handoffs(postman(world, channel, has_slack=False))
    (mail,) = channel.accepted
    assert (mail.to_email, mail.subject, mail.from_email) == (
        "sato@us.example",
        "Urgent: Call · Acme",
        "hello@us.example",
    )
    for part in ("Customer: Acme", "Due: Thu, 4 Mar 2027, 18:00", "- Read the timeline", f"handoffs acknowledge {it}"):
        assert part in mail.text
    assert world.row(it).posting == "mailed"


def test_s26_an_owner_who_is_not_in_slack_gets_a_mail_and_the_channel_is_spared(world: World) -> None:
    opened(world, owner="mori", urgency="high")
    world.time_passes(hours=3)
    channel = MemoryChannel(world.clock.monotonic)
    with world.database.write() as connection:
        connection.execute(update(Csm).values(urgent_hours="always"))
    assert post_handoffs(world.poster()).waiting == 1
    world.time_passes(minutes=2)
    mail_handoffs(postman(world, channel))
    post_handoffs(world.poster())
    assert (to(channel), world.slack.posts) == (["mori@us.example"], [])


@pytest.mark.parametrize("error", ["user_not_found", "user_disabled"])
def test_a_person_whom_slack_does_not_know_any_more_gets_a_mail(world: World, error: str) -> None:
    opened(world)
    world.slack.fail("conversations.open", Failure(error=error), times=99)
    channel = MemoryChannel(world.clock.monotonic)
    for _ in range(6):
        post_handoffs(world.poster())
        mail_handoffs(postman(world, channel))
        world.time_passes(hours=1)
    assert to(channel) == ["sato@us.example"]


@pytest.mark.parametrize(
    "failure",
    [Failure(error="account_inactive"), Failure(status=503), Failure(retry_after=600), Failure(error="token_revoked")],
)
def test_while_slack_fails_the_owner_gets_one_mail_after_a_while_and_the_card_when_it_is_back(
    world: World, failure: Failure
) -> None:
    opened(world, 2)
    channel = MemoryChannel(world.clock.monotonic)
    world.slack.fail("chat.postMessage", failure, times=99)
    post_handoffs(world.poster())
    mail_handoffs(postman(world, channel))
    assert to(channel) == [], "Slack gets its quarter of an hour"
    for _ in range(8):
        world.time_passes(minutes=10)
        post_handoffs(world.poster())
        mail_handoffs(postman(world, channel))
    assert to(channel) == ["sato@us.example"] * 2, "one mail for each urgent hand-off"
    world.slack.heal()
    world.time_passes(hours=1)
    assert post_handoffs(world.poster()).posted == 2


def test_a_channel_that_was_archived_leaves_it_to_a_mail_where_there_is_an_owner(world: World) -> None:
    world.slack.archived.add("C1")
    opened(world, owner="mori", urgency="high")
    channel = MemoryChannel(world.clock.monotonic)
    with world.database.write() as connection:
        connection.execute(update(Csm).values(urgent_hours="always"))
    mail_handoffs(postman(world, channel))
    assert to(channel) == ["mori@us.example"]


def test_what_is_not_urgent_waits_for_the_owners_hours_and_comes_as_one_mail(world: World) -> None:
    opened(world, 3, urgency="low")
    channel = MemoryChannel(world.clock.monotonic)
    mail_handoffs(postman(world, channel, has_slack=False))
    assert channel.offered == []
    world.time_passes(hours=15)
    mail_handoffs(postman(world, channel, has_slack=False))
    (mail,) = channel.accepted
    assert mail.subject == "3 hand-offs for you"
    assert mail.text.count("Call · Acme") == 3
    world.time_passes(days=3)
    mail_handoffs(postman(world, channel, has_slack=False))
    assert len(channel.accepted) == 1


def test_what_was_not_accepted_is_tried_again_and_what_nobody_knows_is_not(world: World) -> None:
    opened(world, 3)
    channel = MemoryChannel(world.clock.monotonic)
    channel.script(DOWN, LOST, REFUSED)
    mail_handoffs(postman(world, channel, has_slack=False))
    assert states(world) == ["owed", "unknown", "failed"]
    for _ in range(5):
        world.time_passes(hours=2)
        mail_handoffs(postman(world, channel, has_slack=False))
    assert states(world) == ["accepted", "unknown", "failed"]
    assert len(channel.offered) == 4


def test_a_crash_while_sending_makes_no_second_mail(world: World) -> None:
    opened(world)

    class Crash(BaseException):
        pass

    class Dies(MemoryChannel):
        def send(self, batch: Sequence[Outgoing], on_answer: object) -> None:  # type: ignore[override]
            self.offered.extend(batch)
            raise Crash

    channel = Dies(world.clock.monotonic)
    with pytest.raises(Crash):
        mail_handoffs(postman(world, channel, has_slack=False))
    world.time_passes(hours=1)
    mail_handoffs(postman(world, channel, has_slack=False))
    assert (states(world), len(channel.offered)) == (["unknown"], 1)


def test_a_new_owner_gets_a_mail_of_their_own_and_acknowledging_sends_none(world: World) -> None:
    (it,) = opened(world)
    channel = MemoryChannel(world.clock.monotonic)
    mail_handoffs(postman(world, channel, has_slack=False))
    with world.database.write() as connection:
        moves.acknowledge(connection, it, by="sato", at=NOW, key="a")
    mail_handoffs(postman(world, channel, has_slack=False))
    with world.database.write() as connection:
        moves.reassign(connection, it, by="sato", at=NOW, key="r", owner="suzuki")
    mail_handoffs(postman(world, channel, has_slack=False))
    assert to(channel) == ["sato@us.example", "suzuki@us.example"]


def test_what_is_over_before_the_mail_left_sends_none(world: World) -> None:
    (it,) = opened(world)
    channel = MemoryChannel(world.clock.monotonic)
    channel.script(DOWN)
    mail_handoffs(postman(world, channel, has_slack=False))
    with world.database.write() as connection:
        moves.done(connection, it, by="sato", at=NOW, key="d")
    world.time_passes(hours=1)
    mail_handoffs(postman(world, channel, has_slack=False))
    assert (channel.accepted, states(world)) == ([], ["needless"])


def test_a_paused_host_mails_nobody(world: World) -> None:
    opened(world)
    channel = MemoryChannel(world.clock.monotonic)

    class Paused:
        def pause(self, _connection: Connection) -> object:
            return object()

    assert mail_handoffs(replace(postman(world, channel, has_slack=False), guard=Paused())) == {}  # type: ignore[arg-type]
    assert channel.offered == []
