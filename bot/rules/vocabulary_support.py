"""The vocabulary about what customers tell us: support tickets and survey answers. Facts that lie ahead do not count yet.
In a contact walk the survey names are the contact's own, else the customer's (semantics.md S30)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Silence, Topic
from bot.rules.vocabulary_machine import step_over_at
from bot.rules.vocabulary_usage import DAYS, SINCE, days_of_life
from storage.columns import UtcDateTime
from storage.dialects import days_between, local_date
from storage.facts import SurveyAnswer, Ticket

ANSWER_DAYS = 180
TICKETS, ANSWERS = table_of(Ticket), table_of(SurveyAnswer)


def _tickets(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    query = select(func.count()).where(TICKETS.c.customer_id == scope.customer_id, TICKETS.c.opened_at <= scope.now())
    for name in ("status", "kind", "priority"):
        if arguments.has(name):
            query = query.where(TICKETS.c[name].in_(arguments.texts(name)))
    opened_on = local_date(TICKETS.c.opened_at, scope.offset_minutes())
    if arguments.has("days"):
        query = query.where(opened_on > scope.today(-arguments.whole("days")), days_of_life(scope, opened_on))
    if arguments.has("older_than_days"):
        query = query.where(days_between(scope.today(), opened_on) > arguments.sql("older_than_days"))
    return query.correlate(*scope.outer).scalar_subquery()


def _answers(scope: Scope, kind: str, *what: Any) -> Select[Any]:
    """The answers to a survey so far: the walking contact's own, else everybody's."""
    query = select(*what).where(
        ANSWERS.c.customer_id == scope.customer_id, ANSWERS.c.kind == kind, ANSWERS.c.at <= scope.now()
    )
    if scope.contact is not None:
        query = query.where(ANSWERS.c.contact_id == scope.contact.c.id)
    return query.correlate(*scope.outer)


def _score(kind: str) -> Any:
    def sql(scope: Scope, _: Arguments) -> ColumnElement[Any]:
        if scope.contact is not None:
            own = _answers(scope, kind, ANSWERS.c.score).where(ANSWERS.c.score.is_not(None))
            return own.order_by(ANSWERS.c.at.desc(), ANSWERS.c.id.desc()).limit(1).scalar_subquery()
        newer = ANSWERS.alias()
        is_outdated = exists(
            select(1)
            .where(
                newer.c.customer_id == ANSWERS.c.customer_id,
                newer.c.kind == kind,
                newer.c.contact_id == ANSWERS.c.contact_id,
                newer.c.score.is_not(None),
                newer.c.at <= scope.now(),
                or_(newer.c.at > ANSWERS.c.at, and_(newer.c.at == ANSWERS.c.at, newer.c.id > ANSWERS.c.id)),
            )
            .correlate(ANSWERS, *scope.outer)
        )
        begin = scope.days.when(lambda now: now - timedelta(days=ANSWER_DAYS), UtcDateTime())
        mean = _answers(scope, kind, func.avg(ANSWERS.c.score))
        return mean.where(ANSWERS.c.score.is_not(None), ANSWERS.c.at >= begin, ~is_outdated).scalar_subquery()

    return sql


def _nps_days_ago(scope: Scope, _: Arguments) -> ColumnElement[Any]:
    latest = _answers(scope, "nps", func.max(ANSWERS.c.at)).scalar_subquery()
    return days_between(scope.today(), local_date(latest, scope.offset_minutes()))


def _answered(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    query = _answers(scope, arguments.text("survey"), literal(1))
    if arguments.has("days"):
        query = query.where(ANSWERS.c.at >= scope.day_start(1 - arguments.whole("days")))
    if arguments.has("since"):
        query = query.where(ANSWERS.c.at > step_over_at(scope, arguments.text("since")))
    return exists(query)


def _mean(name: str, scale: str, example: str) -> Entry:
    return Entry(
        name=name,
        type=ValueType.NUMBER,
        topic=Topic.VOICE,
        meaning=f"The {name.upper()} answer ({scale}): the mean of each contact's latest within 180 days; in a contact walk the "
        "contact's own latest. Empty for who never answered.",
        example=example,
        sql=_score(name),
        moves=True,
    )


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="tickets",
        type=ValueType.NUMBER,
        topic=Topic.SUPPORT,
        meaning="How many support tickets: of a kind, priority or status, opened in the last days, open or old for more days.",
        example='tickets(priority=["high", "urgent"], status="open") >= 1',
        is_function=True,
        parameters=(
            Parameter(name="kind", shape=Shape.NAMES),
            Parameter(name="priority", shape=Shape.NAMES),
            Parameter(name="status", shape=Shape.NAMES),
            DAYS,
            Parameter(name="older_than_days", shape=Shape.NUMBER),
        ),
        sql=_tickets,
        silence=Silence.ZERO,
        feed=lambda _: "tickets",
        moves=("days", "older_than_days"),
    ),
    _mean("nps", "0 to 10", "nps <= 6"),
    _mean("csat", "1 to 5", "csat < 3"),
    Entry(
        name="nps_days_ago",
        type=ValueType.NUMBER,
        topic=Topic.VOICE,
        meaning="Days since the latest NPS answer.",
        example="nps_days_ago > 90",
        sql=_nps_days_ago,
        moves=True,
        drifts=1,
    ),
    Entry(
        name="answered",
        type=ValueType.BOOL,
        topic=Topic.VOICE,
        meaning="Whether the survey was answered: ever, in the last days, or since a step of this walk.",
        example='answered("nps", since="question")',
        is_function=True,
        parameters=(Parameter(name="survey", shape=Shape.NAME, is_required=True), DAYS, SINCE),
        sql=_answered,
        moves=("days",),
    ),
)
