"""The outbox as a small machine of its own: two workers, a provider, a wire that loses and doubles, people, kills and freezes.
It moves one message by the rules of the product (test_conformance.py holds them against it) over the product's own table
of transitions, and says every step that could happen next. search.py walks all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from storage.outbox import TRANSITIONS, MessageState
from storage.outbox_moves import CLAIMS_BEFORE_QUARANTINE

S = MessageState


class Phase(Enum):
    """Where a worker stands with the message."""

    IDLE = 0
    CLAIMED = 1  #: holds the row as it was when claimed
    INTENDED = 2  #: the intent is committed, the deadline not asked yet
    WRITING = 3  #: the deadline is asked; frozen here it still writes when it wakes
    WAITING = 4  #: the request has left
    ANSWERED = 5  #: an answer is in memory


#: It will look at its deadline; past that, a frozen worker may be overtaken by the end of its lease anywhere.
ASKS_LATER = (Phase.CLAIMED, Phase.INTENDED)


class Heard(Enum):
    """What a worker knows about its request."""

    NOTHING = 0
    TAKEN = 1  #: 202
    NOT_TAKEN = 2  #: 429, 401, 403, never connected, deadline over
    REFUSED = 3  #: 400, 413
    TIMEOUT = 4  #: also a reset
    SERVER_ERROR = 5  #: 5xx


class Worker(NamedTuple):
    phase: Phase = Phase.IDLE
    token: int = 0
    heard: Heard = Heard.NOTHING
    is_late: bool = (
        False  #: its deadline, which comes before the end of its lease, is over; asked once, before it writes
    )

    @property
    def key(self) -> tuple[int, int, int, bool]:
        return self.phase.value, self.token, self.heard.value, self.is_late


FREE = Worker()


class World(NamedTuple):
    """Everything that matters about one message. `wire`: tokens of requests that are on their way."""

    state: MessageState = S.PENDING
    token: int = 0
    claims: int = 0
    lease_over: bool = False
    workers: tuple[Worker, Worker] = (FREE, FREE)
    wire: frozenset[int] = frozenset()
    accepted: int = 0
    kills: int = 2
    person: int = 1
    is_resent: bool = False
    risked: int = 0  #: resent by a person who was told that its fate is unknown


class Move(NamedTuple):
    """One thing that can happen. `is_ours`: the machine does it by itself, given time; nobody has to come."""

    name: str
    world: World
    is_ours: bool = True


Answered = Callable[[World, Worker], MessageState | None]
Reaped = Callable[[World], MessageState]
Believed = Callable[[World], MessageState | None]


def answered(world: World, worker: Worker) -> MessageState | None:
    """What recording makes of an answer; None: it proves nothing, or a newer claim owns the message."""
    if worker.heard is Heard.TAKEN:
        return None if world.state is S.ACCEPTED else S.ACCEPTED
    if world.token != worker.token or world.state not in (S.SUBMITTING, S.UNKNOWN):
        return None
    after = {Heard.NOT_TAKEN: S.PENDING, Heard.REFUSED: S.FAILED}.get(worker.heard, S.UNKNOWN)
    return None if after is world.state else after


def reaped(world: World) -> MessageState:
    """What becomes of a message whose lease is over."""
    if world.state is S.SUBMITTING:
        return S.UNKNOWN
    return S.QUARANTINED if world.claims >= CLAIMS_BEFORE_QUARANTINE else S.PENDING


def believed(world: World) -> MessageState | None:
    """What an event of the provider makes of it, tried or not: a restored database lacks attempts that were made."""
    return S.ACCEPTED if world.state is not S.ACCEPTED else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the machine decides; the mutants replace one of these each."""

    resends_once: bool = False
    answered: Answered = answered
    reaped: Reaped = reaped
    believed: Believed = believed
    fences: bool = True
    intends: MessageState = S.SUBMITTING  #: the state that the intent writes
    table: Mapping[MessageState, frozenset[MessageState]] = field(default_factory=lambda: TRANSITIONS)
    most_claims: int = 4  #: two workers that fence each other off need no more for every meeting there is


EVENT = "event"


