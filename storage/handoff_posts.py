"""The posting of hand-off cards as rows see it: who may post which card now, and where it stands afterwards. Writes only
the posting columns, never a state (handoff_moves.py does). A claim is a lease: after a crash the card is looked for in
Slack before it is posted again, because `was_tried` says that an attempt was made. Used by bot.pipeline.escalate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, func, literal_column, or_, select, update

from storage.handoff_views import UNFINISHED
from storage.handoffs import CALLS_ANEW, Handoff, HandoffAct

LEASE = timedelta(minutes=3)
#: The act whose line the card's thread is owed; handoff_moves writes it.
OUTLIVED = "outlived"

#: Values of `handoff.posting`: wanted (a new card), stale (the card must be redrawn), posted, needless (over before a card
#: was needed), mailed (its owner is called by mail), failed (given up until something happens to the hand-off; `post_fault` says why).
_handoffs = Handoff.__table__  # type: ignore[attr-defined]
_acts = HandoffAct.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostClaim:
    """One card to bring to Slack. `last_act` is the newest act the card will show; `attempts` counts this one."""

    handoff_id: int
    is_new: bool
    is_finished: bool
    attempts: int
    last_act: int
    channel: str | None
    ts: str | None

    @property
    def was_tried(self) -> bool:
        return self.attempts > 1


def claim_post(connection: Connection, *, now: datetime, handoff_id: int | None = None) -> PostClaim | None:
    """The next card that is due, or this one; None: nothing to do, or somebody else is at it. Urgent ones come first."""
    due = and_(
        # Literals: a partial index is only used for a predicate that the planner can read.
        _handoffs.c.posting.in_((literal_column("'wanted'"), literal_column("'stale'"))),
        or_(_handoffs.c.post_not_before.is_(None), _handoffs.c.post_not_before <= now),
    )
    asked = due if handoff_id is None else and_(due, _handoffs.c.id == handoff_id)
    found = select(_handoffs).where(asked).order_by(_handoffs.c.urgency != "high", _handoffs.c.id).limit(1)
    row = connection.execute(found.with_for_update(skip_locked=True)).mappings().one_or_none()
    if row is None:
        return None
    attempts = row["post_attempts"] + 1
    connection.execute(
        update(_handoffs).where(_handoffs.c.id == row["id"]).values(post_attempts=attempts, post_not_before=now + LEASE)
    )
    return PostClaim(
        handoff_id=row["id"],
        is_new=row["posting"] == "wanted",
        is_finished=row["state"] not in UNFINISHED,
        attempts=attempts,
        last_act=_last_act(connection, row["id"]),
        channel=row["posted_channel"],
        ts=row["posted_ts"],
    )


def record_posted(connection: Connection, claim: PostClaim, *, channel: str, ts: str, at: datetime) -> None:
    """The card stands there. What happened to the hand-off since the claim makes it stale, or asks for a new one."""
    values: dict[str, Any] = {"posted_channel": channel, "posted_ts": ts, "post_attempts": 0, "post_not_before": None}
    later = _acts_since(connection, claim)
    posting = "stale" if later else "posted"
    values |= {"post_fault": None, "post_fault_since": None, "posted_at": at}
    _write(connection, claim, posting="wanted" if later & CALLS_ANEW else posting, **values)


def record_told(connection: Connection, handoff_id: int) -> None:
    """Whoever is on the hand-off has read that its walk is over: in the thread, or on a new card."""
    mine = (_acts.c.handoff_id == handoff_id, _acts.c.act == OUTLIVED)
    for row in connection.execute(select(_acts.c.id, _acts.c.details).where(*mine)).all():
        told = {**(row.details or {}), "is_told": True}
        connection.execute(update(_acts).where(_acts.c.id == row.id).values(details=told))


def record_put_off(connection: Connection, claim: PostClaim, *, fault: str, until: datetime, now: datetime) -> None:
    """It did not pass this time; `fault` is a sentence."""
    since = func.coalesce(_handoffs.c.post_fault_since, now)
    _write(connection, claim, post_fault=fault, post_fault_since=since, post_not_before=until)


def record_stopped(connection: Connection, *, fault: str, now: datetime) -> None:
    """Slack cannot be used at all: from now on none of those that are due has come (staff_mail.py counts from here)."""
    connection.execute(
        update(_handoffs)
        .where(
            _handoffs.c.posting == literal_column("'wanted'"),
            _handoffs.c.post_fault_since.is_(None),
            or_(_handoffs.c.post_not_before.is_(None), _handoffs.c.post_not_before <= now),
        )
        .values(post_fault=fault, post_fault_since=now)
    )


def record_waiting(connection: Connection, claim: PostClaim, *, until: datetime) -> None:
    """Its owner is not called before then: no attempt was made. What happens to the hand-off meanwhile looks again."""
    not_before = None if _acts_since(connection, claim) else until
    _write(connection, claim, post_attempts=0, post_not_before=not_before)


def record_given_up(connection: Connection, claim: PostClaim, *, fault: str, now: datetime) -> None:
    """It will not pass until something happens to the hand-off (or already did); lists and `doctor` show `fault`."""
    posting = {} if _acts_since(connection, claim) else {"posting": "failed"}
    since = func.coalesce(_handoffs.c.post_fault_since, now)
    _write(connection, claim, post_fault=fault, post_fault_since=since, post_not_before=None, **posting)


def record_needless(connection: Connection, claim: PostClaim) -> None:
    """The hand-off was over before it had a card."""
    _write(connection, claim, posting="needless", post_fault=None, post_not_before=None)


def record_card_gone(connection: Connection, claim: PostClaim) -> None:
    """Somebody deleted the card: an unfinished hand-off gets a new one."""
    gone: dict[str, Any] = {
        "list_id": None,
        "posted_channel": None,
        "posted_ts": None,
        "post_attempts": 0,
        "post_not_before": None,
    }
    _write(connection, claim, posting="needless" if claim.is_finished else "wanted", **gone)


def adopt_card(connection: Connection, handoff_id: int, *, channel: str, ts: str) -> None:
    """A card that people click stands, even where the answer to its posting was lost."""
    connection.execute(
        update(_handoffs)
        .where(_handoffs.c.id == handoff_id, _handoffs.c.posted_ts.is_(None))
        .values(posted_channel=channel, posted_ts=ts, posting="stale", post_attempts=0, post_not_before=None)
    )


def retry_given_up(connection: Connection) -> int:
    """Cards that were given up are wanted again: at the start of `run`, when a channel or a key may have been repaired.
    One attempt stays counted, so that each is looked for first."""
    has_card = _handoffs.c.posted_ts.is_not(None)
    wanted = {"posting": case((has_card, "stale"), else_="wanted"), "post_attempts": 1, "post_not_before": None}
    return connection.execute(update(_handoffs).where(_handoffs.c.posting == "failed").values(wanted)).rowcount


def count_unposted(connection: Connection) -> dict[str, int]:
    """How many cards wait or were given up, by `posting`; for `doctor`."""
    found = select(_handoffs.c.posting, func.count()).where(_handoffs.c.posting.in_(("wanted", "stale", "failed")))
    return {row[0]: row[1] for row in connection.execute(found.group_by(_handoffs.c.posting))}


def _last_act(connection: Connection, handoff_id: int) -> int:
    newest = select(func.coalesce(func.max(_acts.c.id), 0)).where(_acts.c.handoff_id == handoff_id)
    return int(connection.execute(newest).scalar_one())


def _acts_since(connection: Connection, claim: PostClaim) -> set[str]:
    # The row is locked first: an act that is being recorded right now is waited for, and then seen.
    connection.execute(select(_handoffs.c.id).where(_handoffs.c.id == claim.handoff_id).with_for_update())
    later = select(_acts.c.act).where(_acts.c.handoff_id == claim.handoff_id, _acts.c.id > claim.last_act)
    return set(connection.execute(later).scalars())


def _write(connection: Connection, claim: PostClaim, **values: Any) -> None:
    connection.execute(update(_handoffs).where(_handoffs.c.id == claim.handoff_id).values(**values))
