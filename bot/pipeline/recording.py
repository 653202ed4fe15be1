"""Records a channel's answers, in small groups as they arrive: accepted, tried again later, failed or unknown, with the
attempt and the decision. Evidence of acceptance beats any state; every other write needs the current token (rule b).
Before it: a channel answers. After it: absorb hears what became of the mail."""

from __future__ import annotations

import random
from collections.abc import Callable, MutableMapping
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Insert, bindparam, insert, literal, select
from sqlalchemy.exc import OperationalError

from bot.channels.base import Answer, Outcome, Outgoing
from bot.clock import Clock
from bot.failpoints import Place, pass_by
from storage.bulk import update_rows
from storage.columns import UtcDateTime
from storage.database import Database
from storage.dialects import among, among_given
from storage.enrollments import wake_walks_of_messages
from storage.handoff_mails import tell_of_mails
from storage.journal import Verdict
from storage.journal_entries import DECISION, Entry, write_entries
from storage.outbox import OVER, MessageState
from storage.outbox_moves import ATTEMPT, MESSAGE, MessageRow, lock_messages, store_acceptances, write_moves
from storage.transports import block, closed_since, open_again

GROUP = 250
RATE_LIMITED = "rate_limited"
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
BREAKER = timedelta(minutes=15)
#: Between tries to record, in seconds; together less than a lease lasts.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
log = structlog.get_logger()
LONGEST_SLOWDOWN = timedelta(minutes=10)

STATES = {
    Outcome.ACCEPTED: MessageState.ACCEPTED,
    Outcome.NOT_ACCEPTED: MessageState.PENDING,
    Outcome.DENIED: MessageState.PENDING,
    Outcome.REFUSED: MessageState.FAILED,
    Outcome.UNKNOWN: MessageState.UNKNOWN,
}
VERDICTS = {
    MessageState.ACCEPTED: Verdict.SENT,
    MessageState.PENDING: Verdict.DEFERRED,
    MessageState.FAILED: Verdict.NOT_SENT,
    MessageState.UNKNOWN: Verdict.FAULT,
}


class Recorder:
    """Collects answers and writes them in groups, so that a crash leaves few fates unknown: with a `thread` while the channel
    goes on, and then as many at once as came meanwhile; while it has the `turn`, nobody else writes. `rows` are the messages on
    their way, by reference; it takes out those that are answered. What a write raises, the next answer or `flush` raises."""

    def __init__(
        self,
        database: Database,
        transport: str,
        clock: Clock,
        counted: Callable[[str], None],
        rows: MutableMapping[str, MessageRow],
        thread: Executor | None = None,
        turn: AbstractContextManager[Any] | None = None,
    ) -> None:
        self._database = database
        self._transport = transport
        self._clock = clock
        self._counted = counted
        self._rows = rows
        self._thread = thread
        self._turn = turn or nullcontext()
        self._waiting: list[tuple[MessageRow, Answer]] = []
        self._writing: Future[None] | None = None
        #: An answer closed the whole way out: nothing more should be handed over.
        self.is_way_closed = False

    def on_answer(self, message: Outgoing, answer: Answer) -> None:
        pass_by(Place.ANSWERED)
        self._waiting.append((self._rows.pop(message.reference), answer))
        self.is_way_closed = self.is_way_closed or _closes_the_way(answer)
        if len(self._waiting) < GROUP or (self._writing is not None and not self._writing.done()):
            return
        if self._thread is None:
            self.flush()
        else:
            self._wait()
            self._writing = self._thread.submit(self._write, self._take())

    def flush(self) -> None:
        """Everything answered so far is stored when this returns."""
        self._wait()
        if self._waiting:
            self._write(self._take())

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _take(self) -> list[tuple[MessageRow, Answer]]:
        group, self._waiting = self._waiting, []
        return group

    def _write(self, group: list[tuple[MessageRow, Answer]]) -> None:
        """A database that is locked or full for a moment must not cost the only copy of what the provider said."""
        for pause in PAUSES:
            try:
                return self._write_once(group)
            except OperationalError as error:
                log.warning("answers_not_recorded", answers=len(group), error=str(error.orig)[:200], again_in=pause)
                self._clock.sleep(pause)
        return self._write_once(group)

    def _write_once(self, group: list[tuple[MessageRow, Answer]]) -> None:
        now = self._clock.now()
        with self._turn, self._database.write() as connection:
            recorded = _record(connection, group, now)
            self._mind_the_transport(connection, [answer for _, answer in group], now)
            pass_by(Place.RECORD_COMMIT)
        pass_by(Place.RECORDED)
        for state in recorded:
            self._counted(state)

    def _mind_the_transport(self, connection: Connection, answers: list[Answer], now: datetime) -> None:
        """429 slows the whole transport; a refused key opens the breaker with one alert, not ten thousand failures."""
        denied = next((answer for answer in answers if answer.outcome is Outcome.DENIED), None)
        limited = next((answer for answer in answers if answer.reason == RATE_LIMITED), None)
        stopped = denied or limited
        if stopped is None:
            if any(answer.outcome is Outcome.ACCEPTED for answer in answers):
                open_again(connection, self._transport, now)
            return
        pause = BREAKER if denied else self._slowed(connection, stopped, now)
        if block(connection, self._transport, until=now + pause, reason=stopped.reason, at=now):
            entry = Entry(
                at=now,
                verdict=Verdict.FAULT,
                reason="transport_denied" if denied else "transport_slowed",
                details={"transport": self._transport, "answer": stopped.reason, "status": stopped.status},
            )
            write_entries(connection, [entry])

    def _slowed(self, connection: Connection, answer: Answer, now: datetime) -> timedelta:
        """The provider's own word; else as long again as it has refused us so far."""
        if answer.retry_after_seconds is not None:
            return timedelta(seconds=max(1.0, answer.retry_after_seconds))
        since = closed_since(connection, self._transport, answer.reason)
        return min(LONGEST_SLOWDOWN, max(FIRST_RETRY, now - (since or now)))


