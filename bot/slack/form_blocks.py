"""Modals of Block Kit within Slack's limits: inputs with their labels, the frame around them, and reading what was filled in.
Pure. Used by act_forms.py."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.slack.blocks import OPTIONS, PLACEHOLDER, Block, length, option, plain, section

TITLE = 24
LABEL = 2000
LONGEST_TEXT = 3000
METADATA = 3000


def modal(
    title: str, blocks: Sequence[Block], *, close: str, submit: str = "", callback_id: str = "", about: Any = None
) -> Block:
    """Without `submit` there is nothing to send. `about` comes back with it, as JSON. Raises: ValueError where that is too
    much for Slack."""
    memory = json.dumps(about, separators=(",", ":"), ensure_ascii=False) if about is not None else ""
    if length(memory) > METADATA:
        raise ValueError("a modal remembers at most 3000 characters")
    view = {"type": "modal", "title": plain(title, TITLE), "close": plain(close, TITLE), "blocks": list(blocks)}
    if callback_id:
        view |= {"callback_id": callback_id}
    if submit:
        view |= {"submit": plain(submit, TITLE)}
    return view | ({"private_metadata": memory} if memory else {})


def told(title: str, markup: str, *, close: str) -> Block:
    """A modal that only says something; `markup` is escaped."""
    return modal(title, [section(markup)], close=close)


def field(block_id: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    """An input; its element has the same action id as the block."""
    more = {"hint": plain(hint, LABEL)} if hint else {}
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, LABEL),
        "element": {**element, "action_id": block_id},
        "optional": optional,
        **more,
    }


def text_input(*, is_long: bool = False) -> Block:
    return {"type": "plain_text_input", "multiline": is_long, "max_length": LONGEST_TEXT}


def choice(options: Iterable[tuple[str, str]], placeholder: str) -> Block:
    """A menu of (value, text)."""
    listed = [option(text, value) for value, text in list(options)[:OPTIONS]]
    return {"type": "static_select", "placeholder": plain(placeholder, PLACEHOLDER), "options": listed}


def user_select(placeholder: str) -> Block:
    return {"type": "users_select", "placeholder": plain(placeholder, PLACEHOLDER)}


def moment(initial: int) -> Block:
    """Day and time in the person's own clock; `initial` in epoch seconds."""
    return {"type": "datetimepicker", "initial_date_time": initial}


def memory_of(view: Mapping[str, Any]) -> dict[str, Any]:
    """What the modal was given as `about`; empty for a modal that is not ours."""
    try:
        found = json.loads(view.get("private_metadata") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def filled(view: Mapping[str, Any], block_id: str) -> str:
    """What stands in an input, as text; "" where nothing does."""
    values = ((view.get("state") or {}).get("values") or {}).get(block_id) or {}
    element = values.get(block_id) or {}
    chosen = (element.get("selected_option") or {}).get("value")
    found = (element.get("value"), chosen, element.get("selected_user"), element.get("selected_date_time"))
    return next((str(value).strip() for value in found if value is not None), "")
