"""What `check` says about one condition."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rules.condition_checks import check_condition


def _rules(text: str, **changes: Any) -> list[str]:
    given: dict[str, Any] = {"walks": "customer", "steps": ["notice"], "has_event": False, "has_walk": True}
    return [finding.rule for finding in check_condition(text, **{**given, **changes})]


def test_a_good_condition_has_no_findings() -> None:
    assert _rules('clicked("notice") and stage == "adoption"') == []


@pytest.mark.parametrize(
    ("text", "changes", "rules"),
    [
        ('stag == "x"', {}, ["unknown-name"]),
        ('stage = "x"', {}, ["trap"]),
        ('clicked("notise")', {}, ["unknown-step"]),
        ('count("login", since="other") > 0', {}, ["unknown-step"]),
        ('clicked("notice")', {"has_walk": False}, ["no-walk"]),
        ('contact.locale == "ja"', {}, ["no-contact"]),
        ('contact.attributes.x == "ja"', {}, ["no-contact"]),
        ('contact.locale == "ja"', {"walks": "contact"}, []),
        ("event.score <= 6", {}, ["no-event"]),
        ("event.score <= 6", {"has_event": True}, []),
        ('replied("notice")', {}, ["no-inbound-route"]),
        ('replied("notice")', {"replies_set_up": True}, []),
        ("stage_overdue", {}, []),
        ("today", {}, ["type"]),
        ("today", {"is_value": True}, []),
        ("renewed", {"has_walk": False}, []),
    ],
)
def test_each_fault_has_its_rule(text: str, changes: dict[str, Any], rules: list[str]) -> None:
    assert _rules(text, **changes) == rules


def test_an_unknown_step_names_the_nearest() -> None:
    (found,) = check_condition(
        'opened("notise")', walks="customer", steps=["notice", "x"], has_event=False, has_walk=True
    )
    assert found.hint == "did you mean `notice`?"
