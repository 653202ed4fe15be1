"""Success plans where people work: in App Home and on the card of a plan's own hand-off; with the rights of hand-offs, once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from bot.pipeline.opening_plans import open_by_hand
from storage.accounts import Customer
from storage.journal import Decision
from storage.plan_views import PlanView, plan_of
from tests.fakes.slack_payloads import View
from tests.fakes.slack_server import wait_until
from tests.slack.desk_world import DeskWorld

CUSTOMER = Customer.__table__  # type: ignore[attr-defined]
PLANS = """
recovery:
  title: {en: Recovery, ja: 回復計画}
  review: every monday
  due: 60 days
  objectives:
    - {title: {en: Trust is back, ja: 信頼の回復}, tasks: [{en: Call them, ja: 電話する}, {en: Write to them, ja: メールする}]}
    - {title: {en: Used again, ja: 再び利用}, target: attributes.used == true}
    - {title: {en: Confirmed, ja: 確認}}
"""


@pytest.fixture
def database_url(sqlite_database_url: str) -> str:
    """Plans themselves are tested on both engines; what Slack shows of them does not depend on it."""
    return sqlite_database_url


def plan(desk: DeskWorld) -> PlanView:
    with desk.world.database.read() as connection:
        found = plan_of(connection, 1)
    assert found is not None
    return found


def planned(desk: DeskWorld) -> None:
    """Sato's customer has a recovery plan; Suzuki has nothing to do with it."""
    desk.people()
    desk.world.deploy({"playbooks/plans.yml": PLANS})
    published = desk.world.app.require_published()
    with desk.world.database.write() as connection:
        mine = connection.scalar(select(CUSTOMER.c.id).where(CUSTOMER.c.csm == "sato").order_by(CUSTOMER.c.id))
        assert mine is not None
        ground = desk.world.app.ground(published)
        open_by_hand(connection, published, ground, "recovery", mine, owner=None, by="sato", at=desk.world.now)


def opened(desk: DeskWorld, user: str = "U1") -> View:
    """The form, opened in App Home."""
    desk.slack.click_in(desk.slack.home(user), "plan_open")
    return filled_form(desk)


def filled_form(desk: DeskWorld) -> View:
    wait_until(lambda: bool(modals(desk)) and "One moment" not in str(modals(desk)[-1].blocks))
    return modals(desk)[-1]


def modals(desk: DeskWorld) -> list[View]:
    return [view for view in desk.slack.views if view.content["type"] == "modal"]


def told(desk: DeskWorld, reason: str) -> list[dict[str, Any]]:
    with desk.world.database.read() as connection:
        table = Decision.__table__  # type: ignore[attr-defined]
        return [row.details for row in connection.execute(select(table).where(table.c.reason == reason))]


def test_a_plan_stands_in_its_owners_home_and_what_they_change_in_it_is_recorded_once(desk: DeskWorld) -> None:
    planned(desk)
    desk.home()
    assert "Your success plans" in desk.shown()
    assert "*Hinode Foods* · Recovery: 0 of 3 reached, 0%" in desk.shown()
    form = opened(desk)
    assert "1. Trust is back" in str(form.blocks)
    errors = desk.slack.submit(form, plan_state_1="dropped", plan_state_2="dropped", plan_state_3="dropped")
    assert "plans close 1" in errors["plan_why"]
    assert set(desk.slack.submit(form, plan_state_3="dropped")) == {"plan_why"}, "who takes one out says why"
    values = {"plan_state_2": "met", "plan_state_3": "dropped", "plan_why": "they left", "plan_tasks_1_0": ["1"]}
    for _ in range(2):
        assert desk.slack.submit(form, **values) == {}
    wait_until(lambda: plan(desk).counted == 2 and "1 of 2 reached, 50%" in desk.shown())
    first, second, third = plan(desk).objectives
    assert (first.state, list(first.ticked)) == ("open", [1])
    assert (second.state, second.met_by, third.state) == ("met", "sato", "dropped")
    desk.close()
    assert [each["by"] for each in told(desk, "objective_done")] == ["sato"]
    assert [each["because"] for each in told(desk, "objective_dropped")] == ["they left"]
    assert [each["task"]["en"] for each in told(desk, "plan_task_ticked")] == ["Write to them"]
    assert desk.errors == []


def test_the_card_of_a_plans_review_opens_it_for_those_who_may_and_shows_how_far_it_is(desk: DeskWorld) -> None:
    planned(desk)
    desk.world.app.poster = desk.app.context.poster
    desk.world.time_passes(days=7, hours=1)
    card = next(post for post in desk.slack.posts if "Go through the plan: Recovery" in str(post.blocks))
    desk.slack.click(card, "plan_open", user="U2")
    assert "このプランを操作できるのは" in str(filled_form(desk).blocks)
    desk.slack.click(card, "plan_open")
    wait_until(lambda: modals(desk)[-1].user == "U1")
    form = filled_form(desk)
    assert desk.slack.submit(form, plan_state_1="met") == {}
    wait_until(lambda: "1 of 3 reached, 33%" in str(card.blocks))
    assert desk.slack.submit(form, plan_state_1="met", plan_state_3="met") == {}
    wait_until(lambda: "2 of 3 reached" in str(card.blocks))
    assert len(told(desk, "objective_done")) == 2, "the first was reached already"
    assert desk.errors == []
