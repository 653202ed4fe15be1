"""A person sends a hand-off's mail, or says that they wrote it elsewhere (semantics.md S29). Owes one message for the
hand-off, with the text as it was written, and notes who wrote what; deliver hands it over under all its guards. In the
caller's transaction; it never sends."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, or_, select

from bot.authoring.template_edits import passages_changed
from bot.errors import UsageError
from bot.pipeline.handoff_acts import Actor, refusal
from bot.pipeline.mail_outlook import Outlook, already_written, look_ahead
from bot.pipeline.outbox_acts import CANCELLABLE, skip, values_of_letter
from bot.pipeline.prepared_mails import SENDER, PreparedMail
from bot.pipeline.room import FIRST
from bot.rules.references import MailName
from storage.handoff_deeds import Move
from storage.handoff_mails import (
    MAILED,
    WROTE_MYSELF,
    Standing,
    Writer,
    put_down,
    standing_mail,
    take_pen,
)
from storage.handoff_views import HandoffRecord, get
from storage.handoffs import Way
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.mail_texts import store_contents
from storage.outbox import BY_HANDOFF, MessageState
from storage.outbox_moves import MESSAGE

#: How long what somebody sent is still worth sending, if the way out is closed.
WELCOME = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of it. `message_id` None: it was not sent, `outlook.refusals` or `move` say why."""

    outlook: Outlook
    move: Move | None = None
    message_id: int | None = None

    @property
    def is_done(self) -> bool:
        return self.move is not None and self.move.is_done


def send_prepared(actor: Actor, mail: PreparedMail, subject: str, body_markdown: str) -> Sent:
    """`mail` is loaded in this transaction. Raises: TemplateRefused for a text that no mail can hold."""
    connection, writer = actor.connection, _writer(actor)
    refused = refusal(actor, mail.handoff.id) or take_pen(connection, mail.handoff.id, MAILED, writer)
    if refused is not None:
        return Sent(outlook=Outlook(), move=refused, message_id=_message_of(connection, mail.handoff.id, refused))
    outlook = look_ahead(connection, mail, subject, body_markdown, writer.at)
    if outlook.refusals:
        return Sent(outlook=outlook)
    assert mail.reader is not None
    before = standing_mail(connection, mail.handoff.id)
    if before is not None:
        _let_go(connection, before, writer)
    message_id = _owe(connection, mail, writer)
    letter = mail.letter(subject, body_markdown, MailName(message_id, writer.at))
    store_contents(connection, [(message_id, *values_of_letter(letter).values())])
    changes = [asdict(passage) for passage in passages_changed(mail.draft, subject, body_markdown)]
    values = {
        "message_id": message_id,
        "way": Way.SENT.value,
        "template": mail.template.name,
        "locale": mail.template.locale,
        "changes": changes,
    }
    told = {"to": mail.reader.name or mail.reader.key, "message": message_id, "template": mail.template.name}
    move = put_down(connection, mail.handoff.id, MAILED, writer, values, told)
    _tell(connection, mail, message_id, writer)
    return Sent(outlook=outlook, move=move, message_id=message_id)


def write_elsewhere(actor: Actor, handoff_id: int) -> Move:
    """ "I wrote it myself": the journey hears that the mail is done; nothing is sent. Raises: UsageError."""
    connection, writer = actor.connection, _writer(actor)
    refused = refusal(actor, handoff_id) or take_pen(connection, handoff_id, WROTE_MYSELF, writer)
    if refused is not None:
        return refused
    handoff = get(connection, handoff_id)
    assert handoff is not None
    if handoff.prepare is None:
        raise UsageError(f"Hand-off {handoff_id} has no mail to write", hint="its step prepares none (`prepare:`)")
    before = standing_mail(connection, handoff_id)
    if before is not None and not before.is_open:
        raise UsageError(
            already_written(before).sentence("en", actor.settings.timezone),
            hint=f"see `journeybot handoffs show {handoff_id}`",
        )
    if before is not None:
        _let_go(connection, before, writer)
    values = {"message_id": None, "way": Way.ELSEWHERE.value, "template": handoff.prepare, "locale": None}
    return put_down(connection, handoff_id, WROTE_MYSELF, writer, values, {})


def _writer(actor: Actor) -> Writer:
    return Writer(by=actor.by, at=actor.at, key=actor.key)


def _message_of(connection: Connection, handoff_id: int, move: Move) -> int | None:
    """A press that comes again finds what it did before."""
    standing = standing_mail(connection, handoff_id) if move.is_done else None
    return standing.message_id if standing is not None else None


def _let_go(connection: Connection, before: Standing, writer: Writer) -> None:
    """The mail that did not go must not go later, beside the new one."""
    if before.message_id is not None and before.state in CANCELLABLE:
        skip(connection, before.message_id, by=writer.by, at=writer.at)


def _owe(connection: Connection, mail: PreparedMail, writer: Writer) -> int:
    handoff, reader = mail.handoff, mail.reader
    assert reader is not None
    row: dict[str, Any] = {
        "enrollment_id": handoff.enrollment_id,
        "customer_id": handoff.customer_id,
        "contact_id": reader.id,
        "playbook": handoff.playbook,
        "step": handoff.step,
        "occurrence": _next_occurrence(connection, handoff),
        "template": mail.template.name,
        "sender": SENDER,
        "state": MessageState.PENDING.value,
        "priority": FIRST,
        "due_at": writer.at,
        "not_before": writer.at,
        "expires_at": writer.at + WELCOME,
        "token": 0,
        "claims": 0,
        "attempts": 0,
        "reviewed_by": writer.by,
        "created_at": writer.at,
    }
    return int(connection.execute(insert(MESSAGE).values(**row).returning(MESSAGE.c.id)).scalar_one())


def _next_occurrence(connection: Connection, handoff: HandoffRecord) -> str:
    """`handoff-7`, and `handoff-7.2` for the one that takes the place of a mail that was given up."""
    first = f"{BY_HANDOFF}{handoff.id}"
    same = or_(MESSAGE.c.occurrence == first, MESSAGE.c.occurrence.like(f"{first}.%"))
    of_customer = MESSAGE.c.customer_id == handoff.customer_id
    before = connection.scalars(select(MESSAGE.c.id).where(of_customer, same)).all()
    return first if not before else f"{first}.{len(before) + 1}"


def _tell(connection: Connection, mail: PreparedMail, message_id: int, writer: Writer) -> None:
    """So that `explain --message` names its sender."""
    assert mail.reader is not None
    entry = Entry(
        at=writer.at,
        verdict=Verdict.OPERATED,
        reason="mail_by_hand",
        customer_id=mail.handoff.customer_id,
        contact_id=mail.reader.id,
        playbook=mail.handoff.playbook,
        enrollment_id=mail.handoff.enrollment_id,
        message_id=message_id,
        step=mail.handoff.step,
        details={"by": writer.by, "handoff": mail.handoff.id},
    )
    write_entries(connection, [entry])
