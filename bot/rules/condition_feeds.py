"""When "nothing happened" may be believed (semantics.md S2, S3): the feed has facts of the window's last complete day, and
the customer is as old as the window. A feed nobody ever wrote is silent, so a fresh installation or a misspelt event
matches nobody. Used by condition_sql.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Boolean, ColumnElement, false, func, or_, select, true

from bot.rules.condition_scope import Scope, table_of
from bot.rules.vocabulary_entry import Arguments, Entry
from bot.rules.vocabulary_metrics import is_metric
from bot.rules.vocabulary_usage import ANY_USAGE, began_on
from storage.columns import UtcDateTime
from storage.dialects import days_between
from storage.facts import Feed

FEEDS = table_of(Feed)
#: Feeds that are no usage.
OTHER_FEEDS = ("tickets", "meetings", "surveys")
#: They take an event or a metric.
OVER_TIME = ("falling", "rising", "change")
#: The feed of imported daily totals: when it is fresh, so is every event it ever told of.
IMPORTED_USAGE = "usage"


def is_in_doubt(entry: Entry, arguments: Arguments, scope: Scope) -> ColumnElement[bool]:
    """Whether the value may only look like nothing. Never unknown itself."""
    doubts: list[ColumnElement[bool]] = []
    feed = feed_of(entry, arguments, scope)
    if feed is not None:
        doubts.append(is_stale(feed, scope))
    window = entry.window(arguments) if entry.window is not None else None
    if window is not None:
        doubts.append(days_between(scope.today(), began_on(scope)) < window)
    return or_(false(), *doubts)


def feed_of(entry: Entry, arguments: Arguments, scope: Scope) -> str | None:
    """The feed that must be fresh; a metric has none, for it keeps its last value while its own are silent."""
    if entry.feed is None or (entry.name in OVER_TIME and is_metric(scope, arguments)):
        return None
    return entry.feed(arguments)


def is_stale(feed: str, scope: Scope) -> ColumnElement[bool]:
    latest = _latest(feed, scope)
    return func.coalesce(latest < _needed(feed, scope), true(), type_=Boolean())


def _needed(feed: str, scope: Scope) -> ColumnElement[Any]:
    """The instant a feed must have reached: the start of the customer's yesterday, or as `feeds:` says."""
    max_age = allowed_age(feed, scope.feeds)
    if max_age is None:
        return scope.day_start(-1)
    return scope.days.when(lambda now: now - max_age, UtcDateTime())


def allowed_age(feed: str, ages: Mapping[str, timedelta]) -> timedelta | None:
    """How old a feed may be by `feeds:` of workspace.yml; None: it must have reached the customer's yesterday."""
    age = ages.get(feed)
    return ages.get(IMPORTED_USAGE) if age is None and feed not in OTHER_FEEDS else age


def _latest(feed: str, scope: Scope) -> ColumnElement[Any]:
    """Uncorrelated, so a statement asks once whatever the number of customers."""
    query = select(func.max(FEEDS.c.latest_at))
    if feed == ANY_USAGE:
        return query.where(FEEDS.c.name.not_in(OTHER_FEEDS)).correlate(None).scalar_subquery()
    if feed in OTHER_FEEDS or feed in scope.feeds:
        return query.where(FEEDS.c.name == feed).correlate(None).scalar_subquery()
    own = FEEDS.alias()
    was_ever = select(1).where(own.c.name == feed).exists()
    return query.where(FEEDS.c.name.in_((feed, IMPORTED_USAGE)), was_ever).correlate(None).scalar_subquery()
