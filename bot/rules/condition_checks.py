"""What `check` says about one condition before anything runs: steps that do not exist, contact or
event where there is none, replies without an inbound route. Parse errors become findings too. Pure; used by the loader."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from bot.errors import ConditionError
from bot.rules.conditions import Condition, parse_condition, parse_value
from bot.rules.vocabulary_plans import AT_START


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionFinding:
    """`rule` is a stable machine name; the place (file, line, path) is known to whoever asked."""

    rule: str
    message: str
    hint: str = ""


def check_condition(
    text: str,
    *,
    walks: Literal["customer", "contact"],
    steps: Collection[str],
    has_event: bool,
    has_walk: bool,
    replies_set_up: bool = False,
    is_value: bool = False,
    of_plan: bool = False,
) -> list[ConditionFinding]:
    """All that is wrong with a condition (or, `is_value`, with an expression of `set:`), empty when nothing is."""
    try:
        condition = parse_value(text) if is_value else parse_condition(text)
    except ConditionError as fault:
        return [ConditionFinding(rule=fault.rule, message=fault.sentence, hint=fault.hint)]
    return [
        *_walker(condition, walks),
        *_event(condition, has_event=has_event),
        *_walk(condition, has_walk=has_walk, steps=steps),
        *_replies(condition, replies_set_up=replies_set_up),
        *_start(condition, of_plan=of_plan),
    ]


def _start(condition: Condition, *, of_plan: bool) -> Iterator[ConditionFinding]:
    if AT_START in condition.names and not of_plan:
        yield ConditionFinding(
            rule="no-start",
            message=f"`{AT_START}` is asked outside of a plan, and nothing began",
            hint="ask it in the target of an objective of plans.yml; elsewhere `change(…, days=30)` looks back",
        )


def _walker(condition: Condition, walks: str) -> Iterator[ConditionFinding]:
    if condition.needs_contact and walks == "customer":
        yield ConditionFinding(
            rule="no-contact",
            message="`contact.…` in a playbook that walks customers",
            hint='write `walks: contact`, or ask the customer with `has_role("…")`',
        )


def _event(condition: Condition, *, has_event: bool) -> Iterator[ConditionFinding]:
    if condition.event_fields and not has_event:
        yield ConditionFinding(
            rule="no-event",
            message=f"`event.{min(condition.event_fields)}` in a playbook that no event starts",
            hint="start it with `enter: {on: …}`, or use an attribute of the customer",
        )


def _walk(condition: Condition, *, has_walk: bool, steps: Collection[str]) -> Iterator[ConditionFinding]:
    if condition.needs_walk and not has_walk:
        yield ConditionFinding(
            rule="no-walk",
            message="the condition asks about a step, but it is asked before anybody walks",
            hint="ask about steps in `goal`, `exit` and in steps, not in `enter`",
        )
        return
    for step in sorted(condition.steps.difference(steps)):
        found = difflib.get_close_matches(step, sorted(steps), n=1, cutoff=0.5)
        hint = f"did you mean `{found[0]}`?" if found else f"this playbook has {_listed(steps)}"
        yield ConditionFinding(rule="unknown-step", message=f"there is no step `{step}` in this playbook", hint=hint)


def _listed(steps: Collection[str]) -> str:
    return ", ".join(f"`{step}`" for step in sorted(steps)) or "no steps with an id"


def _replies(condition: Condition, *, replies_set_up: bool) -> Iterator[ConditionFinding]:
    if "replied" in condition.names and not replies_set_up:
        yield ConditionFinding(
            rule="no-inbound-route",
            message="`replied` never holds: no inbound mail route is set up",
            hint="set up the inbound route (docs/operations), or ask `clicked(…)` and a hand-off instead",
        )
