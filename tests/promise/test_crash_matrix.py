"""Every place between due and recorded × SQLite and PostgreSQL × how the provider behaves: a real process dies there by a real
SIGKILL, or breaks, or freezes past its lease, with four mails in its hands; then others go on. The provider's ledger says
whether a mail was doubled, the rows whether one was lost, the journal whether both tell one story."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from itertools import product

import psutil
import pytest

from bot.failpoints import Action, Place
from storage.outbox import MessageState
from tests.fakes import sendgrid_server as provider
from tests.fakes.sendgrid_server import Behaviour
from tests.promise.forge import BROKE
from tests.promise.openings import CUSTOMERS
from tests.promise.smithy import Case, Smithy

S = MessageState
#: Nothing listens there.
REFUSED = "http://127.0.0.1:9"
BEHAVIOURS: dict[str, Behaviour | None] = {
    "accepts": provider.ACCEPT,
    "accepts_then_hangs": provider.ACCEPT_THEN_HANG,
    "accepts_then_resets": provider.ACCEPT_THEN_RESET,
    "5xx_accepted": provider.ERROR_500_ACCEPTED,
    "5xx_not_accepted": provider.ERROR_503,
    "429": provider.TOO_MANY,
    "400": provider.BAD_REQUEST,
    "401": provider.UNAUTHORIZED,
    "refuses_connections": None,
}
ABSORBING = (Place.ABSORB_COMMIT, Place.ABSORBED)
AT_THE_SOCKET = (Place.BEFORE_WRITE, Place.WRITTEN)
#: What a mail may end in when the provider never had it.
NOT_SENT = {"5xx_not_accepted": {S.UNCONFIRMED}, "400": {S.FAILED}}
#: Outside of transactions; inside one, others wait for the locks of the frozen until PostgreSQL ends its session.
FREEZING = (
    *(Place.ABSORBED, Place.LOOKED, Place.ADVANCED, Place.TIDIED, Place.CLAIMED, Place.RENDERED),
    *(Place.INTENDED, Place.BEFORE_WRITE, Place.WRITTEN, Place.ANSWERED, Place.RECORDED),
)
HOLDING_LOCKS = (Place.LOOK_COMMIT, Place.ADVANCE_COMMIT, Place.CLAIM_COMMIT, Place.INTENT_COMMIT, Place.RECORD_COMMIT)
BREAKING = (Action.ERROR, Action.DISK_FULL)


def reaches(place: Place, behaviour: str) -> bool:
    """A connection that is refused never comes to the socket's places."""
    return not (behaviour == "refuses_connections" and place in AT_THE_SOCKET)


@pytest.fixture
def case(smithy: Smithy) -> Iterator[Case]:
    with smithy.case() as found:
        yield found


def begin(case: Case, place: Place, behaviour: str) -> str:
    """Set the scene; returns where the first tick finds its provider."""
    treats = BEHAVIOURS[behaviour]
    if place in ABSORBING:
        # Something must have been sent before there is something to hear.
        assert case.tick().exited == 0
        case.hear_from_the_provider()
        case.time_passes(minutes=2)
    if treats is not None:
        case.provider.script(*[treats] * CUSTOMERS)
    return REFUSED if treats is None else case.provider.base_url


def go_on(case: Case) -> None:
    """Others tick: after the lease, after the breaker, after the day in which evidence may come."""
    for span in ({"minutes": 2}, {"minutes": 20}, {"hours": 26}):
        told = case.hear_from_the_provider()
        case.time_passes(**span)
        assert case.tick().exited == 0
        assert case.faults() == []
        states = case.states()
        assert [key for key in told if states[key] != S.ACCEPTED] == [], "not believed within one tick of its event"


def check_the_end(case: Case, not_sent: set[MessageState]) -> None:
    states, taken = case.states(), case.taken()
    assert len(states) == CUSTOMERS + 1, "a mail was lost, or owed twice"
    assert case.count("enrollment") == CUSTOMERS + 1
    mailed = {key: state for key, state in states.items() if key != _opted_out(case)}
    assert {key for key, state in mailed.items() if state == S.ACCEPTED} == set(taken)
    assert {state for state in mailed.values() if state != S.ACCEPTED} <= not_sent
    assert states[_opted_out(case)] in (S.HELD, S.SUPPRESSED, S.EXPIRED)
    assert case.disagreements() == []


def until(is_so: Callable[[], bool]) -> None:
    """Raises: AssertionError when it is not so within half a minute."""
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end, "it never came to this"
        time.sleep(0.01)


def _opted_out(case: Case) -> int:
    """The mail of the one who may never be mailed."""
    return case.mail_of("opted_out")


