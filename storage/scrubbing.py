"""The last step of an erasure: finds what is left of a person's names and addresses in free texts and documents, and takes it
out. Strong words (addresses, telephone numbers) anywhere, others only in the rows of their customer. It leaves words that
the machine wrote (states, playbooks, steps) alone. Slow on purpose: it reads everything, and is needed once a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)

from storage.erasures import GONE, Scope, belongs_to
from storage.tables import metadata

SHORTEST = 2

#: Texts that the machine writes or that name our own files and people: they never hold a reader's words.
STRUCTURAL: Mapping[str, frozenset[str]] = {
    "attempt": frozenset({"outcome", "reason"}),
    "contact": frozenset({"locale", "timezone", "consent"}),
    "customer": frozenset({"currency", "locale", "timezone", "touch", "csm", "open_days", "stage", "tier"}),
    "curriculum_assignment": frozenset({"curriculum", "playbook"}),
    "customer_change": frozenset({"taken_by", "about"}),
    "daily_usage": frozenset({"event", "source"}),
    "decision": frozenset({"verdict", "reason", "playbook", "step", "once"}),
    "delivery_event": frozenset({"key", "fingerprint", "kind"}),
    "enrollment": frozenset({"playbook", "occurrence", "status", "outcome", "exclusive", "step"}),
    "event": frozenset({"name", "source"}),
    "handoff": frozenset(
        (
            *(
                "playbook",
                "step",
                "occurrence",
                "kind",
                "urgency",
                "owner",
                "state",
                "acknowledge_within",
                "escalate_to",
            ),
            *("acknowledged_by", "closed_by", "outcome", "brief", "outcomes", "notify", "prepare", "posting"),
            *("posted_channel", "posted_ts", "cause_over"),
        )
    ),
    "handoff_act": frozenset({"key", "act", "by"}),
    "derived_item": frozenset({"kind", "name", "digest"}),
    "feature_band": frozenset({"feature", "band"}),
    "handoff_mail": frozenset({"way", "by", "template", "locale"}),
    "meeting": frozenset({"source", "kind"}),
    "message": frozenset(
        (
            *("playbook", "step", "occurrence", "template", "sender", "state", "reason", "claimed_by", "reviewed_by"),
            *("provider", "provider_message_id", "delivery"),
        )
    ),
    "message_content": frozenset({"category", "locale", "template_digest", "skeleton"}),
    "metric_value": frozenset({"metric"}),
    "note": frozenset({"source"}),
    "occasion": frozenset({"playbook", "key", "state", "verdict"}),
    "reply": frozenset({"verdict"}),
    "signal_episode": frozenset({"signal"}),
    "stage_change": frozenset({"old", "new", "cause"}),
    "stray_event": frozenset({"source", "reason", "kind"}),
    "subscription": frozenset({"source", "product"}),
    "survey_answer": frozenset({"kind", "source"}),
    "suppression": frozenset({"category", "reason"}),
    "ticket": frozenset({"source", "kind", "priority", "status"}),
    "fuse": frozenset({"kind", "playbook", "state", "closed_by"}),
    "contact_role": frozenset({"role"}),
    "imported_row": frozenset({"source", "kind"}),
    "pause": frozenset({"kind"}),
    "sync_row": frozenset({"source", "pull"}),
    "sync_stranger": frozenset({"source", "pull", "row", "what"}),
    "sync_state": frozenset({"source", "pull", "watermark"}),
    "written_back": frozenset({"source"}),
    "notice": frozenset({"key", "target", "state", "channel", "ts"}),
    "staff_mail": frozenset({"key", "person", "state", "why"}),
    "tracked_person": frozenset(),
    "held_call": frozenset({"reason"}),
    "webhook_call": frozenset({"playbook", "step", "url", "state", "fault"}),
    "webhook_post": frozenset({"source", "content_type"}),
}
#: Tables of our own that hold no reader's words at all.
OURS = frozenset(
    (
        *("csm", "deployment", "deployed_file", "file_text", "playbook_version", "playbook_day", "feed"),
        *("host", "installation", "mail_skeleton", "pace", "round_robin", "zone_day", "erasure"),
        *("tracking_count", "taken_posts"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What must not be found any more."""

    strong: frozenset[str]
    weak: frozenset[str]


