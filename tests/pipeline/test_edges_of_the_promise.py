"""Edges of the promise that one pass leaves to another: an address that moves while a mail waits, a standstill, an erasure under
a fuse, two absorbers, trouble of the database between claim and send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Table, insert, update
from sqlalchemy.exc import OperationalError

from bot.pipeline.erasing import erase
from bot.pipeline.news import local_days
from bot.pipeline.outbox_acts import approve
from storage.accounts import Contact, Suppression
from storage.posts import Post, forget_posts, keep_posts, waiting_posts
from tests.cast import person
from tests.pipeline.scenes import company, goes_on, journey, mails, settings, stands_still, states
from tests.pipeline.test_fuses import arrive, blown, crowd, let_go, standing
from tests.world import World

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
DELIVER, JUDGING = import_module("bot.pipeline.deliver"), import_module("bot.pipeline.judging")
ONE_MAIL = "- email: hello\n- wait: 90 days"
REVIEWED = "- email: hello\n  review: csm\n- wait: 90 days"


def owed(world: World, steps: str = ONE_MAIL) -> None:
    world.mail("hello")
    journey(world, "p", steps)
    world.deploy()


def moves_to(world: World, contact_id: int, email: str) -> None:
    with world.database.write() as connection:
        connection.execute(update(CONTACT).where(CONTACT.c.id == contact_id).values(email=email))


def suppressed(world: World, address: str) -> None:
    with world.database.write() as connection:
        connection.execute(insert(Suppression).values(address=address, category="", reason="bounce", at=world.now))


def approved(world: World) -> None:
    mail = next(mail for mail in world.outbox if mail.customer == "sakura")
    with world.database.write() as connection:
        approve(connection, mail.id, by="sato", at=world.now)
    world.tick()


@contextmanager
def trouble(module: ModuleType, where: str, after: int = 0) -> Iterator[None]:
    """The database fails at each call of this function but the first ones."""
    real, calls = getattr(module, where), iter(range(10_000))

    def failing(*given: Any, **named: Any) -> Any:
        if next(calls) >= after:
            raise OperationalError("SELECT", None, Exception("disk I/O error"))
        return real(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, where, failing)
        yield


def test_a_mail_that_waited_for_review_goes_to_where_its_reader_is_reached_today(world: World) -> None:
    owed(world, REVIEWED)
    reader = company(world)
    world.tick()
    moves_to(world, reader.contact_id, "new@sakura.example")
    suppressed(world, reader.email)
    approved(world)
    assert [mail.to_email for mail in world.channel.accepted] == ["new@sakura.example"]


def test_a_mail_that_waited_for_review_never_goes_to_an_address_that_was_suppressed_since(world: World) -> None:
    owed(world, REVIEWED)
    reader = company(world)
    world.tick()
    moves_to(world, reader.contact_id, "new@sakura.example")
    suppressed(world, "new@sakura.example")
    approved(world)
    assert not world.channel.accepted
    assert states(world) == [("hello", "suppressed")]


def test_an_address_that_moves_between_claim_and_send_is_looked_at_again(world: World) -> None:
    owed(world)
    reader = company(world)
    real, moves = DELIVER.judge_batch, iter([True])

    def judging_while_it_moves(*given: Any) -> Any:
        found = real(*given)
        if next(moves, False):
            moves_to(world, reader.contact_id, "new@sakura.example")
            suppressed(world, reader.email)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DELIVER, "judge_batch", judging_while_it_moves)
        world.tick()
    world.tick()
    assert [mail.to_email for mail in world.channel.accepted] == ["new@sakura.example"]


def test_s37_a_mail_in_review_does_not_expire_while_its_playbook_stands_still(world: World) -> None:
    owed(world, REVIEWED)
    company(world)
    world.tick()
    stands_still(world, "playbook", "p")
    world.time_passes(days=9)
    assert states(world) == [("hello", "held")]
    goes_on(world, "playbook", "p")
    world.time_passes(days=4)
    assert states(world) == [("hello", "expired")]


def test_a_customer_erased_while_a_fuse_held_it_does_not_enter_on_release(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:60])
    world.tick()
    assert blown(world)
    published = world.app.require_published()
    with world.database.write() as connection:
        ground = published.ground(local_days(connection, world.now, published.settings.timezone))
        erase(connection, published, ground, keys[0], None, world.now, by="sato")
    assert let_go(world) == 59
    world.tick()
    assert sorted(walk.customer for walk in world.walks) == sorted(keys[1:60])


def test_who_takes_in_posts_beside_another_never_forgets_one_that_came_later(world: World) -> None:
    def arrives(body: bytes) -> None:
        keep_posts(world.database, [Post(source="sendgrid", content_type="", received_at=world.now, body=body)])

    arrives(b"[1]")
    mine, theirs = waiting_posts(world.database), waiting_posts(world.database)
    forget_posts(world.database, [post.id for post in mine])
    arrives(b"[2]")
    forget_posts(world.database, [post.id for post in theirs])
    assert [bytes(post.body) for post in waiting_posts(world.database)] == [b"[2]"]


def test_a_mail_that_may_not_leave_expires_some_day(world: World) -> None:
    """A deferral by day and a closed window by night must not lengthen its welcome for ever."""
    world.app._publications.__init__(replace(world.app.links, is_required=True))  # type: ignore[misc]
    settings(world, 'windows: [{days: every day, hours: "09:00-18:00"}]')
    owed(world)
    company(world)
    world.time_passes(days=5, every=timedelta(minutes=30))
    assert states(world) == [("hello", "expired")]


def test_trouble_while_a_batch_is_read_is_no_mails_fault(world: World) -> None:
    owed(world)
    company(world)
    with trouble(JUDGING, "load_cases"):
        for _ in range(4):
            with pytest.raises(OperationalError):
                world.tick()
            world.jump(minutes=3)
    world.tick()
    assert mails(world) == ["hello"]


def test_trouble_with_the_next_batch_does_not_cost_the_answers_that_came_before(world: World) -> None:
    settings(world, "fuses: {enter: off}")
    owed(world)
    company(world)
    for key in crowd(world, 40):
        person(world.database, key, "x", world.now)
    deliver = DELIVER.deliver
    with pytest.MonkeyPatch.context() as patch, trouble(DELIVER, "keep_within_caps", after=1):
        patch.setattr(deliver, "__kwdefaults__", {**deliver.__kwdefaults__, "batch_size": 10})
        with pytest.raises(OperationalError):
            world.tick()
    assert world.channel.accepted
    assert len(world.sent) == len(world.channel.accepted)