class IllegalStep(AssertionError):
    """The machine made a move that the table does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    rules: Rules
    used: set[tuple[MessageState, MessageState]]

    def moves(self, world: World) -> Iterator[Move]:
        for place, worker in enumerate(world.workers):
            for name, after, mine in self._worker_steps(world, worker):
                yield Move(name, _with(after, place, mine))
            if worker.phase in ASKS_LATER and not worker.is_late:
                yield Move("deadline", _with(world, place, worker._replace(is_late=True)))
            if worker.phase is not Phase.IDLE and world.kills:
                yield Move("kill", _with(world._replace(kills=world.kills - 1), place, FREE), is_ours=False)
        yield from self._provider(world)
        yield from self._time(world)
        yield from self._people(world)

    def to(self, world: World, state: MessageState, **changes: object) -> World:
        """The message after a move. Raises: IllegalStep."""
        if state is not world.state:
            if state not in self.rules.table[world.state]:
                raise IllegalStep(f"{world.state} → {state}")
            self.used.add((world.state, state))
        return world._replace(state=state, **changes)  # type: ignore[arg-type]

    # A worker

    def _worker_steps(self, world: World, worker: Worker) -> Iterator[tuple[str, World, Worker]]:
        match worker.phase:
            case Phase.IDLE:
                if world.state is S.PENDING and world.token < self.rules.most_claims:
                    taken = self.to(world, S.CLAIMED, token=world.token + 1, claims=world.claims + 1, lease_over=False)
                    yield "claim", taken, Worker(Phase.CLAIMED, taken.token)
            case Phase.CLAIMED:
                yield from self._intent(world, worker)
            case Phase.INTENDED:
                if worker.is_late:
                    yield "deadline is over", world, Worker(Phase.ANSWERED, worker.token, Heard.NOT_TAKEN)
                else:
                    yield "asks the deadline", world, worker._replace(phase=Phase.WRITING)
                    yield "cannot connect", world, worker._replace(phase=Phase.ANSWERED, heard=Heard.NOT_TAKEN)
            case Phase.WRITING:
                sent = world._replace(wire=world.wire | {worker.token})
                yield "writes", sent, worker._replace(phase=Phase.WAITING)
            case Phase.WAITING:
                yield "hears nothing", world, worker._replace(phase=Phase.ANSWERED, heard=Heard.TIMEOUT)
            case Phase.ANSWERED:
                yield f"records {worker.heard.name}", self._record(world, worker), FREE

    def _intent(self, world: World, worker: Worker) -> Iterator[tuple[str, World, Worker]]:
        is_mine = world.state is S.CLAIMED and world.token == worker.token
        if not is_mine and self.rules.fences:
            yield "finds it taken", world, FREE
            return
        if world.state not in (S.CLAIMED, self.rules.intends):
            yield "finds it gone", world, FREE
            return
        going = self.to(world, self.rules.intends)
        yield "intends", going, worker._replace(phase=Phase.INTENDED)
        if world.state is S.CLAIMED:
            for verdict in (S.PENDING, S.HELD, S.QUARANTINED, S.SUPPRESSED, S.EXPIRED):
                claims = world.claims - 1
                yield f"judges {verdict}", self.to(world, verdict, claims=claims, lease_over=False), FREE

    def _record(self, world: World, worker: Worker) -> World:
        after = self.rules.answered(world, worker)
        if after is None:
            return world
        changes = {"claims": 0} if after is S.PENDING else {}
        return self.to(world, after, lease_over=False, **changes)

    # Everybody else

    def _provider(self, world: World) -> Iterator[Move]:
        for token in world.wire:
            left = world._replace(wire=world.wire - {token})
            yield Move("request is lost", left)
            taken = left._replace(accepted=left.accepted + 1)
            yield Move("accepts, nobody hears", taken)
            for place, worker in enumerate(world.workers):
                if worker.phase is Phase.WAITING and worker.token == token:
                    hears = worker._replace(phase=Phase.ANSWERED)
                    yield Move("202", _with(taken, place, hears._replace(heard=Heard.TAKEN)))
                    yield Move("5xx, accepted", _with(taken, place, hears._replace(heard=Heard.SERVER_ERROR)))
                    yield Move("5xx", _with(left, place, hears._replace(heard=Heard.SERVER_ERROR)))
                    yield Move("429 or 401", _with(left, place, hears._replace(heard=Heard.NOT_TAKEN)))
                    yield Move("400", _with(left, place, hears._replace(heard=Heard.REFUSED)))
        if world.accepted and world.state is not S.ACCEPTED:
            after = self.rules.believed(world)
            yield Move(EVENT, world if after is None else self.to(world, after, lease_over=False), is_ours=False)

    def _time(self, world: World) -> Iterator[Move]:
        leased = world.state in (S.CLAIMED, S.SUBMITTING)
        bound = [worker for worker in world.workers if worker.phase in ASKS_LATER and worker.token == world.token]
        if leased and not world.lease_over and all(worker.is_late for worker in bound):
            yield Move("lease ends", world._replace(lease_over=True))
        if leased and world.lease_over:
            yield Move("reap", self.to(world, self.rules.reaped(world), lease_over=False))
        if world.state is S.UNKNOWN:
            yield Move("25 hours", self.to(world, S.UNCONFIRMED))
            if self.rules.resends_once and not world.is_resent:
                yield Move("resend once", self.to(world, S.PENDING, is_resent=True, claims=0))
        if world.state in (S.HELD, S.QUARANTINED, S.PENDING):
            yield Move("expires", self.to(world, S.EXPIRED), is_ours=False)
        if world.state in (S.PENDING, S.HELD, S.CLAIMED):
            yield Move("walk ends", self.to(world, S.CANCELLED, lease_over=False), is_ours=False)

    def _people(self, world: World) -> Iterator[Move]:
        if world.state not in (S.HELD, S.QUARANTINED, S.FAILED, S.UNCONFIRMED) or not world.person:
            return
        risked = world.risked + (world.state is S.UNCONFIRMED)
        acted = world._replace(person=world.person - 1)
        yield Move("person resends", self.to(acted, S.PENDING, claims=0, risked=risked), is_ours=False)
        yield Move("person skips", self.to(acted, S.CANCELLED), is_ours=False)


def _with(world: World, place: int, worker: Worker) -> World:
    """The workers have no names: two worlds that differ in their order are one."""
    workers = list(world.workers)
    workers[place] = worker
    workers.sort(key=lambda found: found.key)
    return world._replace(workers=(workers[0], workers[1]))
