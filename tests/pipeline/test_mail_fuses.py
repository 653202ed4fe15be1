"""The fuses of sending: a day of far more mails than usual, bounces, complaints (semantics.md S38)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert, select

from bot.pipeline.mail_fuses import count_days
from storage.fuses import PLAYBOOK_DAY, put_mails
from storage.outbox_moves import MESSAGE
from tests.cast import person
from tests.pipeline.scenes import NEW, company, goes_on, journey, mail_id, mails, settings, stands_still, states
from tests.pipeline.test_fuses import CUSTOMER, arrive, blown, crowd, give_up, let_go
from tests.world import World


def sending(world: World, *, fuses: str = "{enter: 'off'}", usual: int = 20, number: int = 70) -> list[str]:
    """A playbook that sent `usual` mails on each of the last ten days, and customers who could get one."""
    world.mail("hello")
    settings(world, f"fuses: {fuses}")
    journey(world, "p", "- email: hello\n- wait: 30 days")
    world.deploy()
    company(world, stage="adoption")
    keys = crowd(world, number, stage="adoption")
    for key in keys:
        person(world.database, key, "mori", world.now)
    world.tick()
    with world.database.write() as connection:
        for days in range(1, 11):
            put_mails(connection, "p", (world.now - timedelta(days=days)).date(), usual)
    return keys


def accepted(world: World) -> int:
    return len([mail for mail in world.outbox if mail.state == "accepted"])


def test_s38_three_times_the_usual_day_is_not_sent(world: World) -> None:
    keys = sending(world)
    arrive(world, keys[:61])
    world.tick()
    assert accepted(world) == 0
    (fuse,) = blown(world)
    assert (fuse.kind, fuse.playbook, fuse.numbers) == ("sending", "p", {"sent": 0, "sending": 61, "bound": 60})
    assert {mail.reason for mail in world.outbox} == {"paused"}
    world.assert_explained()


def test_s38_up_to_the_bound_it_sends(world: World) -> None:
    keys = sending(world)
    arrive(world, keys[:60])
    world.tick()
    assert (accepted(world), blown(world)) == (60, [])


def test_s38_what_went_earlier_in_the_day_counts(world: World) -> None:
    keys = sending(world)
    arrive(world, keys[:40])
    world.tick()
    arrive(world, keys[40:61])
    world.tick()
    assert accepted(world) == 40
    assert blown(world)[0].numbers == {"sent": 40, "sending": 21, "bound": 60}


def test_s38_released_mails_go_and_are_not_late(world: World) -> None:
    keys = sending(world)
    arrive(world, keys[:61])
    world.time_passes(days=3)
    assert accepted(world) == 0
    assert let_go(world) == 61
    world.tick()
    assert (accepted(world), blown(world)) == (61, [])


def test_s38_release_50_sends_fifty_and_holds_the_rest(world: World) -> None:
    keys = sending(world)
    arrive(world, keys[:61])
    world.tick()
    assert let_go(world, some=50) == 50
    world.time_passes(days=1)
    assert accepted(world) == 50
    assert len(blown(world)) == 1
    let_go(world)
    world.tick()
    assert accepted(world) == 61


def test_s38_dropped_mails_are_not_sent_and_their_walks_go_on(world: World) -> None:
    keys = sending(world)
    arrive(world, keys[:61])
    world.tick()
    assert give_up(world) == 61
    world.tick()
    assert {mail.state for mail in world.outbox} == {"cancelled"}
    assert all(walk.due_at is not None for walk in world.walks), "they wait for the next step now"
    assert blown(world) == []


def test_s38_mails_of_walks_that_a_person_let_in_are_not_asked_about_again(world: World) -> None:
    keys = sending(world, fuses="{enter: 20% of customers per day}")
    arrive(world, keys[:65])
    world.tick()
    assert [fuse.kind for fuse in blown(world)] == ["audience"]
    let_go(world)
    world.tick()
    assert (accepted(world), blown(world)) == (65, [])


def test_s38_a_playbook_without_five_sending_days_has_no_usual(world: World) -> None:
    keys = sending(world)
    with world.database.write() as connection:
        connection.execute(PLAYBOOK_DAY.delete())
    arrive(world, keys)
    world.tick()
    assert (accepted(world), blown(world)) == (70, [])


def test_s38_all_mails_together_can_have_a_bound(world: World) -> None:
    keys = sending(world, fuses="{enter: 'off', send: 'off', sender: 30 mails per day}")
    arrive(world, keys[:31])
    world.tick()
    assert accepted(world) == 0
    (fuse,) = blown(world)
    assert (fuse.playbook, fuse.numbers["bound"]) == (None, 30)
    assert let_go(world, "*") == 31
    world.tick()
    assert accepted(world) == 31


def test_s38_a_fuse_of_all_mails_lets_walks_go_on(world: World) -> None:
    journey(world, "q", "- wait: 1 day\n- handoff: Call", enter=f'when: stage == "{NEW}"')
    keys = sending(world, fuses="{enter: 'off', send: 'off', sender: 30 mails per day}")
    arrive(world, keys[:31])
    world.time_passes(days=2)
    assert accepted(world) == 0
    assert len([handoff for handoff in world.handoffs if handoff.playbook == "q"]) == 31


def test_s37_a_persons_pause_outlives_the_release_of_a_fuse(world: World) -> None:
    keys = sending(world)
    arrive(world, keys[:61])
    world.tick()
    stands_still(world, "playbook", "p")
    let_go(world)
    world.time_passes(days=1)
    assert accepted(world) == 0


def test_s38_days_are_counted_once_they_are_over(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n- wait: 90 days")
    world.deploy()
    company(world)
    company(world, "other")
    world.time_passes(days=2)
    found = select(PLAYBOOK_DAY.c.day, PLAYBOOK_DAY.c.mails).where(PLAYBOOK_DAY.c.mails > 0)
    with world.database.write() as connection:
        count_days(connection, world.app.require_published(), world.now)
        (row,) = connection.execute(found).all()
    assert (row.day.isoformat(), row.mails) == ("2027-03-01", 2)


def sent_before(world: World, number: int, playbook: str = "p", *, bounced: int = 0, complained: int = 0) -> None:
    """So many mails that were accepted in the last hours, the first few of them bad."""
    with world.database.write() as connection:
        customer = connection.scalar(select(CUSTOMER.c.id).where(CUSTOMER.c.key == "sakura"))
        rows = [
            {
                "customer_id": customer,
                "playbook": playbook,
                "step": f"s{place}",
                "occurrence": "1",
                "template": "hello",
                "sender": "workspace",
                "state": "accepted",
                "priority": 50,
                "due_at": world.now,
                "not_before": world.now,
                "created_at": world.now,
                "token": 1,
                "claims": 0,
                "attempts": 1,
                "accepted_at": world.now - timedelta(seconds=number - place),
                "over_at": world.now,
                "bounced_at": world.now if place < bounced else None,
                "complained_at": world.now if bounced <= place < bounced + complained else None,
            }
            for place in range(number)
        ]
        connection.execute(insert(MESSAGE), rows)


def told(world: World, kind: str, *, bounced: int = 0) -> None:
    """One playbook with a history and, last, one mail about which the provider tells something bad now."""
    world.mail("hello")
    journey(world, "p", "- email: hello\n- wait: 1 day\n- handoff: Call")
    world.deploy()
    company(world)
    sent_before(world, 499, bounced=bounced)
    world.tick()
    world.time_passes(hours=1)
    world.tell(mail_id(world, "hello"), kind)
    world.tick()


def test_s38_a_bounce_rate_of_five_percent_of_the_last_500_pauses_the_playbook(world: World) -> None:
    told(world, "bounced", bounced=24)
    (fuse,) = blown(world)
    assert (fuse.kind, fuse.playbook) == ("bounces", "p")
    assert fuse.numbers == {"bad": 25, "mails": 500, "percent": 5.0, "bound": 5.0}
    (card,) = [handoff for handoff in world.handoffs if handoff.kind == "fuse"]
    assert card.title["en"] == "Fuse: 25 of the last 500 mails of p bounced (5.0 %, bound 5.0 %)"
    world.time_passes(days=3)
    assert {handoff.kind for handoff in world.handoffs} == {"fuse"}, "the playbook stands still"


def test_s38_below_five_percent_nothing_happens(world: World) -> None:
    told(world, "bounced", bounced=23)
    assert blown(world) == []


def test_s38_older_mails_than_the_last_500_do_not_count(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n- wait: 9 days")
    world.deploy()
    company(world)
    sent_before(world, 700, bounced=100)
    world.tick()
    world.tell(mail_id(world, "hello"), "bounced")
    world.tick()
    assert blown(world) == []


def test_s38_one_complaint_among_the_last_500_pauses_the_playbook(world: World) -> None:
    told(world, "complained")
    (fuse,) = blown(world)
    assert (fuse.kind, fuse.numbers["bad"], fuse.numbers["mails"]) == ("complaints", 1, 500)


def test_s38_after_a_release_only_new_mails_count(world: World) -> None:
    told(world, "bounced", bounced=24)
    world.time_passes(hours=1)
    let_go(world)
    company(world, "other")
    world.time_passes(hours=1)
    assert mails(world, "other") == ["hello"]
    world.tell(mail_id(world, "hello", "other"), "bounced")
    world.tick()
    assert blown(world) == []


def test_s38_what_several_playbooks_share_stops_all_mails_with_one_card(world: World) -> None:
    world.mail("hello")
    for name in ("p", "q"):
        journey(world, name, "- email: hello\n- wait: 9 days")
    world.deploy()
    company(world)
    sent_before(world, 100, "p", bounced=8)
    sent_before(world, 100, "q", bounced=8)
    world.time_passes(hours=1)
    world.tell(mail_id(world, "hello"), "bounced")
    world.tick()
    (fuse,) = blown(world)
    assert (fuse.kind, fuse.playbook) == ("bounces", None)
    company(world, "other")
    world.time_passes(days=1)
    assert states(world, "other")[0][1] == "pending"
    let_go(world, "*")
    world.tick()
    assert "hello" in mails(world, "other")


def test_s38_what_was_released_is_not_asked_about_again_on_the_next_day(world: World) -> None:
    keys = sending(world)
    arrive(world, keys[:61])
    world.tick()
    let_go(world)
    stands_still(world, "playbook", "p")
    world.time_passes(hours=26)
    assert accepted(world) == 0
    goes_on(world, "playbook", "p")
    world.tick()
    assert (accepted(world), blown(world)) == (61, [])


def test_s38_explain_names_the_fuse_that_holds_a_mail_with_its_numbers(world: World) -> None:
    keys = sending(world)
    arrive(world, keys[:61])
    world.tick()
    (line,) = [line for line in world.explain(keys[0], "p").now if line.verdict == "inside"]
    assert line.reason == "held_by_fuse"
    assert line.sentence.startswith("Fuse: p would send 61 more mails today after 0; usual is at most 60.")
