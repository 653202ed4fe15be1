"""A coming mail before it goes: as it stands in the outbox, or written with today's facts where it is only to come. From here a
CSM holds it, lets it go, approves it or says that it is not wanted. The text changes nothing until somebody presses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from slack_bolt import App
from sqlalchemy import Connection, Table, select

from bot.errors import JourneybotError, MissingField, UsageError
from bot.insight.listings import MailText, show_mail
from bot.pipeline import outbox_acts
from bot.pipeline.edited_mails import EditedMail
from bot.pipeline.holding import HELD_BY_HAND, hold_mail, release_mail
from bot.pipeline.news import local_days
from bot.pipeline.published import Published
from bot.pipeline.trial_mails import Trial, write_trial
from bot.slack.blocks import SECTION_TEXT, Block, actions, button, context, escaped, labelled, one_line, section
from bot.slack.command_words import phrase
from bot.slack.context import Body, SlackContext
from bot.slack.home_views import REVIEW
from bot.slack.home_words import home_phrase
from bot.slack.people import Person
from bot.slack.shortcut_views import told_view
from storage.accounts import Contact, Customer
from storage.enrollments import ENROLLMENT
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE

ACT = "review_"
MOST_TEXT = 24_000
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
S = MessageState


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A mail as a person reads it. `acts` are what may be done now; `message_id` None: only to come."""

    to: str
    sender: str
    subject: str
    text: str
    note: str
    message_id: int | None
    acts: tuple[str, ...]


def register(bolt: App, context_: SlackContext) -> None:
    """The button in App Home and those of the modal."""
    bolt.action(REVIEW)(
        context_.with_modal(lambda _body: _loading(context_), lambda body, view: _fill(context_, body, view))
    )
    for act in _ACTS:
        bolt.action(f"{ACT}{act}")(context_.later(_pressed(context_, act)))


def _loading(context_: SlackContext) -> dict[str, Any]:
    locale = context_.settings.locale
    return told_view(home_phrase("loading", locale), locale, home_phrase("review_title", locale))


def _fill(context_: SlackContext, body: Body, view_id: str) -> None:
    asked = json.loads(str(body["actions"][0].get("value") or "{}"))
    with context_.database.read() as connection:
        person = context_.person(connection, str(body["user"]["id"]))
    context_.show_modal(view_id, _view(context_, person, asked))


def _view(context_: SlackContext, person: Person, asked: dict[str, Any]) -> dict[str, Any]:
    locale = person.locale
    title = home_phrase("review_title", locale)
    if person.csm is None:
        return told_view(phrase("who_are_you", locale, user=escaped(person.user, 40)), locale, title)
    try:
        shown = _read(context_, asked, locale)
    except MissingField as missing:
        told = home_phrase("missing_field", locale, field=escaped(one_line(missing.field), 200))
        return told_view(told, locale, title)
    except JourneybotError as error:
        told = home_phrase("cannot_write", locale, error=escaped(one_line(str(error.sentence)), 1500))
        return told_view(told, locale, title)
    if shown is None:
        return told_view(home_phrase("no_longer", locale), locale, title)
    return {**told_view("–", locale, title), "blocks": list(_blocks(shown, locale))}


def _blocks(shown: Shown, locale: str) -> Iterator[Block]:
    head = ((home_phrase(name, locale), text) for name, text in (("to", shown.to), ("from", shown.sender)))
    for label, text in head:
        yield section(labelled(label, one_line(text), SECTION_TEXT))
    yield section(labelled(home_phrase("subject", locale), one_line(shown.subject), SECTION_TEXT))
    text = shown.text[:MOST_TEXT]
    for start in range(0, max(len(text), 1), 1400):  # escaped, each part may grow
        yield section(escaped(text[start : start + 1400], SECTION_TEXT) or "–")
    yield context([shown.note])
    if shown.message_id is not None and shown.acts:
        value = str(shown.message_id)
        styles = {"approve": "primary", "skip": "danger"}
        yield actions(
            "review_acts",
            [button(f"{ACT}{act}", home_phrase(act, locale), value, style=styles.get(act)) for act in shown.acts],
        )


def _read(context_: SlackContext, asked: dict[str, Any], locale: str) -> Shown | None:
    """None: it waits no more. Raises: JourneybotError when it cannot be written."""
    published = context_.published()
    with context_.database.read() as connection:
        if "message" in asked:
            return _owed(context_, connection, published, int(asked["message"]), locale)
        return _to_come(context_, connection, published, asked, locale)


