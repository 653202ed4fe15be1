"""The searched machine is the product's: for every state, current or stale token and answer, recording, the reaper and absorb
do on a real database what machine.py says. Without this the search would prove something about itself only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select

from bot.channels.base import Answer, Outcome, Outgoing
from bot.pipeline.absorb import absorb
from bot.pipeline.recording import Recorder
from storage.outbox import MessageState
from storage.outbox_moves import (
    CLAIMS_BEFORE_QUARANTINE,
    COLUMNS,
    MESSAGE,
    NO_EVIDENCE_AFTER,
    MessageRow,
    give_up_on_unknown,
    reap_expired_leases,
)
from tests.promise.machine import Heard, Phase, Worker, answered, believed, reaped
from tests.promise.machine import World as Modelled
from tests.promise.outbox_rows import owe
from tests.world import World

S = MessageState
TOKEN = 7
ANSWERS = {
    Heard.TAKEN: Answer(outcome=Outcome.ACCEPTED, reason="accepted", status=202, provider_message_id="p"),
    Heard.NOT_TAKEN: Answer(outcome=Outcome.NOT_ACCEPTED, reason="deadline"),
    Heard.REFUSED: Answer(outcome=Outcome.REFUSED, reason="bad_request", status=400),
    Heard.TIMEOUT: Answer(outcome=Outcome.UNKNOWN, reason="timeout"),
    Heard.SERVER_ERROR: Answer(outcome=Outcome.UNKNOWN, reason="server_error", status=500),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message: as it stands, and what comes."""

    state: MessageState
    heard: Heard = Heard.NOTHING
    is_stale: bool = False
    claims: int = 1
    attempts: int = 1

    @property
    def modelled(self) -> Modelled:
        return Modelled(state=self.state, token=TOKEN, claims=self.claims, accepted=1)


def _put(world: World, cases: list[Case]) -> dict[int, Case]:
    """Message id → its case."""
    values = [
        {
            "state": case.state.value,
            "token": TOKEN,
            "claims": case.claims,
            "attempts": case.attempts,
            "lease_until": world.now if case.state in (S.CLAIMED, S.SUBMITTING) else None,
            "over_at": world.now,
        }
        for case in cases
    ]
    return dict(zip(owe(world, values), cases, strict=True))


def _rows(world: World) -> Iterator[MessageRow]:
    with world.database.read() as connection:
        yield from (MessageRow(*row) for row in connection.execute(select(*COLUMNS)))


def _differences(world: World, cases: dict[int, Case], expected: Mapping[int, MessageState]) -> list[str]:
    standing = {row.id: MessageState(row.state) for row in _rows(world)}
    return [
        f"{cases[found]}: {standing[found]}, not {state}"
        for found, state in expected.items()
        if standing[found] != state
    ]


def test_recording_is_as_searched(world: World) -> None:
    cases = _put(
        world,
        [Case(state=state, heard=heard, is_stale=stale) for state, heard, stale in product(S, ANSWERS, (False, True))],
    )
    rows = {row.id: row for row in _rows(world)}
    sent = {str(found): _as_sent(rows[found], case) for found, case in cases.items()}
    recorder = Recorder(world.database, "memory", world.clock, lambda _: None, sent)
    for found, case in cases.items():
        recorder.on_answer(_outgoing(str(found)), ANSWERS[case.heard])
    recorder.flush()
    expected = {}
    for found, case in cases.items():
        worker = Worker(Phase.ANSWERED, TOKEN - 1 if case.is_stale else TOKEN, case.heard)
        expected[found] = answered(case.modelled, worker) or case.state
    assert _differences(world, cases, expected) == []
    assert len(cases) == 12 * 5 * 2


def _as_sent(row: MessageRow, case: Case) -> MessageRow:
    """The row as the worker held it when it handed the message over."""
    return row._replace(state=S.SUBMITTING.value, token=TOKEN - 1 if case.is_stale else TOKEN)


def _outgoing(reference: str) -> Outgoing:
    return Outgoing(
        reference=reference, to_email="a@b.example", to_name=None, from_email="c@d.example", from_name=None,
        reply_to_email=None, reply_to_name=None, subject="s", document="h", text="t", category="c", headers={}, deadline=0.0,
    )  # fmt: skip


def test_the_reaper_is_as_searched(world: World) -> None:
    counts = range(1, CLAIMS_BEFORE_QUARANTINE + 2)
    cases = _put(world, [Case(state=state, claims=claims) for state, claims in product(S, counts)])
    with world.database.write() as connection:
        reap_expired_leases(connection, world.now)
    leased = (S.CLAIMED, S.SUBMITTING)
    expected = {found: reaped(case.modelled) if case.state in leased else case.state for found, case in cases.items()}
    assert _differences(world, cases, expected) == []


def test_a_lease_that_is_not_over_is_left_alone(world: World) -> None:
    cases = _put(world, [Case(state=state) for state in S])
    with world.database.write() as connection:
        reap_expired_leases(connection, world.now - timedelta(seconds=1))
    assert _differences(world, cases, {found: case.state for found, case in cases.items()}) == []


def test_25_hours_are_as_searched(world: World) -> None:
    cases = _put(world, [Case(state=state) for state in S])
    with world.database.write() as connection:
        give_up_on_unknown(connection, world.now + NO_EVIDENCE_AFTER)
    expected = {found: S.UNCONFIRMED if case.state is S.UNKNOWN else case.state for found, case in cases.items()}
    assert _differences(world, cases, expected) == []


@pytest.mark.parametrize("kind", ["processed", "delivered", "bounced"])
def test_evidence_is_as_searched(world: World, kind: str) -> None:
    cases = _put(world, [Case(state=state, attempts=attempts) for state, attempts in product(S, (0, 1))])
    for found in cases:
        world.tell(found, kind)
    world.deploy()
    absorb(world.database, world.app.require_published(), world.now)
    expected = {found: believed(case.modelled) or case.state for found, case in cases.items()}
    assert _differences(world, cases, expected) == []
    told = [took for took in world.decisions if took.reason == "evidence"]
    assert len(told) == len([case for found, case in cases.items() if expected[found] is not case.state])


def test_the_model_reads_the_columns_that_move(world: World) -> None:
    """A rename would make the cases above vacuous."""
    assert {"state", "token", "claims", "attempts", "lease_until"} <= set(MESSAGE.columns.keys())
