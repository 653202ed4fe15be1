"""Third pass: which sleepers have a reason to move? For walks of customers with news it asks, per version, whether the
goal or an exit holds, and per waiting step whether its condition does; only those are woken. Held mails whose gap was
filled go back to the outbox. It moves no walk itself: advance asks again and decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, not_, or_, select, update

from bot.pipeline.mails_to_write import has_mail_to_write, prepares_mail
from bot.pipeline.news import Asked, News
from bot.pipeline.published import Published, Version, walked_versions
from bot.pipeline.scopes import CONTACT, CUSTOMER, SUPPRESSION, Ground
from bot.pipeline.template_holds import free_templates
from bot.rules.conditions import Condition, parse_condition
from bot.rules.steps_model import WaitStep
from storage.accounts import ContactRole
from storage.enrollments import ENROLLMENT
from storage.journeys import EnrollmentStatus, Occasion, OccasionState
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE, lock_messages, write_moves
from storage.prepared import Prepared

ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]
OCCASION: Table = Occasion.__table__  # type: ignore[attr-defined]

#: Reasons to hold a mail that new facts may remove, and where those lie (None: anywhere).
FILLED_BY: Mapping[str, frozenset[str] | None] = {
    "missing_field": None,
    "nobody_to_write_to": frozenset({CUSTOMER.name, CONTACT.name, ROLE.name, SUPPRESSION.name}),
}


def wake(connection: Connection, published: Published, news: News) -> int:
    """Make the walks due that have a reason to move; returns how many."""
    free_templates(connection, published, news.now)
    if news.is_quiet:
        return 0
    ground = published.ground(news.days)
    ground.token = news.token
    woken = 0
    for version_id in sorted(walked_versions(connection) & published.versions.keys()):
        version = published.versions[version_id]
        reasons = ground.kept(("reasons", version_id), partial(_reasons_of, version, ground))
        for place, reason in enumerate(reasons):
            found = news.whom_to_ask(reason.asked, ENROLLMENT.c.customer_id, ground.marks())
            if found is not None:
                shape, inside = found
                build = partial(_alarm, version, ground, reason, inside)
                woken += ground.kept(("wake", version_id, place, shape), build).run(connection)
    _free_held_mails(connection, news, ground)
    return woken + _make_room_for_preemption(connection, published, news)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reason:
    """Why a walk would move, and when to ask."""

    holds: ColumnElement[bool]
    asked: Asked


#: For what hangs on more than conditions say.
_ALWAYS = Asked(tables=None, conditions=(), moves_with_time=True)


def _alarm(version: Version, ground: Ground, reason: _Reason, inside: Callable[[], ColumnElement[bool]]) -> Prepared:
    asleep = and_(
        ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value,
        or_(ENROLLMENT.c.due_at.is_(None), ENROLLMENT.c.due_at > ground.now()),
        inside(),
        ENROLLMENT.c.version_id == version.id,
    )
    return Prepared(update(ENROLLMENT).where(asleep, reason.holds).values(due_at=ground.now()))


def _reasons_of(version: Version, ground: Ground) -> list[_Reason]:
    return list(_reasons(version, ground))


def _reasons(version: Version, ground: Ground) -> Iterator[_Reason]:
    """Why a walk of this version would move: its goal and exits, and the condition of the step on which it waits."""
    contact = version.playbook.walks == "contact"
    if version.leaves:
        conditions = tuple(leave.condition for leave in version.leaves)
        leaves = or_(*(ground.of_walks(condition, contact=contact) for condition in conditions))
        yield _Reason(holds=leaves, asked=_asked(conditions, ground, contact=contact))
    if contact:
        gone = or_(CONTACT.c.gone_at.is_not(None), CONTACT.c.bounced_at.is_not(None))
        is_gone = exists().where(CONTACT.c.id == ENROLLMENT.c.contact_id, gone)
        asked = Asked(tables=frozenset({CONTACT.name}), conditions=(), moves_with_time=False)
        yield _Reason(holds=is_gone, asked=asked)
    for step_id in version.program.order:
        step = version.program.nodes[step_id].step
        if not isinstance(step, WaitStep) or step.duration:
            continue
        waits_here = and_(ENROLLMENT.c.step == step_id, ENROLLMENT.c.has_arrived)
        if step.until:
            condition = parse_condition(step.until)
            holds = and_(waits_here, ground.of_walks(condition, contact=contact))
            yield _Reason(holds=holds, asked=_asked((condition,), ground, contact=contact))
            if condition.only_asks_mail and prepares_mail(version.program, condition.steps):
                nobody_writes = not_(has_mail_to_write(condition.steps))
                yield _Reason(holds=and_(waits_here, nobody_writes), asked=_ALWAYS)
        else:  # a moment that may hang on a date of the customer: advance works it out anew
            yield _Reason(holds=waits_here, asked=_ALWAYS)


def _asked(conditions: tuple[Condition, ...], ground: Ground, *, contact: bool) -> Asked:
    return Asked(
        tables=ground.tables_of(conditions, ground.scope(contact=contact, walk=True)),
        conditions=conditions,
        moves_with_time=any(condition.moves_with_time for condition in conditions),
    )


def _free_held_mails(connection: Connection, news: News, ground: Ground) -> None:
    """Mails held for a missing field or recipient are tried again when facts about their customer changed."""

    def held() -> Select[int]:
        gaps = (
            and_(MESSAGE.c.reason == gap, news.changed_customers(MESSAGE.c.customer_id, ground.marks(), tables))
            for gap, tables in FILLED_BY.items()
        )
        return select(MESSAGE.c.id).where(MESSAGE.c.state == MessageState.HELD.value, or_(*gaps)).order_by(MESSAGE.c.id)

    ids = list(connection.scalars(ground.kept(("held mails",), held)))
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
