"""Fifth pass: hands due messages to the channel, at most once each unless we know they were not accepted.

Crash semantics (design/delivery.md). A kill before the intent commits: the lease ends, the claim is pending again, nothing
left the house. A kill after it: the message is UNKNOWN, is never re-sent by itself, and waits for the provider's evidence;
after 25 h a person decides. So for what is on its way or waits its turn in its batch, and at most one batch more; where only the
process that posts is killed (channels/aside.py), for what it was handed. Answers recorded stand. No network in a transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from bot.channels.base import MailChannel, MailStream, Outgoing
from bot.clock import Clock
from bot.failpoints import Place, pass_by
from bot.pipeline.caps import keep_within_caps
from bot.pipeline.deliver_count import DeliverCount
from bot.pipeline.intents import check_again, finish, outgoing_of, store_judgements
from bot.pipeline.judging import judge_batch
from bot.pipeline.mail_context import MailCase
from bot.pipeline.mail_fuses import SendingFuse
from bot.pipeline.preflight import Judgement
from bot.pipeline.published import Published
from bot.pipeline.questions import withdraw_answered
from bot.pipeline.recording import Recorder
from bot.pipeline.resending import resend_unknown
from bot.pipeline.send_guard import OPEN_GUARD, SendGuard
from bot.pipeline.suspects import FREE_OF_SUSPICION, SUSPECTS, Lot, of_lot
from storage.database import Database
from storage.enrollments import rows_not_paused
from storage.outbox import MessageState
from storage.outbox_moves import (
    LEASE,
    MESSAGE,
    MessageRow,
    claim_due_messages,
    expire_waiting,
    give_up_on_unknown,
    reap_expired_leases,
    still_claimed,
    write_moves,
)
from storage.pacing import give_back, take_slots
from storage.transports import blocked_until, most_to_claim

BATCH = 500
#: The first batch is this many times smaller, so that something is on its way while the next is prepared.
FIRST_PART = 5
#: Stop handing over this long before the lease ends, so that a slow batch never writes to a socket with a dead lease.
LEASE_MARGIN = timedelta(seconds=30)


def deliver(
    database: Database,
    published: Published,
    channel: MailChannel,
    clock: Clock,
    *,
    installation: str = "",
    batch_size: int = BATCH,
    is_stopping: Callable[[], bool] = lambda: False,
    guard: SendGuard = OPEN_GUARD,
) -> DeliverCount:
    """Send everything that may go now; once `is_stopping`, no new batch is begun. The channel runs in this thread; while it
    has mails on their way, one thread prepares the next batch and one records answers. Where the database has one writer at a
    time, they write in turn."""
    count = DeliverCount()
    _tidy_up(database, published, clock.now(), count)
    with database.read() as connection:
        count.pause = guard.pause(connection)
    if count.pause is not None:
        return count
    threads = (ThreadPoolExecutor(1, thread_name_prefix=name) for name in ("desk", "recorder"))
    with next(threads) as thread, next(threads) as recording:
        on_the_way: dict[str, MessageRow] = {}
        turn = database.turns()
        recorder = Recorder(database, channel.name, clock, count.add, on_the_way, recording, turn)
        desk = _Desk(
            database=database,
            published=published,
            provider=channel.name,
            clock=clock,
            batch_size=batch_size,
            installation=installation,
            count=count,
            on_the_way=on_the_way,
            fuse=SendingFuse(published=published),
            is_closing=lambda: is_stopping() or recorder.is_way_closed,
            guard=guard,
            turn=turn,
        )
        mails = desk.mails(thread)
        first = next(mails, None)
        if first is not None:
            stream = MailStream(mails=chain((first,), mails), may_wait=lambda: not desk.is_next_ready)
            _send(channel, stream, recorder)
        for apart in desk.suspects():
            _send(channel, MailStream(mails=iter(apart)), recorder)
    count.blocked = desk.is_blocked()
    return count


def _send(channel: MailChannel, mails: MailStream, recorder: Recorder) -> None:
    try:
        channel.send(mails, recorder.on_answer)
    finally:  # what made the next batch fail must not cost the answers that came before
        recorder.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Claimed messages with their verdicts, before any intent is stored."""

    claimed: Sequence[MessageRow]
    cases: Mapping[int, MailCase]
    judgements: dict[int, Judgement]
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """Mails whose intents are stored. `is_last`: nothing more was due behind them."""

    mails: Sequence[Outgoing]
    is_last: bool


