"""Steps that change the customer or start another playbook, and the ones that choose a way (semantics.md S20, S21)."""

from __future__ import annotations

from sqlalchemy import Table, select

from storage.facts import Event, StageChange
from tests.cast import change, happened, person
from tests.pipeline.scenes import CUSTOMER, company, enroll, journey, leave, outcomes, took, walks
from tests.world import World

EVENT: Table = Event.__table__  # type: ignore[attr-defined]
STAGE_CHANGE: Table = StageChange.__table__  # type: ignore[attr-defined]


def fields(world: World, key: str = "sakura") -> dict[str, object]:
    with world.database.read() as connection:
        return dict(connection.execute(select(CUSTOMER).where(CUSTOMER.c.key == key)).one()._mapping)


def rows_of(world: World, table: Table, customer_id: int) -> int:
    with world.database.read() as connection:
        return len(connection.execute(select(table.c.id).where(table.c.customer_id == customer_id)).all())


def test_s20_set_writes_stage_tier_and_attributes_and_keeps_the_others(world: World) -> None:
    journey(world, "p", "- set: {stage: adoption, tier: pro, attributes.a: 1, attributes.b: true, attributes.c: x y}")
    world.deploy()
    company(world, attributes={"kept": "yes", "a": 0})
    world.tick()
    found = fields(world)
    assert (found["stage"], found["tier"]) == ("adoption", "pro")
    assert found["attributes"] == {"kept": "yes", "a": 1, "b": True, "c": "x y"}
    assert found["stage_since"] == world.now


def test_s20_set_is_idempotent(world: World) -> None:
    journey(world, "p", "- set: {stage: onboarding, attributes.a: 1}")
    world.deploy()
    member = company(world, attributes={"a": 1})
    world.tick()
    assert len(took(world, "set_already")) == 1
    assert (rows_of(world, STAGE_CHANGE, member.id), rows_of(world, EVENT, member.id)) == (0, 0)


def test_s20_a_new_stage_is_a_stage_change_and_an_event_that_others_hear(world: World) -> None:
    journey(world, "p", "- set: {stage: adoption}")
    journey(world, "q", "- log: Heard", enter='on: stage.changed\nwhen: event.new == "adoption"')
    world.deploy()
    member = company(world)
    world.tick()
    assert rows_of(world, STAGE_CHANGE, member.id) == 1
    assert outcomes(world, playbook="q") == ["completed"]


def test_set_can_compute(world: World) -> None:
    journey(
        world, "p", "- set: {attributes.seen_on: today, attributes.half: licenses_active / 2, attributes.none: null}"
    )
    world.deploy()
    company(world, licenses_active=7)
    world.tick()
    assert fields(world)["attributes"] == {"seen_on": "2027-03-01", "half": 3.5, "none": None}


def test_set_lets_others_enter_in_the_same_tick(world: World) -> None:
    journey(world, "p", "- set: {attributes.ready: true}")
    journey(world, "q", "- log: Ready", enter="when: attributes.ready == true")
    world.deploy()
    company(world)
    world.tick()
    assert outcomes(world, playbook="q") == ["completed"]


def test_log_writes_both_languages(world: World) -> None:
    journey(world, "p", "- log: {en: Hello, ja: こんにちは}")
    world.deploy()
    company(world)
    world.tick()
    assert [found.details["text"] for found in took(world, "logged")] == [{"en": "Hello", "ja": "こんにちは"}]


# enroll (S21)


def parent(
    world: World, enter: str = "manual: true", steps: str = "- wait: 2 days", more: str = "", state: str = "live"
) -> None:
    journey(world, "parent", "- enroll: child\n- log: On")
    journey(world, "child", steps, enter=enter, more=more, state=state)
    world.deploy()
    company(world)
    world.tick()


def test_s21_the_child_starts_and_the_parent_does_not_wait(world: World) -> None:
    parent(world)
    assert (outcomes(world, playbook="parent"), outcomes(world, playbook="child")) == (["completed"], [None])


def test_s21_the_childs_filter_applies_and_its_trigger_does_not(world: World) -> None:
    parent(world, 'on: something\nwhen: tier == "pro"')
    assert walks(world, playbook="child") == []
    assert len(took(world, "filter")) == 1
    company(world, "pro", tier="pro")
    world.tick()
    assert outcomes(world, "pro", "child") == [None]


def test_s21_the_childs_again_applies(world: World) -> None:
    parent(world, more="again: never", steps="- log: Once")
    assert outcomes(world, playbook="child") == ["completed"]
    enroll(world, "child", customer="sakura")
    world.tick()
    assert len(walks(world, playbook="child")) == 1
    assert len(took(world, "walked_before", playbook="child")) == 1


