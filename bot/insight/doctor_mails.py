"""doctor's questions about mails: are the promises of delivery.md kept, what waits for a person and since when, what is
overdue. Each is one statement whose rows are what is wrong. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, Table, and_, false, func, literal, or_, select

from bot.insight.complaints import Check
from bot.pipeline.published import Published
from bot.rules.steps_model import EmailStep
from storage.accounts import Customer, Suppression
from storage.consent import EVERYTHING, OPTIONAL, TRANSACTIONAL
from storage.dialects import add_seconds
from storage.enrollments import rows_not_paused
from storage.facts import UNHEARD, Event
from storage.outbox import EVIDENCE, OVER, UNABSORBED, Attempt, DeliveryEvent, MessageContent, MessageState
from storage.outbox_moves import MESSAGE

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
ATTEMPT: Table = Attempt.__table__  # type: ignore[attr-defined]
CONTENT: Table = MessageContent.__table__  # type: ignore[attr-defined]
SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]
DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]

OVERDUE = timedelta(hours=1)
STUCK = timedelta(minutes=15)
#: A suppression and an intent may cross within their transactions; a provider's own word may be a day late.
CROSSING = timedelta(minutes=1)
TOLD_LATE = timedelta(hours=25)
TOLD_BY_PROVIDER = ("bounce", "complaint")
AGES = ((timedelta(days=7), "more than a week"), (timedelta(days=1), "more than a day"))

WAITING = {
    MessageState.UNKNOWN: ("have an unknown fate", "the provider's events settle it; after 25 hours a person is asked"),
    MessageState.HELD: ("wait for a person", "see `journeybot outbox list --state held`"),
    MessageState.QUARANTINED: ("cannot be made or sent", "see `journeybot explain --message ID`, repair, then resend or skip"),
    MessageState.UNCONFIRMED: ("have an unknown fate", "look into the provider's log, then resend or skip"),
    MessageState.FAILED: ("were refused for good", "see `journeybot explain --message ID`, repair, then resend or skip"),
}  # fmt: skip


def mail_checks(connection: Connection, published: Published | None, now: datetime) -> Iterator[Check]:
    yield from _promises(published)
    yield from _overdue(connection, now)
    yield _held_by_reason()
    for state, (what, hint) in WAITING.items():
        yield from _waiting(state, what, hint, now)


def _named(*where: Any) -> Select[Any]:
    """Mails as `mail 12 (acme, welcome)`."""
    label = literal("mail ") + MESSAGE.c.id.cast(String) + " (" + CUSTOMER.c.key + ", " + MESSAGE.c.template + ")"
    rows = MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id)
    return select(label).select_from(rows).where(*where).order_by(MESSAGE.c.id)


def _promises(published: Published | None) -> Iterator[Check]:
    known = [state.value for state in MessageState]
    over = [state.value for state in OVER]
    yield Check(
        name="unknown_state",
        severity="error",
        sentence="{n} mail(s) stand in a state that does not exist",
        rows=_named(MESSAGE.c.state.not_in(known)),
    )
    yield Check(
        name="over_without_time",
        severity="error",
        sentence="{n} mail(s) are over without the time at which they were over",
        rows=_named(MESSAGE.c.state.in_(over), MESSAGE.c.over_at.is_(None)),
    )
    yield Check(
        name="accepted_without_attempt",
        severity="error",
        sentence="{n} mail(s) count as sent, and nobody ever tried to send them",
        rows=_named(
            MESSAGE.c.state == MessageState.ACCEPTED.value,
            MESSAGE.c.reason.is_distinct_from(
                EVIDENCE
            ),  # of a restored database: what was handed over after the backup
            ~select(ATTEMPT.c.id).where(ATTEMPT.c.message_id == MESSAGE.c.id).exists(),
        ),
    )
    yield Check(
        name="accepted_twice",
        severity="error",
        sentence="{n} mail(s) were accepted more often than they may",
        hint="this must never happen: please report it with `journeybot explain --message ID`",
        rows=_accepted_twice(published),
    )
    yield Check(
        name="sent_after_suppression",
        severity="error",
        sentence="{n} mail(s) were sent to addresses that must not be mailed",
        hint="this must never happen: please report it with `journeybot explain --message ID`",
        rows=_sent_after_suppression(),
    )


def _accepted_twice(published: Published | None) -> Select[Any]:
    """More than once; more than twice where the step chose `on_unknown: resend_once`."""
    number = func.count(ATTEMPT.c.id)
    accepted = (
        select(ATTEMPT.c.message_id, number.label("number"))
        .where(ATTEMPT.c.outcome == "accepted")
        .group_by(ATTEMPT.c.message_id)
        .having(number > 1)
        .subquery("accepted")
    )
    chosen = [
        and_(MESSAGE.c.playbook == version.playbook.name, MESSAGE.c.step == node.id)
        for version in (published.versions.values() if published else ())
        for node in version.program.nodes.values()
        if isinstance(node.step, EmailStep) and node.step.on_unknown == "resend_once"
    ]
    too_often = or_(accepted.c.number > 2, ~or_(false(), *chosen))
    return _named(MESSAGE.c.id == accepted.c.message_id, too_often)


def _sent_after_suppression() -> Select[Any]:
    """An attempt whose intent was stored after the address was suppressed, for everything or the mail's category."""
    told_by_provider = SUPPRESSION.c.reason.in_(TOLD_BY_PROVIDER)
    concerned = and_(
        SUPPRESSION.c.address == func.lower(CONTENT.c.to_email),
        or_(
            SUPPRESSION.c.category.in_((EVERYTHING, CONTENT.c.category)),
            and_(SUPPRESSION.c.category == OPTIONAL, CONTENT.c.category != TRANSACTIONAL),
        ),
    )
    forbidden = (
        select(
            ATTEMPT.c.id, ATTEMPT.c.message_id, ATTEMPT.c.started_at, SUPPRESSION.c.at, told_by_provider.label("told")
        )
        .select_from(ATTEMPT.join(CONTENT, CONTENT.c.message_id == ATTEMPT.c.message_id).join(SUPPRESSION, concerned))
        .where(_may_have_left(), ATTEMPT.c.started_at > SUPPRESSION.c.at)
        .subquery("forbidden")
    )
    late = or_(
        and_(forbidden.c.told.is_(False), forbidden.c.started_at > _later(forbidden.c.at, CROSSING)),
        and_(forbidden.c.told.is_(True), forbidden.c.started_at > _later(forbidden.c.at, TOLD_LATE)),
    )
    return _named(MESSAGE.c.id.in_(select(forbidden.c.message_id).where(late)))


