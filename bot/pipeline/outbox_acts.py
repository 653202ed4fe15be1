"""What a person may do to one mail: approve, edit, reject, skip, resend (semantics.md S39). Each act locks the row, moves it by
the outbox's own rules and leaves a decision, in the caller's transaction; deliver does the rest. It never sends anything."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, delete, select, update

from bot.errors import UsageError
from storage.bulk import insert_new_rows
from storage.desk import release_step
from storage.enrollments import wake_walks_of_messages
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.mail_texts import contents_of, store_contents
from storage.outbox import DeliveryEvent, MessageState
from storage.outbox_moves import CONTENT, MESSAGE, MessageRow, lock_messages, write_moves

if TYPE_CHECKING:
    from bot.pipeline.preflight import Letter

DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]
S = MessageState
REVIEW = "review"
#: What somebody asked to send again is welcome for this long, however old the step that owed it.
WELCOME_AGAIN = timedelta(days=3)

RESENDABLE = (S.FAILED, S.QUARANTINED, S.UNCONFIRMED, S.HELD)
EDITABLE = (S.HELD, S.QUARANTINED, S.FAILED, S.UNCONFIRMED)
ANSWERABLE = (S.ACCEPTED, S.UNKNOWN, S.UNCONFIRMED)
CANCELLABLE = (S.PENDING, S.HELD, S.QUARANTINED, S.FAILED, S.UNCONFIRMED)


def approve(connection: Connection, message_id: int, *, by: str, at: datetime) -> MessageRow:
    """A mail held for review may go. Raises: UsageError."""
    row, content = _look(connection, message_id, (S.HELD,), "approved")
    if row.reason != REVIEW and not (content is not None and content["is_edited"]):
        raise UsageError(
            f"Mail {message_id} does not wait for approval: {_words(row.reason)}",
            hint=f"fill what is missing, then `journeybot outbox resend {message_id}`; or write it yourself with `edit`",
        )
    if row.expires_at is not None and row.expires_at <= at:
        raise UsageError(
            f"Mail {message_id} could be sent until {row.expires_at:%Y-%m-%d %H:%M} UTC",
            hint="it is no longer welcome; the next tick lets its walk go on",
        )
    after = row.to(S.PENDING, at, reason="approved", reviewed_by=by, not_before=at)
    return _move(connection, row, after, "mail_approved", by, at)


def resend(connection: Connection, message_id: int, *, by: str, at: datetime) -> MessageRow:
    """A mail that did not go (or nobody knows) is tried once more, written anew unless a person wrote it. Raises: UsageError."""
    row, content = _look(connection, message_id, RESENDABLE, "sent again")
    if row.state == S.HELD and row.reason == REVIEW:
        raise UsageError(f"Mail {message_id} waits for approval", hint=f"run `journeybot outbox approve {message_id}`")
    if content is not None and not content["is_edited"]:
        connection.execute(delete(CONTENT).where(CONTENT.c.message_id == message_id))
    until = max(row.expires_at or at, at + WELCOME_AGAIN)
    after = row.to(S.PENDING, at, reason="resent", not_before=at, expires_at=until, claims=0)
    return _move(connection, row, after, "mail_resent", by, at, {"before": row.state})


def reject(connection: Connection, message_id: int, *, by: str, at: datetime, reason: str = "") -> MessageRow:
    """A mail held for review is not sent, and its walk goes on without it (S10). Raises: UsageError."""
    row, _ = _look(connection, message_id, (S.HELD,), "rejected")
    return _cancel(connection, row, "mail_rejected", by, at, reason)


def skip(connection: Connection, message_id: int, *, by: str, at: datetime, reason: str = "") -> MessageRow:
    """A mail that was not sent yet is not wanted any more, and its walk goes on without it. Raises: UsageError."""
    row, _ = _look(connection, message_id, CANCELLABLE, "skipped")
    return _cancel(connection, row, "mail_skipped", by, at, reason)


def edit(connection: Connection, message_id: int, letter: Letter, *, by: str, at: datetime) -> MessageRow:
    """Store what a person wrote; it stays where it is until somebody approves or resends it. Raises: UsageError."""
    row, content = _look(connection, message_id, EDITABLE, "edited")
    values = values_of_letter(letter)
    if content is None:
        store_contents(connection, [(message_id, *values.values())])
    else:
        connection.execute(update(CONTENT).where(CONTENT.c.message_id == message_id).values(**values))
    return _move(connection, row, row, "mail_edited", by, at)


def values_of_letter(letter: Letter) -> dict[str, Any]:
    """The columns of message_content but its key, in their order, for a text that a person wrote."""
    return {
        "to_email": letter.to_email,
        "to_name": letter.to_name,
        "from_email": letter.from_email,
        "from_name": letter.from_name,
        "reply_to": letter.reply_to,
        "subject": letter.mail.subject,
        "html": letter.mail.html,
        "text": letter.mail.text,
        "category": letter.category,
        "locale": letter.locale,
        "template_digest": letter.template_digest,
        "is_edited": True,
        "skeleton": None,
        "pieces": None,
    }


def replied(connection: Connection, message_id: int, *, by: str, at: datetime, note: str = "") -> MessageRow:
    """A person says that the reader answered, by telephone perhaps: `replied(…)` holds from the next tick. Saying it twice is
    saying it once. Raises: UsageError for a mail that nobody can have got."""
    row, _ = _look(connection, message_id, ANSWERABLE, "answered")
    told = (f"by-hand:{message_id}", message_id, "replied", at, False, {"matched": "word"}, at, True)
    columns = ("key", "message_id", "kind", "at", "is_machine", "details", "received_at", "is_new")
    insert_new_rows(connection, DELIVERY_EVENT, columns, [told])
    return _move(connection, row, row, "mail_replied_by_word", by, at, {"note": note})


def check_editable(connection: Connection, message_id: int) -> None:
    """Before somebody starts to write. Raises: UsageError."""
    _look(connection, message_id, EDITABLE, "edited")


def _look(
    connection: Connection, message_id: int, states: Collection[MessageState], deed: str
) -> tuple[MessageRow, dict[str, Any] | None]:
    """The locked row and its text. Raises: UsageError for another state, naming it."""
    row = lock_messages(connection, [message_id]).get(message_id)
    if row is None:
        raise UsageError(f"There is no mail {message_id}", hint="see `journeybot outbox list`")
    if row.state not in states:
        allowed = ", ".join(state.value for state in states)
        raise UsageError(
            f"Mail {message_id} is {row.state}, so it cannot be {deed}", hint=f"that is for mails which are: {allowed}"
        )
    return row, contents_of(connection, [message_id]).get(message_id)


def _cancel(connection: Connection, row: MessageRow, deed: str, by: str, at: datetime, reason: str) -> MessageRow:
    after = row.to(S.CANCELLED, at, reason=deed)
    moved = _move(connection, row, after, deed, by, at, {"note": reason} if reason else {})
    wake_walks_of_messages(connection, [row.enrollment_id], at)
    return moved


def _move(
    connection: Connection,
    before: MessageRow,
    after: MessageRow,
    deed: str,
    by: str,
    at: datetime,
    details: dict[str, Any] | None = None,
) -> MessageRow:
    write_moves(connection, [(before, after)])
    owed = connection.execute(select(MESSAGE.c.playbook, MESSAGE.c.step).where(MESSAGE.c.id == before.id)).one()
    if after.state == S.PENDING and before.enrollment_id is not None:
        release_step(connection, before.enrollment_id, owed.step)  # whoever lets it go holds it no more
    entry = Entry(
        at=at,
        verdict=Verdict.OPERATED,
        reason=deed,
        customer_id=before.customer_id,
        contact_id=before.contact_id,
        playbook=owed.playbook,
        enrollment_id=before.enrollment_id,
        message_id=before.id,
        step=owed.step,
        details={"by": by, **(details or {})},
    )
    write_entries(connection, [entry])
    return after


def _words(reason: str | None) -> str:
    return (reason or "it waits for a person").replace("_", " ")
