"""The vocabulary about people and money: meetings, notes, subscriptions. What lies ahead did not happen yet.
Entries only; vocabulary.py collects them, condition_sql.py compiles with them."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, exists, func, literal, or_, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Silence, Topic
from bot.rules.vocabulary_machine import step_over_at
from bot.rules.vocabulary_usage import DAYS, SINCE, began_on, days_of_life
from storage.accounts import ContactRole
from storage.dialects import days_between, larger_of, local_date
from storage.facts import Meeting, MeetingAttendee, Note, Subscription
from storage.handoffs import Handoff, HandoffState

MEETINGS = table_of(Meeting)


def _met(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    held_on = local_date(MEETINGS.c.starts_at, scope.offset_minutes())
    query = select(func.count()).where(MEETINGS.c.customer_id == scope.customer_id, MEETINGS.c.starts_at <= scope.now())
    if arguments.has("role"):
        attendee, role = table_of(MeetingAttendee), table_of(ContactRole)
        there = select(1).where(
            attendee.c.meeting_id == MEETINGS.c.id,
            role.c.contact_id == attendee.c.contact_id,
            role.c.role == arguments.text("role"),
        )
        query = query.where(exists(there.correlate(MEETINGS, *scope.outer)))
    if arguments.has("kind"):
        query = query.where(MEETINGS.c.kind.in_(arguments.texts("kind")))
    if arguments.has("days"):
        query = query.where(held_on > scope.today(-arguments.whole("days")), days_of_life(scope, held_on))
    if arguments.has("since"):
        query = query.where(MEETINGS.c.starts_at > step_over_at(scope, arguments.text("since")))
    return query.correlate(*scope.outer).scalar_subquery()


def _next_meeting(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    query = select(func.min(MEETINGS.c.starts_at)).where(
        MEETINGS.c.customer_id == scope.customer_id, MEETINGS.c.starts_at > scope.now()
    )
    if arguments.has("kind"):
        query = query.where(MEETINGS.c.kind.in_(arguments.texts("kind")))
    return local_date(query.correlate(*scope.outer).scalar_subquery(), scope.offset_minutes())


def _last_note_days(scope: Scope, _: Arguments) -> ColumnElement[Any]:
    """S19: notes, meetings held and hand-offs that a person closed; never mails or the machine's own entries."""
    note, handoff, now = table_of(Note), table_of(Handoff), scope.now()
    written = select(func.max(note.c.at)).where(note.c.customer_id == scope.customer_id, note.c.at <= now)
    met = select(func.max(MEETINGS.c.starts_at)).where(
        MEETINGS.c.customer_id == scope.customer_id, MEETINGS.c.starts_at <= now
    )
    closed = select(func.max(handoff.c.closed_at)).where(
        handoff.c.customer_id == scope.customer_id, handoff.c.state.in_((HandoffState.DONE, HandoffState.DISMISSED))
    )
    never = literal(date(1, 1, 1), Date())
    first, second, third = (
        func.coalesce(local_date(query.correlate(*scope.outer).scalar_subquery(), scope.offset_minutes()), never)
        for query in (written, met, closed)
    )
    latest = func.nullif(larger_of(larger_of(first, second), third), never)
    return days_between(scope.today(), func.coalesce(latest, began_on(scope)))


def _owns(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return owns_product(scope, arguments.text("product"))


def owns_product(scope: Scope, product: str) -> ColumnElement[bool]:
    """Whether a subscription of the product is running today."""
    held = table_of(Subscription)
    return exists(
        select(1)
        .where(
            held.c.customer_id == scope.customer_id,
            held.c.product == product,
            or_(held.c.started_on.is_(None), held.c.started_on <= scope.today()),
            or_(held.c.ended_on.is_(None), held.c.ended_on >= scope.today()),
        )
        .correlate(*scope.outer)
    )


KIND = Parameter(name="kind", shape=Shape.NAMES)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="met",
        type=ValueType.NUMBER,
        topic=Topic.PEOPLE,
        meaning="How many meetings were held: with somebody of the role, of a kind, in the last days or since a step of this walk. "
        "`== 0` is unknown until the customer is as old as the window.",
        example='met("decision_maker", kind="ebr", days=90) == 0',
        is_function=True,
        parameters=(Parameter(name="role", shape=Shape.NAME), KIND, DAYS, SINCE),
        sql=_met,
        silence=Silence.ZERO,
        feed=lambda _: "meetings",
        window=lambda arguments: arguments.whole("days") if arguments.has("days") else None,
        moves=True,
    ),
    Entry(
        name="next_meeting",
        type=ValueType.DATE,
        topic=Topic.PEOPLE,
        meaning="The day of the next meeting to come, of a kind if one is named; empty when none is planned.",
        example='next_meeting("ebr") is not none',
        is_function=True,
        parameters=(KIND,),
        sql=_next_meeting,
        moves=True,
    ),
    Entry(
        name="last_note_days",
        type=ValueType.NUMBER,
        topic=Topic.PEOPLE,
        meaning="Days since a person of ours wrote a note, held a meeting or closed a hand-off; never yet: since the customer began.",
        example="last_note_days > 7",
        sql=_last_note_days,
        moves=True,
        drifts=1,
    ),
    Entry(
        name="owns",
        type=ValueType.BOOL,
        topic=Topic.COMMERCE,
        meaning="Whether a subscription of the product is running today; its last day counts.",
        example='owns("analytics")',
        is_function=True,
        parameters=(Parameter(name="product", shape=Shape.NAME, is_required=True),),
        sql=_owns,
        moves=True,
    ),
)
