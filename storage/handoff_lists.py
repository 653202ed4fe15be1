"""Several hand-offs of one owner as one message: which come together, and where the message stands. Writes only the posting
columns, as handoff_posts.py does, with the same lease: after a crash the message is looked for before it is posted again.
Used by bot.pipeline.card_lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Table, func, insert, literal_column, or_, select, update

from storage.handoff_posts import LEASE
from storage.handoff_views import UNFINISHED, HandoffRecord, get
from storage.handoffs import Handoff, HandoffAct, HandoffList

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
ACT: Table = HandoffAct.__table__  # type: ignore[attr-defined]
LIST: Table = HandoffList.__table__  # type: ignore[attr-defined]
#: A message holds 50 blocks, and a person's morning begins with some of them.
MOST_LISTED = 36


def fresh_of(connection: Connection, owner: str, now: datetime) -> list[HandoffRecord]:
    """Hand-offs of this owner that are due and never called before, the urgent ones left out; locked, the first due first."""
    due = or_(HANDOFF.c.post_not_before.is_(None), HANDOFF.c.post_not_before <= now)
    fresh = (HANDOFF.c.posted_ts.is_(None), HANDOFF.c.post_attempts == 0, HANDOFF.c.list_id.is_(None))
    found = (
        select(HANDOFF.c.id)
        .where(HANDOFF.c.posting == literal_column("'wanted'"), HANDOFF.c.owner == owner, due, *fresh)
        .where(HANDOFF.c.state.in_([state.value for state in UNFINISHED]), HANDOFF.c.urgency != "high")
        .order_by(HANDOFF.c.due_at.is_(None), HANDOFF.c.due_at, HANDOFF.c.id)
        .limit(MOST_LISTED)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.scalars(found))
    return [record for record in (get(connection, one) for one in ids) if record is not None]


def put_together(
    connection: Connection, owner: str, ids: Collection[int], now: datetime, *, digest_day: date | None = None
) -> int:
    """From now on these come as one message, with the owner's digest of that day if one is given; returns its number."""
    made = connection.execute(insert(LIST).values(owner=owner, made_at=now, digest_day=digest_day).returning(LIST.c.id))
    list_id = int(made.scalar_one())
    values = {"list_id": list_id, "post_attempts": 1, "post_not_before": now + LEASE}
    connection.execute(update(HANDOFF).where(HANDOFF.c.id.in_(list(ids))).values(**values))
    return list_id


def standing_of(connection: Connection, list_id: int) -> tuple[str | None, str | None]:
    """Channel and ts of the message; None: it is not known to stand."""
    row = connection.execute(select(LIST.c.channel, LIST.c.ts).where(LIST.c.id == list_id)).one()
    return row.channel, row.ts


def digest_of(connection: Connection, list_id: int) -> tuple[str, date] | None:
    """Whose digest of which day the message begins with; None: no digest."""
    row = connection.execute(select(LIST.c.owner, LIST.c.digest_day).where(LIST.c.id == list_id)).one()
    return None if row.digest_day is None else (row.owner, row.digest_day)


def list_with_digest(connection: Connection, owner: str, day: date) -> int | None:
    """The list that this digest comes with."""
    return connection.scalar(select(LIST.c.id).where(LIST.c.owner == owner, LIST.c.digest_day == day).limit(1))


def list_of(connection: Connection, handoff_id: int) -> tuple[int | None, str | None]:
    """The list that a hand-off came on, and the ts of its message."""
    joined = HANDOFF.join(LIST, LIST.c.id == HANDOFF.c.list_id)
    row = connection.execute(select(LIST.c.id, LIST.c.ts).select_from(joined).where(HANDOFF.c.id == handoff_id)).first()
    return (None, None) if row is None else (row.id, row.ts)


def members_of(connection: Connection, list_id: int, *, unposted: bool = False) -> list[int]:
    """In the order of the message. `unposted`: those that are to come with it and are still its owner's."""
    found = select(HANDOFF.c.id).where(HANDOFF.c.list_id == list_id)
    if unposted:
        owner = select(LIST.c.owner).where(LIST.c.id == list_id).scalar_subquery()
        found = found.where(HANDOFF.c.posted_ts.is_(None), HANDOFF.c.owner == owner)
    return list(connection.scalars(found.order_by(HANDOFF.c.due_at.is_(None), HANDOFF.c.due_at, HANDOFF.c.id)))


