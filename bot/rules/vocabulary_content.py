"""The vocabulary about content and products: views and who knows of what, curricula, which content fits, which product could be
bought. In a contact walk views are the contact's, else any contact's (semantics.md S30, S40). Entries only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Integer,
    String,
    Subquery,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    union_all,
)

from bot.rules.catalogue import NOTICED, VIEWED, Item, Lesson
from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Silence, Topic
from bot.rules.vocabulary_people import owns_product
from bot.rules.vocabulary_usage import days_of_life
from storage.curricula import CurriculumAssignment
from storage.dialects import add_days, json_number, json_text, local_date
from storage.facts import Event

EVENTS = table_of(Event)
ASSIGNMENT = table_of(CurriculumAssignment)
VIEWED_ITEM = json_text(EVENTS.c.properties, "content")
#: A view lasts a day at most; what says more was measured in something else than minutes.
MOST_MINUTES = 24 * 60
Sql = ColumnElement[Any]


def _views(scope: Scope, *names: str) -> list[Sql]:
    """Of the events: those by which the walker viewed (or noticed) content until now."""
    is_view = or_(*(EVENTS.c.name == name for name in names))
    mine = [EVENTS.c.customer_id == scope.customer_id, is_view, EVENTS.c.at <= scope.now()]
    return mine if scope.contact is None else [*mine, EVENTS.c.contact_id == scope.contact.c.id]


def _has_seen(scope: Scope, item: Sql, *names: str, beside: Sequence[FromClause] = ()) -> ColumnElement[bool]:
    seen = select(1).select_from(EVENTS).where(*_views(scope, *names), item == VIEWED_ITEM)
    return exists(seen.correlate(*scope.outer, *beside))


def _viewed(scope: Scope, arguments: Arguments) -> Sql:
    return _has_seen(scope, literal(arguments.text("name")), VIEWED)


def _aware(scope: Scope, arguments: Arguments) -> Sql:
    return _has_seen(scope, literal(arguments.text("name")), VIEWED, NOTICED)


def _view_minutes(scope: Scope, arguments: Arguments) -> Sql:
    """Per item and day: the minutes that views say, else the item's own once."""
    day = local_date(EVENTS.c.at, scope.offset_minutes())
    said = json_number(EVENTS.c.properties, "minutes")
    lengths = {name: item.minutes for name, item in scope.catalogue.items.items() if item.minutes}
    length: Sql = case(lengths, value=VIEWED_ITEM, else_=0.0) if lengths else literal(0.0)
    since = EVENTS.c.at >= scope.day_start(1 - arguments.whole("days"))
    views = (
        select(
            VIEWED_ITEM.label("item"), day.label("day"), length.label("length"),
            case((said.between(0, MOST_MINUTES), said)).label("said"),
        )
        .where(*_views(scope, VIEWED), since, days_of_life(scope, day))
        .correlate(*scope.outer)
        .subquery("views")
    )  # fmt: skip
    each = func.coalesce(func.sum(views.c.said), func.max(views.c.length)).label("minutes")
    daily = select(each).group_by(views.c.item, views.c.day).subquery("daily")
    return select(func.coalesce(func.sum(daily.c.minutes), 0.0)).scalar_subquery()


def _curriculum(scope: Scope, arguments: Arguments) -> Sql:
    """The share of the lessons that were viewed; in a customer walk, by the contact who is furthest."""
    items = sorted({lesson.item for lesson in scope.catalogue.curricula.get(arguments.text("name"), ())})
    if not items:
        return null()
    done = (
        select(func.count(VIEWED_ITEM.distinct()).label("lessons"))
        .where(*_views(scope, VIEWED), VIEWED_ITEM.in_(items))
        .group_by(EVENTS.c.contact_id)
        .correlate(*scope.outer)
        .subquery("done")
    )
    most = func.coalesce(func.max(done.c.lessons), 0)
    share = cast(most, Float) / literal(float(len(items)), Float)
    return select(share).correlate(*scope.outer).scalar_subquery()


