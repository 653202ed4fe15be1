"""Draws a success plan as a form (how each objective stands, its tasks) and reads what was changed in it. Pure. plan_forms.py opens it
and takes it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.insight.brief_plans import summary_of
from bot.pipeline.plan_acts import Wanted
from bot.rules.field_types import say as say_text
from bot.slack import form_blocks
from bot.slack.blocks import BOXES, Block, checkboxes, escaped, one_line, option, section
from bot.slack.cards import PLAN
from bot.slack.form_blocks import filled, memory_of
from bot.slack.wording import is_japanese, say, written_day
from storage.plan_views import ObjectiveView, PlanView
from storage.plans import ObjectiveState

__all__ = ["CALLBACK", "PLAN", "WHY", "changes_in", "draw_plan", "keeps_one", "plan_line", "takes_out"]

CALLBACK = "plan_open_form"
WHY = "plan_why"
TITLE = 200
NAME = 80


def plan_line(plan: PlanView, locale: str) -> str:
    """`Recovery: 1 of 3 reached, 45 %, until 2027-04-30 (active)`, escaped."""
    told = summary_of(plan, lambda english, japanese: japanese if is_japanese(locale) else english, locale)
    return escaped(one_line(told), TITLE)


def draw_plan(plan: PlanView, reference: str, locale: str) -> Block:
    """`reference` comes back when it is sent, with what was shown."""
    head = section(f"*{escaped(one_line(plan.customer_name), NAME)}* · {plan_line(plan, locale)}")
    fields = [block for each in plan.objectives for block in _objective(each, locale)]
    why = form_blocks.field(
        WHY, say("plan_why", locale), form_blocks.text_input(), optional=True, hint=say("plan_why_hint", locale)
    )
    shown = {str(each.number): [each.state.value, *each.ticked] for each in plan.objectives}
    return form_blocks.modal(
        say("plan", locale),
        [head, *fields, why],
        close=say("form_cancel", locale),
        submit=say("plan_now", locale),
        callback_id=CALLBACK,
        about={"reference": reference, "locale": locale, "plan": plan.id, "shown": shown},
    )


def _objective(each: ObjectiveView, locale: str) -> Iterator[Block]:
    told = {"progress": f"{each.progress:.0%}", "due": written_day(each.due_on, locale), "owner": each.owner or ""}
    menu = form_blocks.choice([(state.value, say(f"plan_{state.value}", locale)) for state in ObjectiveState], "")
    menu["initial_option"] = option(say(f"plan_{each.state.value}", locale), each.state.value)
    yield form_blocks.field(
        _state_block(each.number),
        f"{each.number}. {say_text(each.title, locale)}",
        menu,
        hint=say("plan_hint_owner" if each.owner else "plan_hint", locale, **told),
    )
    for first in range(0, len(each.tasks), BOXES):
        places = range(first, min(first + BOXES, len(each.tasks)))
        boxes = [(str(place), say_text(each.tasks[place], locale), place in each.ticked) for place in places]
        block_id = _tasks_block(each.number, first)
        label = say("plan_tasks", locale, number=str(each.number))
        yield form_blocks.field(block_id, label, checkboxes(block_id, boxes), optional=True)


def _state_block(number: int) -> str:
    return f"plan_state_{number}"


def _tasks_block(number: int, first: int) -> str:
    return f"plan_tasks_{number}_{first}"


def changes_in(view: Mapping[str, Any]) -> dict[int, Wanted]:
    """What was changed against what the form showed, by the objective's number; tasks from 1. What somebody else changed
    meanwhile and this person left alone is not in it."""
    found: dict[int, Wanted] = {}
    for number, (state, *ticked) in _shown(view):
        chosen = filled(view, _state_block(number)) or state
        after, before = _ticked(view, number), {int(place) for place in ticked}
        want = Wanted(
            state=ObjectiveState(chosen) if chosen != state else None,
            done=frozenset(place + 1 for place in after - before),
            undone=frozenset(place + 1 for place in before - after),
        )
        if want != Wanted():
            found[number] = want
    return found


def takes_out(view: Mapping[str, Any]) -> bool:
    return any(want.state is ObjectiveState.DROPPED for want in changes_in(view).values())


def keeps_one(view: Mapping[str, Any]) -> bool:
    """Whether an objective is left that counts."""
    return any(filled(view, _state_block(number)) != ObjectiveState.DROPPED for number, _ in _shown(view))


def _shown(view: Mapping[str, Any]) -> Iterator[tuple[int, list[Any]]]:
    shown = memory_of(view).get("shown")
    for number, stood in (shown if isinstance(shown, dict) else {}).items():
        yield int(number), stood


def _ticked(view: Mapping[str, Any], number: int) -> set[int]:
    values = (view.get("state") or {}).get("values") or {}
    blocks = (block for name, block in values.items() if name.startswith(f"plan_tasks_{number}_"))
    boxes = (box for block in blocks for element in block.values() for box in element.get("selected_options") or ())
    return {int(box["value"]) for box in boxes}
