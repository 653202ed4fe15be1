"""How people react: seeded, in order of time, and never against what a mail or a hand-off allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.chance import Chance
from bot.demo.personas import Persona
from bot.demo.reactions import in_office_hours, react_to_handoff, react_to_mail, react_to_review
from bot.demo.voices import CHURN_REASONS

seeds = st.integers(0, 10_000)
personas = st.sampled_from(Persona)


@given(seeds, personas)
def test_a_person_opens_after_delivery_and_clicks_after_opening(seed: int, persona: Persona) -> None:
    by_people = [reaction for reaction in react_to_mail(Chance(seed), persona) if not reaction.is_machine]
    assert [reaction.kind for reaction in by_people] == ["delivered", "opened", "clicked"][: len(by_people)]
    assert sorted(by_people, key=lambda reaction: reaction.after) == by_people


@given(seeds, personas)
def test_a_dead_address_bounces_and_nothing_else(seed: int, persona: Persona) -> None:
    found = react_to_mail(Chance(seed), persona, is_dead_address=True)
    assert [reaction.kind for reaction in found] == ["bounced"]


def test_machines_open_and_click_too() -> None:
    found = [reaction for seed in range(300) for reaction in react_to_mail(Chance(seed), Persona.HEALTHY)]
    assert {reaction.kind for reaction in found if reaction.is_machine} == {"opened", "clicked"}


def test_champions_read_more_than_those_at_risk() -> None:
    def opened(persona: Persona) -> int:
        mails = (react_to_mail(Chance(seed), persona) for seed in range(400))
        return sum(any(r.kind == "opened" and not r.is_machine for r in mail) for mail in mails)

    assert opened(Persona.CHAMPION) > 1.4 * opened(Persona.AT_RISK)


@given(seeds, personas, st.lists(st.sampled_from(["renewing", "at risk", "lost"]), unique=True), st.booleans())
def test_a_handoff_is_acknowledged_before_it_is_done_with_one_of_its_outcomes(
    seed: int, persona: Persona, outcomes: list[str], is_urgent: bool
) -> None:
    found = react_to_handoff(Chance(seed), persona, outcomes, is_urgent=is_urgent, in_english=False)
    assert [reaction.act for reaction in found] == ["acknowledged", "done"][: len(found)]
    assert sorted(found, key=lambda reaction: reaction.after) == list(found)
    for reaction in found:
        assert reaction.outcome is None or reaction.outcome in outcomes


def test_what_a_handoff_asks_is_answered_unless_nobody_was_reached() -> None:
    ask = {
        "churn_reason": "churn_reasons",
        "attributes.case_published": "yes_no",
        "attributes.goal": "text",
        "note": "text",
    }
    deeds = [
        reaction
        for seed in range(60)
        for reaction in react_to_handoff(
            Chance(seed), Persona.HEALTHY, ["answered", "no answer"], is_urgent=False, in_english=True, ask=ask
        )
        if reaction.act == "done"
    ]
    answered = [deed.answers for deed in deeds if deed.outcome == "answered"]
    assert {answers["churn_reason"] for answers in answered} == set(CHURN_REASONS)
    assert {answers["attributes.case_published"] for answers in answered} == {True, False}
    assert all(answers.keys() == ask.keys() - {"note"} and answers["attributes.goal"] for answers in answered)
    unreached = [deed.answers for deed in deeds if deed.outcome == "no answer"]
    assert unreached
    assert not any(unreached)


@pytest.mark.parametrize("in_english", [True, False])
def test_notes_are_written_in_the_language_of_the_colleague(in_english: bool) -> None:
    found = [
        reaction.note
        for seed in range(60)
        for reaction in react_to_handoff(
            Chance(seed), Persona.HEALTHY, ["renewing"], is_urgent=True, in_english=in_english
        )
        if reaction.note
    ]
    assert found
    assert all(note.isascii() is in_english for note in found)


def test_some_handoffs_and_some_reviews_are_overlooked() -> None:
    acts = [react_to_handoff(Chance(n), Persona.HEALTHY, (), is_urgent=False, in_english=True) for n in range(300)]
    assert {len(found) for found in acts} == {0, 1, 2}
    assert None in {react_to_review(Chance(number)) for number in range(300)}


@given(st.integers(0, 364 * 24 * 60), st.sampled_from(["Asia/Tokyo", "Europe/London"]))
def test_colleagues_act_in_office_hours_only(minutes: int, zone: str) -> None:
    at = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = in_office_hours(at, zone)
    local = found.astimezone(ZoneInfo(zone))
    assert found >= at
    assert local.weekday() < 5
    assert 9 <= local.hour < 18
    assert found - at < timedelta(days=12)
