"""One life: a company of many customers, four ticks a day, each in a process that may be killed, broken or frozen at any place,
with a provider that misbehaves and events that come late, twice, out of order or never. The same seed makes the same plan."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import text

from bot.failpoints import Place
from storage.outbox import MessageState
from tests.cast import happened, opted_out
from tests.fakes import sendgrid_server as provider
from tests.pipeline.scenes import journey, settings
from tests.promise.smithy import Case, message_of
from tests.promise.test_crash_matrix import FREEZING
from tests.runners.shop import add_customers
from tests.world import World

S = MessageState
TICKS_A_DAY = 4
#: Thousands at once, and a provider that refuses, would blow them all; they have tests of their own.
NO_FUSES = "fuses: {enter: 'off', send: 'off', bounces: 'off', complaints: 'off'}"
STEPS = """
- email: hello
  to: champion
- wait: 1 day
- email: second
  to: champion
- wait:
    until: clicked("second")
    at_most: 2 days
  then:
    - log: Clicked
  else:
    - email: third
      to: champion
- log: Done
"""
MISHAPS = (
    provider.ACCEPT_THEN_HANG,
    provider.ACCEPT_THEN_RESET,
    provider.HANG,
    provider.RESET,
    provider.ERROR_500_ACCEPTED,
    provider.ERROR_503,
    provider.TOO_MANY,
    provider.UNAUTHORIZED,
    provider.BAD_REQUEST,
)
KINDS = ("processed", "deferred", "delivered", "open", "click")
#: Nothing waits any more: the walk is over, or a person sees the mail.
SETTLED = {S.ACCEPTED, S.UNCONFIRMED, S.FAILED, S.EXPIRED, S.QUARANTINED, S.CANCELLED, S.SUPPRESSED, S.HELD}


def company_of(customers: int) -> Callable[[World], None]:
    """What a life begins with; one of them may never be mailed."""

    def prepare(world: World) -> None:
        settings(world, NO_FUSES)
        world.mail("hello", "second", "third", "answer")
        journey(world, "welcome", STEPS, enter='when: stage == "new"\nexisting: enter')
        journey(world, "answer", "- email: answer\n  to: champion", enter="on: asked")
        add_customers(world.database, customers)
        _number_on(world)
        opted_out(world.database, world.now, stage="new")
        world.deploy()

    return prepare


def _number_on(world: World) -> None:
    """The customers came with their ids; PostgreSQL counts on from there only when told."""
    if not world.database.is_sqlite:
        with world.database.write() as connection:
            for table in ("customer", "contact"):
                newest = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                connection.execute(text(newest))


@dataclass(kw_only=True)
class Life:
    """`faults` is the verdict: empty when every promise held at every moment."""

    case: Case
    seed: int
    customers: int
    days: int
    faults: list[str] = field(default_factory=list)
    ticks: int = 0
    kills: int = 0
    freezes: int = 0
    breaks: int = 0
    _told: int = 0
    _lost: set[int] = field(default_factory=set)
    _late: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def live(self) -> None:
        for _ in range(self.days * TICKS_A_DAY):
            self.case.time_passes(minutes=self._chance.randint(240, 480))
            self._misbehave()
            self._happen()
            self._hear()
            self._tick()
            self._look()
            if self.faults:
                return
        self._calm_down()
        self._look()
        self._judge()

    # What happens

    def _misbehave(self) -> None:
        """Some of the next requests, seldom all of them."""
        if self._chance.random() < 0.6:
            number = self._chance.randint(1, max(3, self.customers // 20))
            self.case.provider.script(*self._chance.choices((provider.ACCEPT, *MISHAPS), k=number))

    def _happen(self) -> None:
        for _ in range(self._chance.randint(0, 3)):
            customer = f"c{self._chance.randint(1, self.customers)}"
            happened(self.case.smithy.database, customer, "asked", self.case.now)

    def _hear(self) -> None:
        """The provider's words about what it took: shuffled, doubled, some a day late, some never."""
        fresh = list(self.case.provider.acceptances)[self._told :]
        self._told += len(fresh)
        words, self._late = self._late, []
        for acceptance in fresh:
            key = message_of(acceptance.reference)
            if self._chance.random() < 0.1:
                self._lost.add(key)
                continue
            said = self._chance.choices(KINDS, k=self._chance.randint(1, 4))
            late = self._late if self._chance.random() < 0.3 else words
            late.extend((acceptance.reference, kind) for kind in said)
        self._chance.shuffle(words)
        self.case.tell(words)

    def _tick(self) -> None:
        """Until one gets through; after a death somebody starts it again two minutes later."""
        for _ in range(6):
            self.ticks += 1
            if self._one_tick():
                return
            self.case.time_passes(minutes=2)
        self.case.tick()

    def _one_tick(self) -> bool:
        dice, place = self._chance.random(), self._chance.choice(list(Place))
        times = self._chance.choice((1, 1, 1, 1, 2, 5))
        if dice < 0.55:
            end = self.case.tick(f"{place}=kill@{times}")
            self.kills += end.killed_by is not None
            return end.exited == 0
        if dice < 0.65:
            end = self.case.tick(f"{place}={self._chance.choice(('error', 'disk-full', 'locked'))}@{times}")
            self.breaks += end.exited != 0
            return end.exited == 0
        if dice < 0.75:
            return self._freeze(self._chance.choice(FREEZING), times)
        if dice < 0.85:
            return self._two_at_once()
        return self.case.tick().exited == 0

    def _freeze(self, place: Place, times: int) -> bool:
        frozen = self.case.start(f"{place}=freeze@{times}")
        if not self.case.wait(frozen).is_stopped:
            return True
        self.freezes += 1
        self.case.time_passes(minutes=self._chance.choice((1, 2, 5)))
        self.case.tick()
        return self.case.wake(frozen).exited == 0

    def _two_at_once(self) -> bool:
        both = [self.case.start(), self.case.start()]
        ends = [self.case.wait(pid) for pid in both]
        return all(end.exited == 0 for end in ends)

    def _calm_down(self) -> None:
        """Nothing more goes wrong; every event that is not lost for ever comes."""
        self.case.provider.behave_well()
        for hours in (0.1, 1, 30, 24, 24, 24, 24, 30):
            self.case.time_passes(hours=hours)
            self._hear()
            self.ticks += 1
            if self.case.tick().exited != 0:
                self.faults.append("a calm tick failed")

    # What holds

    def _look(self) -> None:
        self.faults += [f"tick {self.ticks}: {fault}" for fault in self.case.faults()]

    def _judge(self) -> None:
        states, taken = self.case.states(), self.case.taken()
        self.faults += [f"mail {key} is still {state}" for key, state in states.items() if state not in SETTLED]
        self.faults += [
            f"mail {key} was taken and told of, and is {states[key]}"
            for key in taken
            if key not in self._lost and states[key] != S.ACCEPTED
        ]
        self.faults += self.case.lost_rows(["hello", "second"], "welcome", self.customers)
        self.faults += self.case.disagreements()

    def verdict(self) -> str:
        counted = f"{len(self.case.states())} mails, {len(self.case.provider.acceptances)} accepted"
        did = f"{self.ticks} ticks, {self.kills} kills, {self.freezes} freezes, {self.breaks} breaks"
        return f"seed {self.seed}: {'; '.join(self.faults[:5]) or 'kept'} ({counted}, {did})"