def leave_list(connection: Connection, list_id: int, handoff_id: int) -> bool:
    """Whether this one does not come with the list any more, because that stands already or is another person's; then it is its
    own from now on."""
    is_unknown = standing_of(connection, list_id) == (None, None)
    if is_unknown and handoff_id in members_of(connection, list_id, unposted=True):
        return False
    connection.execute(update(HANDOFF).where(HANDOFF.c.id == handoff_id).values(list_id=None))
    return True


def record_list_posted(
    connection: Connection, list_id: int, ids: Sequence[int], *, channel: str, ts: str, at: datetime
) -> None:
    """The message stands there with these. What was to come with it, and is another person's meanwhile, is not on it."""
    elsewhere = (HANDOFF.c.list_id == list_id, HANDOFF.c.id.not_in(list(ids)), HANDOFF.c.posted_ts.is_(None))
    connection.execute(update(HANDOFF).where(*elsewhere).values(list_id=None))
    connection.execute(update(LIST).where(LIST.c.id == list_id).values(channel=channel, ts=ts))
    values = {"posted_channel": channel, "posted_ts": ts, "posted_at": at, "post_attempts": 0, "post_not_before": None}
    connection.execute(
        update(HANDOFF)
        .where(HANDOFF.c.id.in_(list(ids)), HANDOFF.c.posted_ts.is_(None))
        .values(posting="posted", post_fault=None, post_fault_since=None, **values)
    )


def adopt_list(connection: Connection, list_id: int, *, channel: str, ts: str, at: datetime) -> None:
    """A message that people press stands, even where the answer to its posting was lost; it is drawn again."""
    if ts and standing_of(connection, list_id) == (None, None):
        ids = members_of(connection, list_id, unposted=True)
        record_list_posted(connection, list_id, ids, channel=channel, ts=ts, at=at)
        connection.execute(update(HANDOFF).where(HANDOFF.c.id.in_(ids)).values(posting="stale"))


def list_at(connection: Connection, channel: str, ts: str) -> int | None:
    """The list that stands there."""
    return connection.scalar(select(LIST.c.id).where(LIST.c.channel == channel, LIST.c.ts == ts))


def newest_acts(connection: Connection, list_id: int) -> dict[int, int]:
    """What a drawing of the list shows: the newest act of each that stands on it (0: none)."""
    newest = func.coalesce(func.max(ACT.c.id), 0)
    joined = HANDOFF.outerjoin(ACT, ACT.c.handoff_id == HANDOFF.c.id)
    found = select(HANDOFF.c.id, newest).select_from(joined).where(HANDOFF.c.list_id == list_id).group_by(HANDOFF.c.id)
    return {row[0]: int(row[1]) for row in connection.execute(found)}


def record_list_shown(connection: Connection, list_id: int, shown: Mapping[int, int]) -> None:
    """The message shows all of them up to these acts: one drawing serves all that were stale. Rows are locked first: an act that
    is being recorded right now is waited for, and then seen."""
    _, ts = standing_of(connection, list_id)
    stale = (HANDOFF.c.list_id == list_id, HANDOFF.c.posted_ts == ts, HANDOFF.c.posting == literal_column("'stale'"))
    locked = list(connection.scalars(select(HANDOFF.c.id).where(*stale).order_by(HANDOFF.c.id).with_for_update()))
    now = newest_acts(connection, list_id)
    same = [one for one in locked if now.get(one) == shown.get(one)]
    values = {"posting": "posted", "post_attempts": 0, "post_not_before": None}
    connection.execute(update(HANDOFF).where(HANDOFF.c.id.in_(same)).values(**values))


def want_own_card(connection: Connection, handoff_id: int) -> bool:
    """Somebody opens one of a list. One attempt stays counted, so that no hours are waited for. False: it is on its way
    already; asking again would take the lease of whoever posts it now, and bring it twice."""
    found = connection.execute(
        update(HANDOFF)
        .where(HANDOFF.c.id == handoff_id, HANDOFF.c.posting != "wanted")
        .values(posting="wanted", post_attempts=1, post_not_before=None)
    )
    return found.rowcount > 0


def calls_since(connection: Connection, owner: str, since: datetime) -> tuple[int, datetime | None]:
    """How many messages called this owner about what is not finished, and when the last did."""
    mine = (HANDOFF.c.owner == owner, HANDOFF.c.posted_at >= since)
    still = HANDOFF.c.state.in_([state.value for state in UNFINISHED])
    found = select(func.count(HANDOFF.c.posted_ts.distinct()), func.max(HANDOFF.c.posted_at)).where(*mine, still)
    number, last = connection.execute(found).one()
    return int(number), last
