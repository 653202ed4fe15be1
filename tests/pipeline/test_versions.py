"""What a deployment does to people inside, to renamed and deleted playbooks (semantics.md S34, S35, S36)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import WorkspaceError
from tests.cast import happened
from tests.pipeline.scenes import (
    company,
    goes_on,
    journey,
    leave,
    outcomes,
    stands_still,
    states,
    titles,
    took,
    utc,
    walks,
)
from tests.world import World

THREE = "- wait: 2 days\n  id: pause\n- handoff: {handoff}\n  id: call\n- log: Over\n  id: over"


def three(world: World, handoff: str = "Old", **options: str) -> None:
    journey(world, "p", THREE.replace("{handoff}", handoff), **options)
    world.deploy()


def inside(world: World, **options: str) -> None:
    """Somebody waits in the first step."""
    three(world, **options)
    company(world)
    world.tick()


def test_s34_the_very_same_workspace_is_no_new_deployment(world: World) -> None:
    three(world)
    assert not world.deploy().is_changed


def test_s34_a_comment_or_a_blank_line_is_no_new_version(world: World) -> None:
    inside(world)
    journey(world, "p", "# A comment\n\n" + THREE.replace("{handoff}", "Old"))
    (change,) = world.deploy().playbooks
    assert (change.is_new_version, change.version, change.followed, change.stayed) == (False, 1, 0, 0)


def test_s34_people_inside_follow_where_their_step_still_exists(world: World) -> None:
    inside(world)
    journey(world, "p", THREE.replace("{handoff}", "New"))
    (change,) = world.deploy().playbooks
    assert (change.version, change.followed, change.stayed) == (2, 2, 0)
    world.time_passes(days=2)
    assert titles(world) == ["New"]


def test_s34_people_stay_where_their_step_is_gone(world: World) -> None:
    inside(world)
    journey(world, "p", "- wait: 1 day\n  id: other\n- handoff: New")
    (change,) = world.deploy().playbooks
    assert (change.followed, change.stayed) == (0, 2)
    world.time_passes(days=2)
    assert titles(world) == ["Old"]


def test_s34_people_stay_where_their_step_became_another_kind(world: World) -> None:
    inside(world)
    journey(world, "p", "- log: Now a log\n  id: pause\n- handoff: New\n  id: call")
    (change,) = world.deploy().playbooks
    assert (change.followed, change.stayed) == (0, 2)


def test_s34_people_stay_where_a_step_they_passed_changed_its_kind(world: World) -> None:
    journey(world, "p", "- log: Start\n  id: start\n" + THREE.replace("{handoff}", "Old"))
    world.deploy()
    company(world)
    world.tick()
    journey(world, "p", "- set: {attributes.x: 1}\n  id: start\n" + THREE.replace("{handoff}", "New"))
    (change,) = world.deploy().playbooks
    assert (change.followed, change.stayed) == (0, 2)
    world.time_passes(days=2)
    assert titles(world) == ["Old"]


def test_s34_a_step_put_before_them_does_not_hold_them_back(world: World) -> None:
    inside(world)
    journey(world, "p", "- log: New beginning\n" + THREE.replace("{handoff}", "New"))
    (change,) = world.deploy().playbooks
    assert change.followed == 2
    world.time_passes(days=2)
    assert titles(world) == ["New"]


def test_s34_pinned_people_stay(world: World) -> None:
    inside(world, more="versions: pin")
    journey(world, "p", THREE.replace("{handoff}", "New"), more="versions: pin")
    (change,) = world.deploy().playbooks
    assert (change.followed, change.stayed) == (0, 2)
    company(world, "newcomer")
    world.tick()
    world.time_passes(days=2)
    assert (titles(world), titles(world, "newcomer")) == (["Old"], ["New"])


@pytest.mark.parametrize(("length", "over"), [("1 day", "2027-03-02 00:00"), ("5 days", "2027-03-06 00:00")])
def test_s34_who_follows_into_a_changed_wait_waits_the_new_length_from_when_it_began(
    world: World, length: str, over: str
) -> None:
    inside(world)
    world.time_passes(hours=6)
    journey(world, "p", THREE.replace("{handoff}", "New").replace("2 days", length))
    world.deploy()
    world.clock.move_to(utc(over) - timedelta(minutes=1))
    world.tick()
    assert titles(world) == []
    world.clock.move_to(utc(over))
    world.tick()
    assert titles(world) == ["New"]


def test_s34_goals_and_exits_of_the_new_version_count_for_who_followed(world: World) -> None:
    inside(world)
    three(world, more='goal: stage != "churned"')
    world.tick()
    assert outcomes(world) == ["goal"]


def test_s34_a_new_goal_of_a_pinned_playbook_does_not_count_for_people_inside(world: World) -> None:
    inside(world, more="versions: pin")
    three(world, more='versions: pin\ngoal: stage != "churned"')
    world.time_passes(days=1)
    assert outcomes(world) == [None]


# Names (S36)


def test_s36_a_renamed_playbook_is_refused_without_was(world: World) -> None:
    inside(world)
    (world.folder / "playbooks/journeys/p.yml").unlink()
    journey(world, "q", THREE.replace("{handoff}", "New"))
    with pytest.raises(WorkspaceError) as refused:
        world.deploy()
    assert [(found.rule, found.file) for found in refused.value.findings] == [("renamed", "playbooks/journeys/q.yml")]
    assert "was: p" in refused.value.findings[0].hint


def rename(world: World, more: str = "was: p", **options: str) -> None:
    (world.folder / "playbooks/journeys/p.yml").unlink()
    journey(world, "q", THREE.replace("{handoff}", "New"), more=more, **options)
    world.deploy()


def test_s36_with_was_the_walks_go_on_and_nobody_walks_again(world: World) -> None:
    inside(world)
    rename(world)
    world.time_passes(days=3)
    assert [(found.playbook, found.outcome) for found in walks(world)] == [("q", "completed")]
    assert titles(world) == ["New"]


def test_s36_who_walked_before_the_rename_does_not_enter_again(world: World) -> None:
    three(world, enter="on: asked", more="again: never")
    member = company(world)
    happened(world.database, member.key, "asked", world.now)
    world.time_passes(days=3)
    rename(world, "was: p\nagain: never", enter="on: asked")
    happened(world.database, member.key, "asked", world.now)
    world.tick()
    assert len(walks(world)) == 1


def test_s36_a_pause_by_hand_outlives_the_rename(world: World) -> None:
    inside(world)
    stands_still(world, "playbook", "p")
    rename(world)
    world.time_passes(days=5)
    assert titles(world) == []
    goes_on(world, "playbook", "q")
    world.time_passes(days=3)
    assert titles(world) == ["New"]


def test_s36_a_playbook_renamed_while_paused_stays_paused(world: World) -> None:
    inside(world)
    three(world, state="paused")
    rename(world, state="paused")
    world.time_passes(days=5)
    assert titles(world) == []


def test_s36_a_deleted_playbook_is_retired_nobody_enters_and_those_inside_finish(world: World) -> None:
    inside(world)
    (world.folder / "playbooks/journeys/p.yml").unlink()
    world.deploy()
    company(world, "newcomer")
    world.time_passes(days=2)
    assert (titles(world), walks(world, "newcomer")) == (["Old"], [])


def test_s36_everybody_inside_a_retired_playbook_can_be_ended(world: World) -> None:
    inside(world)
    (world.folder / "playbooks/journeys/p.yml").unlink()
    world.deploy()
    assert leave(world, "p") == 2
    world.time_passes(days=2)
    assert (titles(world), outcomes(world)) == ([], ["exited"])


def test_s36_a_deleted_playbook_whose_template_is_deleted_too_stops_nobody_else(world: World) -> None:
    world.mail("old", "new")
    journey(world, "p", "- wait: 1 day\n- email: old\n- log: Over")
    journey(world, "q", "- wait: 1 day\n- email: new")
    world.deploy()
    company(world)
    world.tick()
    (world.folder / "playbooks/journeys/p.yml").unlink()
    (world.folder / "templates/emails/old.en.md").unlink()
    world.deploy()
    world.time_passes(days=1)
    assert sorted(states(world)) == [("new", "accepted"), ("old", "quarantined")]
    assert [found.details["template"] for found in took(world, "cannot_render")] == ["old"]
    assert outcomes(world, playbook="p") == ["completed"]


def test_s35_a_template_deleted_after_the_mail_was_owed_quarantines_it_and_the_others_go(world: World) -> None:
    world.mail("old", "new")
    journey(world, "p", '- email: old\n  window: "20:00-21:00"\n- log: Over')
    journey(world, "q", '- email: new\n  window: "20:00-21:00"')
    world.deploy()
    company(world)
    world.tick()
    (world.folder / "playbooks/journeys/p.yml").unlink()
    (world.folder / "templates/emails/old.en.md").unlink()
    world.deploy()
    world.time_passes(hours=12, every=timedelta(hours=1))
    assert sorted(states(world)) == [("new", "accepted"), ("old", "quarantined")]
    assert outcomes(world, playbook="p") == ["completed"]


def test_s36_a_playbook_that_comes_back_lets_newcomers_in_again(world: World) -> None:
    three(world)
    (world.folder / "playbooks/journeys/p.yml").unlink()
    world.deploy()
    three(world)
    company(world)
    world.tick()
    assert len(walks(world)) == 1
