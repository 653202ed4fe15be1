"""A person's answer to a blown fuse: release all, release some, or drop (semantics.md S38). In one transaction of the
caller's, by the CLI at once or, from a card, by the next tick. What is released goes through everything else that may
stop it. Nobody is asked a second time about what was released."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, case, delete, func, insert, literal, null, select, update

from bot.errors import UsageError
from bot.pipeline.entering import OCCASION
from bot.pipeline.fuses import DROP, PAUSE, RELEASE, RELEASE_SOME, Blown, ask, blown_fuses
from bot.pipeline.published import Published
from bot.pipeline.resuming import Standstill, look_anew, settle_standstill
from bot.pipeline.stage_fuse import drop_moves, held_moves, release_moves
from bot.rules.fuses import FuseKind
from storage import handoff_moves
from storage.bulk import insert_selected
from storage.columns import UtcDateTime
from storage.dialects import add_seconds
from storage.enrollments import wake_walks_of_messages
from storage.fuses import EVERY_MAIL, FUSE, FUSE_PAUSE, FuseRelease, FuseState
from storage.handoffs import HandoffState
from storage.journal import Verdict
from storage.journal_entries import DECISION, Entry, write_entries
from storage.journeys import OccasionState
from storage.new_handoffs import HANDOFF
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE, cancel_messages

LET_GO: Table = FuseRelease.__table__  # type: ignore[attr-defined]
SOME = 50
DROPPED = "fuse_dropped"


def find_fuse(connection: Connection, name: str) -> Blown:
    """By its number or its playbook's name. Raises: UsageError when none, or several, are blown there."""
    blown = blown_fuses(connection)
    found = [fuse for fuse in blown if str(fuse.id) == name or (fuse.playbook or EVERY_MAIL) == name]
    if len(found) == 1:
        return found[0]
    if found:
        numbers = ", ".join(str(fuse.id) for fuse in found)
        raise UsageError(f"Several fuses of `{name}` are blown", hint=f"name one by its number: {numbers}")
    raise UsageError(f"No fuse `{name}` is blown", hint="see `journeybot fuses list`")


def release(
    connection: Connection, published: Published, fuse: Blown, *, by: str, at: datetime, some: int | None = None
) -> int:
    """Let go what it holds, or the first `some` customers or mails of it; returns how many."""
    if not fuse.kind.holds_mails:
        of_stage = fuse.kind is FuseKind.STAGES
        number = (release_moves if of_stage else _release_audience)(connection, fuse, at, some)
        is_over = not _held(connection, fuse)
    else:
        number = _release_mails(connection, published, fuse, at, some)
        is_over = some is None
    _tell(connection, fuse, "fuse_released", by, at, number)
    _answer_card(connection, fuse, RELEASE if some is None else RELEASE_SOME, by, at)
    if is_over:
        _close(connection, fuse, FuseState.RELEASED, by, at)
    else:
        _ask_again(connection, published, fuse, at)
    return number


def drop(connection: Connection, published: Published, fuse: Blown, *, by: str, at: datetime) -> int:
    """Give up what it holds: those customers do not enter, those mails are not sent; returns how many."""
    if not fuse.kind.holds_mails:
        number = (drop_moves if fuse.kind is FuseKind.STAGES else _drop_audience)(connection, fuse, at)
    else:
        number = _drop_mails(connection, fuse, at)
        _end_pause(connection, published, fuse, at)
    _tell(connection, fuse, DROPPED, by, at, number)
    _answer_card(connection, fuse, DROP, by, at)
    _close(connection, fuse, FuseState.DROPPED, by, at)
    return number


_IS_ANSWERED = and_(FUSE.c.state == FuseState.BLOWN.value, HANDOFF.c.state == HandoffState.DONE.value)
#: Blown fuses whose card is done (storage.asking).
ANSWERED = select(FUSE.c.id).join(HANDOFF, HANDOFF.c.id == FUSE.c.handoff_id).where(_IS_ANSWERED)


_ANSWERS = (
    select(FUSE.c.id, HANDOFF.c.outcome, HANDOFF.c.closed_by)
    .join(HANDOFF, HANDOFF.c.id == FUSE.c.handoff_id)
    .where(_IS_ANSWERED)
)


