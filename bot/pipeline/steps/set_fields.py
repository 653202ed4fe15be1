"""The set step: writes the customer's stage, tier or attributes. Idempotent (S20): a value that stands already changes
nothing. A new stage is also a stage change and a `stage.changed` event. In the holdout nothing is written (S33)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Table, select, update

from bot.errors import ConditionError
from bot.pipeline.batch import Batch, go
from bot.pipeline.scopes import CUSTOMER
from bot.rules.conditions import Condition, parse_value
from bot.rules.program import Node
from bot.rules.steps_model import Scalar, SetStep
from storage.enrollments import Walk
from storage.facts import StageChange
from storage.journal import Verdict

STAGE_CHANGE: Table = StageChange.__table__  # type: ignore[attr-defined]
FIELDS = ("stage", "tier", "touch")
EXPRESSIONS = ("today",)


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    step = cast(SetStep, node.step)
    acting = [walk for walk in walks if not walk.is_holdout]
    computed = _computed(batch, step, acting) if acting else {}
    for walk in acting:
        values = {name: _plain(computed.get(walk.id, {}).get(name, value)) for name, value in step.values.items()}
        changed = _write(batch, walk, values)
        batch.decide(walk, Verdict.DID, "set" if changed else "set_already", values=values)
    for walk in walks:
        if walk.is_holdout:
            batch.decide(walk, Verdict.SKIPPED, "holdout")
        go(walk, node.next, walk.since)


def expression_of(value: Scalar) -> Condition | None:
    """A text that is an expression (`today`, `licenses_active / 2`) rather than a plain text. A single bare word is a
    plain text (`adoption`), except `today`."""
    if not isinstance(value, str) or (value.isidentifier() and value not in EXPRESSIONS):
        return None
    try:
        found = parse_value(value)
    except ConditionError:
        return None
    return found if found.names else None


def _computed(batch: Batch, step: SetStep, walks: list[Walk]) -> dict[int, dict[str, Any]]:
    expressions = {name: found for name, value in step.values.items() if (found := expression_of(value)) is not None}
    if not expressions:
        return {}
    aliases = {f"v{place}": name for place, name in enumerate(expressions)}
    rows = batch.values({alias: expressions[name] for alias, name in aliases.items()}, walks)
    return {found: {name: getattr(row, alias) for alias, name in aliases.items()} for found, row in rows.items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _write(batch: Batch, walk: Walk, values: dict[str, Any]) -> bool:
    """Whether anything changed."""
    row = batch.connection.execute(
        select(CUSTOMER.c.stage, CUSTOMER.c.tier, CUSTOMER.c.touch, CUSTOMER.c.attributes)
        .where(CUSTOMER.c.id == walk.customer_id)
        .with_for_update()
    ).one()
    fields = {name: value for name, value in values.items() if name in FIELDS and getattr(row, name) != value}
    attributes = {name.removeprefix("attributes."): value for name, value in values.items() if name not in FIELDS}
    merged = {**(row.attributes or {}), **attributes}
    changes: dict[str, Any] = dict(fields)
    if merged != (row.attributes or {}):
        changes["attributes"] = merged
    if not changes:
        return False
    if "stage" in fields:
        changes["stage_since"] = batch.now
        _tell_stage(batch, walk, row.stage, fields["stage"])
    batch.connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == walk.customer_id).values(**changes))
    batch.changes([walk.customer_id], CUSTOMER)
    return True


def _tell_stage(batch: Batch, walk: Walk, old: str | None, new: str | None) -> None:
    batch.changes([walk.customer_id], STAGE_CHANGE)
    batch.connection.execute(
        STAGE_CHANGE.insert().values(
            customer_id=walk.customer_id, old=old, new=new, at=batch.now, cause=f"{walk.playbook}:{walk.step}"
        )
    )
    batch.events.append(
        (
            walk.customer_id,
            None,
            "stage.changed",
            batch.now,
            {"old": old, "new": new},
            "journeybot",
            f"stage-{walk.id}-{walk.step}",
            batch.now,
            True,
        )
    )
