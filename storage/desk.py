"""What a person on our side does from Slack besides hand-offs: holds of single mails, whether they want a daily digest, and
the digests themselves, one row per person and day, so that each is posted once. Decides nothing; the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Table, Update, and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, UtcDateTime
from storage.dialects import among_given
from storage.handoffs import Handoff
from storage.outbox_moves import MESSAGE

LEASE = timedelta(minutes=2)


class MailHold(SQLModel, table=True):
    """A person wants the mails of this step of this walk to wait, also one that is not owed yet."""

    __tablename__ = "held_step"

    enrollment_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("enrollment.id"), primary_key=True, autoincrement=False)
    )
    step: str = Field(primary_key=True)
    by: str
    at: datetime = Field(sa_type=UtcDateTime)


class DeskHabit(SQLModel, table=True):
    """How a CSM wants to be served in Slack; no row: as by default. Apart from the CSM, because imports write that row."""

    __tablename__ = "desk_habit"

    csm: str = Field(primary_key=True)
    daily_digest: bool = True


class DailyDigest(SQLModel, table=True):
    """One person's digest of one day of theirs. `posted_at` without `posted_ts`: there was nothing to tell. `not_before`
    is also the lease of whoever posts it now."""

    __tablename__ = "daily_digest"

    csm: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    attempts: int = 0
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    posted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    posted_ts: str | None = None
    fault: str | None = None


HOLD: Table = MailHold.__table__  # type: ignore[attr-defined]
HABIT: Table = DeskHabit.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
DIGEST: Table = DailyDigest.__table__  # type: ignore[attr-defined]


def hold_step(connection: Connection, enrollment_id: int, step: str, *, by: str, at: datetime) -> bool:
    """False: it was held already."""
    return _insert_once(connection, HOLD, enrollment_id=enrollment_id, step=step, by=by, at=at)


def release_step(connection: Connection, enrollment_id: int, step: str) -> bool:
    """False: it was not held."""
    mine = (HOLD.c.enrollment_id == enrollment_id, HOLD.c.step == step)
    return connection.execute(delete(HOLD).where(*mine)).rowcount > 0


def wants_digest(connection: Connection, csm: str) -> bool:
    found = connection.scalar(select(HABIT.c.daily_digest).where(HABIT.c.csm == csm))
    return found is None or bool(found)


def set_digest(connection: Connection, csm: str, *, is_wanted: bool) -> None:
    if not _insert_once(connection, HABIT, csm=csm, daily_digest=is_wanted):
        connection.execute(update(HABIT).where(HABIT.c.csm == csm).values(daily_digest=is_wanted))


def without_digest(connection: Connection) -> set[str]:
    """Those who want none."""
    return set(connection.scalars(select(HABIT.c.csm).where(HABIT.c.daily_digest.is_(False))))


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestClaim:
    """Somebody's turn to post a digest. `was_tried`: an earlier attempt may have been accepted."""

    csm: str
    day: date
    attempts: int

    @property
    def was_tried(self) -> bool:
        return self.attempts > 1


def told_today(connection: Connection, days: Collection[tuple[str, date]]) -> set[tuple[str, date]]:
    """Those (person, day) whose digest is over."""
    people = sorted({csm for csm, _ in days})
    if not people:
        return set()
    over = select(DIGEST.c.csm, DIGEST.c.day).where(DIGEST.c.csm.in_(people), DIGEST.c.posted_at.is_not(None))
    return {(row.csm, row.day) for row in connection.execute(over.where(DIGEST.c.day.in_({day for _, day in days})))}


def busy_digests(connection: Connection, days: Collection[tuple[str, date]], now: datetime) -> set[tuple[str, date]]:
    """Those that somebody brings at this moment, or that wait after a failure."""
    named = DIGEST.c.csm.in_(sorted({key for key, _ in days})), DIGEST.c.day.in_({day for _, day in days})
    waiting = select(DIGEST.c.csm, DIGEST.c.day).where(*named, DIGEST.c.posted_at.is_(None), DIGEST.c.not_before > now)
    return {(row.csm, row.day) for row in connection.execute(waiting)}


