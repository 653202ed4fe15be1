"""The verdict over one occasion to enter, as one SQL expression: old, filtered, already walking, again, would leave at
once, exclusive group taken, or enter (semantics.md S5, S12, S14). Used for new occasions and for those that waited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, exists, false, func, literal, not_, or_, select

from bot.pipeline.published import Version
from bot.pipeline.scopes import CONTACT, Ground
from bot.rules.conditions import Condition, parse_condition
from bot.rules.durations import parse_anchor, parse_duration
from storage.enrollments import ENROLLMENT
from storage.journeys import EnrollmentStatus, Occasion, OccasionState

OCCASION: Table = Occasion.__table__  # type: ignore[attr-defined]

ENTER = "enter"
#: Would enter, and waits for a person because a fuse blew; audience.py gives this verdict.
AUDIENCE_HELD = "audience_fuse"
#: Verdicts that leave the occasion waiting; every other one but ENTER refuses it.
DEFERRALS = ("exclusive_taken", "paused", "one_at_a_time", AUDIENCE_HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The columns of somebody who may enter, whatever statement they come from."""

    customer_id: ColumnElement[int]
    contact_id: ColumnElement[int | None]
    opened_at: ColumnElement[datetime]
    expires_at: ColumnElement[datetime | None]
    event: ColumnElement[Any]
    has_waited: bool
    by_hand: ColumnElement[bool]


def verdict_of(who: Candidate, version: Version, ground: Ground, *, is_free: ColumnElement[bool]) -> ColumnElement[str]:
    """The first rule that applies, as text. `is_free`: nothing that is paused stands in the way."""
    playbook = version.playbook
    in_contact_walk = playbook.walks == "contact"
    rules: list[tuple[ColumnElement[bool], str]] = [
        (and_(who.expires_at.is_not(None), who.opened_at > who.expires_at), "old"),
    ]
    if who.has_waited:
        rules.append((and_(who.expires_at.is_not(None), who.expires_at < ground.now()), "too_late"))
        rules.append((and_(who.by_hand, _passes_filter(version, ground, who).is_not(True)), "filter"))
    if in_contact_walk:
        rules.append((CONTACT.c.gone_at.is_not(None), "contact_gone"))
    rules += _again_rules(version, ground, who)
    rules.append((_would_leave(version, ground, who), "would_leave_at_once"))
    rules.append((not_(is_free), "paused"))
    if playbook.exclusive:
        rules.append((_group_is_taken(playbook.exclusive, who), "exclusive_taken"))
    return case(*rules, else_=literal(ENTER))


def state_of(verdict: ColumnElement[str]) -> ColumnElement[str]:
    """The occasion's state that follows from its verdict."""
    return case(
        (verdict == ENTER, literal(OccasionState.ENTERED.value)),
        (verdict.in_(DEFERRALS), literal(OccasionState.WAITING.value)),
        else_=literal(OccasionState.REFUSED.value),
    )


def _passes_filter(version: Version, ground: Ground, who: Candidate) -> ColumnElement[bool]:
    """The `when` beside a trigger; where `when` is the trigger itself, entering by hand does not ask it (S21)."""
    enter = version.playbook.enter
    if enter.when is None or enter.trigger == "when":
        return literal(True)
    scope = ground.scope(contact=version.playbook.walks == "contact", event=who.event)
    return ground.holds(parse_condition(enter.when), scope)


def _walk_exists(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Correlated to whatever encloses it, however deep: by itself an inner select joins every occasion there is."""
    return exists().where(*where).correlate_except(ENROLLMENT)


def _same_walker(playbook: str, who: Candidate) -> ColumnElement[bool]:
    return and_(
        ENROLLMENT.c.playbook == playbook,
        ENROLLMENT.c.customer_id == who.customer_id,
        func.coalesce(ENROLLMENT.c.contact_id, 0) == func.coalesce(who.contact_id, 0),
    )


def _again_rules(version: Version, ground: Ground, who: Candidate) -> list[tuple[ColumnElement[bool], str]]:
    """S5: at most one active walk; `again` narrows further; `at` does not start a second time within its offset's length (the
    date was only moved)."""
    again, enter = version.playbook.again, version.playbook.enter
    walked = _same_walker(version.playbook.name, who)
    is_narrow = again.kind == "default" and again.times is None and enter.trigger == "when"
    if again.kind == "never" or is_narrow:
        return [(_walk_exists(walked), "walked_before")]
    is_walking = _walk_exists(walked, ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value)
    rules: list[tuple[ColumnElement[bool], str]] = [(is_walking, "already_walking")]
    if again.kind == "after" and again.after:
        since = ground.ago(parse_duration(again.after))
        rules.append((_walk_exists(walked, ENROLLMENT.c.entered_at > since), "walked_lately"))
    if again.times:
        walks = (
            select(func.count()).select_from(ENROLLMENT).where(walked).correlate_except(ENROLLMENT).scalar_subquery()
        )
        rules.append((walks >= again.times, "walked_often_enough"))
    if enter.at:
        since = ground.ago(parse_anchor(enter.at).offset or parse_duration("1 day"))
        rules.append((_walk_exists(walked, ENROLLMENT.c.entered_at > since), "date_moved"))
    return rules


def _would_leave(version: Version, ground: Ground, who: Candidate) -> ColumnElement[bool]:
    """Goal or exit true at entry. Those that ask about the walk itself cannot be true before it began."""
    scope = ground.scope(contact=version.playbook.walks == "contact", event=who.event)
    asked = [leave.condition for leave in version.leaves if not _asks_of_walk(leave.condition)]
    return or_(false(), *(ground.holds(condition, scope) for condition in asked))


def _asks_of_walk(condition: Condition) -> bool:
    return condition.needs_walk or "renewed" in condition.names


def _group_is_taken(group: str, who: Candidate) -> ColumnElement[bool]:
    return _walk_exists(_in_group(group, who.customer_id))


def _in_group(group: str, customer_id: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(
        ENROLLMENT.c.exclusive == group,
        ENROLLMENT.c.customer_id == customer_id,
        ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value,
    )


def who_has_the_group(group: str, customer_id: ColumnElement[int]) -> ColumnElement[str]:
    """The playbook that walks with the customer in this group (S14); the unique index allows one."""
    walks = select(ENROLLMENT.c.playbook).where(_in_group(group, customer_id)).correlate_except(ENROLLMENT)
    return walks.limit(1).scalar_subquery()
