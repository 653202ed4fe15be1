"""The vocabulary about the customer and the contact: their columns, tags, roles, licences. A bare name is always the
customer's (semantics.md S30). Entries only; vocabulary.py collects them, condition_sql.py compiles with them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Float, and_, case, cast, exists, false, func, null, or_, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Topic
from storage.accounts import Contact, ContactRole
from storage.dialects import days_between, json_list_has, local_date
from storage.facts import Subscription

RENEWED_BY_DAYS = 28


def _column(name: str, type_: ValueType, meaning: str, example: str) -> Entry:
    def sql(scope: Scope, _: Arguments) -> ColumnElement[Any]:
        return scope.customer.c[name]

    return Entry(name=name, type=type_, topic=Topic.CUSTOMER, meaning=meaning, example=example, sql=sql)


def _contact_column(name: str, meaning: str, example: str) -> Entry:
    def sql(scope: Scope, _: Arguments) -> ColumnElement[Any]:
        return null() if scope.contact is None else scope.contact.c[name]

    return Entry(
        name=f"contact.{name}",
        type=ValueType.TEXT,
        topic=Topic.CONTACT,
        meaning=meaning,
        example=example,
        sql=sql,
        needs_contact=True,
    )


def _license_use(scope: Scope, _: Arguments) -> ColumnElement[Any]:
    customer = scope.customer.c
    return cast(customer.licenses_active, Float) / cast(func.nullif(customer.licenses_purchased, 0), Float)


def _has_tag(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return json_list_has(scope.customer.c.tags, arguments.text("tag"))


def _has_role(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    person, role = table_of(Contact).alias(), table_of(ContactRole)
    return exists(
        select(1)
        .where(
            person.c.customer_id == scope.customer_id,
            person.c.gone_at.is_(None),
            role.c.contact_id == person.c.id,
            role.c.role == arguments.text("role"),
        )
        .correlate(*scope.outer)
    )


def _contact_has_role(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    if scope.contact is None:
        return false()
    role = table_of(ContactRole)
    asked = select(1).where(role.c.contact_id == scope.contact.c.id, role.c.role == arguments.text("role"))
    return exists(asked.correlate(*scope.outer))


def _last_seen(scope: Scope, _: Arguments) -> ColumnElement[Any]:
    return null() if scope.contact is None else local_date(scope.contact.c.last_seen, scope.offset_minutes())


def _renewed(scope: Scope, _: Arguments) -> ColumnElement[Any]:
    """S6. Outside a walk nothing remembers the old renewal date, so there only subscriptions tell."""
    if scope.enrollment is None:
        return _resubscribed(scope)
    walk, customer = scope.enrollment.c, scope.customer.c
    moved = days_between(customer.renewal_date, walk.renewal_date_at_entry) >= RENEWED_BY_DAYS
    known = and_(customer.renewal_date.is_not(None), walk.renewal_date_at_entry.is_not(None))
    newer = table_of(Subscription)
    began = select(1).where(
        newer.c.customer_id == scope.customer_id,
        newer.c.started_on > local_date(walk.entered_at, scope.offset_minutes()),
        newer.c.started_on <= scope.today(),
        or_(
            newer.c.ended_on.is_(None), newer.c.ended_on > func.coalesce(walk.renewal_date_at_entry, newer.c.started_on)
        ),
    )
    return or_(and_(known, case((known, moved), else_=false())), exists(began.correlate(*scope.outer)))


def _resubscribed(scope: Scope) -> ColumnElement[Any]:
    """A subscription began within 30 days that follows an older one of the same product."""
    newer, older = table_of(Subscription).alias(), table_of(Subscription).alias()
    return exists(
        select(1)
        .where(
            newer.c.customer_id == scope.customer_id,
            newer.c.started_on > scope.today(-30),
            newer.c.started_on <= scope.today(),
            older.c.customer_id == newer.c.customer_id,
            older.c.started_on < newer.c.started_on,
            older.c.product.is_not_distinct_from(newer.c.product),
            or_(newer.c.ended_on.is_(None), older.c.ended_on.is_(None), newer.c.ended_on > older.c.ended_on),
        )
        .correlate(*scope.outer)
    )


TEXT, NUMBER, DATE, BOOL = ValueType.TEXT, ValueType.NUMBER, ValueType.DATE, ValueType.BOOL

ENTRIES: tuple[Entry, ...] = (
    _column("name", TEXT, "The customer's name.", 'name == "Hanabi Cloud"'),
    _column("stage", TEXT, "Where the customer is in the lifecycle.", 'stage == "onboarding"'),
    _column("tier", TEXT, "What the customer bought.", 'tier in ["pro", "enterprise"]'),
    _column("arr", NUMBER, "Annual recurring revenue, in the customer's currency.", "arr >= 10000"),
    _column("currency", TEXT, "The currency of `arr`.", 'currency == "JPY"'),
    _column("industry", TEXT, "The customer's industry.", 'industry == "restaurant"'),
    _column("region", TEXT, "The customer's country or region, as in `JP` or `US-CA`.", 'region == "JP"'),
    _column("locale", TEXT, "The language the customer reads, as in `ja`.", 'locale == "ja"'),
    _column("touch", TEXT, "The touch model: high, low or tech.", 'touch != "tech"'),
    _column("csm", TEXT, "The key of the customer's CSM; empty when nobody has it.", "csm is not none"),
    _column(
        "started_on",
        DATE,
        "The day the customer began; windows never reach back before it.",
        'started_on >= "2027-01-01"',
    ),
    _column("renewal_date", DATE, "The day the contract renews.", "days_until(renewal_date) <= 90"),
    _column("licenses_purchased", NUMBER, "How many licences the customer bought.", "licenses_purchased >= 100"),
    _column("licenses_active", NUMBER, "How many licences are in use.", "licenses_active >= 10"),
    Entry(
        name="license_use",
        type=NUMBER,
        topic=Topic.COMMERCE,
        meaning="Licences in use as a share of those bought, 0 to 1; unknown when none were bought.",
        example="license_use >= 0.6",
        sql=_license_use,
    ),
    Entry(
        name="renewed",
        type=BOOL,
        topic=Topic.CUSTOMER,
        meaning="Since this walk began the renewal date moved at least 28 days later, or a subscription that ends later began; "
        "outside a walk: a subscription followed an older one of the same product within the last 30 days.",
        example="renewed",
        sql=_renewed,
        moves=True,
    ),
    Entry(
        name="has_tag",
        type=BOOL,
        topic=Topic.CUSTOMER,
        meaning="Whether the customer carries the tag.",
        example='has_tag("advisory_board")',
        is_function=True,
        parameters=(Parameter(name="tag", shape=Shape.NAME, is_required=True),),
        sql=_has_tag,
    ),
    Entry(
        name="has_role",
        type=BOOL,
        topic=Topic.PEOPLE,
        meaning="Whether somebody at the customer has the role and has not left.",
        example='has_role("champion")',
        is_function=True,
        parameters=(Parameter(name="role", shape=Shape.NAME, is_required=True),),
        sql=_has_role,
    ),
    Entry(
        name="contact.has_role",
        type=BOOL,
        topic=Topic.CONTACT,
        meaning="Whether the contact who walks has the role.",
        example='contact.has_role("admin")',
        is_function=True,
        parameters=(Parameter(name="role", shape=Shape.NAME, is_required=True),),
        sql=_contact_has_role,
        needs_contact=True,
    ),
    Entry(
        name="contact.last_seen",
        type=DATE,
        topic=Topic.CONTACT,
        meaning="The day the contact was last seen in the product.",
        example="days_since(contact.last_seen) >= 30",
        sql=_last_seen,
        needs_contact=True,
    ),
    _contact_column("name", "The contact's name.", "contact.name is not none"),
    _contact_column("title", "The contact's job title.", 'contact.title == "CEO"'),
    _contact_column("email", "The contact's address.", "contact.email is none"),
    _contact_column("locale", "The language the contact reads.", 'contact.locale == "ja"'),
)
