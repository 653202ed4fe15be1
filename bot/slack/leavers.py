"""Looks once a day whether Slack has switched somebody of ours off: who has left gets no more hand-offs, and those they had go to
others with notice (pipeline.moving_owners). With care: `active` of csms.csv counts more, an id that never worked is a slip of the
pen and nobody's leaving, and half a team that leaves at once is not believed. Before it: App's tick; after it: moving_owners."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection, RowMapping, Table, or_, select, update

from bot.channels.slack import Account, PostFailed
from bot.pipeline.escalate import Poster
from bot.rules.zones import local_date
from storage.accounts import Csm
from storage.desk import claim_digest, close_digest, put_off_digest, told_today, was_reached

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
#: Stands where a digest has its reader; no person's key begins so.
LOOK = "#leavers"
SLACK = "slack"
#: Slack lets us ask so many a minute; a larger team is asked in turns, a part each day.
MOST_ASKED = 40
#: More than this share of those asked, and more than so few, is rather a wrong key than a farewell.
MOST_GONE, FEW_GONE = 0.5, 3
PAUSE = timedelta(minutes=10)
_log = structlog.get_logger("journeybot.leavers")


def look_for_leavers(poster: Poster) -> int:
    """How many were found to have left, or to be back."""
    now = poster.clock.now()
    today = local_date(now, poster.timezone)
    with poster.database.read() as connection:
        if poster.guard.pause(connection) is not None or told_today(connection, [(LOOK, today)]):
            return 0
        people = _turn(_people(connection), today)
    with poster.database.write() as connection:
        claim = claim_digest(connection, LOOK, today, now)
    if claim is None:
        return 0
    accounts: dict[str, Account] = {}
    for row in people:
        answer = poster.slack.account_of(row["slack_user_id"])
        if isinstance(answer, PostFailed):
            pause = max(PAUSE, timedelta(seconds=answer.retry_after or 0))
            with poster.database.write() as connection:
                put_off_digest(connection, claim, until=now + pause, fault=answer.sentence)
            return 0
        accounts[row["key"]] = answer
    with poster.database.write() as connection:
        changed = _record(connection, people, accounts, now)
        close_digest(connection, claim, at=now, ts=None)
    return changed


def _people(connection: Connection) -> list[RowMapping]:
    """Who may have left without a word, and who may be back."""
    columns = (CSM.c.key, CSM.c.slack_user_id, CSM.c.gone_at)
    open_question = or_(CSM.c.gone_at.is_(None), CSM.c.gone_why == SLACK)
    asked = select(*columns).where(CSM.c.slack_user_id.is_not(None), CSM.c.active.is_(None), open_question)
    return list(connection.execute(asked.order_by(CSM.c.key)).mappings())


def _turn(people: Sequence[RowMapping], today: date) -> list[RowMapping]:
    """Those whose turn is today."""
    if len(people) <= MOST_ASKED:
        return list(people)
    first = today.toordinal() * MOST_ASKED % len(people)
    return [*people[first:], *people[:first]][:MOST_ASKED]


def _record(connection: Connection, people: Sequence[RowMapping], accounts: dict[str, Account], now: datetime) -> int:
    gone = [row["key"] for row in people if row["gone_at"] is None and _has_gone(connection, row, accounts)]
    back = [row["key"] for row in people if row["gone_at"] is not None and accounts[row["key"]] == "on"]
    if len(gone) > max(FEW_GONE, MOST_GONE * len(people)):
        _log.warning("leavers_not_believed", gone=len(gone), asked=len(people))
        gone = []
    connection.execute(update(CSM).where(CSM.c.key.in_(gone)).values(gone_at=now, gone_why=SLACK))
    connection.execute(update(CSM).where(CSM.c.key.in_(back)).values(gone_at=None, gone_why=None))
    if gone or back:
        _log.info("people_changed_in_slack", gone=gone, back=back)
    return len(gone) + len(back)


def _has_gone(connection: Connection, row: RowMapping, accounts: dict[str, Account]) -> bool:
    account = accounts[row["key"]]
    return account == "off" or (account == "unknown" and was_reached(connection, row["key"]))
