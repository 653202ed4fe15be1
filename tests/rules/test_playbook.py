"""What a playbook's model accepts, fills in and refuses; how it is stored and told apart from another version."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.rules.field_types import say
from bot.rules.playbook import Enter, Playbook, canonical_json, playbook_digest
from bot.rules.steps_model import EmailStep, walk_steps

BASE: dict[str, Any] = {
    "name": "test",
    "title": "Test",
    "walks": "customer",
    "enter": {"manual": True},
    "steps": [{"kind": "email", "template": "hello"}],
}


def playbook(**changes: Any) -> Playbook:
    return Playbook.model_validate(BASE | changes)


def refusal(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        playbook(**changes)
    return str(caught.value)


def test_defaults_are_those_of_the_language() -> None:
    made = playbook()
    assert (made.state, made.priority, made.versions, made.on_resume) == ("draft", 50, "follow", "shift")
    assert (made.late.action, made.late.after, made.goal_within) == ("skip", "24 hours", "30 days")
    assert (made.exit_on_churn, made.holdout, made.again.kind) == (True, 0.0, "default")


@pytest.mark.parametrize(("walks", "to"), [("customer", ("anyone",)), ("contact", ("contact",))])
def test_a_mail_without_recipient_goes_to_whoever_walks(walks: str, to: tuple[str, ...]) -> None:
    step = playbook(walks=walks).steps[0]
    assert isinstance(step, EmailStep)
    assert step.to == to


@pytest.mark.parametrize(
    ("enter", "trigger"),
    [
        ({"when": "renewed"}, "when"),
        ({"when": "renewed", "signal": "quiet"}, "signal"),
        ({"on": "survey.answered", "when": "event.score <= 6"}, "on"),
        ({"at": "renewal_date - 90 days"}, "at"),
        ({"every": "monday 09:00"}, "every"),
        ({"every": "3 months", "from_": "2027-04-01 09:00"}, "every"),
        ({"once": "2027-04-01 09:00"}, "once"),
        ({"after": "welcome"}, "after"),
        ({"manual": True, "when": "renewed"}, "manual"),
    ],
)
def test_a_condition_beside_another_trigger_is_a_filter(enter: dict[str, Any], trigger: str) -> None:
    assert Enter.model_validate(enter).trigger == trigger


@pytest.mark.parametrize(
    ("enter", "words"),
    [
        ({}, "no trigger"),
        ({"manual": False}, "no trigger"),
        ({"on": "x", "at": "renewal_date"}, "several triggers"),
        ({"every": "3 months"}, "no start"),
        ({"on": "x", "from_": "2027-04-01 09:00"}, "beside `every`"),
        ({"every": "mondays"}, "at what time"),
        ({"at": "renewal_date - 90"}, "unit"),
        ({"once": "soon"}, "date"),
        ({"once": "today 17:00"}, "date"),
        ({"once": "2027-13-01"}, "calendar"),
        ({"manual": True, "within": "a while"}, "duration"),
    ],
)
def test_an_entry_that_cannot_work_is_refused(enter: dict[str, Any], words: str) -> None:
    assert words in refusal(enter=enter)


@pytest.mark.parametrize(
    ("text", "kind", "after", "times"),
    [
        ("always", "always", None, None),
        ("never", "never", None, None),
        ("after 90 days", "after", "90 days", None),
        ("at most 3 times", "default", None, 3),
        ("after 90 days, at most 1 time", "after", "90 days", 1),
    ],
)
def test_s5_again_narrows_entering(text: str, kind: str, after: str | None, times: int | None) -> None:
    again = playbook(again=text).again
    assert (again.kind, again.after, again.times) == (kind, after, times)


@pytest.mark.parametrize("text", ["sometimes", "after", "after a while", "at most 0 times", "at most many times", ""])
def test_again_says_what_it_knows(text: str) -> None:
    assert refusal(again=text)


@pytest.mark.parametrize(("text", "share"), [("10%", 0.1), ("0.5 %", 0.005), ("0.25", 0.25), (0.1, 0.1), ("0%", 0.0)])
def test_a_holdout_is_a_share(text: str, share: float) -> None:
    assert playbook(holdout=text).holdout == pytest.approx(share)


@pytest.mark.parametrize("text", ["100%", "1", "-1%", "nan", ".inf", "ten", "10 percent"])
def test_a_holdout_of_everybody_or_of_nonsense_is_refused(text: str) -> None:
    assert "holdout" in refusal(holdout=text)


@pytest.mark.parametrize(
    ("text", "action", "after"),
    [("skip", "skip", "24 hours"), ("send", "send", "24 hours"), ("skip after 2 days", "skip", "2 days")],
)
def test_s8_late_says_what_happens_and_when(text: str, action: str, after: str) -> None:
    late = playbook(late=text).late
    assert (late.action, late.after) == (action, after)


def test_an_unknown_key_is_refused_at_any_depth() -> None:
    assert "tittle" in refusal(tittle="x")
    assert "tempalte" in refusal(steps=[{"kind": "email", "template": "x", "tempalte": "y"}])


@pytest.mark.parametrize(
    "step",
    [
        {"kind": "wait"},
        {"kind": "wait", "duration": "5 days", "until": "renewed"},
        {"kind": "wait", "duration": "5 days", "at_most": "9 days"},
        {"kind": "wait", "until_moment": "2027-09-09 15:00", "otherwise": [{"kind": "end", "outcome": "x"}]},
        {"kind": "wait", "duration": "five days"},
        {"kind": "split", "arms": [{"arm": "a", "weight": 1}]},
        {"kind": "handoff", "title": {}},
        {"kind": "handoff", "title": "x", "brief": ["mood"]},
        {"kind": "branch", "cases": []},
        {"kind": "dance"},
    ],
)
def test_a_step_that_cannot_work_is_refused(step: dict[str, Any]) -> None:
    assert refusal(steps=[step])


EVERY_STEP: list[dict[str, Any]] = [
    {"kind": "email", "template": "hello", "to": "champion", "sender": "csm", "late": "send", "window": "14:00-17:00"},
    {"kind": "survey", "name": "nps"},
    {
        "kind": "handoff",
        "title": {"en": "Call", "ja": "電話"},
        "category": "risk",
        "tasks": ["a", {"ja": "b"}],
        "ask": {"x": "text"},
    },
    {"kind": "wait", "duration": "09:00 next business day"},
    {"kind": "wait", "until": "renewed", "at_most": "3 days", "then": [{"kind": "end", "outcome": "ok"}]},
    {"kind": "wait", "until_moment": "renewal_date - 30 days"},
    {"kind": "if", "condition": "renewed", "then": [{"kind": "log", "text": "x"}], "otherwise": []},
    {"kind": "branch", "cases": [{"when": "renewed", "steps": [{"kind": "log", "text": "y"}]}], "otherwise": []},
    {"kind": "split", "arms": [{"arm": "a", "weight": 50}, {"arm": "b", "weight": 50, "steps": []}]},
    {"kind": "set", "values": {"stage": "adoption", "attributes.n": 3, "attributes.x": None, "attributes.t": True}},
    {"kind": "assign", "name": "basics"},
    {"kind": "plan", "name": "recovery", "owner": "csm"},
    {"kind": "enroll", "playbook": "other"},
    {"kind": "webhook", "url": "https://example.com/hook"},
    {"kind": "end", "outcome": "done"},
]


def test_every_kind_of_step_survives_being_stored() -> None:
    made = playbook(steps=EVERY_STEP, holdout="10%", again="after 3 days", late="skip after 2 days", title={"ja": "題"})
    assert Playbook.model_validate_json(made.model_dump_json()) == made
    assert Playbook.model_validate(made.model_dump(mode="json")) == made


def test_the_digest_is_of_the_meaning_and_not_of_the_lines() -> None:
    first = playbook(steps=[{"kind": "email", "template": "hello", "line": 5}])
    moved = playbook(steps=[{"kind": "email", "template": "hello", "line": 90}])
    other = playbook(steps=[{"kind": "email", "template": "goodbye", "line": 5}])
    assert canonical_json(first) == canonical_json(moved)
    assert playbook_digest(first) == playbook_digest(moved) == playbook_digest(first.model_dump_json())
    assert playbook_digest(first) != playbook_digest(other)
    assert len(playbook_digest(first)) == 64


def test_an_attribute_called_line_counts_for_the_digest() -> None:
    def setting(value: int) -> Playbook:
        return playbook(steps=[{"kind": "set", "id": "s", "values": {"kind": "x", "line": value}}])

    assert playbook_digest(setting(1)) != playbook_digest(setting(2))


@pytest.mark.parametrize(
    ("text", "locale", "said"),
    [
        ({"en": "Hello", "ja": "こんにちは"}, "ja", "こんにちは"),
        ({"en": "Hello", "ja": "こんにちは"}, "ja-JP", "こんにちは"),
        ({"en": "Hello", "ja": "こんにちは"}, "fr", "Hello"),
        ({"": "Plain", "en": "Hello"}, "fr", "Plain"),
        ({"ja": "こんにちは"}, "fr", "こんにちは"),
        ({}, "en", ""),
    ],
)
def test_a_text_is_said_in_the_nearest_language(text: dict[str, str], locale: str, said: str) -> None:
    assert say(text, locale) == said


_LEAVES = st.sampled_from(
    [
        {"kind": "email", "template": "hello"},
        {"kind": "wait", "duration": "5 days"},
        {"kind": "log", "text": "x"},
        {"kind": "end", "outcome": "x"},
    ]
)


def _inner(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    block = st.lists(children, max_size=3)
    choice = st.builds(
        lambda then, rest: {"kind": "if", "condition": "renewed", "then": then, "otherwise": rest}, block, block
    )
    wait = st.builds(
        lambda then, rest: {"kind": "wait", "until": "renewed", "at_most": "3 days", "then": then, "otherwise": rest},
        block,
        block,
    )
    return choice | wait


STEPS = st.lists(st.recursive(_LEAVES, _inner, max_leaves=12), min_size=1, max_size=4)


@given(STEPS)
def test_s16_every_step_gets_an_id_and_unnamed_kinds_never_share_one(steps: list[dict[str, Any]]) -> None:
    made = playbook(steps=steps)
    ids = [step.id for step in walk_steps(made.steps) if step.kind != "email"]
    assert all(ids)
    assert len(ids) == len(set(ids))
    assert Playbook.model_validate_json(made.model_dump_json()) == made
