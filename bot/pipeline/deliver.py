"""Fifth pass: hands due messages to the channel, at most once each unless we know they were not accepted.

Crash semantics (design/delivery.md). A kill before the intent commits: the lease ends, the claim is pending again, nothing
left the house. A kill after it: the message is UNKNOWN, is never re-sent by itself, and waits for the provider's evidence;
after 25 h a person decides. A kill after the answer is recorded: nothing to do. No network inside a transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, update

from bot.channels.base import MailChannel, Outgoing
from bot.clock import Clock
from bot.errors import JourneybotError
from bot.failpoints import Place, pass_by
from bot.pipeline.caps import keep_within_caps
from bot.pipeline.detect import local_days
from bot.pipeline.intents import check_again, finish, outgoing_of, store_judgements
from bot.pipeline.mail_context import MailCase, computed_values, in_contact_walk, load_cases
from bot.pipeline.preflight import Judgement, Letter, email_step, judge
from bot.pipeline.published import Published
from bot.pipeline.questions import withdraw_answered
from bot.pipeline.recipients import mailable_people, pick_recipients
from bot.pipeline.recording import Recorder
from bot.pipeline.scopes import Ground
from storage.database import Database
from storage.enrollments import rows_not_paused
from storage.outbox import MessageState
from storage.outbox_moves import (
    LEASE,
    MESSAGE,
    MessageRow,
    claim_due_messages,
    contents_of,
    expire_waiting,
    give_up_on_unknown,
    reap_expired_leases,
    still_claimed,
    write_moves,
)
from storage.transports import blocked_until

log = structlog.get_logger()

BATCH = 500
#: Stop handing over this long before the lease ends, so that a slow batch never writes to a socket with a dead lease.
LEASE_MARGIN = timedelta(seconds=30)


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
    """Send everything that may go now; once `is_stopping`, no new batch is begun. While one batch is at the provider, the
    next is claimed and rendered in a thread; its intent commits only when its turn comes."""
    count = DeliverCount()
    desk = _Desk(database=database, published=published, provider=channel.name, clock=clock, batch_size=batch_size)
    _tidy_up(database, clock.now(), count)
    with ThreadPoolExecutor(1, thread_name_prefix="next-batch") as thread:
        batch = None if is_stopping() else desk.take()
        while batch is not None:
            if is_stopping() or desk.is_blocked():
                _put_back(database, batch, clock.now())
                break
            outgoing = _commit_intents(database, published, batch, channel.name, installation, count)
            following = thread.submit(desk.take) if outgoing and len(batch.claimed) == batch_size else None
            if outgoing:
                _hand_over(database, channel, clock, outgoing, count)
            batch = following.result() if following is not None else desk.take()
    count.blocked = desk.is_blocked()
    return count


def _hand_over(
    database: Database,
    channel: MailChannel,
    clock: Clock,
    outgoing: Sequence[tuple[Outgoing, MessageRow]],
    count: DeliverCount,
) -> None:
    recorder = Recorder(database, channel.name, clock, count.add, {out.reference: row for out, row in outgoing})
    channel.send([out for out, _ in outgoing], recorder.on_answer)
    recorder.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Claimed messages with their verdicts, before any intent is stored. `deadline` is monotonic, from the claim on."""

    claimed: Sequence[MessageRow]
    cases: Mapping[int, MailCase]
    judgements: dict[int, Judgement]
    now: datetime
    deadline: float


@dataclass(slots=True, kw_only=True)
class _Desk:
    """Claims and judges the next batch."""

    database: Database
    published: Published
    provider: str
    clock: Clock
    batch_size: int
    worker: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def is_blocked(self) -> bool:
        with self.database.read() as connection:
            return blocked_until(connection, self.provider, self.clock.now()) is not None

    def take(self) -> _Batch | None:
        """None: nothing is due, or the way out is closed. Judges and renders outside of any transaction."""
        now = self.clock.now()
        with self.database.write() as connection:
            if blocked_until(connection, self.provider, now) is not None:
                return None
            runs = rows_not_paused(connection, MESSAGE)
            claimed = claim_due_messages(connection, now, self.worker, self.batch_size, runs)
            pass_by(Place.CLAIM_COMMIT)
        if not claimed:
            return None
        pass_by(Place.CLAIMED)
        deadline = self.clock.monotonic() + (LEASE - LEASE_MARGIN).total_seconds()
        cases, judgements = _judge(self.database, self.published, [row.id for row in claimed], now)
        pass_by(Place.RENDERED)
        return _Batch(claimed=claimed, cases=cases, judgements=judgements, now=now, deadline=deadline)


def _put_back(database: Database, batch: _Batch, now: datetime) -> None:
    """Nothing of this batch left the house: it is pending again, as if it had not been claimed."""
    with database.write() as connection:
        moves = [
            (row, row.to(MessageState.PENDING, now, reason=row.reason, claims=row.claims - 1))
            for row in _still_mine(connection, batch).values()
        ]
        write_moves(connection, moves)


def _still_mine(connection: Connection, batch: _Batch) -> dict[int, MessageRow]:
    """The batch's rows, locked, as far as no other worker took them since."""
    return {row.id: row for row in still_claimed(connection, batch.claimed)}


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
            finish(connection, [(row, row.reason or "", None) for row in moved], now)
        pass_by(Place.TIDY_COMMIT)
    pass_by(Place.TIDIED)
    for row in moved:
        count.add(row.state)


def _commit_intents(
    database: Database,
    published: Published,
    batch: _Batch,
    provider: str,
    installation: str,
    count: DeliverCount,
) -> list[tuple[Outgoing, MessageRow]]:
    """Store verdicts and intents in one transaction, in which everything that may stop a mail is asked once more."""
    with database.write() as connection:
        mine = _still_mine(connection, batch)
        judgements = {found: batch.judgements[found] for found in mine}
        check_again(connection, published, judgements)
        keep_within_caps(connection, published, batch.cases, judgements, batch.now)
        going = store_judgements(connection, published, mine, judgements, provider, batch.now)
        pass_by(Place.INTENT_COMMIT)
    pass_by(Place.INTENDED)
    for judgement in judgements.values():
        if judgement.state != MessageState.SUBMITTING:
            count.add(judgement.state.value)
    return [
        (outgoing_of(row, judgements[row.id].letter, published, installation, batch.deadline), row) for row in going
    ]


def _judge(
    database: Database, published: Published, ids: list[int], now: datetime
) -> tuple[dict[int, MailCase], dict[int, Judgement]]:
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
    return {case.id: case for case in cases}, judgements


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
