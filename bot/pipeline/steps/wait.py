"""The wait step: for a length of time, until a moment, or until a condition with a deadline (S11). A wait that only asks
for mails that were finally not sent goes to `else` at once (S10). Lengths count from when the step before was over."""

from __future__ import annotations

from datetime import date, datetime
from typing import cast

from sqlalchemy import select

from bot.pipeline.batch import Batch, Whereabouts, go, sleep
from bot.pipeline.mails_to_write import has_mail_to_write, prepares_mail
from bot.pipeline.occasions import anchor_value
from bot.pipeline.published import calendar_for
from bot.rules.calendar import add, resolve_moment, shift_date, start_of_day
from bot.rules.conditions import Condition, parse_condition
from bot.rules.durations import parse_anchor, parse_duration, parse_moment
from bot.rules.program import Node
from bot.rules.steps_model import WaitStep
from storage.dialects import among
from storage.enrollments import ENROLLMENT, Walk
from storage.journal import Verdict
from storage.outbox import NOT_SENT
from storage.outbox_moves import MESSAGE


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    step = cast(WaitStep, node.step)
    if step.until:
        _until_condition(batch, node, step, walks)
    else:
        _until_time(batch, node, step, walks)


def _until_time(batch: Batch, node: Node, step: WaitStep, walks: list[Walk]) -> None:
    places = batch.whereabouts(walks)
    anchors = _anchor_dates(batch, step, walks)
    for walk in walks:
        start = walk.step_since if walk.has_arrived and walk.step_since else walk.since
        moment = _moment(batch, step, start, places[walk.id], anchors.get(walk.id))
        if moment <= batch.now:
            batch.decide(walk, Verdict.CHOSE, "waited")
            go(walk, node.next, max(moment, start))
        else:
            sleep(walk, moment)


def _moment(batch: Batch, step: WaitStep, start: datetime, place: Whereabouts, anchor_day: object) -> datetime:
    """When the wait is over. An anchor without a date is no reason to wait."""
    calendar = calendar_for(batch.published.settings, place.region)
    if step.duration:
        try:
            return add(parse_duration(step.duration), start, place.zone, calendar)
        except ValueError:
            return resolve_moment(parse_moment(step.duration), start, place.zone, calendar)
    text = step.until_moment or ""
    if not _is_anchor(text):
        return resolve_moment(parse_moment(text), start, place.zone, calendar)
    anchor = parse_anchor(text)
    if not isinstance(anchor_day, date):
        return start
    day = shift_date(anchor_day, anchor.sign, anchor.offset, calendar) if anchor.offset else anchor_day
    return start_of_day(day, place.zone)


def _is_anchor(text: str) -> bool:
    try:
        parse_moment(text)
    except ValueError:
        return True
    return False


def _anchor_dates(batch: Batch, step: WaitStep, walks: list[Walk]) -> dict[int, object]:
    if not step.until_moment or not _is_anchor(step.until_moment):
        return {}
    value = anchor_value(parse_anchor(step.until_moment))
    return {found: row.anchor for found, row in batch.values({"anchor": value}, walks).items()}


def _until_condition(batch: Batch, node: Node, step: WaitStep, walks: list[Walk]) -> None:
    condition = parse_condition(step.until or "")
    found = batch.answers(condition, walks)
    hopeless = _hopeless(batch, condition, walks)
    places = batch.whereabouts(walks) if step.at_most else {}
    for walk in walks:
        start = walk.step_since if walk.has_arrived and walk.step_since else walk.since
        calendar = calendar_for(batch.published.settings, places[walk.id].region) if places else None
        deadline = (
            add(parse_duration(step.at_most), start, places[walk.id].zone, calendar)
            if step.at_most and calendar
            else None
        )
        if walk.id in found.holding:
            batch.decide(walk, Verdict.CHOSE, "until_holds", condition=step.until, **found.evidence(walk))
            go(walk, node.then, batch.now)
        elif walk.id in hopeless:
            batch.decide(walk, Verdict.CHOSE, "mail_was_not_sent", condition=step.until)
            go(walk, node.otherwise, batch.now)
        elif deadline is not None and deadline <= batch.now:
            batch.decide(walk, Verdict.CHOSE, "deadline_passed", condition=step.until, **found.evidence(walk))
            go(walk, node.otherwise, deadline)
        else:
            sleep(walk, deadline)


def _hopeless(batch: Batch, condition: Condition, walks: list[Walk]) -> set[int]:
    """Walks whose condition only asks for mails of steps none of whose mails was, or still can be, sent. Not those of the
    holdout: they take as long as the others, or the two could not be compared (S33)."""
    walks = [walk for walk in walks if not walk.is_holdout]
    if not condition.only_asks_mail or not condition.steps or not walks:
        return set()
    rows = batch.connection.execute(
        select(MESSAGE.c.enrollment_id)
        .where(
            MESSAGE.c.enrollment_id.in_([walk.id for walk in walks]),
            MESSAGE.c.step.in_(sorted(condition.steps)),
            MESSAGE.c.state.not_in([state.value for state in NOT_SENT]),
        )
        .distinct()
    )
    hopeful = {row.enrollment_id for row in rows}
    if prepares_mail(batch.version_of(walks[0]).program, condition.steps):
        ids = [walk.id for walk in walks]
        may_come = select(ENROLLMENT.c.id).where(among(ENROLLMENT.c.id, ids), has_mail_to_write(condition.steps))
        hopeful |= set(batch.connection.scalars(may_come))
    return {walk.id for walk in walks if walk.id not in hopeful}
