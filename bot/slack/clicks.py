"""The buttons of a card that need no form: Acknowledge, the boxes of tasks, the flag. Reads what Slack tells of a press and hands
it to recording.py. The buttons that ask something first are in act_forms.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from slack_bolt import App

from bot.pipeline import handoff_acts
from bot.pipeline.handoff_acts import Actor
from bot.slack.cards import ACKNOWLEDGE, FLAG, PLACE_MARK, TASKS, places_of, shown_tasks
from bot.slack.context import Body, Listener, SlackContext, channel_of
from bot.slack.recording import USER, Act, Press, Recorder
from storage.handoff_deeds import Move
from storage.handoff_views import HandoffRecord

Reading: TypeAlias = Callable[[Mapping[str, Any]], tuple[str, Act] | None]


def register(bolt: App, context: SlackContext) -> None:
    for action, listener in listeners(context).items():
        bolt.action(action)(listener)


def listeners(context: SlackContext) -> dict[str, Listener]:
    """By the button's action id."""
    recorder = Recorder(context)

    def pressed(reading: Reading) -> Callable[[Body], None]:
        def work(body: Body) -> None:
            action = action_of(body)
            found = reading(action) if action is not None else None
            press = press_of_card(body, found[0]) if found is not None else None
            if found is None or press is None:
                context.on_error(ValueError("a Slack payload was no press on a hand-off card"))
                return
            recorder.do(press, found[1])

        return work

    readings: dict[str, Reading] = {ACKNOWLEDGE: _acknowledged, TASKS: _ticked, FLAG: _flagged}
    return {action: context.later(pressed(reading)) for action, reading in readings.items()}


def action_of(body: Body) -> Mapping[str, Any] | None:
    """What was pressed; None for a payload that is no press."""
    action = next(iter(body.get("actions") or ()), None)
    return action if isinstance(action, Mapping) else None


def press_of_card(body: Body, reference: str) -> Press | None:
    """None where nobody pressed it."""
    action = action_of(body) or {}
    container = body.get("container") or {}
    user = str((body.get("user") or {}).get("id", ""))
    if not USER.fullmatch(user):
        return None
    return Press(
        reference=reference,
        user=user,
        channel=channel_of(body),
        ts=str(container.get("message_ts", "")),
        key=f"{action.get('action_ts', '')}-{user}",
    )


def _acknowledged(action: Mapping[str, Any]) -> tuple[str, Act]:
    def act(actor: Actor, handoff: HandoffRecord) -> Move:
        return handoff_acts.acknowledge(actor, handoff.id)

    return str(action.get("value", "")), act


def _flagged(action: Mapping[str, Any]) -> tuple[str, Act]:
    reference, _, wanted = str(action.get("value", "")).partition(PLACE_MARK)

    def act(actor: Actor, handoff: HandoffRecord) -> Move:
        return handoff_acts.flag(actor, handoff.id, is_on=wanted != "0")

    return reference, act


def _ticked(action: Mapping[str, Any]) -> tuple[str, Act] | None:
    """None where the block is not one of a card's tasks."""
    shown = shown_tasks(str(action.get("block_id", "")))
    if shown is None:
        return None
    reference, before = shown
    after = places_of(str(box.get("value", "")) for box in action.get("selected_options") or ())

    def act(actor: Actor, handoff: HandoffRecord) -> Move:
        return handoff_acts.tick(actor, handoff.id, done=after - before, undone=before - after)

    return reference, act
