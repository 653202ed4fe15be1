"""Scorecards, kept day by day: weights, bands, silence, and what a card says of why it changed. The world begins on Monday,
1 March 2027."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, select, update

from bot.insight.listings_customers import show_customer
from bot.insight.report_health import report_health
from storage import handoff_moves
from storage.accounts import Customer
from storage.health_views import Health, colour_changes, health_of
from storage.marks import mark_changed
from storage.scores import Score, ScoreState
from tests.cast import customer, going_quiet, healthy, used
from tests.world import World

SCORE: Table = Score.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
DEAR = {
    "playbooks/scorecard.yml": """
    health:
      deployment: {weight: 25, value: 100 * license_use, green: ">= 70", yellow: ">= 40"}
      adoption: {weight: 75, value: '10 * active_days("login", days=14)', green: ">= 80", yellow: ">= 40"}
      roi: {weight: 100, value: 10 * nps, when: stage == "renewal"}
    support_risk:
      support:
        green: open_handoffs(kind="support_risk") == 0
        yellow: open_handoffs(kind="support_risk", flagged=false) >= 1
        red: open_handoffs(kind="support_risk", flagged=true) >= 1
    """
}


def history(world: World, name: str) -> list[tuple[date, float | None, str | None]]:
    asked = select(SCORE.c.day, SCORE.c.value, SCORE.c.band).where(SCORE.c.name == name).order_by(SCORE.c.day)
    with world.database.read() as connection:
        return [tuple(row) for row in connection.execute(asked)]


def health(world: World, customer_id: int, card: str = "health", **options: Any) -> Health:
    with world.database.read() as connection:
        found = health_of(connection, customer_id, world.now, card=card, **options)
    assert found is not None
    return found


def change(world: World, customer_id: int, **values: Any) -> None:
    with world.database.write() as connection:
        connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == customer_id).values(**values))
        mark_changed(connection, [customer_id])


def test_a_card_is_the_weighted_mean_of_the_measures_that_apply(world: World) -> None:
    world.deploy(DEAR)
    member = healthy(world.database, world.now, licenses_purchased=10, licenses_active=5)
    world.tick()
    found = health(world, member.id)
    # Nine opening days in two weeks: 90; half of the licences: 50; roi waits for the renewal.
    assert {each.name: (each.value, each.band) for each in found.measures} == {
        "adoption": (90.0, "green"),
        "deployment": (50.0, "yellow"),
    }
    assert (found.card.value, found.card.band, found.confidence) == (80.0, "green", 1.0)


def test_a_missing_value_lowers_the_confidence_and_not_the_score(world: World) -> None:
    world.deploy(DEAR)
    member = healthy(world.database, world.now, stage="renewal", licenses_purchased=10, licenses_active=5)
    world.tick()
    found = health(world, member.id)
    assert (found.card.value, found.confidence) == (80.0, 0.5)
    assert {each.name: each.state for each in found.measures}.get("roi", ScoreState.MISSING) is ScoreState.MISSING


def test_s2_a_silent_feed_leaves_the_score_standing_and_lowers_the_confidence(world: World) -> None:
    world.deploy(DEAR)
    member = healthy(world.database, world.now, licenses_purchased=10, licenses_active=5)
    world.tick()
    world.time_passes(days=8, every=timedelta(days=1))
    found = health(world, member.id)
    adoption = next(each for each in found.measures if each.name == "adoption")
    assert (adoption.value, adoption.band, adoption.state) == (90.0, "green", ScoreState.KEPT)
    assert (found.card.value, found.card.band, found.confidence) == (80.0, "green", 0.25)


def test_a_day_on_which_nothing_changed_writes_nothing(world: World) -> None:
    world.deploy(DEAR)
    customer(world.database, "c", world.now, licenses_purchased=10, licenses_active=5)
    world.time_passes(days=3)
    assert history(world, "deployment") == [(date(2027, 3, 1), 50.0, "yellow")]
    assert history(world, "health") == [(date(2027, 3, 1), 50.0, "yellow")]


def test_the_fall_names_the_measures_and_facts_and_several_changes_a_day_are_one_row(world: World) -> None:
    world.deploy(DEAR)
    c = customer(world.database, "c", world.now, licenses_purchased=10, licenses_active=9)
    world.time_passes(days=5)
    change(world, c, licenses_active=1)
    world.tick()
    change(world, c, licenses_active=3)
    world.time_passes(hours=1)
    assert history(world, "health") == [(date(2027, 3, 1), 90.0, "green"), (date(2027, 3, 6), 30.0, "red")]
    found = health(world, c, days=3)
    (moved,) = found.moved
    assert (found.card.was, found.card.change, found.card.trend) == (90.0, -60.0, "down")
    assert (moved.name, moved.was_facts, moved.facts) == ("deployment", {"license_use": 0.9}, {"license_use": 0.3})
    with world.database.read() as connection:
        (told,) = colour_changes(connection, date(2027, 3, 6))
    assert (told.customer, told.old, told.new, told.is_worse) == ("c", "green", "red", True)


def test_a_band_that_comes_back_on_the_same_day_began_when_it_began(world: World) -> None:
    world.deploy(DEAR)
    c = customer(world.database, "c", world.now, licenses_purchased=10, licenses_active=9)
    world.time_passes(days=5)
    for active in (1, 9):
        change(world, c, licenses_active=active)
        world.time_passes(hours=1)
    card = health(world, c).card
    assert (card.band, card.band_since) == ("green", date(2027, 3, 1))


def test_the_colour_of_a_risk_comes_from_the_calls_to_action(world: World) -> None:
    world.playbook(
        "risk",
        """
        title: Risk
        state: live
        walks: customer
        enter: {when: has_tag("trouble"), existing: enter}
        steps: [{handoff: Help support, kind: support_risk}]
        """,
    )
    world.deploy(DEAR)
    c = customer(world.database, "c", world.now)
    seen = []
    for act in ("nothing", "open", "flag", "done"):
        if act == "open":
            change(world, c, tags=["trouble"])
            world.tick()
        elif act in ("flag", "done"):
            move = getattr(handoff_moves, act)
            with world.database.write() as connection:
                move(connection, world.handoffs[0].id, by="sato", at=world.now, key=act)
        world.time_passes(hours=1)
        card = health(world, c, "support_risk").card
        seen.append((card.value, card.band))
    assert seen == [(100.0, "green"), (50.0, "yellow"), (0.0, "red"), (100.0, "green")]


def test_s31_signals_and_playbooks_see_the_score_in_the_same_tick(world: World) -> None:
    world.playbook(
        "rescue",
        """
        title: Rescue
        state: live
        walks: customer
        enter: {when: 'signal("health_red") and band("health") == "red" and score("deployment") < 40'}
        steps: [{handoff: Rescue them}]
        """,
    )
    world.deploy({**DEAR, "playbooks/signals.yml": 'health_red: {title: Red, when: band("health") == "red"}'})
    customer(world.database, "well", world.now, licenses_purchased=10, licenses_active=9)
    customer(world.database, "ill", world.now, licenses_purchased=10, licenses_active=1)
    world.tick()
    assert [handoff.customer for handoff in world.handoffs] == ["ill"]


def test_a_feed_that_wakes_up_lets_the_score_fall_and_the_playbook_act(world: World) -> None:
    world.playbook(
        "rescue",
        """
        title: Rescue
        state: live
        walks: customer
        enter: {when: 'band("health") == "red"'}
        steps: [{handoff: Rescue them}]
        """,
    )
    world.deploy(DEAR)
    going_quiet(world.database, world.now)
    world.tick()
    other = healthy(world.database, world.now)
    used(world.database, other.key, "login", world.now, count=1)
    world.tick()
    assert [handoff.customer for handoff in world.handoffs] == ["going_quiet"]


def test_what_is_no_longer_defined_is_shown_no_more_and_its_history_stays(world: World) -> None:
    world.deploy(DEAR)
    c = customer(world.database, "c", world.now, licenses_purchased=10, licenses_active=9)
    world.time_passes(days=2)
    world.deploy({"playbooks/scorecard.yml": "health: {licences: {value: 50 * license_use}}"})
    world.tick()
    found = health(world, c)
    assert [each.name for each in found.measures] == ["licences"]
    assert history(world, "deployment")[0] == (date(2027, 3, 1), 90.0, "green")
    # One measure and no bands of the card: the card has the measure's.
    assert (found.card.value, found.card.band) == (45.0, "yellow")


@pytest.mark.parametrize(
    ("overall", "band"),
    [('{green: ">= 60", yellow: ">= 20"}', "yellow"), ('{red: band("deployment") == "red", green: ">= 10"}', "red")],
)
def test_a_card_may_have_bands_of_its_own(world: World, overall: str, band: str) -> None:
    card = f"health: {{overall: {overall}, deployment: {{value: 100 * license_use}}, other: {{value: 50 + 0 * arr}}}}"
    world.deploy({"playbooks/scorecard.yml": card})
    c = customer(world.database, "c", world.now, licenses_purchased=10, licenses_active=3, arr=1.0)
    world.tick()
    assert (health(world, c).card.value, health(world, c).card.band) == (40.0, band)


def test_scores_stand_under_the_customers_own_day_for_reports_and_when_a_card_is_taken_out(world: World) -> None:
    world.deploy(DEAR)
    world.time_passes(hours=16)  # 2 March, 01:00 in Tokyo, and 1 March in UTC
    customer(world.database, "c", world.now, timezone="Asia/Tokyo", licenses_purchased=10, licenses_active=5)
    world.tick()
    with world.database.read() as connection:
        rows = [row for row in report_health(connection, world.now) if row["name"] == "deployment"]
        scores = {score["score"]: score for score in show_customer(connection, "c", world.now)["scores"]}
    assert [(row["yellow"], row["mean"]) for row in rows] == [(1, 50)]
    shown = scores["health: deployment"]
    assert (shown["value"], shown["band"], shown["facts"]) == (50, "yellow", {"license_use": 0.5})
    (world.folder / "playbooks/scorecard.yml").unlink()
    world.deploy()
    world.tick()
    assert history(world, "deployment")[-1] == (date(2027, 3, 2), None, None)
    with world.database.read() as connection:
        assert report_health(connection, world.now) == []
