"""Why those who are not inside a playbook are not, counted over everybody in one statement, and which parts of the condition
keep them out. A look over all customers: for a person who asks, never for a pass. Read-only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, Subquery, case, func, literal, select

from bot.insight.explanation import LeafCount, ReasonCount, Teller
from bot.insight.leaf_columns import LeafColumns
from bot.insight.why_not import FOR_GOOD, OUTSIDE, Asked
from bot.pipeline.entering import ENTER, OCCASION
from bot.pipeline.occasions import DATE_IS_LATE_AFTER, EPISODE, EVENT, anchor_value, latest_anchor, walkers
from bot.pipeline.published import calendar_for
from bot.pipeline.scopes import CUSTOMER, is_mailable
from bot.rules.calendar import shift_date
from bot.rules.conditions import compile_value
from bot.rules.durations import parse_duration

MOST_REASONS = 12


def count_outside(
    connection: Connection, teller: Teller, asked: Asked
) -> tuple[tuple[ReasonCount, ...], tuple[LeafCount, ...]]:
    """The reasons, most frequent first, and the leaves in the order of the condition."""
    if asked.row.state != "live":
        everybody = select(func.count()).select_from(walkers(asked.version)).where(asked.is_outside())
        said = teller.say(OUTSIDE, "not_live", {"state": asked.row.state})
        return (
            ReasonCount(verdict=OUTSIDE, reason="not_live", sentence=said, count=connection.scalar(everybody) or 0),
        ), ()
    leaves = asked.leaf_columns()
    judged = _judged(connection, asked, leaves)
    number = func.count().label("number")
    rows = connection.execute(
        select(judged.c.reason, number)
        .group_by(judged.c.reason)
        .order_by(number.desc(), judged.c.reason)
        .limit(MOST_REASONS)
    )
    reasons = tuple(
        ReasonCount(verdict=OUTSIDE, reason=row.reason, sentence=_said(teller, asked, row.reason), count=row.number)
        for row in rows
    )
    return reasons, _count_leaves(connection, judged, leaves)


def _said(teller: Teller, asked: Asked, reason: str) -> str:
    enter = asked.version.playbook.enter
    event = enter.after.playbook if enter.after else enter.on
    return teller.say_of_many(OUTSIDE, reason, {"anchor": enter.at, "event": event, "category": asked.category})


def _judged(connection: Connection, asked: Asked, leaves: LeafColumns | None) -> Subquery:
    """One row for each walker outside: the first reason, and the verdict of each leaf."""
    rule = asked.rule(connection)
    ways: list[tuple[ColumnElement[bool], Any]] = [(rule.in_(FOR_GOOD), rule)]
    category = asked.category
    if category:
        ways.append((~is_mailable(category, asked.ground.settings.consent), literal("not_mailable")))
    ways += _trigger_ways(asked)
    if leaves is not None:
        ways.append((leaves.holds.is_(False), literal("condition_false")))
        ways.append((leaves.holds.is_(None), literal("condition_unknown")))
    if asked.version.playbook.enter.trigger == "when":
        standing = asked.of_walker(OCCASION.c.is_open)
        ways.append((standing == ENTER, literal("still_open")))
        ways.append((standing.is_not(None), standing))
    ways.append((rule != ENTER, rule))
    reason = case(*ways, else_=literal(_last_reason(asked)))
    verdicts = [leaf.holds.label(f"leaf{place}") for place, leaf in enumerate(leaves.leaves if leaves else ())]
    return (
        select(reason.label("reason"), *verdicts)
        .select_from(walkers(asked.version))
        .where(asked.is_outside())
        .subquery("judged")
    )


def _last_reason(asked: Asked) -> str:
    """What is left when nothing stands in the way."""
    trigger = asked.version.playbook.enter.trigger
    words = {"manual": "by_hand_only", "on": "waits_for_event", "after": "waits_for_event", "signal": "signal_walked"}
    return {"every": "moment_to_come", "once": "moment_to_come", **words}.get(trigger, "will_enter")


def _trigger_ways(asked: Asked) -> list[tuple[ColumnElement[bool], Any]]:
    if asked.event_name is not None:
        never = "waits_for_end" if asked.version.playbook.enter.after else "event_never"
        return [(asked.latest_event(EVENT.c.id).is_(None), literal(never))]
    if asked.version.playbook.enter.signal:
        return [(asked.open_episode(EPISODE.c.id).is_(None), literal("signal_closed"))]
    anchor = asked.anchor
    if anchor is None:
        return []
    days, calendar = asked.ground.days, calendar_for(asked.ground.settings, None)
    within = parse_duration(asked.version.playbook.enter.within or DATE_IS_LATE_AFTER)
    value = compile_value(anchor_value(anchor), asked.ground.scope(contact=asked.walks_contacts))
    latest = days.per_zone(CUSTOMER, lambda zone: latest_anchor(anchor, days.date_in(zone), calendar), Date())
    earliest = days.per_zone(
        CUSTOMER,
        lambda zone: latest_anchor(
            anchor, shift_date(days.date_in(zone), -1, within, calendar) - timedelta(days=1), calendar
        ),
        Date(),
    )
    return [
        (value.is_(None), literal("no_date")),
        (value > latest, literal("not_yet")),
        (value <= earliest, literal("date_passed")),
    ]


def _count_leaves(connection: Connection, judged: Subquery, leaves: LeafColumns | None) -> tuple[LeafCount, ...]:
    if leaves is None:
        return ()
    columns = []
    for place in range(len(leaves.leaves)):
        verdict = judged.c[f"leaf{place}"]
        columns += [
            func.coalesce(func.sum(case((verdict.is_(wanted), 1), else_=0)), 0) for wanted in (True, False, None)
        ]
    found = connection.execute(select(*columns).select_from(judged)).one()
    return tuple(
        LeafCount(
            text=leaf.text,
            holds=int(found[3 * place]),
            fails=int(found[3 * place + 1]),
            unknown=int(found[3 * place + 2]),
        )
        for place, leaf in enumerate(leaves.leaves)
    )