def take_answers(connection: Connection, published: Published, now: datetime) -> int:
    """What people answered on cards since; returns how many answers."""
    answered = {row.id: row for row in connection.execute(_ANSWERS)}
    if not answered:
        return 0
    for fuse in blown_fuses(connection):
        row = answered.get(fuse.id)
        if row is None:
            continue
        by = str(row.closed_by or handoff_moves.MACHINE)
        match row.outcome:
            case "drop":
                drop(connection, published, fuse, by=by, at=now)
            case "release 50":
                release(connection, published, fuse, by=by, at=now, some=SOME)
            case "release":
                release(connection, published, fuse, by=by, at=now)
            case _:  # closed without an answer: it stays blown, and asks again
                _ask_again(connection, published, fuse, now)
    return len(answered)


def _held(connection: Connection, fuse: Blown) -> int:
    """How many customers the fuse of an audience or a stage still holds."""
    if fuse.kind is FuseKind.STAGES:
        return held_moves(connection, fuse)
    held = select(func.count(OCCASION.c.customer_id.distinct())).where(_is_held(fuse))
    return connection.scalar(held) or 0


def _is_held(fuse: Blown) -> ColumnElement[bool]:
    return and_(OCCASION.c.playbook == fuse.playbook, OCCASION.c.state == OccasionState.HELD.value)


def _release_audience(connection: Connection, fuse: Blown, at: datetime, some: int | None) -> int:
    """They are looked at once more as if they had waited. The time in which a person thought counts against nobody."""
    chosen = _is_held(fuse)
    if some is not None:
        first = (
            select(OCCASION.c.customer_id)
            .where(_is_held(fuse))
            .group_by(OCCASION.c.customer_id)
            .order_by(func.min(OCCASION.c.id))
            .limit(some)
        )
        chosen = and_(chosen, OCCASION.c.customer_id.in_(list(connection.scalars(first))))
    number = connection.scalar(select(func.count(OCCASION.c.customer_id.distinct())).where(chosen)) or 0
    waited = (at - fuse.blown_at).total_seconds()
    later: Any = add_seconds(OCCASION.c.expires_at, waited)
    connection.execute(
        update(OCCASION)
        .where(chosen)
        .values(
            state=OccasionState.WAITING.value,
            verdict=null(),
            released_at=at,
            expires_at=case((OCCASION.c.expires_at.is_not(None), later), else_=null()),
        )
    )
    return number


def _drop_audience(connection: Connection, fuse: Blown, at: datetime) -> int:
    number = _held(connection, fuse)
    columns = ("at", "verdict", "reason", "customer_id", "contact_id", "playbook")
    decided: list[ColumnElement[Any]] = [
        literal(at, UtcDateTime),
        literal(Verdict.NOT_ENTERED.value),
        literal(DROPPED),
        OCCASION.c.customer_id,
        OCCASION.c.contact_id,
        OCCASION.c.playbook,
    ]
    insert_selected(connection, DECISION, columns, select(*decided).where(_is_held(fuse)))
    refused = {"state": OccasionState.REFUSED.value, "verdict": DROPPED}
    connection.execute(update(OCCASION).where(_is_held(fuse)).values(**refused))
    return number


def _owed(fuse: Blown, at: datetime) -> ColumnElement[bool]:
    """The mails that would have gone by now."""
    of_playbook = MESSAGE.c.playbook == fuse.playbook if fuse.playbook else literal(True)
    return and_(MESSAGE.c.state == MessageState.PENDING.value, MESSAGE.c.not_before <= at, of_playbook)


def _release_mails(connection: Connection, published: Published, fuse: Blown, at: datetime, some: int | None) -> int:
    """What is let go counts for no fuse any more, whenever pace, caps and windows let it leave."""
    number = connection.scalar(select(func.count()).select_from(MESSAGE).where(_owed(fuse, at))) or 0
    let_go = select(LET_GO.c.message_id)
    if some is None:
        rest = select(MESSAGE.c.id, literal(at, UtcDateTime)).where(_owed(fuse, at), MESSAGE.c.id.not_in(let_go))
        connection.execute(insert(LET_GO).from_select(["message_id", "at"], rest))
        _end_pause(connection, published, fuse, at)
        return number
    first = (
        select(MESSAGE.c.id, literal(at, UtcDateTime).label("at"))
        .where(_owed(fuse, at), MESSAGE.c.id.not_in(let_go))
        .order_by(MESSAGE.c.priority.desc(), MESSAGE.c.not_before, MESSAGE.c.id)
        .limit(some)
        .subquery()
    )
    rows = select(first.c.id, first.c.at).where(literal(True))
    connection.execute(insert(LET_GO).from_select(["message_id", "at"], rows))
    return min(number, some)


