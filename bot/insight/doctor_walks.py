"""doctor's questions about walks and hand-offs: does somebody wake every sleeper, what broke, who owns what, which cards did
not reach Slack. Each is one statement whose rows are what is wrong. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, Table, and_, false, func, literal, or_, select

from bot.insight.complaints import Check
from bot.pipeline.published import Published
from bot.rules.steps_model import WaitStep
from storage.accounts import Csm, Customer
from storage.deployments import PLAYBOOK
from storage.enrollments import ENROLLMENT, rows_not_paused
from storage.handoff_views import UNFINISHED
from storage.handoffs import Handoff, HandoffAct, HandoffState
from storage.journeys import EnrollmentStatus
from storage.notices import NOTICE, STAFF_MAIL
from storage.outbox import OVER
from storage.outbox_moves import MESSAGE

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CSM: Table = Csm.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
ACT: Table = HandoffAct.__table__  # type: ignore[attr-defined]

OVERDUE = timedelta(hours=1)
RECENTLY = timedelta(days=7)
ENDS = ("done", "dismissed", "withdrawn")


def walk_checks(connection: Connection, published: Published | None, now: datetime) -> Iterator[Check]:
    active = ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value
    yield Check(
        name="nobody_wakes",
        severity="error",
        sentence="{n} walk(s) sleep, and nothing will ever wake them",
        hint="end them with `journeybot exit`, and report it with `journeybot explain CUSTOMER`",
        rows=_walks(active, ENROLLMENT.c.due_at.is_(None), ~_is_owed_a_mail(), ~_may_wait_for_ever(published)),
    )
    yield Check(
        name="walk_fault",
        severity="error",
        sentence="{n} walk(s) broke and are tried again every hour",
        hint="see `journeybot explain CUSTOMER PLAYBOOK`",
        rows=_walks(active, ENROLLMENT.c.fault.is_not(None)),
    )
    yield Check(
        name="playbook_fault",
        severity="error",
        sentence="{n} playbook(s) broke when they last looked for people to let in",
        hint="see `journeybot explain --playbook NAME`",
        rows=select(PLAYBOOK.c.name + ": " + PLAYBOOK.c.fault)
        .where(PLAYBOOK.c.fault.is_not(None), PLAYBOOK.c.state == "live")
        .order_by(PLAYBOOK.c.name),
    )
    yield Check(
        name="step_gone",
        severity="error",
        sentence="{n} walk(s) stand on a step that their version does not have",
        hint="end them with `journeybot exit`",
        rows=_walks(active, _on_a_missing_step(published)),
    )
    yield Check(
        name="walks_overdue",
        severity="warning",
        sentence="{n} walk(s) should have moved more than an hour ago",
        hint="is `journeybot run` running?",
        rows=_walks(active, ENROLLMENT.c.due_at < now - OVERDUE, rows_not_paused(connection, ENROLLMENT)),
    )


def _walks(*where: ColumnElement[bool]) -> Select[Any]:
    """Walks as `acme in welcome at hello`."""
    label = CUSTOMER.c.key + " in " + ENROLLMENT.c.playbook + " at " + ENROLLMENT.c.step
    rows = ENROLLMENT.join(CUSTOMER, CUSTOMER.c.id == ENROLLMENT.c.customer_id)
    return select(label).select_from(rows).where(*where).order_by(ENROLLMENT.c.id)


def _is_owed_a_mail() -> ColumnElement[bool]:
    """A mail of the step on which the walk stands is not over yet; when it is, it wakes the walk (S9)."""
    owed = select(MESSAGE.c.id).where(
        MESSAGE.c.enrollment_id == ENROLLMENT.c.id,
        MESSAGE.c.step == ENROLLMENT.c.step,
        MESSAGE.c.state.not_in([state.value for state in OVER]),
    )
    return owed.correlate(ENROLLMENT).exists()


def _may_wait_for_ever(published: Published | None) -> ColumnElement[bool]:
    """Waits for a condition without `at_most`: facts or a new day wake them."""
    places = [
        and_(ENROLLMENT.c.version_id == version.id, ENROLLMENT.c.step.in_(waits))
        for version in (published.versions.values() if published else ())
        if (waits := [node.id for node in version.program.nodes.values() if _waits_openly(node.step)])
    ]
    return or_(false(), *places)


def _waits_openly(step: object) -> bool:
    return isinstance(step, WaitStep) and step.until is not None and step.at_most is None


def _on_a_missing_step(published: Published | None) -> ColumnElement[bool]:
    if published is None:
        return false()
    places = [
        and_(ENROLLMENT.c.version_id == version.id, ENROLLMENT.c.step.not_in(list(version.program.order)))
        for version in published.versions.values()
    ]
    return or_(false(), *places)


def handoff_checks(now: datetime) -> Iterator[Check]:
    unfinished = HANDOFF.c.state.in_([state.value for state in UNFINISHED])
    known = select(CSM.c.key).where(CSM.c.key == HANDOFF.c.owner).exists()
    is_merged = HANDOFF.c.state == HandoffState.MERGED  # its card's end is its end (S28)
    ends = select(func.count()).where(ACT.c.handoff_id == HANDOFF.c.id, ACT.c.act.in_(ENDS)).scalar_subquery()
    yield Check(
        name="handoff_end_broken",
        severity="error",
        sentence="{n} hand-off(s) do not have exactly one end: closed without a time, open with one, or closed twice",
        hint="this must never happen: please report it with `journeybot handoffs show ID`",
        rows=_handoffs(or_(and_(unfinished != HANDOFF.c.closed_at.is_(None), ~is_merged), ends > 1)),
    )
    yield Check(
        name="handoff_lost",
        severity="error",
        sentence="{n} open hand-off(s) have no owner, and no card stands anywhere",
        hint="give them to somebody: `journeybot handoffs reassign ID`",
        rows=_handoffs(unfinished, HANDOFF.c.owner.is_(None), HANDOFF.c.posting == "failed"),
    )
    yield Check(
        name="handoff_unowned",
        severity="warning",
        sentence="{n} open hand-off(s) have no owner; they stand in the fallback channel and in the list",
        hint="set `owners: default:` in workspace.yml; `journeybot handoffs reassign ID`",
        rows=_handoffs(unfinished, HANDOFF.c.owner.is_(None), HANDOFF.c.posting != "failed"),
    )
    yield Check(
        name="handoff_owner_unknown",
        severity="warning",
        sentence="{n} open hand-off(s) belong to somebody who is not in csms.csv",
        hint="import the person, or `journeybot handoffs reassign ID`",
        rows=_handoffs(unfinished, HANDOFF.c.owner.is_not(None), HANDOFF.c.owner.not_like("slack:%"), ~known),
    )
    yield from _telling_checks(unfinished, now)
    yield Check(
        name="handoff_overdue",
        severity="note",
        sentence="{n} hand-off(s) are past their due time",
        hint="see `journeybot handoffs list`",
        rows=_handoffs(unfinished, HANDOFF.c.due_at < now),
    )


def _telling_checks(unfinished: ColumnElement[bool], now: datetime) -> Iterator[Check]:
    """What our own people were not told."""
    yield Check(
        name="staff_mail_lost",
        severity="warning",
        sentence="{n} mail(s) to our own people were refused, or nobody knows whether they left; they are not sent again",
        hint="tell the person, and correct the address in csms.csv",
        rows=select(STAFF_MAIL.c.key + ": " + func.coalesce(STAFF_MAIL.c.fault, STAFF_MAIL.c.state))
        .where(STAFF_MAIL.c.state.in_(("failed", "unknown")), STAFF_MAIL.c.made_at > now - RECENTLY)
        .order_by(STAFF_MAIL.c.id),
    )
    yield Check(
        name="card_not_posted",
        severity="warning",
        sentence="{n} hand-off card(s) did not reach Slack and were given up",
        hint="see the reason in `journeybot handoffs show ID`",
        rows=_handoffs(unfinished, HANDOFF.c.owner.is_not(None), HANDOFF.c.posting == "failed"),
    )
    yield Check(
        name="copy_not_posted",
        severity="warning",
        sentence="{n} copy(ies) of hand-off cards (`notify:`) did not reach Slack and were given up",
        hint="correct `notify:` or slack_user_id in csms.csv, or invite the app to the channel; the next hand-offs reach it",
        rows=select(NOTICE.c.key + ": " + func.coalesce(NOTICE.c.fault, NOTICE.c.state))
        .where(NOTICE.c.state == "failed", NOTICE.c.made_at > now - RECENTLY)
        .order_by(NOTICE.c.id),
    )


def _handoffs(*where: ColumnElement[bool]) -> Select[Any]:
    """Hand-offs as `hand-off 7 (acme, risk)`."""
    whose = func.coalesce(CUSTOMER.c.key, HANDOFF.c.playbook)
    label = literal("hand-off ") + HANDOFF.c.id.cast(String) + " (" + whose + ", " + HANDOFF.c.kind + ")"
    rows = HANDOFF.outerjoin(CUSTOMER, CUSTOMER.c.id == HANDOFF.c.customer_id)
    return select(label).select_from(rows).where(*where).order_by(HANDOFF.c.id)