def _owed(
    context_: SlackContext, connection: Connection, published: Published | None, message_id: int, locale: str
) -> Shown | None:
    mail = show_mail(connection, message_id)
    if mail.row.state not in (S.PENDING, S.HELD):
        return None
    acts = _acts_on(mail)
    if mail.text is not None and mail.row.subject is not None:
        sender = f"{mail.from_name or ''} <{mail.from_email}>".strip()
        note = home_phrase("as_it_goes", locale)
        return Shown(
            to=mail.row.to or "–", sender=sender, subject=mail.row.subject, text=mail.text, note=note,
            message_id=message_id, acts=acts,
        )  # fmt: skip
    if published is None:
        return None
    ground = published.ground(local_days(connection, context_.clock.now(), published.settings.timezone))
    edited = EditedMail.load(connection, published, ground, message_id, context_.clock.now())
    draft = edited.draft()
    letter = edited.letter(draft.subject, draft.body_markdown)
    return Shown(
        to=letter.to_email, sender=f"{letter.from_name or ''} <{letter.from_email}>".strip(), subject=draft.subject,
        text=letter.mail.text, note=home_phrase("as_of_today", locale), message_id=message_id, acts=acts,
    )  # fmt: skip


def _acts_on(mail: MailText) -> tuple[str, ...]:
    if mail.row.state == S.HELD and mail.row.reason == "review":
        return ("approve", "skip")
    if mail.row.state == S.HELD and mail.row.reason == HELD_BY_HAND:
        return ("release", "skip")
    return ("hold", "skip") if mail.row.state == S.PENDING else ("skip",)


def _to_come(
    context_: SlackContext, connection: Connection, published: Published | None, asked: dict[str, Any], locale: str
) -> Shown | None:
    rows = ENROLLMENT.join(CUSTOMER, CUSTOMER.c.id == ENROLLMENT.c.customer_id).outerjoin(
        CONTACT, CONTACT.c.id == ENROLLMENT.c.contact_id
    )
    columns = (CUSTOMER.c.key, CONTACT.c.key.label("contact"), ENROLLMENT.c.event)
    found = select(*columns).select_from(rows)
    walk = connection.execute(
        found.where(ENROLLMENT.c.id == int(asked["walk"]), ENROLLMENT.c.status == "active")
    ).one_or_none()
    if walk is None or published is None:
        return None
    trial = Trial(
        template=str(asked["template"]), customer=walk.key, contact=walk.contact, sender=str(asked["sender"]),
        event=walk.event,
    )  # fmt: skip
    ground = published.ground(local_days(connection, context_.clock.now(), published.settings.timezone))
    letter, _ = write_trial(connection, published, ground, trial, context_.clock.now())
    return Shown(
        to=letter.to_email or "–", sender=f"{letter.from_name or ''} <{letter.from_email}>".strip(),
        subject=letter.mail.subject, text=letter.mail.text, note=home_phrase("as_of_today", locale), message_id=None,
        acts=(),
    )  # fmt: skip


def _hold(connection: Connection, message_id: int, **who: Any) -> None:
    hold_mail(connection, *_owed_by(connection, message_id), **who)


def _release(connection: Connection, message_id: int, **who: Any) -> None:
    release_mail(connection, *_owed_by(connection, message_id), **who)


def _owed_by(connection: Connection, message_id: int) -> tuple[int, str]:
    row = connection.execute(select(MESSAGE.c.enrollment_id, MESSAGE.c.step).where(MESSAGE.c.id == message_id)).one()
    return int(row.enrollment_id), str(row.step)


_ACTS: dict[str, tuple[Callable[..., Any], str]] = {
    "hold": (_hold, "held_now"),
    "release": (_release, "released_now"),
    "approve": (outbox_acts.approve, "approved_now"),
    "skip": (outbox_acts.skip, "skipped_now"),
}


def _pressed(context_: SlackContext, act: str) -> Callable[[Body], None]:
    def work(body: Body) -> None:
        move, word = _ACTS[act]
        message_id = int(str(body["actions"][0].get("value") or "0"))
        with context_.database.read() as connection:
            person = context_.person(connection, str(body["user"]["id"]))
        locale = person.locale
        if person.csm is None:
            told = phrase("who_are_you", locale, user=escaped(person.user, 40))
        else:
            try:
                with context_.database.write() as connection:
                    move(connection, message_id, by=person.by, at=context_.clock.now())
                told = home_phrase(word, locale)
            except UsageError:
                told = home_phrase("too_late", locale)
        view_id = str((body.get("view") or {}).get("id") or "")
        context_.show_modal(view_id, told_view(told, locale, home_phrase("review_title", locale)))

    return work
