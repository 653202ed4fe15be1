"""What stands with the intent to send, in one transaction: the last questions (consent, pause), the verdicts, the rendered
letters, the decisions. Part of deliver, which calls it just before a batch goes to the channel; no network here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, select, true

from bot.channels.base import Outgoing
from bot.pipeline.holding import keep_held
from bot.pipeline.preflight import Judgement, Letter
from bot.pipeline.published import Published
from bot.pipeline.questions import ask_about_gaps
from bot.pipeline.scopes import CONTACT, is_mailable
from bot.pipeline.template_holds import hold_with_templates
from bot.rules.references import MailName, answer_address, reference_of
from storage.dialects import among, among_given
from storage.enrollments import rows_not_paused, wake_walks_of_messages
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.mail_texts import readdress, store_contents, store_skeletons, stored_addresses
from storage.outbox import NOT_SENT, OVER, MessageState
from storage.outbox_moves import (
    MESSAGE,
    MessageRow,
    lock_messages,
    store_intent,
    write_moves,
)
from storage.skeletons import Outline

VERDICTS = {
    MessageState.PENDING: Verdict.DEFERRED,
    MessageState.HELD: Verdict.HELD,
    **dict.fromkeys(NOT_SENT, Verdict.NOT_SENT),
}


def check_again(connection: Connection, published: Published, judgements: dict[int, Judgement], now: datetime) -> None:
    """Stopped means stopped: expiry, consent, suppression and pauses once more, in the transaction that commits the intent."""
    for found, judgement in judgements.items():
        is_over = judgement.expires_at is not None and judgement.expires_at <= now
        if is_over and judgement.state == MessageState.SUBMITTING:
            judgements[found] = replace(judgement, state=MessageState.EXPIRED, reason="expired", letter=None)
    by_category: dict[str, list[int]] = {}
    for found, judgement in judgements.items():
        if judgement.state == MessageState.SUBMITTING and judgement.letter is not None:
            by_category.setdefault(judgement.letter.category, []).append(found)
    for category, ids in by_category.items():
        found_now = connection.execute(_allowed(category, published.settings.consent), {"keys": ids})
        allowed = {found: email for found, email in found_now if email is not None}
        for found in ids:
            letter = judgements[found].letter
            if found not in allowed:
                judgements[found] = Judgement(state=MessageState.SUPPRESSED, reason="not_allowed")
            elif letter is not None and letter.to_email != allowed[found]:
                judgements[found] = Judgement(state=MessageState.PENDING, reason="address_changed")
    running = rows_not_paused(connection, MESSAGE)
    if running is not true():
        ids = [found for found, judgement in judgements.items() if judgement.state == MessageState.SUBMITTING]
        free = set(connection.scalars(select(MESSAGE.c.id).where(among(MESSAGE.c.id, ids), running)))
        for found in ids:
            if found not in free:
                judgements[found] = Judgement(state=MessageState.PENDING, reason="paused")


@lru_cache(maxsize=32)
def _allowed(category: str, consent: tuple[str, ...]) -> Select[Any]:
    """The address of each mail's contact, as far as it may be written to."""
    # By each mail's own contact, not as a join: where PostgreSQL knows no statistics yet (after an import), it would go
    # through all contacts and look for the mails of each.
    may = (CONTACT.c.id == MESSAGE.c.contact_id, is_mailable(category, consent))
    address = select(CONTACT.c.email).where(*may).correlate(MESSAGE).scalar_subquery().label("email")
    return select(MESSAGE.c.id, address).where(among_given(MESSAGE.c.id))


def store_judgements(
    connection: Connection,
    published: Published,
    rows: dict[int, MessageRow],
    judgements: dict[int, Judgement],
    provider: str,
    now: datetime,
) -> list[MessageRow]:
    """Write every verdict and, for those that go, the letter and the intent; returns these. `rows` are claimed and locked."""
    hold_with_templates(connection, judgements)
    keep_held(connection, judgements)
    _tell_of_other_languages(connection, rows, judgements, now)
    going = [row for found, row in rows.items() if judgements[found].state == MessageState.SUBMITTING]
    not_going = [found for found in rows if judgements[found].state != MessageState.SUBMITTING]
    kept = lock_messages(connection, not_going) if not_going else {}
    staying = [(row, judgements[found]) for found, row in kept.items()]
    moves = [
        (
            row,
            row.to(
                judgement.state,
                now,
                reason=judgement.reason,
                not_before=judgement.not_before or row.not_before,
                expires_at=judgement.expires_at or row.expires_at,
                claims=row.claims - 1,
            ),
        )
        for row, judgement in staying
    ]
    write_moves(connection, moves)
    finish(connection, [(after, judgements[after.id].reason, judgements[after.id].details) for _, after in moves], now)
    gaps = [(after.id, judgements[after.id]) for _, after in moves]
    ask_about_gaps(connection, published, gaps, now)
    _store_letters(connection, judgements)
    return store_intent(connection, going, now, provider)


