"""Promise 5 for everything that people do to a mail by hand: whatever happened before, a no that came in time wins."""

from __future__ import annotations

import pytest

from bot.app import App
from bot.errors import UsageError
from bot.pipeline.edited_mails import EditedMail
from bot.pipeline.outbox_acts import approve, edit, resend
from bot.pipeline.trial_mails import Trial, send_trial, write_trial
from storage.consent import OPTIONAL, Why, lift, suppress
from tests.pipeline.scenes import company, in_days, journey, mail_id, meanwhile, states, took, walks
from tests.world import World

EMAIL = "tanaka@sakura.example"
NO = [("lifecycle", Why.UNSUBSCRIBED), (OPTIONAL, Why.UNSUBSCRIBED), ("", Why.COMPLAINT), ("lifecycle", Why.HAND)]


def held(world: World) -> int:
    """A mail that waits for review."""
    world.mail("hello")
    journey(world, "p", "- email: hello\n  review: csm\n- log: Over")
    world.deploy()
    company(world)
    world.tick()
    assert states(world) == [("hello", "held")]
    return mail_id(world, "hello")


def says_no(world: World, category: str = "lifecycle", why: Why = Why.UNSUBSCRIBED) -> None:
    with world.database.write() as connection:
        suppress(connection, EMAIL, category, why, world.now)


def write_by_hand(app: App, mail: int) -> None:
    published = app.require_published()
    with app.database.write() as connection:
        draft = EditedMail.load(connection, published, app.ground(published), mail, app.clock.now())
        edit(connection, mail, draft.letter("By hand", "Hello."), by="sato", at=app.clock.now())


@pytest.mark.parametrize("category, why", NO)
@pytest.mark.parametrize("deed", ["approved", "edited", "resent"])
def test_whatever_a_person_did_before_the_reader_said_no_the_mail_stays_here(
    world: World, deed: str, category: str, why: Why
) -> None:
    mail = held(world)
    says_no(world, category, why)
    if deed != "approved":
        write_by_hand(world.app, mail)
    with world.database.write() as connection:
        if deed == "resent":
            connection.exec_driver_sql(f"UPDATE message SET reason = 'missing_field' WHERE id = {mail}")
            resend(connection, mail, by="sato", at=world.now)
        else:
            approve(connection, mail, by="sato", at=world.now)
    world.tick()
    assert states(world) == [("hello", "suppressed")]
    assert world.channel.offered == []
    assert took(world, "not_allowed")


def test_a_no_between_approval_and_intent_wins(world: World) -> None:
    mail = held(world)
    with world.database.write() as connection:
        approve(connection, mail, by="sato", at=world.now)
    with meanwhile(world.database, "FROM message_content", lambda: says_no(world)):
        world.tick()
    assert states(world) == [("hello", "suppressed")]


@pytest.mark.parametrize("category, why", NO)
def test_a_test_mail_does_not_go_to_an_address_that_said_no(world: World, category: str, why: Why) -> None:
    held(world)
    says_no(world, category, why)
    published = world.app.require_published()
    with world.database.read() as connection:
        letter, _ = write_trial(
            connection,
            published,
            world.app.ground(published),
            Trial(template="hello", customer="sakura", contact="tanaka"),
            world.now,
        )
        with pytest.raises(UsageError, match="must not be mailed"):
            send_trial(connection, published, world.channel, world.clock, letter, EMAIL)
    assert world.channel.offered == []


@pytest.mark.parametrize("enter", ['when: stage == "onboarding"', "at: renewal_date - 30 days"])
@pytest.mark.parametrize("category", ["lifecycle", OPTIONAL])
def test_s30_who_unsubscribed_from_the_first_mails_category_does_not_enter_until_they_ask_again(
    world: World, enter: str, category: str
) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  to: contact", walks="contact", enter=enter)
    world.deploy()
    company(world, renewal_date=in_days(world, 30))
    says_no(world, category)
    world.time_passes(hours=3)
    assert walks(world) == []
    with world.database.write() as connection:
        lift(connection, EMAIL, [category], world.now)
    world.time_passes(hours=3)
    assert states(world) == [("hello", "accepted")]
