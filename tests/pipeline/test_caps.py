"""How much is too much: caps per person and per customer, who goes first, what is kept free for whom, what people do in spite of
it (semantics.md S15, S18). Every no names who has the room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.pipeline.caps import cap_passed
from bot.pipeline.mail_context import load_cases
from bot.pipeline.outbox_acts import approve, resend
from storage.facts import Meeting
from storage.handoff_moves import done
from tests.cast import Member, change, person
from tests.pipeline.scenes import (
    change_contact,
    company,
    journey,
    mail_id,
    mails,
    outcomes,
    settings,
    states,
    took,
    utc,
)
from tests.world import World

OFFICE = 'windows: [{days: every day, hours: "09:00-18:00"}]'


def capped(world: World, cap: str = "mails_per_contact: 1 per day", more: str = "") -> None:
    settings(world, f"caps: {{{cap}}}\n{more}")


def two_journeys(world: World, *, high: str = "", low: str = "", later: str = "2 hours") -> None:
    """`low` owes its mail on arrival, `high` owes its own so much later; neither is more important, so no room is kept."""
    world.mail("important", "nice")
    journey(world, "high", f"- wait: {later}\n- email: important\n{high}")
    journey(world, "low", f"- email: nice\n{low}")
    world.deploy()


def begin(world: World, key: str = "sakura", **values: Any) -> Member:
    """A company comes, and we look at it at once."""
    member = company(world, key, **values)
    world.tick()
    return member


def went(world: World, key: str = "sakura") -> list[tuple[str, object]]:
    return [(mail.template, mail.accepted_at) for mail in world.sent if mail.customer == key]


def test_s15_a_second_mail_of_the_day_waits_for_the_next_day(world: World) -> None:
    capped(world)
    two_journeys(world)
    begin(world)
    world.time_passes(days=2)
    assert went(world) == [("nice", utc("2027-03-01 00:00")), ("important", utc("2027-03-01 15:00"))]
    (found,) = took(world, "cap_mails")
    assert found.details["winner"]["en"] == f"mail {mail_id(world, 'nice')} (low → nice)"
    assert found.details["cap"] == {"en": "1 per 1 day", "ja": "1日に1回"}
    world.assert_explained()


def test_s15_the_next_room_is_taken_within_the_window(world: World) -> None:
    capped(world, more=OFFICE)
    two_journeys(world)
    begin(world)
    world.time_passes(days=2)
    assert went(world) == [("nice", utc("2027-03-01 00:00")), ("important", utc("2027-03-02 00:00"))]


def test_s15_of_two_due_together_the_more_important_goes(world: World) -> None:
    capped(world)
    world.mail("important", "nice")
    journey(world, "low", "- email: nice", more="priority: 20")
    journey(world, "high", "- email: important", more="priority: 80")
    world.deploy()
    begin(world)
    world.time_passes(days=2)
    assert [template for template, _ in went(world)] == ["important", "nice"]


def test_s15_room_is_kept_for_what_is_more_important_and_due_later_that_day(world: World) -> None:
    capped(world, more=OFFICE)
    world.mail("important", "nice")
    journey(world, "high", '- email: important\n  window: "15:00-16:00"', more="priority: 80")
    journey(world, "low", "- email: nice", more="priority: 20")
    world.deploy()
    begin(world)
    world.time_passes(days=3, every=timedelta(minutes=30))
    assert went(world) == [("important", utc("2027-03-01 06:00")), ("nice", utc("2027-03-02 00:00"))]
    (kept,) = took(world, "room_kept")
    assert kept.details["winner_mail"] == mail_id(world, "important")


WAITING = "- wait: 2 hours\n- email: important"


@pytest.mark.parametrize("cap", ["mails_per_contact: 1 per day", "touches_per_customer: 1 per day"])
def test_s15_room_is_kept_for_a_walk_whose_wait_ends_today(world: World, cap: str) -> None:
    """Nobody owes that mail yet, and everybody can know of it."""
    capped(world, cap)
    world.mail("important", "nice")
    journey(world, "high", WAITING, more="priority: 80")
    journey(world, "low", "- email: nice", more="priority: 20")
    world.deploy()
    begin(world)
    assert went(world) == []
    world.time_passes(days=2, every=timedelta(hours=2))
    assert went(world) == [("important", utc("2027-03-01 02:00")), ("nice", utc("2027-03-01 16:00"))]
    (kept,) = took(world, "room_kept")
    assert kept.details["winner"]["en"] == f"the coming mail of walk {kept.details['winner_walk']} (high → important)"


@pytest.mark.parametrize(
    ("steps", "more"),
    [
        (WAITING, "priority: 20"),
        ("- wait: 20 hours\n- email: important", "priority: 80"),
        ("- wait: 2 hours\n- email: important\n  to: decision_maker", "priority: 80"),
        ('- wait: {until: tier == "gold", at_most: 2 hours}\n- email: important', "priority: 80"),
        (f'{WAITING}\n  window: "06:00-07:00"', "priority: 80"),
    ],
    ids=["no more important", "not today", "to nobody", "not for sure", "its window opens tomorrow"],
)
def test_s15_no_room_is_kept_for_a_walk_that_may_not_need_it(world: World, steps: str, more: str) -> None:
    capped(world)
    world.mail("important", "nice")
    journey(world, "high", steps, more=more)
    journey(world, "low", "- email: nice", more="priority: 20")
    world.deploy()
    begin(world)
    assert went(world) == [("nice", utc("2027-03-01 00:00"))]


def test_s15_room_is_not_kept_for_what_is_less_important(world: World) -> None:
    capped(world, more=OFFICE)
    world.mail("important", "nice")
    journey(world, "high", "- email: important", more="priority: 80")
    journey(world, "low", '- email: nice\n  window: "15:00-16:00"', more="priority: 20")
    world.deploy()
    begin(world)
    world.time_passes(days=1, every=timedelta(minutes=30))
    assert went(world)[0] == ("important", utc("2027-03-01 00:00"))


def test_s15_kept_room_is_given_back_when_the_important_mail_does_not_come(world: World) -> None:
    capped(world, more=OFFICE)
    world.mail("important", "nice")
    journey(
        world,
        "high",
        '- email: important\n  window: "15:00-16:00"',
        more='priority: 80\nexit:\n  - {when: tier == "gold", outcome: gold}',
    )
    journey(world, "low", "- email: nice", more="priority: 20")
    world.deploy()
    begin(world)
    world.time_passes(hours=2)
    assert went(world) == []
    change(world.database, "sakura", tier="gold")
    world.time_passes(hours=12, every=timedelta(minutes=30))
    assert went(world) == [("nice", utc("2027-03-01 06:00"))]


def test_s15_capped_mail_waits_until_it_expires_and_says_who_had_the_room(world: World) -> None:
    capped(world, "mails_per_contact: 1 per 7 days")
    two_journeys(world)
    begin(world)
    world.time_passes(days=4)
    assert states(world) == [("nice", "accepted"), ("important", "expired")]
    (dropped,) = took(world, "capped_out")
    assert (dropped.verdict, dropped.details["winner_mail"]) == ("not_sent", mail_id(world, "nice"))
    assert outcomes(world, playbook="high") == ["completed"]


def test_s15_several_caps_all_hold(world: World) -> None:
    capped(world, "mails_per_contact: [1 per day, 2 per 7 days]")
    world.mail("a", "b", "c")
    for name in ("a", "b", "c"):
        journey(world, name, f"- email: {name}\n  expires: 20 days")
    world.deploy()
    begin(world)
    world.time_passes(days=9)
    assert [at for _, at in went(world)] == [
        utc("2027-03-01 00:00"),
        utc("2027-03-01 15:00"),
        utc("2027-03-07 15:00"),
    ]


def test_s18_the_day_of_a_cap_is_the_readers(world: World) -> None:
    capped(world)
    two_journeys(world, later="11 hours")
    begin(world, "tokyo")
    begin(world, "boston", timezone="America/New_York")
    world.time_passes(days=2, every=timedelta(hours=1))
    assert went(world, "tokyo")[1] == ("important", utc("2027-03-01 15:00"))
    assert went(world, "boston")[1] == ("important", utc("2027-03-01 11:00"))


def test_a_cap_in_hours_counts_hours(world: World) -> None:
    capped(world, "mails_per_contact: 1 per 12 hours")
    two_journeys(world)
    begin(world)
    world.time_passes(days=1, every=timedelta(minutes=30))
    assert went(world)[1] == ("important", utc("2027-03-01 12:00"))


def test_s15_an_exempt_step_goes_and_counts(world: World) -> None:
    capped(world)
    world.mail("first", "exempt", "third")
    journey(world, "p", "- email: first\n- email: exempt\n  cap: exempt\n- email: third")
    world.deploy()
    begin(world)
    world.time_passes(days=3)
    assert went(world) == [
        ("first", utc("2027-03-01 00:00")),
        ("exempt", utc("2027-03-01 00:00")),
        ("third", utc("2027-03-01 15:00")),
    ]
    assert len(took(world, "cap_passed")) == 1


def test_s15_a_persons_own_send_is_counted_and_warned_of_but_never_blocked(world: World) -> None:
    capped(world)
    world.mail("nice", "checked", "third")
    journey(world, "a", "- email: nice", more="priority: 90")
    journey(world, "b", "- email: checked\n  review: csm\n- wait: 1 hour\n- email: third", more="priority: 10")
    world.deploy()
    begin(world)
    world.time_passes(hours=1)
    held = mail_id(world, "checked")
    with world.database.write() as connection:
        approve(connection, held, by="sato", at=world.now)
    published = world.app.require_published()
    with world.database.read() as connection:
        (case,) = load_cases(connection, world.app.ground(published), [held])
        warned = cap_passed(connection, published, case, world.now)
    assert warned is not None
    assert warned["winner_mail"] == mail_id(world, "nice")
    world.time_passes(hours=3)
    assert mails(world) == ["nice", "checked"]
    assert len(took(world, "cap_passed")) == 1
    world.time_passes(days=1)
    assert mails(world) == ["nice", "checked", "third"]


def test_s15_a_mail_that_a_person_resends_is_not_blocked(world: World) -> None:
    from bot.channels.base import Answer, Outcome

    capped(world)
    world.mail("nice", "broken")
    journey(world, "b", "- email: broken", more="priority: 90")
    journey(world, "a", "- wait: 1 hour\n- email: nice")
    world.deploy()
    world.channel.script(Answer(outcome=Outcome.REFUSED, reason="rejected"))
    begin(world)
    world.time_passes(hours=3)
    assert mails(world) == ["nice"]
    with world.database.write() as connection:
        resend(connection, mail_id(world, "broken"), by="sato", at=world.now)
    world.time_passes(hours=1)
    assert mails(world) == ["nice", "broken"]


@pytest.mark.parametrize("cap", ["1 per day", "0 per day"])
def test_a_refused_mail_takes_no_room(world: World, cap: str) -> None:
    from bot.channels.base import Answer, Outcome

    capped(world, f"mails_per_contact: {cap}")
    world.mail("nice", "broken")
    journey(world, "b", "- email: broken\n- email: nice")
    world.deploy()
    world.channel.script(Answer(outcome=Outcome.REFUSED, reason="rejected"))
    begin(world)
    world.time_passes(hours=3)
    assert mails(world) == (["nice"] if cap == "1 per day" else [])


def test_an_unknown_mail_takes_room_since_it_may_have_arrived(world: World) -> None:
    from bot.channels.base import Answer, Outcome

    capped(world)
    world.mail("lost", "nice")
    journey(world, "b", "- email: lost\n- email: nice")
    world.deploy()
    world.channel.script(Answer(outcome=Outcome.UNKNOWN, reason="timeout"))
    begin(world)
    world.time_passes(hours=3)
    assert mails(world) == []
    world.time_passes(hours=15)
    assert mails(world) == ["nice"]


def test_s15_done_handoffs_and_held_meetings_are_touches_of_the_customer(world: World) -> None:
    capped(world, "touches_per_customer: 2 per day", more=OFFICE)
    world.mail("nice")
    journey(world, "calls", "- handoff: Call them\n  id: call")
    journey(world, "p", "- wait: 3 hours\n- email: nice")
    world.deploy()
    member = begin(world)
    handoff = next(found for found in world.handoffs if found.customer == "sakura")
    with world.database.write() as connection:
        done(connection, handoff.id, by="sato", at=world.now, key="k", outcome="answered")
        connection.execute(
            Meeting.__table__.insert().values(  # type: ignore[attr-defined]
                customer_id=member.id, source="t", key="m", kind="ebr", starts_at=world.now + timedelta(hours=8)
            )
        )
    world.time_passes(days=2)
    assert went(world) == [("nice", utc("2027-03-02 00:00"))]
    (found,) = took(world, "cap_touches")
    assert found.details["winner"] == {"en": "meeting 1 (ebr)", "ja": "打ち合わせ1（ebr）"}


def test_s15_touches_count_all_people_of_a_customer_and_no_other_customer(world: World) -> None:
    capped(world, "touches_per_customer: 1 per day")
    world.mail("nice")
    journey(world, "p", "- email: nice\n  to: all(user)")
    world.deploy()
    company(world, "small", roles=("user",))
    company(world, "big", roles=("user",))
    person(world.database, "big", "suzuki", world.now, roles=("user",))
    world.tick()
    assert [len(mails(world, key)) for key in ("small", "big")] == [1, 1]
    world.time_passes(days=2)
    assert [len(mails(world, key)) for key in ("small", "big")] == [1, 2]


def test_one_person_is_one_however_many_customers_know_them(world: World) -> None:
    capped(world)
    two_journeys(world, later="1 hour")
    first, second = company(world, "first"), company(world, "second", stage="adoption")
    change_contact(world, first.contact_id, email="Tanaka@group.example")
    change_contact(world, second.contact_id, email="tanaka@GROUP.example")
    journey(world, "low", "- email: nice", enter='when: stage == "adoption"')
    world.deploy()
    world.time_passes(hours=2)
    change(world.database, "second", stage="onboarding")
    world.time_passes(days=2)
    days = sorted((mail.accepted_at + timedelta(hours=9)).date() for mail in world.sent if mail.accepted_at)
    assert len(days) == len(set(days))


def test_surveys_have_a_cap_of_their_own(world: World) -> None:
    capped(world, "surveys_per_contact: 1 per 90 days")
    world.mail("nice")
    for name in ("nps", "csat"):
        world.write(f"templates/emails/{name}.en.md", f"---\nsubject: {name}\ncategory: survey\n---\nHow do we do?\n")
    journey(world, "p", "- email: nps\n- email: nice\n- wait: 30 days\n- email: csat\n- email: nice\n  id: again")
    world.deploy()
    begin(world)
    world.time_passes(days=40)
    assert states(world) == [("nps", "accepted"), ("nice", "accepted"), ("csat", "expired"), ("again", "accepted")]
    assert len(took(world, "cap_surveys")) == 1


def test_without_caps_a_batch_costs_one_look_up(world: World) -> None:
    from sqlalchemy import event

    from bot.pipeline import room as module

    world.mail("nice")
    journey(world, "p", "- email: nice")
    world.deploy()
    company(world)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(world.database.engine, "before_cursor_execute", note)
    try:
        world.tick()
    finally:
        event.remove(world.database.engine, "before_cursor_execute", note)
    assert mails(world) == ["nice"]
    assert len([statement for statement in asked if "other" in statement and "lower" in statement]) == 1
    assert not [statement for statement in asked if "advisory" in statement or "message.over_at >=" in statement]
    assert module.caps_of(world.app.require_published().settings) == ()
