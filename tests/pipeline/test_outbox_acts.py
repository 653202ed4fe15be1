"""What a person may do to one mail, on both databases: approve, edit, reject, skip, resend (S39), and what never changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.channels.base import Answer, Outcome
from bot.errors import UsageError
from bot.insight.export_person import export_person
from bot.insight.listings import show_mail
from bot.pipeline import outbox_acts
from bot.pipeline.edited_mails import EditedMail
from storage.outbox import MessageState
from storage.outbox_moves import ATTEMPT, CONTENT, MessageRow
from tests.cast import cast, change
from tests.world import World

BY = "sato"
JOURNEY = """
    title: Welcome
    state: live
    walks: customer
    enter: {when: stage == "new", existing: enter}
    steps:
      - email: welcome
        review: %s
        expires: 2 days
      - handoff: Call them
"""


def _owe(world: World, *, review: str = "csm") -> int:
    """One mail to the healthy customer; the opted-out one is asked for as well and must get nothing. Returns its number."""
    world.mail("welcome")
    world.playbook("welcome", JOURNEY % review)
    world.deploy()
    cast(world.database, world.now, stage="new")
    change(world.database, "going_quiet", stage="old")
    world.tick()
    return next(mail.id for mail in world.outbox if mail.customer == "healthy")


def _act(world: World, act: Callable[..., MessageRow], mail: int, **more: str) -> MessageRow:
    with world.database.write() as connection:
        return act(connection, mail, by=BY, at=world.now, **more)


def _edit(world: World, mail: int, subject: str, body: str) -> None:
    published = world.app.require_published()
    with world.database.write() as connection:
        edited = EditedMail.load(connection, published, world.app.ground(published), mail, world.now)
        outbox_acts.edit(connection, mail, edited.letter(subject, body), by=BY, at=world.now)


def _state(world: World, mail: int) -> str:
    return next(row.state for row in world.outbox if row.id == mail)


def test_an_approved_mail_leaves_once_and_keeps_its_text(world: World) -> None:
    mail = _owe(world)
    assert _state(world, mail) == "held"
    world.mail("welcome", locale="en")
    world.write("templates/emails/welcome.en.md", "---\nsubject: Changed\ncategory: lifecycle\n---\nChanged\n")
    world.deploy()
    assert _act(world, outbox_acts.approve, mail).reviewed_by == BY
    world.tick()
    assert [sent.subject for sent in world.channel.accepted] == ["welcome for Hinode Foods"]
    assert "mail_approved" in world.reasons("healthy", "welcome")


def test_a_mail_is_kept_as_what_is_its_own_and_shown_and_sent_whole(world: World) -> None:
    """Also after its template has changed: the skeleton of its day stands."""
    mail = _owe(world)
    with world.database.read() as connection:
        row = connection.execute(select(CONTENT).where(CONTENT.c.message_id == mail)).one()
        held = show_mail(connection, mail).html
    assert (row.html, row.is_edited) == ("", False)
    assert "Hinode Foods" in "".join(piece for piece in row.pieces if isinstance(piece, str))
    world.write("templates/emails/welcome.en.md", "---\nsubject: Changed\ncategory: lifecycle\n---\nChanged\n")
    world.deploy()
    _act(world, outbox_acts.approve, mail)
    world.tick()
    (sent,) = world.channel.accepted
    with world.database.read() as connection:
        (exported,) = export_person(connection, "healthy")["tables"]["message_content"]
        assert sent.html == held == exported["html"] == show_mail(connection, mail).html
    assert sent.html.startswith("<!DOCTYPE html>")
    assert "pieces" not in exported


def test_an_edited_mail_is_sent_as_the_person_wrote_it(world: World) -> None:
    mail = _owe(world)
    _edit(world, mail, "Personal", "Hello **you**, {{ this }} is no Jinja")
    assert _state(world, mail) == "held"
    _act(world, outbox_acts.approve, mail)
    world.tick()
    (sent,) = world.channel.accepted
    assert sent.subject == "Personal"
    assert "<strong>you</strong>" in sent.html
    assert "{{ this }}" in sent.text
    assert "mail_edited" in world.reasons("healthy", "welcome")


@pytest.mark.parametrize("act", [outbox_acts.reject, outbox_acts.skip])
def test_s10_a_mail_that_is_not_wanted_lets_the_walk_go_on(world: World, act: Callable[..., MessageRow]) -> None:
    mail = _owe(world)
    assert _act(world, act, mail, reason="called already").state == MessageState.CANCELLED
    world.tick()
    assert world.channel.offered == []
    called = {handoff.customer for handoff in world.handoffs if handoff.kind == "task"}
    assert called == {"healthy", "opted_out"}, "who declined the mail is called as well"


def test_a_failed_mail_is_tried_again_with_todays_text(world: World) -> None:
    world.channel.script(Answer(outcome=Outcome.REFUSED, reason="bad_request", status=400))
    mail = _owe(world, review="none")
    assert _state(world, mail) == "failed"
    world.jump(days=10)
    change(world.database, "healthy", name="New Name Foods")
    _act(world, outbox_acts.resend, mail)
    world.tick()
    assert [sent.subject for sent in world.channel.accepted] == ["welcome for New Name Foods"]
    with world.database.read() as connection:
        numbers = list(connection.scalars(select(ATTEMPT.c.number).where(ATTEMPT.c.message_id == mail)))
    assert sorted(numbers) == [1, 2]


def test_resending_keeps_what_a_person_wrote(world: World) -> None:
    world.channel.script(Answer(outcome=Outcome.REFUSED, reason="bad_request", status=400))
    mail = _owe(world, review="none")
    _edit(world, mail, "By hand", "Words")
    _act(world, outbox_acts.resend, mail)
    world.tick()
    assert [sent.subject for sent in world.channel.accepted] == ["By hand"]


def test_an_unknown_mail_waits_for_evidence_and_only_an_unconfirmed_one_may_be_sent_again(world: World) -> None:
    world.channel.script(Answer(outcome=Outcome.UNKNOWN, reason="timeout"))
    mail = _owe(world, review="none")
    with pytest.raises(UsageError, match="is unknown"):
        _act(world, outbox_acts.resend, mail)
    world.time_passes(hours=26)
    assert _state(world, mail) == "unconfirmed"
    _act(world, outbox_acts.resend, mail)
    world.tick()
    assert _state(world, mail) == "accepted"
    assert len(world.channel.offered) == 2


def test_a_resent_mail_to_somebody_who_opted_out_meanwhile_is_suppressed(world: World) -> None:
    world.channel.script(Answer(outcome=Outcome.REFUSED, reason="bad_request", status=400))
    mail = _owe(world, review="none")
    with world.database.write() as connection:
        from bot.pipeline.trial_mails import SUPPRESSION

        address = "tanaka@healthy.example"
        connection.execute(SUPPRESSION.insert().values(address=address, category="", reason="told us", at=world.now))
    _act(world, outbox_acts.resend, mail)
    world.tick()
    assert _state(world, mail) == "suppressed"
    assert len(world.channel.offered) == 1


@pytest.mark.parametrize(
    ("act", "deed"),
    [
        (outbox_acts.approve, "approved"),
        (outbox_acts.reject, "rejected"),
        (outbox_acts.skip, "skipped"),
        (outbox_acts.resend, "sent again"),
    ],
)
def test_nothing_can_be_done_to_a_mail_that_was_accepted(
    world: World, act: Callable[..., MessageRow], deed: str
) -> None:
    mail = _owe(world, review="none")
    with pytest.raises(UsageError, match=f"Mail {mail} is accepted, so it cannot be {deed}"):
        _act(world, act, mail)
    with pytest.raises(UsageError, match="is accepted"):
        _edit(world, mail, "Too", "late")
    assert len(world.channel.accepted) == 1


def test_a_mail_nobody_owes_is_unknown(world: World) -> None:
    with pytest.raises(UsageError, match="There is no mail 7"):
        _act(world, outbox_acts.approve, 7)


def test_a_mail_for_review_is_approved_not_resent(world: World) -> None:
    mail = _owe(world)
    with pytest.raises(UsageError, match="waits for approval"):
        _act(world, outbox_acts.resend, mail)


def test_approving_too_late_is_refused(world: World) -> None:
    mail = _owe(world)
    world.clock.move_to(world.now + timedelta(days=3))
    with pytest.raises(UsageError, match="could be sent until"):
        _act(world, outbox_acts.approve, mail)


def test_a_gap_is_filled_before_the_mail_is_tried_again(world: World) -> None:
    world.write(
        "templates/emails/welcome.en.md", "---\nsubject: Hi\ncategory: lifecycle\n---\nYour tier: {{ customer.tier }}\n"
    )
    world.playbook("welcome", JOURNEY % "none")
    world.deploy()
    cast(world.database, world.now, stage="new")
    world.tick()
    mail = next(row for row in world.outbox if row.customer == "healthy")
    assert (mail.state, mail.reason) == ("held", "missing_field")
    with pytest.raises(UsageError, match="does not wait for approval"):
        _act(world, outbox_acts.approve, mail.id)
    change(world.database, "healthy", tier="gold")
    _act(world, outbox_acts.resend, mail.id)
    world.tick()
    assert "gold" in world.channel.accepted[0].text
