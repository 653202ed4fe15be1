"""Hears the menu at the end of a line (line_menu.py): a choice is handed to the listener of the button that it stands for, as if that
had been pressed. Knows no rule of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import App

from bot.slack import act_forms, clicks, lists, mail_modal, plan_forms
from bot.slack.clicks import action_of
from bot.slack.context import Listener, SlackContext
from bot.slack.line_menu import MENU, meant_button


def register(bolt: App, context: SlackContext) -> None:
    buttons: dict[str, Listener] = {
        **clicks.listeners(context),
        **act_forms.listeners(context),
        **mail_modal.listeners(context),
        **lists.listeners(context),
        **plan_forms.listeners(context),
    }

    def chosen(ack: Callable[..., Any], body: dict[str, Any]) -> None:
        action = action_of(body) or {}
        meant = meant_button(action)
        button = buttons.get(meant["action_id"]) if meant is not None else None
        if meant is None or button is None:
            ack()
            context.on_error(ValueError("a Slack payload was no choice from the menu of a hand-off"))
            return
        pressed = {name: value for name, value in action.items() if name != "selected_option"}
        button(ack, {**body, "actions": [{**pressed, **meant}]})

    bolt.action(MENU)(chosen)