@pytest.mark.parametrize(("place", "behaviour"), [pair for pair in product(Place, BEHAVIOURS) if reaches(*pair)])
def test_kill(case: Case, place: Place, behaviour: str) -> None:
    base_url = begin(case, place, behaviour)
    end = case.tick(f"{place}=kill", base_url=base_url)
    assert end.killed_by == signal.SIGKILL
    assert case.faults() == []
    go_on(case)
    # What died between intent and answer may have left, so a person decides; what was not handed over just goes.
    check_the_end(case, NOT_SENT.get(behaviour, set()) | {S.UNCONFIRMED})


@pytest.mark.parametrize("place", [place for place in Place if place not in (*ABSORBING, Place.WRITTEN)])
@pytest.mark.parametrize("action", BREAKING)
def test_break(case: Case, place: Place, action: Action) -> None:
    """The process lives and ticks again, as the server does."""
    case.tick(f"{place}={action}", ticks=2)
    assert case.faults() == []
    go_on(case)
    check_the_end(case, {S.UNCONFIRMED})


@pytest.mark.parametrize("place", FREEZING)
@pytest.mark.parametrize("behaviour", ["accepts", "5xx_accepted"])
def test_freeze(case: Case, place: Place, behaviour: str) -> None:
    """It wakes long after its lease, when another process has done what could be done."""
    base_url = begin(case, place, behaviour)
    frozen = case.start(f"{place}=freeze", base_url=base_url)
    assert case.wait(frozen).is_stopped
    case.time_passes(minutes=2)
    assert case.tick().exited == 0
    assert case.faults() == []
    case.wake(frozen)
    assert case.faults() == []
    go_on(case)
    check_the_end(case, {S.UNCONFIRMED} | NOT_SENT.get(behaviour, set()))


@pytest.mark.xdist_group("forge-postgresql")
@pytest.mark.parametrize("place", HOLDING_LOCKS)
def test_freeze_with_locks_held(postgresql_smithy: Smithy, place: Place) -> None:
    """Others pass its rows by, or wait until PostgreSQL ends its session; on SQLite the file stays locked while it lives."""
    with postgresql_smithy.case() as case:
        frozen = case.start(f"{place}=freeze", frozen_seconds=1)
        assert case.wait(frozen).is_stopped
        case.time_passes(minutes=2)
        assert case.tick().exited == 0
        assert case.faults() == []
        assert case.wake(frozen).exited in (0, BROKE)
        assert case.faults() == []
        go_on(case)
        check_the_end(case, {S.UNCONFIRMED})


@pytest.mark.parametrize("place", AT_THE_SOCKET)
@pytest.mark.parametrize("behaviour", ["accepts", "5xx_accepted"])
def test_kill_of_the_process_that_posts(case: Case, place: Place, behaviour: str) -> None:
    """Its parent outlives it, and never sends again what it had in its hands."""
    base_url = begin(case, place, behaviour)
    assert case.tick(f"{place}=kill@2", base_url=base_url, aside=True).exited == 0
    assert case.faults() == []
    assert S.UNKNOWN in case.states().values()
    go_on(case)
    check_the_end(case, {S.UNCONFIRMED})


@pytest.mark.parametrize("victims", ["child", "parent", "both"])
def test_kill_while_another_process_posts(case: Case, victims: str) -> None:
    """Four mails are at the provider, each with a fate of its own, when one of both processes dies, or both at once."""
    case.provider.script(provider.ACCEPT, provider.ACCEPT_THEN_HANG, provider.HANG, provider.ERROR_500_ACCEPTED)
    parent = case.start(aside=True, timeout_seconds=20)
    until(lambda: case.provider.requests == CUSTOMERS)
    (child,) = psutil.Process(parent).children()
    for victim in {"child": [child], "parent": [psutil.Process(parent)]}.get(victims, [psutil.Process(parent), child]):
        victim.send_signal(signal.SIGKILL)
    assert case.wait(parent).killed_by == (None if victims == "child" else signal.SIGKILL)
    assert case.faults() == []
    go_on(case)
    check_the_end(case, {S.UNCONFIRMED})


@pytest.mark.parametrize("place", [Place.ANSWERED, Place.RECORD_COMMIT, Place.RECORDED])
def test_kill_of_who_records_what_another_process_posts(case: Case, place: Place) -> None:
    assert case.tick(f"{place}=kill", aside=True).killed_by == signal.SIGKILL
    assert case.faults() == []
    go_on(case)
    check_the_end(case, {S.UNCONFIRMED})


def test_the_matrix_is_whole() -> None:
    """19 places × 9 behaviours but for 4 that cannot be; every action that breaks; every place where a worker may freeze."""
    assert len(Place) * len(BEHAVIOURS) - len(AT_THE_SOCKET) == 169
    assert set(FREEZING) <= set(Place)