def _closes_the_way(answer: Answer) -> bool:
    return answer.outcome is Outcome.DENIED or answer.reason == RATE_LIMITED


def _record(connection: Connection, group: list[tuple[MessageRow, Answer]], now: datetime) -> list[str]:
    """The states that the messages of the group came to."""
    taken = _record_acceptances(connection, group, now)
    rest = [(row, answer) for row, answer in group if (row.id, row.token) not in taken]
    moved = _record_one_by_one(connection, rest, now) if rest else []
    over = [row.enrollment_id for row, _ in group if (row.id, row.token) in taken]
    over += [after.enrollment_id for after in moved if after.state in OVER]
    wake_walks_of_messages(connection, over, now)
    tell_of_mails(connection, [found for found, _ in taken])
    return [MessageState.ACCEPTED.value] * len(taken) + [after.state for after in moved]


def _decisions_of_accepted() -> Insert:
    """What stands in the journal of each mail that was taken."""
    known: dict[str, ColumnElement[Any]] = {
        "at": bindparam("at", type_=UtcDateTime()),
        "verdict": literal(Verdict.SENT.value),
        "reason": literal("accepted"),
        "message_id": MESSAGE.c.id,
        **{name: MESSAGE.c[name] for name in ("customer_id", "contact_id", "playbook", "enrollment_id", "step")},
    }
    return insert(DECISION).from_select(list(known), select(*known.values()).where(among_given(MESSAGE.c.id)))


#: Kept, because every group of answers runs it.
_TOLD_OF_ACCEPTANCE = _decisions_of_accepted()


def _record_acceptances(
    connection: Connection, group: list[tuple[MessageRow, Answer]], now: datetime
) -> set[tuple[int, int]]:
    """What nearly all answers are: taken at once, and nobody touched the message meanwhile. By a few statements for all."""
    by_status: dict[int | None, dict[tuple[int, int], str | None]] = {}
    for row, answer in group:
        if answer.outcome is Outcome.ACCEPTED and not answer.detail:
            by_status.setdefault(answer.status, {})[row.id, row.token] = answer.provider_message_id
    taken: set[tuple[int, int]] = set()
    for status, accepted in by_status.items():
        taken |= store_acceptances(connection, accepted, now, status)
    if taken:
        connection.execute(_TOLD_OF_ACCEPTANCE, {"keys": [found for found, _ in taken], "at": now})
    return taken


