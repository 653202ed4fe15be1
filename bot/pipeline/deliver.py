"""Fifth pass: hands due messages to the channel, at most once each unless we know they were not accepted.

Crash semantics (design/delivery.md). A kill before the intent commits: the lease ends, the claim is pending again, nothing
left the house. A kill after it: the message is UNKNOWN, is never re-sent by itself, and waits for the provider's evidence;
after 25 h a person decides. A kill after the answer is recorded: nothing to do. No network inside a transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, select, true, update

from bot.channels.base import MailChannel, Outgoing
from bot.clock import Clock
from bot.errors import JourneybotError
from bot.pipeline.detect import local_days
from bot.pipeline.mail_context import MailCase, computed_values, in_contact_walk, load_cases
from bot.pipeline.preflight import Judgement, Letter, email_step, judge
from bot.pipeline.published import Published
from bot.pipeline.questions import ask_about_gaps, withdraw_answered
from bot.pipeline.recipients import mailable_people, pick_recipients
from bot.pipeline.recording import Recorder
from bot.pipeline.scopes import CONTACT, Ground, is_mailable
from storage.database import Database
from storage.dialects import among
from storage.enrollments import rows_not_paused, wake_walks_of_messages
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.outbox import NOT_SENT, OVER, MessageState
from storage.outbox_moves import (
    LEASE,
    MESSAGE,
    MessageRow,
    claim_due_messages,
    contents_of,
    expire_waiting,
    give_up_on_unknown,
    lock_messages,
    reap_expired_leases,
    store_contents,
    store_intent,
    write_moves,
)
from storage.transports import blocked_until

log = structlog.get_logger()

BATCH = 500
#: Stop handing over this long before the lease ends, so that a slow batch never writes to a socket with a dead lease.
LEASE_MARGIN = timedelta(seconds=30)

VERDICTS = {
    MessageState.PENDING: Verdict.DEFERRED,
    MessageState.HELD: Verdict.HELD,
    **dict.fromkeys(NOT_SENT, Verdict.NOT_SENT),
}


@dataclass(slots=True)
class DeliverCount:
    """What the pass did, by state the messages ended in."""

    states: dict[str, int] = field(default_factory=dict)
    blocked: bool = False

    def add(self, state: str, number: int = 1) -> None:
        self.states[state] = self.states.get(state, 0) + number

    @property
    def total(self) -> int:
        return sum(self.states.values())


def deliver(
    database: Database,
    published: Published,
    channel: MailChannel,
    clock: Clock,
    *,
    installation: str = "",
    batch_size: int = BATCH,
    is_stopping: Callable[[], bool] = lambda: False,
) -> DeliverCount:
    """Send everything that may go now; once `is_stopping`, no new batch is begun."""
    count = DeliverCount()
    worker = uuid.uuid4().hex[:12]
    _tidy_up(database, clock.now(), count)
    while not is_stopping():
        now = clock.now()
        with database.write() as connection:
            if blocked_until(connection, channel.name, now) is not None:
                count.blocked = True
                return count
            runs = rows_not_paused(connection, MESSAGE)
            claimed = claim_due_messages(connection, now, worker, batch_size, runs)
        if not claimed:
            return count
        deadline = clock.monotonic() + (LEASE - LEASE_MARGIN).total_seconds()
        outgoing = _prepare(database, published, claimed, channel.name, now, installation, deadline, count)
        if outgoing:
            recorder = Recorder(database, channel.name, clock, count.add, {out.reference: row for out, row in outgoing})
            channel.send([out for out, _ in outgoing], recorder.on_answer)
            recorder.flush()
    return count


def _tidy_up(database: Database, now: datetime, count: DeliverCount) -> None:
    """Leases of dead workers, unknown fates without evidence, held mails past their time."""
    with database.write() as connection:
        moved = [
            *reap_expired_leases(connection, now),
            *give_up_on_unknown(connection, now),
            *expire_waiting(connection, now),
        ]
        withdraw_answered(connection, now)
        if moved:
            _finish(connection, [(row, row.reason or "", None) for row in moved], now)
    for row in moved:
        count.add(row.state)


def _prepare(
    database: Database,
    published: Published,
    claimed: Sequence[MessageRow],
    provider: str,
    now: datetime,
    installation: str,
    deadline: float,
    count: DeliverCount,
) -> list[tuple[Outgoing, MessageRow]]:
    """Judge and render outside of any transaction, then store verdicts and intents in one."""
    ids = [row.id for row in claimed]
    judgements = _judge(database, published, ids, now)
    with database.write() as connection:
        rows = lock_messages(connection, ids)
        mine = {row.id: row.token for row in claimed}
        still_mine = {
            found: row for found, row in rows.items() if row.state == MessageState.CLAIMED and row.token == mine[found]
        }
        judgements = {found: judgements[found] for found in still_mine}
        _check_again(connection, published, judgements)
        outgoing = _store(connection, published, still_mine, judgements, provider, now)
    for judgement in judgements.values():
        if judgement.state != MessageState.SUBMITTING:
            count.add(judgement.state.value)
    return [(_outgoing(row, judgements[row.id].letter, installation, deadline), row) for row in outgoing]


def _judge(database: Database, published: Published, ids: list[int], now: datetime) -> dict[int, Judgement]:
    with database.read() as connection:
        ground = published.ground(local_days(connection, now, published.settings.timezone))
        cases = load_cases(connection, ground, ids)
    if any(case.message.contact_id is None for case in cases):
        with database.write() as connection:
            cases = _find_missing_recipients(connection, published, ground, cases)
    with database.read() as connection:
        judgements, values = _values(connection, published, ground, cases)
        kept = {found: _letter_of(row) for found, row in contents_of(connection, ids).items()}
    for case in cases:
        if case.id not in judgements:
            judgements[case.id] = _judge_one(case, published, now, values.get(case.id, {}), kept.get(case.id))
    return judgements


def _judge_one(
    case: MailCase, published: Published, now: datetime, values: dict[str, Any], kept: Letter | None
) -> Judgement:
    """Whatever breaks over one mail sets that mail aside and never stops the others."""
    try:
        return judge(case, published, now, values, kept)
    except Exception as error:  # noqa: BLE001
        return _broken(case, error)


def _broken(case: MailCase, error: Exception) -> Judgement:
    log.error("cannot_render", message=case.id, template=case.message.template, error=type(error).__name__)
    sentence = error.sentence if isinstance(error, JourneybotError) else f"{type(error).__name__}: {str(error)[:300]}"
    details = {"error": sentence, "template": case.message.template}
    return Judgement(state=MessageState.QUARANTINED, reason="cannot_render", details=details)


def _values(
    connection: Connection, published: Published, ground: Ground, cases: Sequence[MailCase]
) -> tuple[dict[int, Judgement], dict[int, dict[str, Any]]]:
    """Message id → the values its template asks for; and the mails whose template is gone or breaks in the database."""
    broken: dict[int, Judgement] = {}
    values: dict[int, dict[str, Any]] = {}
    groups: dict[tuple[str, str, bool], list[MailCase]] = {}
    for case in cases:
        if case.message.template in published.templates.names:
            template = published.templates.pick(case.message.template, case.locales)
            groups.setdefault((template.name, template.locale, in_contact_walk(case, published)), []).append(case)
    for (name, locale, of_contacts), group in groups.items():
        template, ids = published.templates.pick(name, (locale,)), [case.id for case in group]
        try:
            with connection.begin_nested():
                values |= computed_values(connection, ground, template, ids, of_contacts=of_contacts)
        except Exception as error:
            if connection.invalidated or connection.closed:
                raise
            broken |= {case.id: _broken(case, error) for case in group}
    return broken, values


def _find_missing_recipients(
    connection: Connection, published: Published, ground: Ground, cases: list[MailCase]
) -> list[MailCase]:
    """A mail that had nobody to go to looks again: somebody may have been added (S24)."""
    found: list[int] = []
    for case in cases:
        step = email_step(case, published) if case.message.contact_id is None else None
        if step is None or step.template not in published.templates.names:
            continue
        category = published.templates.pick(step.template, case.locales).category
        people = mailable_people(connection, {case.message.customer_id}, category, published.settings.consent)
        recipients = pick_recipients(step.to, people.get(case.message.customer_id, ()), None)
        if recipients:
            connection.execute(update(MESSAGE).where(MESSAGE.c.id == case.id).values(contact_id=recipients[0]))
            found.append(case.id)
    if not found:
        return cases
    fresh = {case.id: case for case in load_cases(connection, ground, found)}
    return [fresh.get(case.id, case) for case in cases]


def _check_again(connection: Connection, published: Published, judgements: dict[int, Judgement]) -> None:
    """Stopped means stopped: consent, suppression and pauses once more, in the transaction that commits the intent."""
    by_category: dict[str, list[int]] = {}
    for found, judgement in judgements.items():
        if judgement.state == MessageState.SUBMITTING and judgement.letter is not None:
            by_category.setdefault(judgement.letter.category, []).append(found)
    for category, ids in by_category.items():
        statement = (
            select(MESSAGE.c.id)
            .select_from(MESSAGE.join(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id))
            .where(among(MESSAGE.c.id, ids), is_mailable(category, published.settings.consent))
        )
        allowed = set(connection.scalars(statement))
        for found in ids:
            if found not in allowed:
                judgements[found] = Judgement(state=MessageState.SUPPRESSED, reason="not_allowed")
    running = rows_not_paused(connection, MESSAGE)
    if running is not true():
        ids = [found for found, judgement in judgements.items() if judgement.state == MessageState.SUBMITTING]
        free = set(connection.scalars(select(MESSAGE.c.id).where(among(MESSAGE.c.id, ids), running)))
        for found in ids:
            if found not in free:
                judgements[found] = Judgement(state=MessageState.PENDING, reason="paused")


def _store(
    connection: Connection,
    published: Published,
    rows: dict[int, MessageRow],
    judgements: dict[int, Judgement],
    provider: str,
    now: datetime,
) -> list[MessageRow]:
    going = [row for found, row in rows.items() if judgements[found].state == MessageState.SUBMITTING]
    staying = [
        (row, judgements[found]) for found, row in rows.items() if judgements[found].state != MessageState.SUBMITTING
    ]
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
    _finish(connection, [(after, judgements[after.id].reason, judgements[after.id].details) for _, after in moves], now)
    gaps = [(after.id, judgements[after.id]) for _, after in moves]
    ask_about_gaps(connection, published.settings, gaps, now)
    _store_letters(connection, judgements)
    return store_intent(connection, going, now, provider)


def _store_letters(connection: Connection, judgements: dict[int, Judgement]) -> None:
    letters = {found: judgement.letter for found, judgement in judgements.items() if judgement.letter is not None}
    standing = set(contents_of(connection, letters)) if letters else set()
    rows = [
        (
            found,
            letter.to_email,
            letter.to_name,
            letter.from_email,
            letter.from_name,
            letter.reply_to,
            letter.mail.subject,
            letter.mail.html,
            letter.mail.text,
            letter.category,
            letter.locale,
            letter.template_digest,
            False,
        )
        for found, letter in letters.items()
        if found not in standing
    ]
    store_contents(connection, rows)


def _finish(
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
                once=f"message:{row.id}:{reason}" if deferred else None,
            )
        )
    write_entries(connection, entries)
    wake_walks_of_messages(connection, [row.enrollment_id for row, _, _ in moved if row.state in OVER], now)


def _outgoing(row: MessageRow, letter: Letter | None, installation: str, deadline: float) -> Outgoing:
    assert letter is not None
    return Outgoing(
        reference=f"{installation}-{row.id}" if installation else str(row.id),
        to_email=letter.to_email,
        to_name=letter.to_name,
        from_email=letter.from_email,
        from_name=letter.from_name,
        reply_to_email=letter.reply_to,
        reply_to_name=None,
        subject=letter.mail.subject,
        html=letter.mail.html,
        text=letter.mail.text,
        category=letter.category,
        headers={},
        deadline=deadline,
    )


def _letter_of(row: object) -> Letter:
    from bot.authoring.templates import RenderedMail

    mail = RenderedMail(subject=row.subject, preheader="", html=row.html, text=row.text)  # type: ignore[attr-defined]
    return Letter(
        to_email=row.to_email,  # type: ignore[attr-defined]
        to_name=row.to_name,  # type: ignore[attr-defined]
        from_email=row.from_email,  # type: ignore[attr-defined]
        from_name=row.from_name,  # type: ignore[attr-defined]
        reply_to=row.reply_to,  # type: ignore[attr-defined]
        mail=mail,
        category=row.category,  # type: ignore[attr-defined]
        locale=row.locale,  # type: ignore[attr-defined]
        template_digest=row.template_digest,  # type: ignore[attr-defined]
    )