@dataclass(slots=True, kw_only=True)
class _Desk:
    """Prepares mails: claims, judges, renders, stores intents. In one thread at a time. `on_the_way` gets every mail that it
    gives out."""

    database: Database
    published: Published
    provider: str
    clock: Clock
    batch_size: int
    installation: str
    count: DeliverCount
    on_the_way: dict[str, MessageRow]
    fuse: SendingFuse
    is_closing: Callable[[], bool]
    guard: SendGuard
    turn: AbstractContextManager[Any]
    worker: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    is_next_ready: bool = True

    def is_blocked(self) -> bool:
        with self.database.read() as connection:
            return self._is_blocked(connection)

    def _is_blocked(self, connection: Connection) -> bool:
        is_shut = blocked_until(connection, self.provider, self.clock.now()) is not None
        return is_shut or self.guard.pause(connection) is not None

    def mails(self, thread: Executor) -> Iterator[Outgoing]:
        """One after the other, as the channel asks for them. Half a batch ahead the next one is claimed and rendered in the
        thread, a quarter ahead its intents commit: soon enough that the provider need not wait, and so late that a kill
        leaves few mails unknown."""
        ready = self.commit(self.take(self.batch_size // FIRST_PART))
        while ready is not None:
            mails, self.is_next_ready = ready.mails, True
            if ready.is_last:
                yield from mails
                return
            to_take, to_commit = (max(0, len(mails) - max(1, self.batch_size // part)) for part in (2, 4))
            yield from mails[:to_take]
            taking = thread.submit(self.take)
            yield from mails[to_take:to_commit]
            committing = thread.submit(lambda taken: self.commit(taken.result()), taking)
            yield from mails[to_commit:-1]
            self.is_next_ready = False
            yield from mails[-1:]
            ready = committing.result()

    def suspects(self) -> Iterator[Sequence[Outgoing]]:
        """Mails that lost a worker, a few at a time; the next are prepared when those before are answered and recorded."""
        for lot in SUSPECTS:
            while (ready := self.commit(self.take(lot.most, lot))) is not None:
                yield ready.mails

    def take(self, limit: int = 0, lot: Lot = FREE_OF_SUSPICION) -> _Batch | None:
        """None: nothing is due, or the way out is closed. Judges and renders outside of any transaction. `limit`: fewer than
        a whole batch."""
        if self.is_closing():
            return None
        now = self.clock.now()
        with self.turn, self.database.write() as connection:
            most = most_to_claim(connection, self.provider, min(limit or self.batch_size, self.batch_size), now)
            if not most:
                return None
            runs = rows_not_paused(connection, MESSAGE)
            slots = self._slots(connection, now)
            claimed = claim_due_messages(connection, now, self.worker, most, runs, of_lot(lot), slots=slots)
            pass_by(Place.CLAIM_COMMIT)
        if not claimed:
            return None
        pass_by(Place.CLAIMED)
        batch = _Batch(claimed=claimed, cases={}, judgements={}, is_last=len(claimed) < most and slots is None)
        with self._blaming_no_mail(batch):
            cases, judgements = judge_batch(self.database, self.published, [row.id for row in claimed], now)
        pass_by(Place.RENDERED)
        return replace(batch, cases=cases, judgements=judgements)

    def _slots(self, connection: Connection, now: datetime) -> Callable[[int], int] | None:
        """How many of so many mails the pace allows now; None: as many as you like."""
        rate = self.published.settings.pace.per_second(self.provider)
        if rate is None:
            return None
        return lambda wanted: take_slots(connection, self.provider, rate, wanted, now)

    def _give_back(self, connection: Connection, number: int) -> None:
        """Slots of mails that do not go now."""
        rate = self.published.settings.pace.per_second(self.provider)
        if rate is not None:
            give_back(connection, self.provider, rate, number)

    @contextmanager
    def _blaming_no_mail(self, batch: _Batch) -> Iterator[None]:
        """When the database itself fails, the claims do not count: three of them would quarantine the whole batch."""
        try:
            yield
        except OperationalError:
            with suppress(OperationalError):
                self.put_back(batch)
            raise

    def put_back(self, batch: _Batch) -> None:
        """Nothing of this batch left the house: it is pending again, as if it had not been claimed."""
        with self.turn, self.database.write() as connection:
            self._put_back(connection, batch)

    def _put_back(self, connection: Connection, batch: _Batch) -> None:
        now = self.clock.now()
        moves = [
            (row, row.to(MessageState.PENDING, now, reason=row.reason, claims=row.claims - 1))
            for row in _still_mine(connection, batch).values()
        ]
        write_moves(connection, moves)

    def commit(self, batch: _Batch | None) -> _Ready | None:
        """Store verdicts and intents in one transaction, in which everything that may stop a mail is asked once more. The
        lease begins anew with it, and the deadline for writing to the socket counts from before that."""
        if batch is None:
            return None
        if self.is_closing():
            self.put_back(batch)
            return None
        deadline = self.clock.monotonic() + (LEASE - LEASE_MARGIN).total_seconds()
        now = self.clock.now()
        with self._blaming_no_mail(batch), self.turn, self.database.write() as connection:
            if self._is_blocked(connection):
                self._put_back(connection, batch)
                return None
            mine = _still_mine(connection, batch)
            judgements = {found: batch.judgements[found] for found in mine}
            check_again(connection, self.published, judgements, now)
            keep_within_caps(connection, self.published, batch.cases, judgements, now)
            if self.fuse.mind(connection, batch.cases.values(), judgements, now):
                check_again(connection, self.published, judgements, now)
            going = store_judgements(connection, self.published, mine, judgements, self.provider, now)
            self._give_back(connection, len(batch.claimed) - len(going))
            generation = self.guard.move(connection, now) if going else 0
            pass_by(Place.INTENT_COMMIT)
        pass_by(Place.INTENDED)
        if generation:
            self.guard.remember(generation, now)
        for judgement in judgements.values():
            if judgement.state != MessageState.SUBMITTING:
                self.count.add(judgement.state.value)
        mails = [
            outgoing_of(row, judgements[row.id].letter, self.published, self.installation, deadline) for row in going
        ]
        self.on_the_way.update(zip((mail.reference for mail in mails), going, strict=True))
        return _Ready(mails=mails, is_last=batch.is_last)


def _still_mine(connection: Connection, batch: _Batch) -> dict[int, MessageRow]:
    """The batch's rows, locked, as far as no other worker took them since."""
    return {row.id: row for row in still_claimed(connection, batch.claimed)}


def _tidy_up(database: Database, published: Published, now: datetime, count: DeliverCount) -> None:
    """Leases of dead workers, unknown fates without evidence (or to be sent once more), held mails past their time."""
    with database.write() as connection:
        moved = [
            *reap_expired_leases(connection, now),
            *resend_unknown(connection, published, now),
            *give_up_on_unknown(connection, now),
            *expire_waiting(connection, now, rows_not_paused(connection, MESSAGE)),
        ]
        withdraw_answered(connection, now)
        if moved:
            finish(connection, [(row, row.reason or "", None) for row in moved], now)
        pass_by(Place.TIDY_COMMIT)
    pass_by(Place.TIDIED)
    for row in moved:
        count.add(row.state)