def test_s21_a_child_that_is_walked_already_is_not_started_twice(world: World) -> None:
    parent(world)
    enroll(world, "child", customer="sakura")
    world.tick()
    assert len(walks(world, playbook="child")) == 1
    assert len(took(world, "already_walking", playbook="child")) == 1


def test_s21_the_parent_can_wait_for_the_childs_outcome(world: World) -> None:
    steps = '- enroll: child\n- wait: {until: outcome("child") == "well", at_most: 9 days}\n  then:\n    - end: heard'
    journey(world, "parent", steps)
    journey(world, "child", "- wait: 2 days\n- end: well", enter="manual: true")
    world.deploy()
    company(world)
    world.tick()
    world.time_passes(days=1)
    assert outcomes(world, playbook="parent") == [None]
    world.time_passes(days=1)
    assert outcomes(world, playbook="parent") == ["heard"]


def test_s21_the_parents_contact_walks_the_child(world: World) -> None:
    journey(world, "parent", "- enroll: child", walks="contact")
    journey(world, "child", "- wait: 2 days", walks="contact", enter="manual: true")
    world.deploy()
    member = company(world)
    world.tick()
    assert [found.contact_id for found in walks(world, playbook="child")] == [member.contact_id]


def test_s21_a_customers_walk_brings_its_contacts_into_a_contacts_playbook(world: World) -> None:
    journey(world, "parent", "- wait: 1 day\n- enroll: child")
    journey(world, "child", "- wait: 2 days", walks="contact", enter="manual: true")
    world.deploy()
    company(world)
    person(world.database, "sakura", "ito", world.now)
    person(world.database, "sakura", "gone", world.now, gone_at=world.now)
    world.tick()
    world.time_passes(days=1)
    assert len(walks(world, playbook="child")) == 2


def test_s21_a_contacts_walk_brings_its_customer_into_a_customers_playbook(world: World) -> None:
    journey(world, "parent", "- enroll: child", walks="contact")
    journey(world, "child", "- wait: 2 days", enter="manual: true")
    world.deploy()
    company(world)
    person(world.database, "sakura", "ito", world.now)
    world.tick()
    assert [found.contact_id for found in walks(world, playbook="child")] == [None]


def test_s21_a_child_that_is_not_live_is_not_entered_weeks_later(world: World) -> None:
    parent(world, state="draft")
    world.time_passes(days=2)
    journey(world, "child", "- wait: 2 days", enter="manual: true")
    world.deploy()
    world.time_passes(days=1)
    assert walks(world, playbook="child") == []
    assert len(took(world, "child_not_live", playbook="parent")) == 1


# Choosing


def test_if_and_branch_take_the_first_way_that_holds(world: World) -> None:
    steps = """
- if: tier == "pro"
  then:
    - set: {attributes.way: pro}
  else:
    - set: {attributes.way: other}
- branch:
    - when: arr >= 100
      steps:
        - set: {attributes.size: big}
    - when: arr >= 10
      steps:
        - set: {attributes.size: middle}
    - else:
        - set: {attributes.size: small}
"""
    journey(world, "p", steps)
    world.deploy()
    company(world, "a", tier="pro", arr=500)
    company(world, "b", tier="free", arr=50)
    company(world, "c")
    world.tick()
    assert [fields(world, key)["attributes"] for key in "abc"] == [
        {"way": "pro", "size": "big"},
        {"way": "other", "size": "middle"},
        {"way": "other", "size": "small"},
    ]


def test_a_step_whose_when_does_not_hold_is_passed_over_and_recorded(world: World) -> None:
    journey(world, "p", '- set: {attributes.a: 1}\n  when: tier == "pro"\n- set: {attributes.b: 1}')
    world.deploy()
    company(world)
    world.tick()
    assert fields(world)["attributes"] == {"b": 1}
    assert [found.details["condition"] for found in took(world, "when_does_not_hold")] == ['tier == "pro"']


def test_an_events_fields_are_readable_for_the_whole_walk(world: World) -> None:
    journey(world, "p", "- wait: 3 days\n- if: event.score <= 6\n  then:\n    - end: low", enter="on: asked")
    world.deploy()
    member = company(world)
    happened(world.database, member.key, "asked", world.now, score=3)
    world.tick()
    world.time_passes(days=3)
    assert outcomes(world) == ["low"]


def test_leaving_by_hand_lets_the_parent_hear_of_it(world: World) -> None:
    steps = '- enroll: child\n- wait: {until: outcome("child") == "exited", at_most: 9 days}\n  then:\n    - end: heard'
    journey(world, "parent", steps)
    journey(world, "child", "- wait: 2 days", enter="manual: true")
    world.deploy()
    company(world)
    world.tick()
    leave(world, "child", customer="sakura")
    change(world.database, "sakura", tier="pro")
    world.tick()
    assert outcomes(world, playbook="parent") == ["heard"]
