"""Third pass: which sleepers have a reason to move? For walks of customers with news it asks, per version, whether the
goal or an exit holds, and per waiting step whether its condition does; only those are woken. Held mails whose gap was
filled go back to the outbox. It moves no walk itself: advance asks again and decides."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, literal, not_, or_, select, true, update

from bot.pipeline.mails_to_write import has_mail_to_write, prepares_mail
from bot.pipeline.news import News
from bot.pipeline.published import Published, Version, walked_versions
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.pipeline.template_holds import free_templates
from bot.rules.conditions import parse_condition
from bot.rules.steps_model import WaitStep
from storage.accounts import Contact
from storage.enrollments import ENROLLMENT
from storage.journeys import EnrollmentStatus, Occasion, OccasionState
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE, lock_messages, write_moves
from storage.prepared import Prepared

OCCASION: Table = Occasion.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]

#: Reasons to hold a mail that new facts may remove.
GAPS = ("missing_field", "nobody_to_write_to")


def wake(connection: Connection, published: Published, news: News) -> int:
    """Make the walks due that have a reason to move; returns how many."""
    free_templates(connection, published, news.now)
    if news.is_quiet:
        return 0
    ground = published.ground(news.days)
    ground.token = news.token
    shape = (bool(news.woken_feeds), *news.shape)
    woken = 0
    for version_id in sorted(walked_versions(connection) & published.versions.keys()):
        build = partial(_alarms, published.versions[version_id], ground, news)
        for statement in ground.kept(("wake", version_id, *shape), build):
            woken += statement.run(connection)
    _free_held_mails(connection, news)
    return woken + _make_room_for_preemption(connection, published, news)


def _alarms(version: Version, ground: Ground, news: News) -> list[Prepared]:
    """One statement per reason to wake a walk of this version."""
    asleep = and_(
        ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value,
        or_(ENROLLMENT.c.due_at.is_(None), ENROLLMENT.c.due_at > ground.now()),
        _inside(news, ground.marks()),
        ENROLLMENT.c.version_id == version.id,
    )
    return [
        Prepared(update(ENROLLMENT).where(asleep, reason).values(due_at=ground.now()))
        for reason in _reasons(version, ground)
    ]


def _inside(news: News, marks: ColumnElement[str]) -> ColumnElement[bool]:
    """Walks of customers that have news."""
    if news.woken_feeds or news.new_days == news.all_zones:
        return true()
    if not news.new_days:
        return news.changed_customers(ENROLLMENT.c.customer_id, marks)
    return ENROLLMENT.c.customer_id.in_(select(CUSTOMER.c.id).where(news.covers(CUSTOMER, marks)))


def _reasons(version: Version, ground: Ground) -> Iterator[ColumnElement[bool]]:
    """Why a walk of this version would move: its goal and exits, and the condition of the step on which it waits."""
    contact = version.playbook.walks == "contact"
    if version.leaves:
        yield or_(*(ground.of_walks(leave.condition, contact=contact) for leave in version.leaves))
    if contact:
        gone = or_(CONTACT.c.gone_at.is_not(None), CONTACT.c.bounced_at.is_not(None))
        yield exists().where(CONTACT.c.id == ENROLLMENT.c.contact_id, gone)
    for step_id in version.program.order:
        step = version.program.nodes[step_id].step
        if not isinstance(step, WaitStep) or step.duration:
            continue
        waits_here = and_(ENROLLMENT.c.step == step_id, ENROLLMENT.c.has_arrived)
        if step.until:
            condition = parse_condition(step.until)
            yield and_(waits_here, ground.of_walks(condition, contact=contact))
            if condition.only_asks_mail and prepares_mail(version.program, condition.steps):
                yield and_(waits_here, not_(has_mail_to_write(condition.steps)))  # nobody will write it any more
        else:
            yield waits_here  # a moment that may hang on a date of the customer: advance works it out anew


def _free_held_mails(connection: Connection, news: News) -> None:
    """Mails held for a missing field or recipient are tried again when facts about their customer changed."""
    held = (
        select(MESSAGE.c.id)
        .where(
            MESSAGE.c.state == MessageState.HELD.value,
            MESSAGE.c.reason.in_(GAPS),
            news.changed_customers(MESSAGE.c.customer_id, literal(news.token)),
        )
        .order_by(MESSAGE.c.id)
    )
    ids = list(connection.scalars(held))
    if not ids:
        return
    rows = lock_messages(connection, ids, MESSAGE.c.state == MessageState.HELD.value)
    moves = [
        (row, row.to(MessageState.PENDING, news.now, not_before=news.now, reason="facts_changed"))
        for row in rows.values()
    ]
    write_moves(connection, moves)


def _make_room_for_preemption(connection: Connection, published: Published, news: News) -> int:
    """A waiting newcomer of a playbook with `preempt: true` wakes the lower walk that holds its group (S14)."""
    woken = 0
    for row in published.live:
        playbook = published.versions[row.version_id].playbook
        if not (playbook.preempt and playbook.exclusive):
            continue
        waits = exists().where(
            OCCASION.c.playbook == playbook.name,
            OCCASION.c.customer_id == ENROLLMENT.c.customer_id,
            OCCASION.c.state == OccasionState.WAITING.value,
            OCCASION.c.verdict == "exclusive_taken",
        )
        woken += connection.execute(
            update(ENROLLMENT)
            .where(
                ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value,
                ENROLLMENT.c.exclusive == playbook.exclusive,
                ENROLLMENT.c.priority < playbook.priority,
                waits,
            )
            .values(due_at=news.now)
        ).rowcount
    return woken
