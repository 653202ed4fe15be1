"""Gives every step an id: the author's, else its template's or playbook's name, else one made of its own defining
text, so that an edited wait is another step and nobody is misplaced. Ids of the named kinds are never made unique
here: a second use is the author's to name (S16, bot.authoring.structure)."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable

from bot.rules.steps_model import (
    AssignStep,
    BranchStep,
    EmailStep,
    EndStep,
    EnrollStep,
    HandoffStep,
    IfStep,
    LogStep,
    PlanStep,
    SetStep,
    SplitStep,
    Step,
    SurveyStep,
    WaitStep,
    WebhookStep,
    walk_steps,
)

NAMED_KINDS = frozenset({"email", "enroll", "survey", "plan", "assign", "webhook"})


def short_digest(text: str) -> str:
    """Six hex digits of the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def slug(text: str) -> str:
    """Lower-case ASCII words joined by `-`; empty when nothing ASCII remains."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", ascii_text.lower()))[:60].strip("-")


def default_id(step: Step) -> str:
    """The id of a step whose author gave none."""
    match step:
        case HandoffStep():
            title = step.title.get("en") or next(iter(step.title.values()))
            return f"handoff-{slug(title) or short_digest(title)}"
        case WaitStep(duration=str(duration)):
            return f"wait-{slug(duration)}"
        case WaitStep():
            return f"wait-until-{short_digest('|'.join((step.until or step.until_moment or '', step.at_most or '')))}"
        case _:
            return _own_name(step) or f"{step.kind}-{short_digest(_own_text(step))}"


def _own_name(step: Step) -> str:
    """What the named kinds are called; empty for the others."""
    match step:
        case SurveyStep():
            return step.name
        case EmailStep():
            return step.template
        case EnrollStep():
            return step.playbook
        case AssignStep() | PlanStep():
            return step.name
        case WebhookStep():
            return step.url
        case _:
            return ""


def _own_text(step: Step) -> str:
    """The text that makes this step this step."""
    match step:
        case IfStep():
            return step.condition
        case BranchStep():
            return "|".join(case.when for case in step.cases)
        case SplitStep():
            return "|".join(arm.arm for arm in step.arms)
        case SetStep():
            return json.dumps(step.values, sort_keys=True)
        case LogStep():
            return json.dumps(step.text, sort_keys=True)
        case _:
            return step.outcome if isinstance(step, EndStep) else step.kind


def with_ids(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The same steps, each with an id."""
    taken = {step.id for step in walk_steps(steps) if step.id}

    def name(step: Step) -> str:
        chosen = step.id or default_id(step)
        if step.id or step.kind in NAMED_KINDS:
            taken.add(chosen)
            return chosen
        free, number = chosen, 2
        while free in taken:
            free, number = f"{chosen}-{number}", number + 1
        taken.add(free)
        return free

    return map_steps(steps, lambda step: step.model_copy(update={"id": name(step)}))


def map_steps(steps: tuple[Step, ...], change: Callable[[Step], Step]) -> tuple[Step, ...]:
    """Every step replaced by `change(step)`, parents before children, in document order."""
    return tuple(_map_blocks(change(step), change) for step in steps)


def _map_blocks(step: Step, change: Callable[[Step], Step]) -> Step:
    match step:
        case WaitStep() | IfStep():
            then, otherwise = map_steps(step.then, change), map_steps(step.otherwise, change)
            return step.model_copy(update={"then": then, "otherwise": otherwise})
        case BranchStep():
            cases = tuple(case.model_copy(update={"steps": map_steps(case.steps, change)}) for case in step.cases)
            return step.model_copy(update={"cases": cases, "otherwise": map_steps(step.otherwise, change)})
        case SplitStep():
            arms = tuple(arm.model_copy(update={"steps": map_steps(arm.steps, change)}) for arm in step.arms)
            return step.model_copy(update={"arms": arms})
        case _:
            return step
