"""How walks end before their last step: goal, exits, a gone contact, a higher walk of the group, or by hand. Cancels
pending and held mails, withdraws open hand-offs, tells whoever waits for the end (S12, S13, S14, S30)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, case, literal, null, or_, select

from bot.pipeline.batch import CONTACT, OCCASION, Batch, end
from bot.pipeline.published import Version
from bot.pipeline.scopes import Ground, walk_joins
from bot.rules.steps_model import EnrollStep
from storage import handoff_moves
from storage.bulk import MANY_ALIKE
from storage.dialects import among, among_given
from storage.enrollments import ENROLLMENT, Walk
from storage.handoff_merging import end_causes
from storage.handoffs import Handoff, HandoffState
from storage.journal import Verdict
from storage.journeys import OccasionState
from storage.outbox_moves import cancel_for_walks

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]

GONE = "contact_gone"
SUPERSEDED = "superseded"


def leave_early(batch: Batch, walks: list[Walk]) -> list[Walk]:
    """End the walks whose goal or an exit holds now; returns those that stay."""
    staying: list[Walk] = []
    for _, group in groupby(sorted(walks, key=lambda walk: walk.version_id), key=lambda walk: walk.version_id):
        of_version = list(group)
        version = batch.version_of(of_version[0])
        outcomes = _outcomes(batch, version, of_version)
        winners = _winners(batch, version, [walk for walk in of_version if outcomes.get(walk.id) == SUPERSEDED])
        staying += [walk for walk in of_version if walk.id not in outcomes]
        leavers = [walk for walk in of_version if walk.id in outcomes]
        evidence = _evidence(batch, version, leavers, outcomes)
        leave(batch, [(walk, outcomes[walk.id]) for walk in leavers], winners, evidence)
    return staying


def _evidence(
    batch: Batch, version: Version, leavers: Sequence[Walk], outcomes: Mapping[int, str]
) -> dict[int, dict[str, Any]]:
    """Walk id → the parts of the condition that ended it, where few leave at once: the first that holds and has its outcome."""
    found: dict[int, dict[str, Any]] = {}
    for rule in version.leaves if len(leavers) < MANY_ALIKE else ():
        asked = [walk for walk in leavers if walk.id not in found and outcomes[walk.id] == rule.outcome]
        answers = batch.answers(rule.condition, asked)
        found |= {walk.id: answers.evidence(walk) for walk in asked if walk.id in answers.holding}
    return found


def leave(
    batch: Batch,
    leavers: Sequence[tuple[Walk, str]],
    winners: Mapping[int, str] | None = None,
    evidence: Mapping[int, dict[str, Any]] | None = None,
) -> None:
    """End walks with an outcome and clean up after them. `winners`: the playbooks that superseded walks made way for.
    `evidence`: what the condition that ended a walk saw."""
    if not leavers:
        return
    kept: set[int] = set()
    for walk, outcome in leavers:
        keeps = {found.outcome for found in batch.version_of(walk).leaves if found.keep_handoffs}
        if outcome in keeps:
            kept.add(walk.id)
        winner = {"winner": winners[walk.id]} if winners and walk.id in winners else {}
        reason = SUPERSEDED if winner else "goal" if outcome == "goal" else "exit"
        batch.decide(walk, Verdict.LEFT, reason, outcome=outcome, **winner, **(evidence or {}).get(walk.id, {}))
        end(walk, outcome, batch.now)
    ids = [walk.id for walk, _ in leavers]
    cancel_for_walks(batch.connection, ids, batch.now, "walk_ended")
    _clear_hands(batch, [(walk, outcome) for walk, outcome in leavers if walk.id not in kept])
    tell_of_ends(batch, [walk for walk, _ in leavers])


def _clear_hands(batch: Batch, leavers: Sequence[tuple[Walk, str]]) -> None:
    """Hand-offs that nobody took are withdrawn; who took one keeps it, and is asked whether it is still needed (S13)."""
    outcomes = {walk.id: outcome for walk, outcome in leavers}
    standing = (HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value, HandoffState.MERGED.value)
    causes = select(HANDOFF.c.id, HANDOFF.c.enrollment_id).where(
        among(HANDOFF.c.enrollment_id, list(outcomes)), HANDOFF.c.state.in_(standing)
    )
    reasons = {row.id: outcomes[row.enrollment_id] for row in batch.connection.execute(causes)}
    if not reasons:
        return
    by_reason: dict[str, list[int]] = {}
    for handoff_id, reason in end_causes(batch.connection, reasons, batch.now).items():
        by_reason.setdefault(reason, []).append(handoff_id)
    for reason, found in by_reason.items():
        withdrawn = handoff_moves.withdraw(batch.connection, found, reason=reason, at=batch.now)
        taken = sorted(set(found) - set(withdrawn))
        handoff_moves.ask_whether_needed(batch.connection, taken, reason=reason, at=batch.now)


def note_ends(batch: Batch, walks: Iterable[Walk]) -> None:
    """Walks that came to their last step or an `end`. What they owe to people stays: a last step may be a hand-off."""
    ended = list(walks)
    for walk in ended:
        reason = "completed" if walk.outcome == "completed" else "ended"
        batch.decide(walk, Verdict.LEFT, reason, outcome=walk.outcome)
    tell_of_ends(batch, ended)


def tell_of_ends(batch: Batch, walks: Iterable[Walk]) -> None:
    """An event for playbooks that enter after this one (`enter.after`), none where nobody listens; and news for the
    walk that enrolled this one and may wait for its outcome (S21)."""
    children = _enrolled_by_others(batch)
    heard = {
        version.playbook.enter.after.playbook
        for version in batch.published.versions.values()
        if version.playbook.enter.after
    }
    for walk in walks:
        if walk.playbook in children:
            batch.changes([walk.customer_id], ENROLLMENT)
        if walk.playbook in heard:
            properties: dict[str, Any] = {"playbook": walk.playbook, "outcome": walk.outcome}
            batch.events.append(
                (
                    walk.customer_id,
                    walk.contact_id,
                    "playbook.ended",
                    batch.now,
                    properties,
                    "journeybot",
                    f"ended-{walk.id}",
                    batch.now,
                    True,
                )
            )


def _enrolled_by_others(batch: Batch) -> set[str]:
    steps = (node.step for version in batch.published.versions.values() for node in version.program.nodes.values())
    return {step.playbook for step in steps if isinstance(step, EnrollStep)}


def _outcomes(batch: Batch, version: Version, walks: Sequence[Walk]) -> dict[int, str]:
    """Walk id → outcome, for those that leave now: one statement for the batch."""
    preempting = tuple(_preempting(batch, version))
    key = ("leaving", version.id, preempting)
    statement = batch.ground.kept(key, lambda: _leaving(batch.ground, version, preempting))
    if statement is None:
        return {}
    rows = batch.connection.execute(statement, {"keys": [walk.id for walk in walks]})
    return {row.id: row.outcome for row in rows}


def _leaving(ground: Ground, version: Version, preempting: Sequence[str]) -> Select[Any] | None:
    """None: nothing ends walks of this version before their time."""
    contact = version.playbook.walks == "contact"
    scope = ground.scope(contact=contact, walk=True)
    rules = [(ground.holds(leave.condition, scope), leave.outcome) for leave in version.leaves]
    if contact:
        gone = or_(CONTACT.c.gone_at.is_not(None), CONTACT.c.bounced_at.is_not(None))
        rules.append((gone, GONE))
    if preempting:
        rules.append((_is_superseded(preempting), SUPERSEDED))
    if not rules:
        return None
    outcome = case(*((holds, literal(name)) for holds, name in rules), else_=null()).label("outcome")
    return (
        select(ENROLLMENT.c.id, outcome)
        .select_from(walk_joins(contact))
        .where(among_given(ENROLLMENT.c.id), or_(*(holds for holds, _ in rules)))
    )


def _preempting(batch: Batch, version: Version) -> list[str]:
    """Playbooks that may throw a walk of this version out of its group (S14)."""
    playbooks = (batch.published.versions[row.version_id].playbook for row in batch.published.live)
    return [
        other.name
        for other in playbooks
        if other.preempt
        and other.exclusive is not None
        and other.exclusive == version.playbook.exclusive
        and other.priority > version.playbook.priority
    ]


def _winners(batch: Batch, version: Version, superseded: Sequence[Walk]) -> dict[int, str]:
    """Walk id → the most important playbook that waits for its place."""
    if not superseded:
        return {}
    waiting = select(OCCASION.c.customer_id, OCCASION.c.playbook).where(
        OCCASION.c.playbook.in_(_preempting(batch, version)),
        among(OCCASION.c.customer_id, [walk.customer_id for walk in superseded]),
        OCCASION.c.state == OccasionState.WAITING.value,
        OCCASION.c.verdict == "exclusive_taken",
    )
    rows = batch.connection.execute(waiting).all()
    ranks = {name: place for place, name in enumerate(_preempting(batch, version))}
    best: dict[int, str] = {}
    for row in sorted(rows, key=lambda row: ranks[row.playbook]):
        best.setdefault(row.customer_id, row.playbook)
    return {walk.id: best[walk.customer_id] for walk in superseded if walk.customer_id in best}


def _is_superseded(preempting: Sequence[str]) -> ColumnElement[bool]:
    waiting = and_(
        OCCASION.c.playbook.in_(preempting),
        OCCASION.c.customer_id == ENROLLMENT.c.customer_id,
        OCCASION.c.state == OccasionState.WAITING.value,
        OCCASION.c.verdict == "exclusive_taken",
    )
    return select(literal(1)).where(waiting).correlate(ENROLLMENT).exists()
