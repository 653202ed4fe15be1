"""The evidence behind a hand-off: what its journey decided last before it asked, and the values that this condition sees now.
Asks the database with the engine's own expressions, so it cannot disagree with it. Read-only; shown on the card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, bindparam, select

from bot.errors import ConditionError
from bot.insight.brief_plans import recovery_lines
from bot.insight.explanation import SeenLeaf
from bot.insight.handoff_brief import Reader
from bot.insight.leaf_columns import LeafColumns
from bot.pipeline.scopes import Ground, walk_joins
from bot.rules.conditions import parse_condition
from bot.rules.reasons import sentence
from storage.asking import NOW
from storage.enrollments import ENROLLMENT
from storage.handoff_views import HandoffRecord
from storage.journal import Decision
from storage.journeys import PlaybookVersion

DECISION: Table = Decision.__table__  # type: ignore[attr-defined]
VERSION: Table = PlaybookVersion.__table__  # type: ignore[attr-defined]
#: Decisions that lead to a step rather than tell that it was reached.
LEADING = ("then", "else", "until_holds", "deadline_passed", "mail_was_not_sent")
MOST_VALUES = 5
LONGEST = 160


def evidence_of(
    connection: Connection, handoff: HandoffRecord, reader: Reader, ground: Callable[[], Ground]
) -> list[str]:
    """The decision's sentence, then one line per value, then the customer's recovery plan where the brief does not show it;
    empty for a hand-off of no walk."""
    if handoff.enrollment_id is None:
        return []
    decided = _decision_before(connection, handoff)
    lines = [] if decided is None else [_sentence(decided, reader)]
    definition = connection.scalar(_DEFINITION, {"walk": handoff.enrollment_id}) or {}
    entry = (definition.get("enter") or {}).get("when")
    condition = (decided.details or {}).get("condition") if decided is not None else entry
    if condition:
        is_contact = definition.get("walks") == "contact"
        lines += _values(connection, handoff.enrollment_id, str(condition), ground(), is_contact=is_contact)
    if handoff.customer_id is not None and "plan" not in handoff.brief:
        lines += recovery_lines(connection, handoff.customer_id, reader.says, reader.locale)
    return lines


_DEFINITION = (
    select(VERSION.c.definition)
    .join(ENROLLMENT, ENROLLMENT.c.version_id == VERSION.c.id)
    .where(ENROLLMENT.c.id == bindparam("walk"))
)
_CHOICES = (
    select(DECISION.c.verdict, DECISION.c.reason, DECISION.c.details)
    .where(DECISION.c.enrollment_id == bindparam("walk"), DECISION.c.at <= NOW, DECISION.c.reason.in_(LEADING))
    .order_by(DECISION.c.id.desc())
    .limit(3)
)


def _decision_before(connection: Connection, handoff: HandoffRecord) -> Row[Any, Any, Any] | None:
    """The last choice of the walk; a fall to `else` of a branch says nothing of its own."""
    rows = connection.execute(_CHOICES, {"walk": handoff.enrollment_id, "now": handoff.opened_at}).all()
    return next((row for row in rows if (row.details or {}).get("condition") != "no case holds"), None)


def _sentence(row: Row[Any, Any, Any], reader: Reader) -> str:
    return sentence(row.verdict, row.reason, row.details, reader.locale, zone=reader.timezone)


def _values(
    connection: Connection, enrollment_id: int, text: str, ground: Ground, *, is_contact: bool
) -> Iterator[str]:
    try:
        leaves, asked = ground.kept(("evidence", text, is_contact), lambda: _asked(text, ground, is_contact=is_contact))
    except ConditionError:
        return  # a moment (`next_meeting(…) - 1 day`), or a name that this version does not know
    row = connection.execute(asked, {"walk": enrollment_id}).one_or_none()
    for leaf in leaves.seen(row)[:MOST_VALUES] if row is not None else ():
        yield f"• {leaf.text[:LONGEST]} → {_shown(leaf)}"


def _asked(text: str, ground: Ground, *, is_contact: bool) -> tuple[LeafColumns, Select[Any]]:
    """The leaves of the condition, and the statement that asks for them of the walk bound as `walk`."""
    leaves = LeafColumns(parse_condition(text), ground.scope(contact=is_contact, walk=True))
    of_walk = ENROLLMENT.c.id == bindparam("walk")
    return leaves, select(*leaves.columns()).select_from(walk_joins(is_contact)).where(of_walk)


def _shown(leaf: SeenLeaf) -> str:
    if isinstance(leaf.value, bool):
        return "✓" if leaf.value else "✗"
    value = f"{leaf.value:g}" if isinstance(leaf.value, float) else leaf.value
    return "–" if value is None else str(value)[:LONGEST]