def is_known_digest(connection: Connection, csm: str) -> bool:
    """Whether there ever was one."""
    return connection.scalar(select(DIGEST.c.csm).where(DIGEST.c.csm == csm).limit(1)) is not None


def note_digest(connection: Connection, csm: str, day: date) -> None:
    """It is to be told; from now on it is known."""
    _insert_once(connection, DIGEST, csm=csm, day=day, attempts=0)


def claim_digest(connection: Connection, csm: str, day: date, now: datetime) -> DigestClaim | None:
    """None: it is posted, somebody else posts it now, or it waits after a failure."""
    _insert_once(connection, DIGEST, csm=csm, day=day, attempts=0)
    is_free = and_(
        DIGEST.c.csm == csm,
        DIGEST.c.day == day,
        DIGEST.c.posted_at.is_(None),
        or_(DIGEST.c.not_before.is_(None), DIGEST.c.not_before <= now),
    )
    taken = update(DIGEST).where(is_free).values(attempts=DIGEST.c.attempts + 1, not_before=now + LEASE)
    row = connection.execute(taken.returning(DIGEST.c.attempts)).one_or_none()
    return None if row is None else DigestClaim(csm=csm, day=day, attempts=int(row.attempts))


def close_digest(connection: Connection, claim: DigestClaim, *, at: datetime, ts: str | None) -> None:
    connection.execute(_of(claim).values(posted_at=at, posted_ts=ts, fault=None))


def give_up_digest(connection: Connection, claim: DigestClaim, *, at: datetime, fault: str) -> None:
    """It is over without having come: it cannot go there."""
    connection.execute(_of(claim).values(posted_at=at, posted_ts=None, fault=fault))


def gave_up_digest(connection: Connection, csm: str, day: date) -> bool:
    given_up = (DIGEST.c.csm == csm, DIGEST.c.day == day, DIGEST.c.posted_at.is_not(None), DIGEST.c.fault.is_not(None))
    return connection.scalar(select(DIGEST.c.csm).where(*given_up)) is not None


def settle_digest(connection: Connection, csm: str, day: date, at: datetime) -> None:
    """Nothing more is to be done about it, whether it came or was given up."""
    _insert_once(connection, DIGEST, csm=csm, day=day, attempts=0)
    mine = update(DIGEST).where(DIGEST.c.csm == csm, DIGEST.c.day == day)
    connection.execute(mine.values(posted_at=at, fault=None))


def put_off_digest(connection: Connection, claim: DigestClaim, *, until: datetime, fault: str) -> None:
    connection.execute(_of(claim).values(not_before=until, fault=fault))


def was_reached(connection: Connection, csm: str) -> bool:
    """Whether a message of ours ever stood in this person's direct messages."""
    digest = select(DIGEST.c.csm).where(DIGEST.c.csm == csm, DIGEST.c.posted_ts.is_not(None))
    card = select(HANDOFF.c.id).where(HANDOFF.c.owner == csm, HANDOFF.c.posted_channel.like("D%"))
    return any(connection.execute(asked.limit(1)).first() is not None for asked in (digest, card))


def _insert_once(connection: Connection, table: Table, **values: Any) -> bool:
    """False: such a row stands already."""
    insert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    written = insert(table).values(**values).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return connection.execute(written).first() is not None


def _of(claim: DigestClaim) -> Update:
    return update(DIGEST).where(DIGEST.c.csm == claim.csm, DIGEST.c.day == claim.day)


_HELD = (
    select(MESSAGE.c.id)
    .join(HOLD, and_(HOLD.c.enrollment_id == MESSAGE.c.enrollment_id, HOLD.c.step == MESSAGE.c.step))
    .where(among_given(MESSAGE.c.id))
)


def held_messages(connection: Connection, message_ids: Collection[int]) -> set[int]:
    """Those of these mails that a person wants to wait."""
    return set(connection.scalars(_HELD, {"keys": sorted(message_ids)}))
