"""Features have a band per customer, and conditions count them (features.yml)."""

from __future__ import annotations

from sqlalchemy import select

from bot.rules.conditions import compile_value, parse_value
from tests.cast import going_quiet, healthy, used
from tests.rules.facts import CUSTOMER, scope
from tests.world import World

FEATURES = """
login:
  event: login
  title: Login
  value: total("login", days=30) / licenses_active
  green: ">= 20"
  yellow: ">= 5"
board:
  title: Board
  value: total("board_viewed", days=30) / licenses_active
  green: ">= 4"
  yellow: total("board_viewed", days=30) >= 1
"""
ASKED = (
    "features()",
    'features(band="green")',
    'features(band=["red", "yellow"])',
    'feature_band("board")',
    "weakest_feature",
)


def asked(world: World, key: str) -> list[object]:
    columns = [compile_value(parse_value(text), scope()).label(str(place)) for place, text in enumerate(ASKED)]
    with world.database.read() as connection:
        return list(connection.execute(select(*columns).select_from(CUSTOMER).where(CUSTOMER.c.key == key)).one())


def test_each_feature_has_a_band_and_the_weakest_is_named(world: World) -> None:
    world.deploy({"playbooks/features.yml": FEATURES})
    busy = healthy(world.database, world.now, licenses_active=3)
    going_quiet(world.database, world.now, licenses_active=None)
    used(world.database, busy.key, "board_viewed", world.now, count=6)
    world.tick()
    assert asked(world, "healthy") == [2, 1, 1, "yellow", "board"]
    assert asked(world, "going_quiet") == [None, None, None, None, None]


def test_s2_a_silent_feed_leaves_the_bands_as_they_were_and_a_feature_taken_out_is_gone(world: World) -> None:
    world.deploy({"playbooks/features.yml": FEATURES})
    busy = healthy(world.database, world.now, licenses_active=3)
    used(world.database, busy.key, "board_viewed", world.now, count=12)
    world.tick()
    assert asked(world, "healthy") == [2, 2, 0, "green", "board"]
    world.time_passes(days=40)
    assert asked(world, "healthy")[:2] == [2, 2]
    world.deploy({"playbooks/features.yml": FEATURES[: FEATURES.index("board:")]})
    world.tick()
    assert asked(world, "healthy") == [1, 1, 0, None, "login"]