def _tell_of_other_languages(
    connection: Connection, rows: dict[int, MessageRow], judgements: dict[int, Judgement], now: datetime
) -> None:
    """A mail in another language than its reader's is better than none, and said (S35)."""
    ids = [found for found in rows if judgements[found].wanted_locale is not None]
    if not ids:
        return
    owed = select(MESSAGE.c.id, MESSAGE.c.contact_id, MESSAGE.c.playbook, MESSAGE.c.step, MESSAGE.c.template)
    entries = []
    for row in connection.execute(owed.where(among(MESSAGE.c.id, ids)).order_by(MESSAGE.c.id)):
        judgement = judgements[row.id]
        written = judgement.letter.locale if judgement.letter is not None else None
        entries.append(
            Entry(
                at=now,
                verdict=Verdict.CHOSE,
                reason="other_language",
                customer_id=rows[row.id].customer_id,
                contact_id=row.contact_id,
                playbook=row.playbook,
                enrollment_id=rows[row.id].enrollment_id,
                message_id=row.id,
                step=row.step,
                details={"wanted": judgement.wanted_locale, "locale": written, "template": row.template},
                once=f"language:{row.id}",
            )
        )
    write_entries(connection, entries)


def _store_letters(connection: Connection, judgements: dict[int, Judgement]) -> None:
    letters = {found: judgement.letter for found, judgement in judgements.items() if judgement.letter is not None}
    standing = stored_addresses(connection, letters)
    for found, address in standing.items():
        if address != letters[found].to_email:
            readdress(connection, found, letters[found].to_email, letters[found].to_name)
    new = {found: letter for found, letter in letters.items() if found not in standing}
    documents = [letter.mail.document for letter in new.values()]
    store_skeletons(connection, [document.skeleton for document in documents if isinstance(document, Outline)])
    store_contents(connection, [(found, *_content_of(letter)) for found, letter in new.items()])


def _content_of(letter: Letter) -> tuple[Any, ...]:
    """The columns of message_content but its key, in their order."""
    mail, document = letter.mail, letter.mail.document
    html, skeleton, pieces = document, None, None
    if isinstance(document, Outline):
        html, skeleton, pieces = "", document.skeleton.digest, document.pieces
    return (
        *(letter.to_email, letter.to_name, letter.from_email, letter.from_name, letter.reply_to, mail.subject, html),
        *(mail.text, letter.category, letter.locale, letter.template_digest, False, skeleton, pieces),
    )


def finish(
    connection: Connection, moved: Sequence[tuple[MessageRow, str, dict[str, object] | None]], now: datetime
) -> None:
    """Decisions for what was not handed over, and walks whose mail is over are woken."""
    if not moved:
        return
    ids = [row.id for row, _, _ in moved]
    owners = {
        row.id: row
        for row in connection.execute(
            select(MESSAGE.c.id, MESSAGE.c.contact_id, MESSAGE.c.playbook, MESSAGE.c.step).where(
                among(MESSAGE.c.id, ids)
            )
        )
    }
    entries = []
    for row, reason, details in moved:
        deferred = row.state == MessageState.PENDING
        entries.append(
            Entry(
                at=now,
                verdict=VERDICTS.get(MessageState(row.state), Verdict.FAULT),
                reason=reason,
                customer_id=row.customer_id,
                contact_id=owners[row.id].contact_id,
                playbook=owners[row.id].playbook,
                enrollment_id=row.enrollment_id,
                message_id=row.id,
                step=owners[row.id].step,
                details={**(details or {}), "until": row.not_before.isoformat()} if deferred else details,
                once=_once(row.id, reason, details) if deferred else None,
            )
        )
    write_entries(connection, entries)
    wake_walks_of_messages(connection, [row.enrollment_id for row, _, _ in moved if row.state in OVER], now)


def _once(message_id: int, reason: str, details: dict[str, object] | None) -> str:
    """The same no again is not told again, unless somebody else is in the way now."""
    winner = (details or {}).get("winner")
    return (
        f"message:{message_id}:{reason}:{winner['en']}"
        if isinstance(winner, dict)
        else f"message:{message_id}:{reason}"
    )


def _name_of(row: MessageRow) -> MailName:
    return MailName(row.id, row.created_at)


def _answer_to(row: MessageRow, letter: Letter, published: Published, installation: str) -> str | None:
    """The inbound address with the mail's name in it, so that the answer is known by it; it reaches the CSM as a hand-off."""
    address = published.settings.replies.address
    return letter.reply_to if address is None else answer_address(address, reference_of(installation, _name_of(row)))


def outgoing_of(
    row: MessageRow, letter: Letter | None, published: Published, installation: str, deadline: float
) -> Outgoing:
    assert letter is not None
    return Outgoing(
        reference=reference_of(installation, _name_of(row)),
        to_email=letter.to_email,
        to_name=letter.to_name,
        from_email=letter.from_email,
        from_name=letter.from_name,
        reply_to_email=_answer_to(row, letter, published, installation),
        reply_to_name=None,
        subject=letter.mail.subject,
        document=letter.mail.document,
        text=letter.mail.text,
        category=letter.category,
        headers=published.links.headers(
            _name_of(row), letter.category, published.settings.sender.email or letter.from_email
        ),
        deadline=deadline,
    )
