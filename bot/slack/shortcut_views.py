"""The modals of the two message shortcuts, and a modal that only tells something. Pure: origin, text and language in, Block Kit
out. The message's text is a proposal that the person may change."""

from __future__ import annotations

from typing import Any

from bot.slack.blocks import SECTION_TEXT, Block, clean, one_line, plain, section, shorten
from bot.slack.command_words import phrase

CUSTOMER_PICK = "journey_customer"
NOTE = "note"
TASK = "task"
DETAILS = "details"
OWNER = "owner"
DUE = "due"
URGENCY = "urgency"
TITLE_TEXT = 24
INPUT_TEXT = 3000
TASK_TEXT = 150
LABEL = 200


def log_view(origin: str, text: str, locale: str) -> dict[str, Any]:
    """Customer and note."""
    note = {"type": "plain_text_input", "multiline": True, "initial_value": shorten(clean(text), INPUT_TEXT)}
    return _modal(
        "journey_log_modal",
        phrase("log_title", locale),
        phrase("save", locale),
        [_customer(locale), _input(NOTE, phrase("field_note", locale), _filled(note))],
        origin,
        locale,
    )


def handoff_view(origin: str, text: str, locale: str) -> dict[str, Any]:
    """Customer, what is to be done, by whom, until when."""
    task = {"type": "plain_text_input", "max_length": TASK_TEXT}
    details = {"type": "plain_text_input", "multiline": True, "initial_value": shorten(clean(text), INPUT_TEXT)}
    urgencies = [_option(phrase(f"urgency_{name}", locale), name) for name in ("high", "normal", "low")]
    urgency = {"type": "static_select", "options": urgencies, "initial_option": urgencies[1]}
    blocks = [
        _customer(locale),
        _input(TASK, phrase("field_task", locale), task),
        _input(DETAILS, phrase("field_details", locale), _filled(details), optional=True),
        _input(OWNER, phrase("field_owner", locale), {"type": "users_select"}, optional=True),
        _input(DUE, phrase("field_due", locale), {"type": "datepicker"}, optional=True),
        _input(URGENCY, phrase("field_urgency", locale), urgency),
    ]
    title, create = phrase("handoff_title", locale), phrase("create", locale)
    return _modal("journey_handoff_modal", title, create, blocks, origin, locale)


def told_view(markup: str, locale: str, title: str = "journeybot") -> dict[str, Any]:
    """A modal that only says something."""
    return {
        "type": "modal",
        "title": plain(title, TITLE_TEXT),
        "close": plain(phrase("close", locale), TITLE_TEXT),
        "blocks": [section(markup[:SECTION_TEXT])],
    }


def _modal(callback_id: str, title: str, submit: str, blocks: list[Block], origin: str, locale: str) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, TITLE_TEXT),
        "submit": plain(submit, TITLE_TEXT),
        "close": plain(phrase("cancel", locale), TITLE_TEXT),
        "private_metadata": origin,
        "blocks": blocks,
    }


def _customer(locale: str) -> Block:
    placeholder = plain(phrase("type_a_name", locale), LABEL)
    pick = {"type": "external_select", "min_query_length": 1, "placeholder": placeholder}
    return _input(CUSTOMER_PICK, phrase("field_customer", locale), pick)


def _input(name: str, label: str, element: Block, *, optional: bool = False) -> Block:
    """Block and action have the same id."""
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label, LABEL),
        "element": {**element, "action_id": name},
        "optional": optional,
    }


def _filled(element: Block) -> Block:
    """Slack refuses an initial value without a character."""
    return {name: value for name, value in element.items() if name != "initial_value" or one_line(value)}


def _option(text: str, value: str) -> Block:
    return {"text": plain(text, 75), "value": value}
