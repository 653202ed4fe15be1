"""The audience fuse: more customers at once than usual wait for a person (semantics.md S38)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import insert, select

from bot.pipeline.fuse_acts import drop, find_fuse, release
from bot.pipeline.fuses import Blown, blown_fuses
from storage.accounts import Customer, bucket_of
from storage.handoff_moves import done
from storage.handoffs import Handoff
from storage.journeys import OccasionState
from storage.marks import mark_changed
from tests.cast import person
from tests.pipeline.scenes import NEW, company, enroll, journey, settings
from tests.world import World

HANDOFF = Handoff.__table__  # type: ignore[attr-defined]
CUSTOMER = Customer.__table__  # type: ignore[attr-defined]


def crowd(world: World, number: int, *, stage: str = NEW, start: int = 0) -> list[str]:
    """So many customers without contacts, all at once."""
    keys = [f"c{place:04}" for place in range(start, start + number)]
    rows = [
        {
            "key": key,
            "name": key,
            "stage": stage,
            "csm": "sato",
            "bucket": bucket_of(key),
            "created_at": world.now,
            "tags": [],
            "owners": {},
            "limits": {},
            "attributes": {},
        }
        for key in keys
    ]
    with world.database.write() as connection:
        connection.execute(insert(CUSTOMER), rows)
        found = connection.scalars(select(CUSTOMER.c.id).where(CUSTOMER.c.key.in_(keys)))
        mark_changed(connection, list(found))
    return keys


def arrive(world: World, keys: Iterable[str], stage: str = NEW) -> None:
    """They reach this stage."""
    with world.database.write() as connection:
        connection.execute(CUSTOMER.update().where(CUSTOMER.c.key.in_(list(keys))).values(stage=stage))
        mark_changed(connection, list(connection.scalars(select(CUSTOMER.c.id).where(CUSTOMER.c.key.in_(list(keys))))))


def standing(world: World, steps: str = "- wait: 9 days", *, more: str = "", enter: str = "") -> list[str]:
    """A playbook for newcomers, live, and a hundred customers (with the two of `company`: 102) who do not match it."""
    journey(world, "p", steps, more=more, **({"enter": enter} if enter else {}))
    world.deploy()
    company(world, stage="adoption")
    keys = crowd(world, 100, stage="adoption")
    world.tick()
    return keys


def blown(world: World) -> list[Blown]:
    with world.database.read() as connection:
        return blown_fuses(connection)


def let_go(world: World, name: str = "p", some: int | None = None) -> int:
    with world.database.write() as connection:
        fuse = find_fuse(connection, name)
        return release(connection, world.app.require_published(), fuse, by="sato", at=world.now, some=some)


def give_up(world: World, name: str = "p") -> int:
    with world.database.write() as connection:
        return drop(connection, world.app.require_published(), find_fuse(connection, name), by="sato", at=world.now)


def entered(world: World) -> int:
    return len(world.walks)


def test_s38_a_jump_above_a_fifth_of_the_customers_lets_nobody_in(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:21])
    world.tick()
    assert entered(world) == 0
    (fuse,) = blown(world)
    assert fuse.playbook == "p"
    assert (fuse.numbers["entering"], fuse.numbers["customers"], fuse.numbers["bound"]) == (21, 102, 20)
    world.assert_explained()


def test_s38_up_to_the_bound_nobody_is_asked(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:20])
    world.tick()
    assert (entered(world), blown(world)) == (20, [])


def test_s38_the_day_is_counted_as_a_whole_and_ends(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:15])
    world.time_passes(hours=3)
    arrive(world, keys[15:21])
    world.time_passes(hours=3)
    assert entered(world) == 15
    assert blown(world)[0].numbers["entered"] == 15
    let_go(world)
    world.time_passes(days=1)
    arrive(world, keys[21:41])
    world.tick()
    assert (entered(world), blown(world)) == (41, [])


def test_s38_below_fifty_customers_there_is_no_fuse(world: World) -> None:
    journey(world, "p", "- wait: 9 days")
    world.deploy()
    company(world)
    crowd(world, 47)
    world.tick()
    assert (entered(world), blown(world)) == (49, [])


def test_s38_from_fifty_customers_up_there_is(world: World) -> None:
    journey(world, "p", "- wait: 9 days")
    world.deploy()
    company(world)
    crowd(world, 48)
    world.tick()
    assert entered(world) == 0
    assert blown(world)[0].numbers["entering"] == 50


def test_s38_existing_customers_of_a_first_deployment_ask_once_and_enter_when_released(world: World) -> None:
    company(world)
    crowd(world, 98)
    journey(world, "p", "- wait: 9 days", enter=f'when: stage == "{NEW}"\nexisting: enter')
    world.deploy()
    world.tick()
    assert (entered(world), blown(world)[0].numbers["entering"]) == (0, 100)
    assert let_go(world) == 100
    world.time_passes(days=2)
    assert (entered(world), blown(world)) == (100, [])


def test_s38_one_card_goes_to_the_playbooks_owner_with_the_numbers(world: World) -> None:
    keys = standing(world, more="owner: sato")
    arrive(world, keys[:30])
    world.time_passes(days=1)
    (card,) = [handoff for handoff in world.handoffs if handoff.kind == "fuse"]
    assert (card.owner, card.customer, card.playbook) == ("sato", "", "p")
    assert card.title["en"] == "Fuse: 30 customers would enter p at once; 20 of 102 may enter a day"
    assert card.title["ja"].startswith("安全装置が作動：30社")
    assert card.outcomes == ["release", "release 50", "drop"]


def test_s38_whoever_comes_while_it_is_blown_waits_too(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:30])
    world.tick()
    arrive(world, keys[30:33])
    world.time_passes(days=1)
    assert entered(world) == 0
    assert let_go(world) == 33
    world.tick()
    assert entered(world) == 33


def test_s38_release_50_lets_the_first_fifty_in_and_asks_again_about_the_rest(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:80])
    world.tick()
    assert let_go(world, some=50) == 50
    world.time_passes(hours=3)
    assert sorted(walk.customer for walk in world.walks) == keys[:50]
    cards = [handoff for handoff in world.handoffs if handoff.kind == "fuse"]
    assert [(card.state, card.outcome) for card in cards] == [("done", "release 50"), ("open", None)]
    assert "30 customers" in cards[1].title["en"]
    assert let_go(world, some=50) == 30
    world.tick()
    assert (entered(world), blown(world)) == (80, [])


def test_s38_drop_gives_them_up_and_says_so(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:30])
    world.tick()
    assert give_up(world) == 30
    world.time_passes(days=1)
    assert (entered(world), blown(world)) == (0, [])
    assert world.reasons(keys[0], "p") == ["audience_fuse", "fuse_dropped"]
    arrive(world, keys[:1], "adoption")
    world.tick()
    arrive(world, keys[:1])
    world.tick()
    assert entered(world) == 1, "an occasion of its own, later, is a new one"


def test_s38_an_answer_on_the_card_is_taken_by_the_next_tick(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:30])
    world.tick()
    (card,) = [handoff for handoff in world.handoffs if handoff.kind == "fuse"]
    with world.database.write() as connection:
        assert done(connection, card.id, by="sato", at=world.now, key="click", outcome="release").is_done
    world.tick()
    assert (entered(world), blown(world)) == (30, [])


def test_s38_a_card_that_is_closed_without_an_answer_comes_again(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:30])
    world.tick()
    with world.database.write() as connection:
        connection.execute(HANDOFF.update().values(state="done"))
    world.tick()
    assert len(blown(world)) == 1
    assert [found.state for found in world.handoffs if found.kind == "fuse"] == ["done", "open"]


def test_s38_who_no_longer_matches_when_it_is_released_does_not_enter(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:30])
    world.tick()
    arrive(world, keys[:5], "adoption")
    world.tick()
    let_go(world)
    world.tick()
    assert entered(world) == 25
    assert world.reasons(keys[0], "p")[-1] == "closed_before_entry"


def test_s38_the_time_a_person_takes_to_decide_makes_nobody_too_late(world: World) -> None:
    journey(world, "p", "- wait: 9 days", enter="once: 2027-03-02 10:00")
    world.deploy()
    company(world)
    crowd(world, 98)
    world.time_passes(days=8)
    assert (entered(world), len(blown(world))) == (0, 1)
    let_go(world)
    world.tick()
    assert entered(world) == 100


def test_s38_what_a_person_enrolls_by_hand_is_not_asked_about(world: World) -> None:
    standing(world)
    enroll(world, "p")
    world.tick()
    assert (entered(world), blown(world)) == (102, [])


def test_s38_a_broadcast_that_was_released_once_is_usual_from_then_on(world: World) -> None:
    journey(world, "p", "- log: Sent", enter="every: monday 09:00")
    world.deploy()
    company(world)
    crowd(world, 98)
    world.time_passes(days=8)
    assert entered(world) == 0
    let_go(world)
    world.time_passes(days=7)
    assert (entered(world), blown(world)) == (200, [])


def test_s38_a_fuse_of_one_playbook_leaves_the_others_alone(world: World) -> None:
    journey(world, "q", "- wait: 9 days", enter=f'when: stage == "{NEW}" and tier == "pro"')
    keys = standing(world)
    with world.database.write() as connection:
        connection.execute(CUSTOMER.update().where(CUSTOMER.c.key.in_(keys[:3])).values(tier="pro"))
    arrive(world, keys[:30])
    world.tick()
    assert [walk.playbook for walk in world.walks] == ["q"] * 3


def test_s38_the_fuse_can_be_set_and_taken_out(world: World) -> None:
    settings(world, "fuses: {enter: 50% of customers per day}")
    keys = standing(world)
    arrive(world, keys[:30])
    world.tick()
    assert entered(world) == 30
    settings(world, "fuses: {enter: 'off'}")
    world.deploy()
    arrive(world, keys)
    world.tick()
    assert (entered(world), blown(world)) == (100, [])


def test_s38_doctor_names_the_blown_fuse_and_explain_says_who_waits_for_it(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:30])
    world.tick()
    (found,) = [complaint for complaint in world.doctor() if complaint.name == "fuse_blown"]
    assert found.severity == "warning"
    assert "p" in found.examples[0]
    assert world.reasons(keys[0], "p") == ["audience_fuse"]


def test_s38_contacts_of_one_customer_count_once(world: World) -> None:
    journey(world, "p", "- wait: 9 days", walks="contact")
    world.deploy()
    company(world, stage="adoption")
    keys = crowd(world, 100, stage="adoption")
    for place in range(30):
        person(world.database, keys[place % 10], f"n{place}", world.now)
    arrive(world, keys[:10])
    world.tick()
    assert (entered(world), blown(world)) == (30, [])


def test_s38_held_occasions_cost_an_idle_tick_nothing(world: World) -> None:
    keys = standing(world)
    arrive(world, keys[:30])
    world.tick()
    assert world.tick().rounds == 1
    with world.database.read() as connection:
        held = connection.exec_driver_sql(f"SELECT count(*) FROM occasion WHERE state = '{OccasionState.HELD.value}'")
        assert held.scalar() == 30
