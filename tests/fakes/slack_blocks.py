"""Checks Block Kit as Slack does (docs.slack.dev/reference/block-kit): known types, required fields, limits, unique ids.
Independent of bot.slack.blocks on purpose: it is the oracle of what Slack would refuse with `invalid_blocks`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Found = list[str]


def faults_of(blocks: Any) -> Found:
    """What is wrong, empty when Slack would take the blocks."""
    if not isinstance(blocks, list) or len(blocks) > 50:
        return ["a message has a list of at most 50 blocks"]
    found: Found = []
    for number, block in enumerate(blocks):
        check = _BLOCKS.get(block.get("type")) if isinstance(block, Mapping) else None
        found += [f"block {number}: {fault}" for fault in (check(block) if check else ["unknown type"])]
    ids = [block["block_id"] for block in blocks if isinstance(block, Mapping) and "block_id" in block]
    if len(ids) != len(set(ids)) or any(not 0 < len(one) <= 255 for one in ids):
        found.append("block ids are unique and at most 255 long")
    return found


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _text(value: Any, limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Found:
    if not isinstance(value, Mapping) or value.get("type") not in kinds:
        return [f"a text object of {kinds} is required"]
    text = value.get("text")
    if not isinstance(text, str) or not 0 < _units(text) <= limit:
        return [f"a text has 1 to {limit} characters, not {_units(text) if isinstance(text, str) else text!r}"]
    allowed = {"type", "text", "emoji"} if value["type"] == "plain_text" else {"type", "text", "verbatim"}
    unknown = set(value) - allowed
    return [f"unknown {sorted(unknown)}"] if unknown else _markup(text) if value["type"] == "mrkdwn" else []


def _markup(text: str) -> Found:
    """Nothing that people write may become a mention, a link or half an entity; only mentions of users by id may stand."""
    found: Found = []
    if re.sub(r"<@[UW][A-Z0-9]+>", "", text).count("<"):
        found.append(f"unescaped markup: {text[:80]!r}")
    if re.search(r"&(?!(?:amp|lt|gt);)", text):
        found.append(f"a broken entity: {text[-40:]!r}")
    return found


def _keys(block: Mapping[str, Any], required: set[str], optional: set[str] = frozenset()) -> Found:  # type: ignore[assignment]
    given = set(block) - {"type", "block_id"}
    faults = [f"missing {name}" for name in sorted(required - given)]
    return faults + [f"unknown {name}" for name in sorted(given - required - optional)]


def _header(block: Mapping[str, Any]) -> Found:
    return _keys(block, {"text"}) or _text(block["text"], 150, ("plain_text",))


def _section(block: Mapping[str, Any]) -> Found:
    found = _keys(block, set(), {"text", "fields", "accessory", "expand"})
    if "text" not in block and "fields" not in block:
        return [*found, "a section has text or fields"]
    if "text" in block:
        found += _text(block["text"], 3000)
    fields = block.get("fields", [{"type": "mrkdwn", "text": "x"}])
    if not isinstance(fields, list) or not 0 < len(fields) <= 10:
        return [*found, "a section has 1 to 10 fields"]
    return found + [fault for field in fields for fault in _text(field, 2000)]


def _context(block: Mapping[str, Any]) -> Found:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 0 < len(elements) <= 10:
        return ["a context has 1 to 10 elements"]
    return _keys(block, {"elements"}) + [fault for element in elements for fault in _text(element, 3000)]


def _divider(block: Mapping[str, Any]) -> Found:
    return _keys(block, set())


def _actions(block: Mapping[str, Any]) -> Found:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 0 < len(elements) <= 25:
        return ["actions have 1 to 25 elements"]
    found = _keys(block, {"elements"})
    names = [element.get("action_id") for element in elements]
    if len(names) != len(set(names)):
        found.append("action ids are unique in a block")
    for element in elements:
        check = _ELEMENTS.get(element.get("type"))
        found += check(element) if check else ["unknown element"]
    return found


def _button(element: Mapping[str, Any]) -> Found:
    found = _keys(element, {"text", "action_id"}, {"value", "style", "url", "confirm", "accessibility_label"})
    found += _text(element.get("text"), 75, ("plain_text",))
    if not 0 < len(element.get("action_id", "")) <= 255 or not _units(element.get("value", "x")) <= 2000:
        found.append("an action id has 1 to 255 characters, a value at most 2000")
    if element.get("style", "primary") not in ("primary", "danger"):
        found.append("a style is primary or danger")
    return found


def _select(element: Mapping[str, Any]) -> Found:
    found = _keys(element, {"action_id", "options"}, {"placeholder", "initial_option", "confirm", "focus_on_load"})
    if "placeholder" in element:
        found += _text(element["placeholder"], 150, ("plain_text",))
    options = element.get("options")
    if not isinstance(options, list) or not 0 < len(options) <= 100:
        return [*found, "a menu has 1 to 100 options"]
    for option in options:
        found += _text(option.get("text"), 75, ("plain_text",))
        if not 0 < _units(str(option.get("value", ""))) <= 150:
            found.append("an option's value has 1 to 150 characters")
    return found


_BLOCKS: dict[Any, Callable[[Mapping[str, Any]], Found]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "divider": _divider,
    "actions": _actions,
}
_ELEMENTS: dict[Any, Callable[[Mapping[str, Any]], Found]] = {"button": _button, "static_select": _select}
