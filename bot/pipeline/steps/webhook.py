"""The webhook step: owes another system a call and goes on at once (S22); calling.py makes it. The values of `body:` are worked out
now, for the whole batch by one statement; one without a value is strict as in a mail: the call is not owed and a decision names it.
In the holdout nothing is called (S33)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import select

from bot.pipeline.batch import CONTACT, Batch, go
from bot.rules.conditions import parse_value
from bot.rules.program import Node
from bot.rules.steps_model import WebhookStep
from storage.bulk import insert_new_rows
from storage.dialects import among
from storage.enrollments import ENROLLMENT, Walk
from storage.journal import Verdict
from storage.webhook_calls import CALL, CallState

COLUMNS = (
    *("enrollment_id", "customer_id", "contact_id", "playbook", "step", "url", "body", "state", "attempts", "token"),
    *("created_at", "not_before"),
)


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    step = cast(WebhookStep, node.step)
    acting = [walk for walk in walks if not walk.is_holdout and not batch.is_left_out(walk)]
    bodies = _bodies(batch, step, acting) if acting else {}
    rows: list[tuple[Any, ...]] = []
    for walk in walks:
        body = bodies.get(walk.id)
        if walk.is_holdout:
            batch.decide(walk, Verdict.SKIPPED, "holdout")
        elif body is None:
            batch.decide(walk, Verdict.SKIPPED, "expired_in_pause")
        elif missing := [name for name, value in body.items() if value in (None, "") and name in step.body]:
            batch.decide(walk, Verdict.SKIPPED, "webhook_field_missing", fields=missing)
        else:
            who = (walk.id, walk.customer_id, walk.contact_id, walk.playbook, walk.step)
            rows.append((*who, step.url, body, CallState.PENDING.value, 0, 0, batch.now, batch.now))
            batch.decide(walk, Verdict.DID, "webhook_owed")
        go(walk, node.next, walk.since)
    insert_new_rows(batch.connection, CALL, COLUMNS, rows)


def _bodies(batch: Batch, step: WebhookStep, walks: list[Walk]) -> dict[int, dict[str, Any]]:
    """Walk id → what is told: who, where in the journey, the event that started it, and what `body:` names."""
    places = batch.whereabouts(walks)
    contacts = _contact_keys(batch, walks)
    started = select(ENROLLMENT.c.id, ENROLLMENT.c.event).where(among(ENROLLMENT.c.id, [walk.id for walk in walks]))
    events = {row.id: row.event for row in batch.connection.execute(started)}
    aliases = {f"v{place}": name for place, name in enumerate(step.body)}
    values = {alias: parse_value(step.body[name]) for alias, name in aliases.items()}
    found = batch.values(values, walks) if values else {}
    return {
        walk.id: {
            "customer": places[walk.id].key,
            "contact": contacts.get(walk.contact_id or 0),
            "playbook": walk.playbook,
            "step": walk.step,
            "event": events.get(walk.id),
            **{name: _plain(getattr(found[walk.id], alias)) for alias, name in aliases.items()},
        }
        for walk in walks
    }


def _contact_keys(batch: Batch, walks: list[Walk]) -> dict[int, str]:
    ids = {walk.contact_id for walk in walks if walk.contact_id is not None}
    rows = batch.connection.execute(select(CONTACT.c.id, CONTACT.c.key).where(among(CONTACT.c.id, ids))) if ids else ()
    return {row.id: row.key for row in rows}


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
