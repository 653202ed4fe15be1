"""The guards hold whatever comes in whatever order: no cap is ever exceeded, rank alone decides, and every no names who won
(semantics.md S15)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules.business_days import BusinessCalendar
from bot.rules.caps import Cap, CapKind, Place, Touch, counted, first_room, period_of
from bot.rules.durations import parse_duration
from bot.rules.guards import Candidate, Copy, Guards, Ruling, Say
from bot.rules.zones import local_date

NOW = datetime(2027, 3, 1, 3, 0, tzinfo=UTC)
TOKYO = Place(zone="Asia/Tokyo", calendar=BusinessCalendar())
BOSTON = Place(zone="America/New_York", calendar=BusinessCalendar())


def cap(text: str, kind: CapKind = CapKind.MAILS) -> Cap:
    count, _, length = text.partition(" per ")
    return Cap(kind=kind, count=int(count), length=parse_duration(length))


def touch(at: datetime, number: int = 0) -> Touch:
    return Touch(at=at, what="mail", id=number, about="p → s")


def wish(number: int, *, priority: int = 50, at: datetime = NOW, person: str = "a", **values: object) -> Candidate:
    base = Candidate(
        id=number,
        priority=priority,
        due_at=at,
        at=at,
        expires_at=at + timedelta(days=3),
        budgets={CapKind.MAILS: person, CapKind.TOUCHES: len(person)},
        person_place=TOKYO,
        customer_place=TOKYO,
        about="p → s",
    )
    return replace(base, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("length", "first"),
    [
        ("1 day", datetime(2027, 2, 28, 15, 0, tzinfo=UTC)),  # midnight of 1 March in Tokyo
        ("7 days", datetime(2027, 2, 22, 15, 0, tzinfo=UTC)),
        ("1 month", datetime(2027, 2, 1, 15, 0, tzinfo=UTC)),
        (
            "2 business days",
            datetime(2027, 2, 25, 15, 0, tzinfo=UTC),
        ),  # Friday and Monday, with the weekend between them
        ("6 hours", NOW - timedelta(hours=6) + timedelta(microseconds=1)),
    ],
)
def test_s18_days_are_calendar_days_of_the_reader_and_hours_are_hours(length: str, first: datetime) -> None:
    start, end = period_of(cap(f"1 per {length}"), NOW, TOKYO)
    assert start in (first, first - timedelta(days=1) if "business" in length else first)
    assert end == datetime(2027, 3, 1, 15, 0, tzinfo=UTC)


def test_s15_the_first_room_is_the_midnight_on_which_enough_falls_out() -> None:
    touches = [touch(NOW - timedelta(days=days)) for days in (1, 3, 5)]
    far = NOW + timedelta(days=60)
    assert first_room(cap("3 per 7 days"), touches, NOW, far, TOKYO) == datetime(2027, 3, 2, 15, 0, tzinfo=UTC)
    assert first_room(cap("1 per 7 days"), touches, NOW, far, TOKYO) == datetime(2027, 3, 6, 15, 0, tzinfo=UTC)
    assert first_room(cap("0 per 7 days"), touches, NOW, far, TOKYO) == far
    soon = NOW + timedelta(hours=5)
    assert first_room(cap("1 per 7 days"), touches, NOW, soon, TOKYO) == soon


def test_s15_a_rival_with_a_cap_against_it_keeps_no_room() -> None:
    caps = [cap("1 per 1 day"), cap("2 per 1 day", CapKind.TOUCHES)]
    first, same_person, other = wish(1, priority=90), wish(2, priority=80), wish(3, priority=10, person="b")
    guards = Guards(caps=caps, now=NOW)
    rulings = guards.rule([replace(first, is_asked=False), replace(same_person, is_asked=False), other])
    assert rulings[3].say is Say.NOW  # the second mail cannot go to `a` today, so its touch is free


@pytest.mark.parametrize("is_moment", [True, False])
def test_of_one_mail_for_one_address_the_first_owed_goes(is_moment: bool) -> None:
    def copy(contact: int) -> Copy:
        moment = "moment:1" if is_moment else None
        return Copy(
            key=("a", "p", "s", None), contact_id=contact, moment=moment, due_at=NOW, lifetime=timedelta(days=3)
        )

    rulings = Guards(caps=[], now=NOW).rule([wish(2, copy=copy(2)), wish(1, copy=copy(1))])
    assert (rulings[1].say, rulings[2].say, rulings[2].details["winner_mail"]) == (Say.NOW, Say.NEVER, 1)
    waits = Guards(caps=[], now=NOW).rule([wish(2, copy=copy(2)), wish(1, copy=copy(1), is_asked=False)])
    assert (waits[2].say, waits[2].details["winner_mail"]) == (Say.LATER, 1)


LENGTHS = st.sampled_from(["1 day", "2 days", "7 days", "12 hours", "2 business days", "1 month"])
CAPS = st.lists(
    st.builds(
        lambda kind, count, length: Cap(kind=kind, count=count, length=parse_duration(length)),
        st.sampled_from([CapKind.MAILS, CapKind.TOUCHES]),
        st.integers(0, 3),
        LENGTHS,
    ),
    min_size=1,
    max_size=3,
)
WISHES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 200), st.sampled_from(["a", "b", "cc"])), min_size=1, max_size=14
)


def wishes_of(drawn: Sequence[tuple[int, int, str]], place: Place) -> list[Candidate]:
    """Wishes at some hour within the next eight days."""
    return [
        wish(number, priority=priority, at=NOW + timedelta(hours=hours), person=person, person_place=place)
        for number, (priority, hours, person) in enumerate(drawn)
    ]


def live_through(
    caps: Sequence[Cap], wishes: Iterable[Candidate], chance: random.Random
) -> tuple[list[tuple[datetime, Candidate]], list[Ruling]]:
    """Hour by hour, whoever is due asks, in batches of random workers; who must wait asks again when told."""
    waiting = {candidate.id: candidate for candidate in wishes}
    sent: list[tuple[datetime, Candidate]] = []
    said: list[Ruling] = []
    now = NOW
    while waiting and now < NOW + timedelta(days=14):
        due = [candidate for candidate in waiting.values() if candidate.at <= now]
        chance.shuffle(due)
        while due:
            size = chance.randint(1, len(due))
            batch, due = due[:size], due[size:]
            asked = {candidate.id for candidate in batch}
            guards = Guards(caps=caps, now=now)
            for at, gone in sent:
                for budget in gone.budgets.items():
                    guards.taken.setdefault(budget, []).append(touch(at, gone.id))
            others = (replace(candidate, is_asked=False) for candidate in waiting.values() if candidate.id not in asked)
            for number, ruling in guards.rule([*batch, *others]).items():
                said.append(ruling)
                candidate = waiting.pop(number)
                if ruling.say is Say.NOW:
                    sent.append((now, candidate))
                elif ruling.until is not None and ruling.until < candidate.expires_at:
                    waiting[number] = replace(candidate, at=ruling.until)
        now += timedelta(minutes=30)
    return sent, said


def keeps(caps: Sequence[Cap], sent: Sequence[tuple[datetime, Candidate]]) -> bool:
    for one in caps:
        for at, candidate in sent:
            place = candidate.place(one.kind)
            mine = [touch(when) for when, other in sent if other.budgets[one.kind] == candidate.budgets[one.kind]]
            start, _ = period_of(one, at, place)
            if len([each for each in mine if start <= each.at <= at]) > one.count:
                return False
    return True


@settings(max_examples=60, deadline=None)
@given(CAPS, WISHES, st.integers(0, 2**32), st.sampled_from([TOKYO, BOSTON]))
def test_s15_no_cap_is_ever_exceeded_and_every_no_names_the_winner(
    caps: list[Cap], drawn: list[tuple[int, int, str]], seed: int, place: Place
) -> None:
    sent, said = live_through(caps, wishes_of(drawn, place), random.Random(seed))
    assert keeps(caps, sent)
    for ruling in said:
        assert ruling.say is Say.NOW or ruling.details["cap"]
        nobody_may = any(one.count == 0 for one in caps)
        assert ruling.say is Say.NOW or nobody_may or "winner" in ruling.details


@settings(max_examples=60, deadline=None)
@given(CAPS, WISHES, st.integers(0, 2**32))
def test_s15_who_goes_does_not_depend_on_the_order_of_claims(
    caps: list[Cap], drawn: list[tuple[int, int, str]], seed: int
) -> None:
    """All due at one moment, claimed in any order in any batches: the same go that day."""
    wishes = [replace(candidate, at=NOW, due_at=NOW) for candidate in wishes_of(drawn, TOKYO)]
    whole = Guards(caps=caps, now=NOW).rule(wishes)
    at_once = {number for number, ruling in whole.items() if ruling.say is Say.NOW}
    sent, _ = live_through(caps, wishes, random.Random(seed))
    today = {candidate.id for at, candidate in sent if at < NOW + timedelta(hours=4)}
    assert {local_date(at, "Asia/Tokyo") for at, _ in sent[: len(at_once)]} <= {local_date(NOW, "Asia/Tokyo")}
    assert today == at_once


def test_what_counts_is_sorted_by_time() -> None:
    times = [NOW - timedelta(hours=hours) for hours in (1, 9, 4)]
    found = counted(cap("9 per 7 days"), [touch(at) for at in times], NOW, TOKYO)
    assert [each.at for each in found] == sorted(times)