def _overdue(scope: Scope, arguments: Arguments) -> Sql:
    """Lessons whose day is over and that the learner has not viewed; in a customer walk, of the contact who is most behind."""
    name = arguments.text("name")
    lessons = scope.catalogue.curricula.get(name, ())
    if not lessons:
        return null()
    listed = lesson_rows(lessons)
    seen = select(1).where(
        EVENTS.c.customer_id == ASSIGNMENT.c.customer_id,
        EVENTS.c.name == VIEWED,
        EVENTS.c.contact_id == ASSIGNMENT.c.contact_id,
        EVENTS.c.at <= scope.now(),
        listed.c.item == VIEWED_ITEM,
    )
    mine = [ASSIGNMENT.c.customer_id == scope.customer_id, ASSIGNMENT.c.curriculum == name]
    if scope.contact is not None:
        mine.append(ASSIGNMENT.c.contact_id == scope.contact.c.id)
    behind = (
        select(func.count().label("lessons"))
        .select_from(ASSIGNMENT.join(listed, true()))
        .where(
            *mine,
            add_days(ASSIGNMENT.c.assigned_on, listed.c.days) < scope.today(),
            not_(exists(seen.correlate(ASSIGNMENT, listed))),
        )
        .group_by(ASSIGNMENT.c.contact_id)
        .correlate(*scope.outer)
        .subquery("behind")
    )
    return select(func.coalesce(func.max(behind.c.lessons), 0)).correlate(*scope.outer).scalar_subquery()


def lesson_rows(lessons: Sequence[Lesson]) -> Subquery:
    """`item` and `days` of each lesson, as rows."""
    rows = [
        select(
            literal(lesson.item, String()).label("item"), cast(literal(lesson.days, Integer()), Integer).label("days")
        )
        for lesson in lessons
    ]
    return union_all(*rows).subquery("lesson")


def item_rows(items: Sequence[tuple[str, Item]]) -> Subquery:
    """`item` and `place` of each item of the catalogue, as rows in its order, with `stage` and `feature` where they have one."""
    rows = [
        select(
            literal(name, String()).label("item"),
            cast(literal(place, Integer()), Integer).label("place"),
            cast(literal(item.stage, String()), String).label("stage"),
            cast(literal(item.feature, String()), String).label("feature"),
        )
        for place, (name, item) in enumerate(items)
    ]
    return union_all(*rows).subquery("item")


def _fits(
    scope: Scope, arguments: Arguments, listed: Subquery, items: Sequence[tuple[str, Item]]
) -> ColumnElement[bool]:
    """Whether an item is for the customer: by its stage, and by what content.yml says it is for."""
    in_stage = or_(listed.c.stage.is_(None), listed.c.stage == scope.customer.c.stage)
    wishes = [(listed.c.item == name, arguments.holds(item.when)) for name, item in items if item.when is not None]
    return and_(in_stage, case(*wishes, else_=true())) if wishes else in_stage


def _unseen_content(scope: Scope, arguments: Arguments) -> Sql:
    items = [*scope.catalogue.items.items()]
    if not items:
        return cast(literal(0), Integer)
    listed = item_rows(items)
    unseen = not_(_has_seen(scope, listed.c.item, VIEWED, NOTICED, beside=(listed,)))
    query = select(func.count()).select_from(listed).where(_fits(scope, arguments, listed, items), unseen)
    return query.correlate(*scope.outer).scalar_subquery()


def _content(scope: Scope, arguments: Arguments) -> Sql:
    """The first that fits and that the walker has not viewed; one that is named, whatever they have viewed."""
    if arguments.has("item"):
        name = arguments.text("item")
        return literal(name, String()) if name in scope.catalogue.items else null()
    kinds = arguments.texts("kind") if arguments.has("kind") else None
    items = [(name, item) for name, item in scope.catalogue.items.items() if kinds is None or item.kind in kinds]
    if not items:
        return null()
    listed = item_rows(items)
    query = select(listed.c.item).where(
        _fits(scope, arguments, listed, items), not_(_has_seen(scope, listed.c.item, VIEWED, beside=(listed,)))
    )
    if arguments.has("feature"):
        query = query.where(listed.c.feature == arguments.sql("feature"))
    place = arguments.whole("place", 1)
    return query.order_by(listed.c.place).limit(1).offset(place - 1).correlate(*scope.outer).scalar_subquery()


