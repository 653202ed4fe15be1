"""The menu at the end of a line, in App Home and in a list of hand-offs: what is chosen there does what the card's button of the
same name does. Draws the menu and reads what was chosen; pure. line_choices.py hears it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.slack.blocks import Block, overflow

MENU = "handoff_menu"


def line_menu(entries: Iterable[tuple[str, str, str]]) -> Block:
    """`entries`: the button's action id, its text and its value."""
    return overflow(MENU, [(f"{action_id} {value}", text) for action_id, text, value in entries])


def meant_button(action: Mapping[str, Any]) -> dict[str, str] | None:
    """The press of the button that a choice stands for; None: it is no choice from such a menu."""
    chosen = str((action.get("selected_option") or {}).get("value") or "")
    action_id, _, value = chosen.partition(" ")
    return {"action_id": action_id, "value": value} if action_id and value else None
