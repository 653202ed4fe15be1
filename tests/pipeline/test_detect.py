"""What is new: whose facts, whose day, and which feeds can be believed again (semantics.md S2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, literal, select

from bot.pipeline.detect import detect, settle
from bot.pipeline.news import CHANGE, News
from bot.pipeline.scopes import CUSTOMER
from storage.database import Database
from tests.cast import change, customer, fresh

#: 1 March in Tokyo (from 15:00 UTC the day before) and in London, still 28 February in New York.
NOON = datetime(2027, 3, 1, 3, 0, tzinfo=UTC)


def look(database: Database, at: datetime, **ages: timedelta) -> tuple[News, list[str]]:
    """What a tick finds, and the keys of the customers it covers."""
    with database.write() as connection:
        news = detect(connection, at, "UTC", ages=ages)
        covered = select(CUSTOMER.c.key).where(news.covers(CUSTOMER.c.id, literal(news.token)))
        keys = sorted(connection.scalars(covered))
        settle(connection, news)
        assert connection.scalar(select(func.count()).select_from(CHANGE)) == 0
    return news, keys


def test_where_a_day_begins_only_the_customers_there_and_those_with_news_are_covered(database: Database) -> None:
    for key, zone in (("tokyo", "Asia/Tokyo"), ("new_york", "America/New_York"), ("nowhere", None)):
        customer(database, key, NOON, timezone=zone)
    assert look(database, NOON)[1] == ["new_york", "nowhere", "tokyo"]
    assert look(database, NOON)[1] == []
    change(database, "tokyo", arr=1.0)
    news, covered = look(database, NOON + timedelta(hours=3))
    assert (news.new_days, covered) == (frozenset({"America/New_York"}), ["new_york", "tokyo"])
    assert look(database, NOON + timedelta(hours=13))[1] == ["tokyo"]
    assert look(database, NOON + timedelta(hours=22))[1] == ["nowhere"]


def test_s2_a_feed_wakes_only_when_it_was_silent_before(database: Database) -> None:
    customer(database, "c", NOON)
    fresh(database, "login", NOON)
    assert look(database, NOON)[0].woken_feeds == {"login"}
    for days in (1, 2):  # it is told of every day, so nobody ever doubted it
        fresh(database, "login", NOON + timedelta(days=days))
        assert look(database, NOON + timedelta(days=days))[0].woken_feeds == set()
    assert look(database, NOON + timedelta(days=5))[0].woken_feeds == set()
    fresh(database, "login", NOON + timedelta(days=3))  # history: still silent
    assert look(database, NOON + timedelta(days=5))[0].woken_feeds == set()
    fresh(database, "login", NOON + timedelta(days=5))
    assert look(database, NOON + timedelta(days=5))[0].woken_feeds == {"login"}


def test_s2_a_feed_that_may_be_six_hours_old_wakes_within_the_same_day(database: Database) -> None:
    customer(database, "c", NOON)
    ages = {"tickets": timedelta(hours=6)}
    fresh(database, "tickets", NOON)
    look(database, NOON, **ages)
    fresh(database, "tickets", NOON + timedelta(hours=5))
    assert look(database, NOON + timedelta(hours=5), **ages)[0].woken_feeds == set()
    fresh(database, "tickets", NOON + timedelta(hours=12))
    assert look(database, NOON + timedelta(hours=12), **ages)[0].woken_feeds == {"tickets"}
