"""Ids that steps get when their author gives none (S16): by name, by words, or by their own text."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rules.playbook import Playbook
from bot.rules.step_ids import short_digest, slug
from bot.rules.steps_model import walk_steps


def ids_of(*steps: dict[str, Any]) -> list[str]:
    made = Playbook.model_validate(
        {"name": "x", "title": "x", "walks": "customer", "enter": {"manual": True}, "steps": list(steps)}
    )
    return [step.id for step in walk_steps(made.steps)]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"kind": "email", "template": "hello"}, "hello"),
        ({"kind": "enroll", "playbook": "other"}, "other"),
        ({"kind": "survey", "name": "nps"}, "nps"),
        ({"kind": "assign", "name": "basics"}, "basics"),
        ({"kind": "plan", "name": "recovery"}, "recovery"),
        ({"kind": "webhook", "url": "https://example.com/x"}, "https://example.com/x"),
        ({"kind": "handoff", "title": {"ja": "電話", "en": "Call, at once!"}}, "handoff-call-at-once"),
        ({"kind": "handoff", "title": "電話"}, f"handoff-{short_digest('電話')}"),
        ({"kind": "wait", "duration": "2 business days"}, "wait-2-business-days"),
        ({"kind": "wait", "until": "renewed", "at_most": "3 days"}, f"wait-until-{short_digest('renewed|3 days')}"),
        ({"kind": "wait", "until_moment": "2027-09-09 15:00"}, f"wait-until-{short_digest('2027-09-09 15:00|')}"),
        ({"kind": "if", "condition": "renewed"}, f"if-{short_digest('renewed')}"),
        ({"kind": "end", "outcome": "done"}, f"end-{short_digest('done')}"),
        ({"kind": "log", "text": "x", "id": "mine"}, "mine"),
    ],
)
def test_s16_the_default_id_comes_from_the_step_itself(step: dict[str, Any], expected: str) -> None:
    assert ids_of(step) == [expected]


def test_an_edited_wait_is_another_step() -> None:
    assert ids_of({"kind": "wait", "duration": "5 days"}) != ids_of({"kind": "wait", "duration": "6 days"})


def test_a_second_unnamed_step_of_the_same_text_is_numbered() -> None:
    wait = {"kind": "wait", "duration": "5 days"}
    assert ids_of(wait, wait, wait) == ["wait-5-days", "wait-5-days-2", "wait-5-days-3"]


def test_a_number_never_takes_an_id_that_the_author_gave_later() -> None:
    wait = {"kind": "wait", "duration": "5 days"}
    assert ids_of(wait, wait, {"kind": "log", "text": "x", "id": "wait-5-days-2"}) == [
        "wait-5-days",
        "wait-5-days-3",
        "wait-5-days-2",
    ]


def test_s16_a_second_use_of_a_template_keeps_its_id_for_check_to_complain() -> None:
    email = {"kind": "email", "template": "hello"}
    assert ids_of(email, email) == ["hello", "hello"]


@pytest.mark.parametrize(("text", "expected"), [("Réunion à 9h", "reunion-a-9h"), ("  --  ", ""), ("A" * 99, "a" * 60)])
def test_a_slug_is_short_ascii(text: str, expected: str) -> None:
    assert slug(text) == expected
