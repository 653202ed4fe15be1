"""The vocabulary about health: scores and bands of cards and measures (scorecard.yml) as the derive pass last left them, and
whether the customer is longer in its stage than stages.yml expects. Entries only; nothing is worked out anew here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, case, cast, exists, func, literal, null, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Topic
from storage.dialects import add_days, days_between, local_date
from storage.scores import Score, rank_of

SCORE = table_of(Score)
NAME = Parameter(name="name", shape=Shape.NAME, is_required=True)
DAYS = Parameter(name="days", shape=Shape.DAYS, is_required=True)


def _rows(scope: Scope, arguments: Arguments, *what: ColumnElement[Any], until: int = 0) -> Select[Any]:
    """The rows of the score up to `until` days from today, the latest first."""
    return (
        select(*what)
        .where(
            SCORE.c.customer_id == scope.customer_id,
            SCORE.c.name == arguments.text("name"),
            SCORE.c.day <= scope.today(until),
        )
        .correlate(*scope.outer)
        .order_by(SCORE.c.day.desc())
    )


def _latest(scope: Scope, arguments: Arguments, what: ColumnElement[Any], until: int = 0) -> ColumnElement[Any]:
    return _rows(scope, arguments, what, until=until).limit(1).scalar_subquery()


def _score(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _latest(scope, arguments, SCORE.c.value)


def _band(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _latest(scope, arguments, SCORE.c.band)


def _band_days(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return days_between(scope.today(), _latest(scope, arguments, SCORE.c.band_since))


def _score_change(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    before = _latest(scope, arguments, SCORE.c.value, until=-arguments.whole("days"))
    return _score(scope, arguments) - before


def _worsened(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _moved(scope, arguments, is_worse=True)


def _improved(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _moved(scope, arguments, is_worse=False)


def _moved(scope: Scope, arguments: Arguments, *, is_worse: bool) -> ColumnElement[Any]:
    """Whether a better (or worse) band stood at any time of the window; what stood when it began counts."""
    now = _latest(scope, arguments, rank_of(SCORE.c.band))
    began = _latest(scope, arguments, SCORE.c.day, until=-arguments.whole("days"))
    first = func.coalesce(began, scope.today(-arguments.whole("days")))
    other = SCORE.alias()
    then = rank_of(other.c.band)
    moved = select(1).where(
        other.c.customer_id == scope.customer_id,
        other.c.name == arguments.text("name"),
        other.c.day >= first,
        other.c.day <= scope.today(),
        then > now if is_worse else then < now,
    )
    return case((now.is_(None), cast(null(), Boolean())), else_=exists(moved.correlate(*scope.outer)))


def _stage_overdue(scope: Scope, _: Arguments) -> ColumnElement[Any]:
    """A stage that expects nothing is never overdue; unknown while nobody knows since when the customer is in it."""
    customer = scope.customer.c
    entered = local_date(customer.stage_since, scope.offset_minutes())
    ways = [
        (customer.stage == stage, add_days(entered, literal(days)) < scope.today())
        for stage, days in sorted(scope.stages.items())
    ]
    return case(*ways, else_=literal(False)) if ways else literal(False)


def _about_score(name: str, type_: ValueType, meaning: str, example: str, sql: Any, *more: Parameter) -> Entry:
    return Entry(
        name=name,
        type=type_,
        topic=Topic.HEALTH,
        meaning=meaning,
        example=example,
        is_function=True,
        parameters=(NAME, *more),
        sql=sql,
        moves=True,
    )


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="stage_overdue",
        type=ValueType.BOOL,
        topic=Topic.TIME,
        meaning="Whether the customer is in its stage for longer than stages.yml expects.",
        example="stage_overdue",
        sql=_stage_overdue,
        moves=True,
    ),
    _about_score(
        "score",
        ValueType.NUMBER,
        "A card or a measure of scorecard.yml, 0 to 100; empty when no fact gives it a value.",
        'score("adoption") < 40',
        _score,
    ),
    _about_score(
        "band",
        ValueType.TEXT,
        "The band of a card or a measure: green, yellow or red; empty when it has no value.",
        'band("health") == "red"',
        _band,
    ),
    _about_score(
        "band_days",
        ValueType.NUMBER,
        "Days since the card or measure came into its band; 0 on the first.",
        'band_days("health") >= 14',
        _band_days,
    ),
    _about_score(
        "worsened",
        ValueType.BOOL,
        "Whether the band is worse now than at any time of the last days.",
        'worsened("health", days=30)',
        _worsened,
        DAYS,
    ),
    _about_score(
        "improved",
        ValueType.BOOL,
        "Whether the band is better now than at any time of the last days.",
        'band("health") == "green" and improved("health", days=30)',
        _improved,
        DAYS,
    ),
    _about_score(
        "score_change",
        ValueType.NUMBER,
        "How many points the score moved within the last days; empty when it had no value then.",
        'score_change("health", days=30) <= -15',
        _score_change,
        DAYS,
    ),
)