def _record_one_by_one(
    connection: Connection, group: list[tuple[MessageRow, Answer]], now: datetime
) -> list[MessageRow]:
    standing = lock_messages(connection, [row.id for row, _ in group])
    moves, attempts, told = [], [], []
    for row, answer in group:
        before = standing.get(row.id)
        if before is None:
            continue  # erased while its request was out
        after = _moved(before, row, answer, now)
        attempts.append((row, answer))
        if after is not None:
            moves.append((before, after))
            told.append((after, answer))
    write_moves(connection, moves)
    _close_attempts(connection, attempts, now)
    _tell(connection, told, now)
    return [after for _, after in moves]


def _moved(before: MessageRow, sent: MessageRow, answer: Answer, now: datetime) -> MessageRow | None:
    """The message after this answer; None when a newer claim owns it and the answer proves nothing."""
    state = STATES[answer.outcome]
    if state is MessageState.ACCEPTED:
        if before.state == MessageState.ACCEPTED:
            return None
        return before.to(state, now, reason="accepted", provider_message_id=answer.provider_message_id, accepted_at=now)
    # A worker that was frozen past its lease still knows what nobody else does: that this attempt did not get through.
    if before.token != sent.token or before.state not in (MessageState.SUBMITTING, MessageState.UNKNOWN):
        return None
    if before.state == state:
        return None
    if state is MessageState.PENDING:
        later = now + _backoff(before.attempts, answer)
        return before.to(state, now, reason=answer.reason, not_before=later, claims=0)
    return before.to(state, now, reason=answer.reason)


def _backoff(attempts: int, answer: Answer) -> timedelta:
    """The provider's own word, else doubling from half a minute to an hour, with jitter so that not all come at once."""
    if answer.retry_after_seconds is not None:
        return timedelta(seconds=max(1.0, answer.retry_after_seconds))
    if answer.outcome is Outcome.DENIED or answer.reason == "breaker":
        return BREAKER
    if answer.reason == RATE_LIMITED:
        return timedelta(seconds=1)  # the whole way out is closed; this mail need not wait longer than the others
    longest = min(LONGEST_RETRY, FIRST_RETRY * (1 << min(attempts - 1, 10)))
    return longest * random.uniform(0.5, 1.0)


def _close_attempts(connection: Connection, answers: list[tuple[MessageRow, Answer]], now: datetime) -> None:
    keys = {(row.id, row.attempts): answer for row, answer in answers}
    found = connection.execute(
        select(ATTEMPT.c.id, ATTEMPT.c.message_id, ATTEMPT.c.number).where(
            among(ATTEMPT.c.message_id, [row.id for row, _ in answers])
        )
    )
    rows = [
        (attempt.id, now, answer.outcome.value, answer.status, answer.reason, answer.detail or None)
        for attempt in found
        if (answer := keys.get((attempt.message_id, attempt.number))) is not None
    ]
    update_rows(connection, ATTEMPT, ("ended_at", "outcome", "status", "reason", "detail"), rows)


def _tell(connection: Connection, told: list[tuple[MessageRow, Answer]], now: datetime) -> None:
    columns = (MESSAGE.c.id, MESSAGE.c.contact_id, MESSAGE.c.playbook, MESSAGE.c.step)
    found = connection.execute(select(*columns).where(among(MESSAGE.c.id, [row.id for row, _ in told])))
    known = {row.id: row for row in found}
    entries = [
        Entry(
            at=now,
            verdict=VERDICTS[MessageState(after.state)],
            reason=answer.reason,
            customer_id=after.customer_id,
            contact_id=known[after.id].contact_id,
            playbook=known[after.id].playbook,
            enrollment_id=after.enrollment_id,
            message_id=after.id,
            step=known[after.id].step,
            details={"status": answer.status} if answer.status and after.state != MessageState.ACCEPTED else None,
            once=f"message:{after.id}:{answer.reason}" if after.state == MessageState.PENDING else None,
        )
        for after, answer in told
    ]
    write_entries(connection, entries)
