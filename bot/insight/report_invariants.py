"""Has every hand-off one owner and one end? Counted per week (Monday, UTC) in which it was opened, with examples by id. A cause that
joined another card (S28) is `joined`: its card's owner and end are its own. Read-only, a few statements at any size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, and_, case, false, func, literal, or_, select

from bot.insight.complaints import EXAMPLES
from storage.handoff_views import UNFINISHED
from storage.handoffs import Handoff, HandoffAct, HandoffState

WEEKS = 8
EARLIER = "earlier"
#: What must never be true of a hand-off; the other counts may be.
BROKEN = ("lost", "without_end", "two_ends")
#: What is worth an id.
NAMED = (*BROKEN, "unowned", "overdue", "not_posted")
ENDS = (HandoffState.DONE, HandoffState.DISMISSED, HandoffState.WITHDRAWN)

HANDOFF = Handoff.__table__  # type: ignore[attr-defined]
ACT = HandoffAct.__table__  # type: ignore[attr-defined]


def report_invariants(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """One row per week, the newest first, and one for all before. `unowned` stand in the fallback channel until somebody takes
    them; `lost` have no owner and stand nowhere. `examples`: what → the first ids."""
    marked = _marked(now)
    names = [column.name for column in marked.c if column.name not in ("id", "week")]
    sums = [func.sum(marked.c[name]).label(name) for name in names]
    counts = select(marked.c.week, func.count().label("opened"), *sums).group_by(marked.c.week)
    rows = {row["week"]: row for row in connection.execute(counts).mappings()}
    examples = _examples(connection, marked)
    order = [week for week in (*_weeks(now), EARLIER) if week in rows]
    return [{**rows[week], "examples": examples[week]} for week in order]


def is_broken(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(row[name] for row in rows for name in BROKEN)


def examples_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """`2027-W09 two_ends (broken): 7, 12`."""
    for row in rows:
        for found in row["examples"]:
            what = f"{found['what']} (broken)" if found["what"] in BROKEN else found["what"]
            yield f"{row['week']} {what}: {', '.join(str(number) for number in found['ids'])}"


def _weeks(now: datetime) -> dict[str, datetime]:
    """Name of the week → its Monday, the newest first."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(WEEKS)]
    return {start.strftime("%G-W%V"): start for start in starts}


def _marked(now: datetime) -> Subquery:
    """Every hand-off with its week and, as 0 or 1, what is true of it."""
    weeks = [(HANDOFF.c.opened_at >= start, literal(name)) for name, start in _weeks(now).items()]
    marks = [case((condition, 1), else_=0).label(name) for name, condition in _conditions(now).items()]
    return select(HANDOFF.c.id, case(*weeks, else_=literal(EARLIER)).label("week"), *marks).subquery()


def _conditions(now: datetime) -> dict[str, ColumnElement[bool]]:
    unfinished = HANDOFF.c.state.in_([state.value for state in UNFINISHED])
    ended = HANDOFF.c.state.in_([state.value for state in ENDS])
    nobody = and_(unfinished, HANDOFF.c.owner.is_(None))
    acts = select(func.count()).where(ACT.c.handoff_id == HANDOFF.c.id, ACT.c.act.in_([state.value for state in ENDS]))
    return {
        **{state.value: HANDOFF.c.state == state.value for state in ENDS},
        "joined": HANDOFF.c.state == HandoffState.MERGED.value,
        "open": unfinished,
        "unowned": and_(nobody, HANDOFF.c.posting != "failed"),
        "lost": and_(nobody, HANDOFF.c.posting == "failed"),
        "without_end": and_(ended, HANDOFF.c.closed_at.is_(None)),
        "two_ends": or_(and_(unfinished, HANDOFF.c.closed_at.is_not(None)), acts.scalar_subquery() > 1),
        "overdue": and_(unfinished, func.coalesce(HANDOFF.c.due_at < now, false())),
        "not_posted": and_(unfinished, HANDOFF.c.posted_ts.is_(None), HANDOFF.c.list_id.is_(None)),
    }


def _examples(connection: Connection, marked: Subquery) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in NAMED:
        place = func.row_number().over(partition_by=marked.c.week, order_by=marked.c.id).label("place")
        ranked = select(marked.c.week, marked.c.id, place).where(marked.c[name] == 1).subquery()
        few = select(ranked.c.week, ranked.c.id).where(ranked.c.place <= EXAMPLES).order_by(ranked.c.id)
        ids: dict[str, list[int]] = defaultdict(list)
        for row in connection.execute(few):
            ids[row.week].append(row.id)
        for week, numbers in ids.items():
            found[week].append({"what": name, "ids": numbers})
    return found