def _may_have_left() -> ColumnElement[bool]:
    """Accepted, or nobody knows: an attempt that the provider refused reached no reader."""
    return or_(ATTEMPT.c.outcome.is_(None), ATTEMPT.c.outcome.in_(("accepted", "unknown")))


def _later(column: Any, span: timedelta) -> Any:
    return add_seconds(column, span.total_seconds())


def _overdue(connection: Connection, now: datetime) -> Iterator[Check]:
    leased = MESSAGE.c.state.in_((MessageState.CLAIMED.value, MessageState.SUBMITTING.value))
    running = rows_not_paused(connection, MESSAGE)
    yield Check(
        name="lease_stuck",
        severity="warning",
        sentence="{n} mail(s) belong to a worker that is gone",
        hint="the next tick frees them; is `journeybot run` running?",
        rows=_named(leased, or_(MESSAGE.c.lease_until.is_(None), MESSAGE.c.lease_until < now - STUCK)),
    )
    yield Check(
        name="mails_overdue",
        severity="warning",
        sentence="{n} mail(s) should have left more than an hour ago",
        hint="is `journeybot run` running, and the way out open?",
        rows=_named(MESSAGE.c.state == MessageState.PENDING.value, MESSAGE.c.not_before < now - OVERDUE, running),
    )
    yield Check(
        name="provider_events_unread",
        severity="warning",
        sentence="{n} event(s) of the provider were not taken in for more than an hour",
        hint="is `journeybot run` running?",
        rows=select(literal("event ") + DELIVERY_EVENT.c.key)
        .where(UNABSORBED, DELIVERY_EVENT.c.at < now - OVERDUE)
        .order_by(DELIVERY_EVENT.c.id),
    )
    yield Check(
        name="events_unread",
        severity="warning",
        sentence="{n} event(s) of customers were not looked at for more than an hour",
        hint="is `journeybot run` running?",
        rows=select(literal("event ") + EVENT.c.key)
        .where(UNHEARD, EVENT.c.received_at < now - OVERDUE)
        .order_by(EVENT.c.id),
    )


def _held_by_reason() -> Check:
    """The reasons with the most mails first."""
    number = func.count()
    return Check(
        name="held_by_reason",
        severity="note",
        sentence="Mails are held for {n} reason(s)",
        hint="see `journeybot outbox list --state held`",
        rows=select(func.coalesce(MESSAGE.c.reason, "–") + ": " + number.cast(String))
        .where(MESSAGE.c.state == MessageState.HELD.value)
        .group_by(MESSAGE.c.reason)
        .order_by(number.desc(), MESSAGE.c.reason),
    )


def _waiting(state: MessageState, what: str, hint: str, now: datetime) -> Iterator[Check]:
    """One complaint per state and age; the oldest are the loudest."""
    since = func.coalesce(MESSAGE.c.over_at, MESSAGE.c.due_at)
    younger = None
    for age, words in AGES:
        where = [MESSAGE.c.state == state.value, since < now - age]
        where += [] if younger is None else [since >= now - younger]
        sentence = f"{{n}} mail(s) {what}, for {words}"
        yield Check(name=f"mails_{state.value}", severity="warning", sentence=sentence, hint=hint, rows=_named(*where))
        younger = age
    recent = _named(MESSAGE.c.state == state.value, since >= now - AGES[-1][0])
    yield Check(
        name=f"mails_{state.value}",
        severity="note",
        sentence=f"{{n}} mail(s) {what}, since today",
        hint=hint,
        rows=recent,
    )
