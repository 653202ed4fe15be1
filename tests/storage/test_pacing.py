"""The bucket of slots that all workers share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.database import Database
from storage.pacing import BURST_SECONDS, PACE, give_back, take_slots

NOW = datetime(2027, 3, 1, tzinfo=UTC)
Asks = list[tuple[float, int, int]]


def take(database: Database, wanted: int, at: datetime, rate: float = 10.0) -> int:
    with database.write() as connection:
        return take_slots(connection, "smtp", rate, wanted, at)


def test_a_full_bucket_gives_a_burst_and_then_what_flows_in(database: Database) -> None:
    assert take(database, 500, NOW) == 60
    assert take(database, 500, NOW) == 0
    assert take(database, 500, NOW + timedelta(seconds=1)) == 10
    assert take(database, 3, NOW + timedelta(seconds=2)) == 3
    assert take(database, 500, NOW + timedelta(seconds=2)) == 7


def test_what_was_not_used_goes_back(database: Database) -> None:
    assert take(database, 60, NOW) == 60
    with database.write() as connection:
        give_back(connection, "smtp", 10.0, 20)
    assert take(database, 500, NOW) == 20


def test_each_way_out_has_its_own(database: Database) -> None:
    assert take(database, 60, NOW) == 60
    with database.write() as connection:
        assert take_slots(connection, "sendgrid", 10.0, 5, NOW) == 5


def test_a_clock_set_back_a_day_neither_shuts_it_nor_fills_it(database: Database) -> None:
    assert take(database, 60, NOW) == 60
    earlier = NOW - timedelta(days=1)
    assert take(database, 60, earlier) == 0
    assert take(database, 60, earlier + timedelta(seconds=2)) == 20


def test_a_clock_set_forward_gives_one_burst(database: Database) -> None:
    assert take(database, 60, NOW) == 60
    assert take(database, 600, NOW + timedelta(days=1)) == 60


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from([0.5, 3.0, 10.0, 500.0]),
    asks=st.lists(
        st.tuples(st.floats(min_value=0, max_value=20), st.integers(min_value=0, max_value=900), st.integers(0, 900)),
        min_size=1,
        max_size=15,
    ),
)
def test_no_window_ever_sees_more_than_the_rate_and_one_burst(database: Database, rate: float, asks: Asks) -> None:
    with database.write() as connection:
        connection.execute(PACE.delete())
    at, used = NOW, []
    for pause, wanted, unused in asks:
        at += timedelta(seconds=pause)
        with database.write() as connection:
            granted = take_slots(connection, "smtp", rate, wanted, at)
            back = min(unused, granted)
            give_back(connection, "smtp", rate, back)
        assert 0 <= granted <= wanted
        used.append((at, granted - back))
    for first in range(len(used)):
        for last in range(first, len(used)):
            seconds = (used[last][0] - used[first][0]).total_seconds()
            assert sum(number for _, number in used[first : last + 1]) <= rate * (seconds + BURST_SECONDS) + 1


def test_a_slow_pace_sends_at_that_pace_too(database: Database) -> None:
    """`100 per hour`: no whole slot flows in within a burst, and still one comes every 36 seconds."""
    looks = [NOW + timedelta(seconds=5 * look) for look in range(721)]
    given = [take(database, 500, at, rate=100 / 3600) for at in looks]
    assert max(given) == 1
    assert 99 <= sum(given) <= 102


def test_a_pace_of_one_an_hour_sends_one_an_hour(database: Database) -> None:
    looks = [NOW + timedelta(minutes=minute) for minute in range(600)]
    assert sum(take(database, 5, at, rate=1 / 3600) for at in looks) in (9, 10, 11)
