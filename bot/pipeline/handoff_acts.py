"""What people do to hand-offs, by the same rules from Slack and the command line: the owner, their manager and whoever covers
for the owner may act; what nobody owns is anybody's. The rule is asked with the row locked, so that it is still true when
the move happens; a refusal names whose it is. After it: storage.handoff_moves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, select

from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.owners import Owners
from bot.pipeline.published import calendar_for
from bot.pipeline.unanswered import acknowledge_time
from storage import handoff_marks, handoff_moves
from storage.accounts import Csm
from storage.handoff_answers import Answer
from storage.handoff_deeds import Move, refused
from storage.handoff_views import UNFINISHED
from storage.handoffs import Handoff, HandoffAct, HandoffState

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
ACT: Table = HandoffAct.__table__  # type: ignore[attr-defined]
CSM: Table = Csm.__table__  # type: ignore[attr-defined]
SLACK_USER = "slack:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who acts, in a transaction. `by` is a CSM's key or `slack:U…`; whoever else has the command line runs this
    installation and may do everything (`is_operator`). `key` is the same in every repetition of the same act."""

    connection: Connection
    settings: WorkspaceSettings
    by: str
    at: datetime
    key: str
    is_operator: bool = False


def actor_of_command(connection: Connection, settings: WorkspaceSettings, *, by: str, at: datetime, key: str) -> Actor:
    """Who names a CSM acts as that CSM; any other name is the person who runs this installation."""
    is_csm = connection.scalar(select(CSM.c.key).where(CSM.c.key == by)) is not None
    return Actor(connection=connection, settings=settings, by=by, at=at, key=key, is_operator=not is_csm)


def acknowledge(actor: Actor, handoff_id: int) -> Move:
    """It becomes theirs; an operator takes nothing over."""
    return _allowed(
        actor,
        handoff_id,
        lambda: handoff_moves.acknowledge(
            actor.connection, handoff_id, by=actor.by, at=actor.at, key=actor.key, takes_over=not actor.is_operator
        ),
        is_for_open_only=True,
    )


def snooze(actor: Actor, handoff_id: int, *, until: datetime, reason: str) -> Move:
    """`until` is cut at the due time (S27)."""
    return _allowed(
        actor,
        handoff_id,
        lambda: handoff_moves.snooze(
            actor.connection, handoff_id, by=actor.by, at=actor.at, key=actor.key, until=until, reason=reason
        ),
    )


def reassign(actor: Actor, handoff_id: int, *, owner: str) -> Move:
    """`owner` is a CSM's key or `slack:U…`; their clock starts now, in their working hours."""

    def give() -> Move:
        connection, settings = actor.connection, actor.settings
        row = connection.execute(select(HANDOFF).where(HANDOFF.c.id == handoff_id)).mappings().one_or_none()
        is_theirs = row is not None and row["owner"] == owner and row["state"] in UNFINISHED
        if row is not None and is_theirs and not _is_repeated(actor, handoff_id):
            return refused(row, "has_it")
        within = row["acknowledge_within"] if row is not None else None
        ends = acknowledge_time(connection, within, owner, actor.at, calendar_for(settings, None), settings.timezone)
        return handoff_moves.reassign(
            connection, handoff_id, by=actor.by, at=actor.at, key=actor.key, owner=owner, acknowledge_by=ends
        )

    return _allowed(actor, handoff_id, give)


def done(
    actor: Actor,
    handoff_id: int,
    *,
    outcome: str | None = None,
    note: str | None = None,
    answers: Mapping[str, Answer] | None = None,
) -> Move:
    """Where the hand-off has a list of outcomes, one of them must be given."""

    def close() -> Move:
        row = actor.connection.execute(select(HANDOFF).where(HANDOFF.c.id == handoff_id)).mappings().one_or_none()
        if row is not None and row["state"] in UNFINISHED and row["outcomes"] and outcome is None:
            return refused(row, "unknown_outcome")
        return handoff_moves.done(
            actor.connection,
            handoff_id,
            by=actor.by,
            at=actor.at,
            key=actor.key,
            outcome=outcome,
            note=note,
            answers=answers,
        )

    return _allowed(actor, handoff_id, close)


def dismiss(actor: Actor, handoff_id: int, *, reason: str, cause: str) -> Move:
    return _allowed(
        actor,
        handoff_id,
        lambda: handoff_moves.dismiss(
            actor.connection, handoff_id, by=actor.by, at=actor.at, key=actor.key, reason=reason, cause=cause
        ),
    )


def tick(actor: Actor, handoff_id: int, *, done: Collection[int], undone: Collection[int] = ()) -> Move:
    return _allowed(
        actor,
        handoff_id,
        lambda: handoff_marks.tick(
            actor.connection, handoff_id, by=actor.by, at=actor.at, key=actor.key, done=done, undone=undone
        ),
    )


def flag(actor: Actor, handoff_id: int, *, is_on: bool) -> Move:
    return _allowed(
        actor,
        handoff_id,
        lambda: handoff_moves.flag(
            actor.connection, handoff_id, by=actor.by, at=actor.at, key=actor.key, is_flagged=is_on
        ),
    )


def refusal(actor: Actor, handoff_id: int, *, is_for_open_only: bool = False) -> Move | None:
    """Why this person may not act on it now; None: they may, or the move itself will say why nobody can. Locks the row."""
    found = select(HANDOFF).where(HANDOFF.c.id == handoff_id).with_for_update()
    row = actor.connection.execute(found).mappings().one_or_none()
    if row is None or row["state"] not in UNFINISHED or row["owner"] is None or actor.is_operator:
        return None
    if is_for_open_only and row["state"] != HandoffState.OPEN:
        return None
    if actor.by in who_may_act(actor, row["owner"]) or _is_repeated(actor, handoff_id):
        return None
    return refused(row, "not_yours")


def _is_repeated(actor: Actor, handoff_id: int) -> bool:
    done = select(ACT.c.id).where(ACT.c.handoff_id == handoff_id, ACT.c.key == actor.key)
    return actor.connection.execute(done).first() is not None


def who_may_act(actor: Actor, owner: str) -> frozenset[str]:
    """The owner, their manager, and whoever stands in for the owner today."""
    manager = actor.connection.scalar(select(CSM.c.manager).where(CSM.c.key == owner))
    away = Owners(actor.connection, actor.settings, actor.at).away() if actor.settings.owners.cover else {}
    cover = away[owner][0] if owner in away else None
    return frozenset(key for key in (owner, manager, cover) if key)


def _allowed(actor: Actor, handoff_id: int, move: Callable[[], Move], *, is_for_open_only: bool = False) -> Move:
    return refusal(actor, handoff_id, is_for_open_only=is_for_open_only) or move()
