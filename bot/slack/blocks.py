"""Block Kit within Slack's limits: each builder escapes what people wrote and shortens with "…", so that no length or
name of a field can turn into an API error, a mention or a link. Pure. Used by cards.py; later by modals and App Home."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

Block: TypeAlias = dict[str, Any]

# docs.slack.dev/reference/block-kit: blocks, block elements, composition objects.
HEADER_TEXT = 150
SECTION_TEXT = 3000
FIELD_TEXT = 2000
FIELDS = 10
CONTEXT_ELEMENTS = 10
BUTTON_TEXT = 75
BUTTON_VALUE = 2000
OPTION_TEXT = 75
OPTION_VALUE = 150
OPTIONS = 100
OVERFLOW = 5
BOXES = 10
PLACEHOLDER = 150
MESSAGE_BLOCKS = 50
FALLBACK_TEXT = 3000

# Control characters but line feed; marks that override or isolate the direction of what stands beside them; surrogates.
_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def clean(text: str) -> str:
    """Without characters that only break lines, direction or JSON."""
    return _UNSAFE.sub(" ", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


def escape(text: str) -> str:
    """Text that Slack shows as it is: no mention, no link. docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def length(text: str) -> int:
    """As Slack counts at worst: an emoji beyond the basic plane is two."""
    return len(text) + sum(character > "\uffff" for character in text)


def shorten(text: str, limit: int) -> str:
    """At most `limit`, with "…" where something was cut."""
    if length(text) <= limit:
        return text
    kept, used = 0, 1
    for character in text[:limit]:
        used += length(character)
        if used > limit:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def escaped(text: str, limit: int) -> str:
    """What a person wrote, escaped, at most `limit` long as sent; never cut inside an entity."""
    tidy = clean(text).strip()
    whole = escape(tidy)
    if length(whole) <= limit:
        return whole
    kept, used = 0, 1
    for character in tidy[:limit]:
        used += length(escape(character))
        if used > limit:
            break
        kept += 1
    return escape(tidy[:kept].rstrip()) + "…"


def plain(text: str, limit: int) -> Block:
    """A plain_text object; never empty, Slack refuses that."""
    return {"type": "plain_text", "text": shorten(one_line(text), limit) or "–", "emoji": False}


def marked(markup: str) -> Block:
    """A mrkdwn object of markup that is escaped already. `verbatim`: Slack must not make links or mentions of words."""
    return {"type": "mrkdwn", "text": markup or "–", "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, HEADER_TEXT)}


def section(markup: str) -> Block:
    """`markup` is escaped and within SECTION_TEXT."""
    return {"type": "section", "text": marked(markup)}


def labelled(label: str, text: str, limit: int) -> str:
    """A bold label above its text."""
    head = f"*{escaped(label, 100)}*\n"
    return head + (escaped(text, limit - length(head)) or "–")


def fields(pairs: Iterable[tuple[str, str]]) -> Block:
    """Pairs of label and text side by side."""
    return {"type": "section", "fields": [marked(labelled(*pair, limit=FIELD_TEXT)) for pair in pairs][:FIELDS]}


def context(lines: Sequence[str]) -> Block:
    """Small grey lines of escaped markup; the last ones when there are too many."""
    return {"type": "context", "elements": [marked(line) for line in lines[-CONTEXT_ELEMENTS:]]}


def button(action_id: str, text: str, value: str, *, style: str | None = None) -> Block:
    """Raises: ValueError for a value that Slack would refuse: it cannot be shortened without meaning another."""
    if not 0 < length(value) <= BUTTON_VALUE:
        raise ValueError("a button's value has 1 to 2000 characters")
    look = {"style": style} if style else {}
    return {"type": "button", "action_id": action_id, "text": plain(text, BUTTON_TEXT), "value": value, **look}


def select(action_id: str, placeholder: str, options: Iterable[tuple[str, str]]) -> Block:
    """A menu of (text, value). Raises: ValueError for a value that Slack would refuse."""
    listed = list(options)[:OPTIONS]
    if any(not 0 < length(value) <= OPTION_VALUE for _, value in listed):
        raise ValueError("an option's value has 1 to 150 characters")
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain(placeholder, PLACEHOLDER),
        "options": [{"text": plain(text, OPTION_TEXT), "value": value} for text, value in listed],
    }


def option(text: str, value: str) -> Block:
    """What does not fit into the first line of a choice goes on below it. Raises: ValueError for a value that Slack would
    refuse."""
    if not 0 < length(value) <= OPTION_VALUE:
        raise ValueError("an option's value has 1 to 150 characters")
    whole = one_line(text)
    rest = whole[len(shorten(whole, OPTION_TEXT)) - 1 :] if length(whole) > OPTION_TEXT else ""
    more = {"description": plain(f"…{rest.lstrip()}", OPTION_TEXT)} if rest.strip() else {}
    return {"text": plain(text, OPTION_TEXT), "value": value, **more}


def overflow(action_id: str, options: Iterable[tuple[str, str]]) -> Block:
    """The three dots with a menu of (value, text), at most OVERFLOW of them."""
    listed = [option(text, value) for value, text in list(options)[:OVERFLOW]]
    return {"type": "overflow", "action_id": action_id, "options": listed}


def checkboxes(action_id: str, boxes: Iterable[tuple[str, str, bool]]) -> Block:
    """Boxes of (value, text, whether it is ticked), at most BOXES of them."""
    listed = [(option(text, value), is_ticked) for value, text, is_ticked in list(boxes)[:BOXES]]
    ticked = [box for box, is_ticked in listed if is_ticked]
    initial = {"initial_options": ticked} if ticked else {}
    return {"type": "checkboxes", "action_id": action_id, "options": [box for box, _ in listed], **initial}


def actions(block_id: str, elements: Sequence[Block]) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def message(blocks: Iterable[Block]) -> list[Block]:
    """At most as many blocks as a message holds; the last one, with the buttons, is always kept."""
    found = list(blocks)
    return found if len(found) <= MESSAGE_BLOCKS else [*found[: MESSAGE_BLOCKS - 1], found[-1]]