def _could_own(scope: Scope, arguments: Arguments) -> Sql:
    """A product that nobody defined is for nobody."""
    name = arguments.text("product")
    product = scope.products.get(name)
    if product is None:
        return false()
    suits = true() if product.when is None else arguments.holds(product.when)
    return and_(not_(owns_product(scope, name)), suits)


NAME = Parameter(name="name", shape=Shape.NAME, is_required=True)


def _entry(
    name: str, type_: ValueType, meaning: str, example: str, sql: Any, *parameters: Parameter, **more: Any
) -> Entry:
    return Entry(
        name=name,
        type=type_,
        topic=more.pop("topic", Topic.PLANS),
        meaning=meaning,
        example=example,
        is_function=True,
        parameters=parameters,
        sql=sql,
        **more,
    )


ENTRIES: tuple[Entry, ...] = (
    _entry(
        "could_own",
        ValueType.BOOL,
        "Whether a product of products.yml is for this customer (`for:`) and is not bought.",
        'could_own("analytics")',
        _could_own,
        Parameter(name="product", shape=Shape.NAME, is_required=True),
        topic=Topic.COMMERCE,
        moves=True,
    ),
    _entry(
        "viewed",
        ValueType.BOOL,
        "Whether the item of content.yml was viewed: an event `content_viewed`, or a click on its link in a mail.",
        'viewed("setup_video")',
        _viewed,
        NAME,
    ),
    _entry(
        "aware",
        ValueType.BOOL,
        "Whether they know of the item: viewed it, or opened a mail that has its link.",
        'aware("setup_video")',
        _aware,
        NAME,
    ),
    _entry(
        "view_minutes",
        ValueType.NUMBER,
        "Minutes of content viewed in the last days; a view that does not say its minutes counts as the item's, once a day.",
        "view_minutes(days=30) < 10",
        _view_minutes,
        Parameter(name="days", shape=Shape.DAYS, is_required=True),
        silence=Silence.ZERO,
        feed=lambda _: VIEWED,
        window=lambda arguments: arguments.whole("days"),
        moves=True,
    ),
    _entry(
        "curriculum",
        ValueType.NUMBER,
        "How much of a curriculum is viewed, from 0 to 1; in a customer walk, by the contact who is furthest.",
        'curriculum("basics") < 0.5',
        _curriculum,
        NAME,
    ),
    _entry(
        "overdue",
        ValueType.NUMBER,
        "How many lessons of an assigned curriculum should have been viewed and are not; in a customer walk, of the contact "
        "who is most behind; 0 where it is not assigned.",
        'overdue("basics") >= 1',
        _overdue,
        NAME,
        moves=True,
        drifts=1,
    ),
    _entry(
        "unseen_content",
        ValueType.NUMBER,
        "How many items of content.yml fit (stage, `for:`) and are not known to them.",
        "unseen_content() >= 1",
        _unseen_content,
        moves=True,
    ),
    _entry(
        "content",
        ValueType.TEXT,
        "The first item of content.yml that fits (stage, `for:`, and what is asked) and was not viewed; `place=2` the second; "
        '`content("setup_video")` that one. A mail says which part of it: `.title`, `.url`, `.minutes`.',
        'content(kind="case_study") is not none',
        _content,
        Parameter(name="item", shape=Shape.NAME),
        Parameter(name="kind", shape=Shape.NAMES),
        Parameter(name="feature", shape=Shape.TEXT),
        Parameter(name="place", shape=Shape.WHOLE),
        moves=True,
    ),
)