def _drop_mails(connection: Connection, fuse: Blown, at: datetime) -> int:
    """Their walks go on without them (S10)."""
    steps = {
        row.id: row
        for row in connection.execute(
            select(MESSAGE.c.id, MESSAGE.c.contact_id, MESSAGE.c.playbook, MESSAGE.c.step).where(_owed(fuse, at))
        )
    }
    rows = cancel_messages(connection, _owed(fuse, at), at, DROPPED)
    entries = [
        Entry(
            at=at,
            verdict=Verdict.NOT_SENT,
            reason=DROPPED,
            customer_id=row.customer_id,
            contact_id=steps[row.id].contact_id,
            playbook=steps[row.id].playbook,
            enrollment_id=row.enrollment_id,
            message_id=row.id,
            step=steps[row.id].step,
        )
        for row in rows
    ]
    write_entries(connection, entries)
    wake_walks_of_messages(connection, [row.enrollment_id for row in rows], at)
    return len(rows)


def _end_pause(connection: Connection, published: Published, fuse: Blown, at: datetime) -> None:
    """Unless another fuse holds the same mails. What stood still is neither late nor expired (S37)."""
    others = [found for found in blown_fuses(connection) if found.id != fuse.id and found.kind.holds_mails]
    if any(found.playbook == fuse.playbook for found in others):
        return
    key = fuse.playbook or EVERY_MAIL
    since = connection.scalar(select(PAUSE.c.since).where(PAUSE.c.kind == FUSE_PAUSE, PAUSE.c.key == key))
    if since is None:
        return
    connection.execute(delete(PAUSE).where(PAUSE.c.kind == FUSE_PAUSE, PAUSE.c.key == key))
    pending = select(MESSAGE.c.id).where(MESSAGE.c.state == MessageState.PENDING.value)
    connection.execute(delete(LET_GO).where(LET_GO.c.message_id.not_in(pending)))
    rules = {row.name: published.versions[row.version_id].playbook.on_resume for row in published.playbooks}
    if fuse.playbook is None:
        rules = dict.fromkeys(rules, "catch_up")  # their walks went on; only the mails waited
    ended = Standstill(kind="fuse", key=key, since=since)
    settle_standstill(connection, ended, at, rules)
    look_anew(connection, ended)


def _tell(connection: Connection, fuse: Blown, reason: str, by: str, at: datetime, number: int) -> None:
    details = {"by": by, "number": number, "kind": fuse.kind.value, "fuse": fuse.id}
    entry = Entry(at=at, verdict=Verdict.OPERATED, reason=reason, playbook=_playbook_of(fuse), details=details)
    write_entries(connection, [entry])


def _playbook_of(fuse: Blown) -> str | None:
    return None if fuse.kind is FuseKind.STAGES else fuse.playbook


def _answer_card(connection: Connection, fuse: Blown, outcome: str, by: str, at: datetime) -> None:
    """The card shows who decided; one that was answered in Slack says so already."""
    if fuse.handoff_id is not None:
        handoff_moves.done(connection, fuse.handoff_id, by=by, at=at, key=f"fuse-{at.isoformat()}", outcome=outcome)


def _close(connection: Connection, fuse: Blown, state: FuseState, by: str, at: datetime) -> None:
    connection.execute(update(FUSE).where(FUSE.c.id == fuse.id).values(state=state.value, closed_at=at, closed_by=by))


def _ask_again(connection: Connection, published: Published, fuse: Blown, at: datetime) -> None:
    """A new card for what is left."""
    numbers = connection.execute(select(FUSE.c.numbers).where(FUSE.c.id == fuse.id)).scalar_one()
    if not fuse.kind.holds_mails:
        left = "moving" if fuse.kind is FuseKind.STAGES else "entering"
        numbers = {**numbers, "left": _held(connection, fuse), left: _held(connection, fuse)}
        connection.execute(update(FUSE).where(FUSE.c.id == fuse.id).values(numbers=numbers))
    standing = connection.scalar(select(HANDOFF.c.state).where(HANDOFF.c.id == fuse.handoff_id))
    if standing not in (HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value):
        again = Blown(
            id=fuse.id,
            kind=fuse.kind,
            playbook=fuse.playbook,
            blown_at=fuse.blown_at,
            numbers=numbers,
            handoff_id=None,
        )
        ask(connection, published, again, at)