def free_columns(table: Table) -> list[Column[Any]]:
    """The columns in which a person may be named."""
    if table.name in OURS:
        return []
    machine = STRUCTURAL.get(table.name, frozenset())
    return [column for column in table.columns if column.name not in machine and _holds_text(column)]


def _holds_text(column: Column[Any]) -> bool:
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return isinstance(kind, String | JSON | LargeBinary)


def scrub(connection: Connection, words: Words, scope: Scope) -> int:
    """Takes the words out wherever they stand, weak ones only from the rows of `scope`; returns how many cells had them."""
    strong = _pattern(words.strong, whole=False)
    weak = _pattern(words.weak, whole=True)
    cells = 0
    for table in metadata.sorted_tables:
        theirs = belongs_to(table, scope)
        if table.name == "decision" and theirs is not None:
            theirs = or_(theirs, table.c.customer_id.is_(None))  # a pause names a contact by its key alone
        for column in free_columns(table):
            if strong is not None:
                cells += _scrub_column(connection, column, words.strong, strong, None)
            is_named = table.name in ("customer", "contact") and column.name != "attributes"
            if weak is not None and theirs is not None and not is_named:
                cells += _scrub_column(connection, column, words.weak, weak, theirs)
    return cells


def _pattern(words: frozenset[str], *, whole: bool) -> re.Pattern[str] | None:
    """Longest first. `whole`: not within a longer Latin word, so that Mori leaves Morioka alone."""
    wanted = sorted((word for word in words if len(word) >= SHORTEST), key=len, reverse=True)
    if not wanted:
        return None
    parts = (re.escape(word) for word in wanted)
    if whole:
        parts = (f"(?<![A-Za-z0-9]){part}(?![A-Za-z0-9])" for part in parts)
    return re.compile("|".join(parts), re.IGNORECASE)


def _scrub_column(
    connection: Connection, column: Column[Any], words: frozenset[str], pattern: re.Pattern[str], theirs: Any
) -> int:
    table = column.table
    assert isinstance(table, Table)
    where = or_(*(_contains(column, word) for word in sorted(words) if len(word) >= SHORTEST))
    keys = list(table.primary_key.columns)
    statement = select(column.label("found"), *keys).where(where if theirs is None else and_(where, theirs))
    changed = 0
    for value, *key in connection.execute(statement.with_for_update()).all():
        after = _without(value, pattern)
        if after == value:
            continue
        same = and_(*(left == right for left, right in zip(keys, key, strict=True)))
        if column.primary_key:
            connection.execute(delete(table).where(same))  # nothing but a note of who they were
        else:
            kept = f"erased-{'-'.join(str(part) for part in key)}" if _is_unique(column) else after
            connection.execute(update(table).where(same).values({column.name: kept}))
        changed += 1
    return changed


def _contains(column: Column[Any], word: str) -> ColumnElement[bool]:
    """A coarse question that finds too much rather than too little; Python looks again."""
    if isinstance(column.type, LargeBinary):
        return column.is_not(None)
    is_document = isinstance(column.type, JSON)
    text = cast(column, Text) if is_document else column
    spelled = orjson.dumps(word).decode()[1:-1] if is_document else word
    return or_(func.lower(text).contains(spelled.lower(), autoescape=True), text.contains(spelled, autoescape=True))


def _is_unique(column: Column[Any]) -> bool:
    """Alone, or beside the source whose key it is."""
    table = column.table
    assert isinstance(table, Table)
    constraints = (each for each in table.constraints if isinstance(each, UniqueConstraint))
    return bool(column.unique) or any(column.name in each.columns for each in constraints)


def _without(value: Any, pattern: re.Pattern[str]) -> Any:
    match value:
        case str():
            return pattern.sub(GONE, value)
        case bytes():
            return re.sub(pattern.pattern.encode(), GONE.encode(), value, flags=re.IGNORECASE)
        case list():
            return [_without(item, pattern) for item in value]
        case dict():
            return {_without(name, pattern): _without(inner, pattern) for name, inner in value.items()}
        case _:
            return value
