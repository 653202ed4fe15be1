"""Checks blocks and views as Slack does (docs.slack.dev/reference/block-kit, .../views): known types, required fields,
limits, unique ids. Independent of bot.slack.blocks on purpose: it is the oracle of what Slack would refuse with
`invalid_blocks` or `invalid_arguments`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.fakes.slack_elements import (
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    PLAIN,
    Found,
    element_faults,
    image_faults,
    key_faults,
    text_faults,
    units,
)

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
VIEW_BYTES = 250_000
_MODAL = {"title", "blocks"}
_MODAL_OPTIONAL = {
    "submit", "close", "callback_id", "external_id", "private_metadata", "clear_on_close", "notify_on_close",
    "submit_disabled",
}  # fmt: skip
_HOME_OPTIONAL = {"callback_id", "external_id", "private_metadata"}


def faults_of(blocks: Any, most: int = MESSAGE_BLOCKS) -> Found:
    """What is wrong, empty when Slack would take the blocks."""
    if not isinstance(blocks, list) or len(blocks) > most:
        return [f"there is a list of at most {most} blocks"]
    found: Found = []
    for number, block in enumerate(blocks):
        check = _BLOCKS.get(block.get("type")) if isinstance(block, Mapping) else None
        found += [f"block {number}: {fault}" for fault in (check(block) if check else ["unknown type"])]
    ids = [block["block_id"] for block in blocks if isinstance(block, Mapping) and "block_id" in block]
    if len(ids) != len(set(ids)) or any(not 0 < len(one) <= 255 for one in ids):
        found.append("block ids are unique and at most 255 long")
    if sum(bool(element.get("focus_on_load")) for element in elements_of(blocks)) > 1:
        found.append("only one element takes the focus")
    return found


def view_faults(view: Any) -> Found:
    """What is wrong with a modal or an App Home."""
    if not isinstance(view, Mapping) or view.get("type") not in ("modal", "home"):
        return ["a view is a modal or a home"]
    is_modal = view["type"] == "modal"
    found = key_faults(view, _MODAL if is_modal else {"blocks"}, _MODAL_OPTIONAL if is_modal else _HOME_OPTIONAL)
    for name in ("title", "submit", "close"):
        if name in view:
            found += [f"{name}: {fault}" for fault in text_faults(view[name], 24, PLAIN)]
    for name, most in {"callback_id": 255, "external_id": 255, "private_metadata": 3000}.items():
        if units(str(view.get(name, ""))) > most:
            found.append(f"{name} has at most {most} characters")
    blocks = view.get("blocks")
    found += faults_of(blocks, VIEW_BLOCKS)
    has_input = isinstance(blocks, list) and any(block.get("type") == "input" for block in blocks)
    if is_modal and has_input and "submit" not in view:
        found.append("a modal with input has a submit")
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES:
        found.append("a view has at most 250 kB")
    return found


def elements_of(blocks: Any) -> Iterator[Mapping[str, Any]]:
    """Everything in these blocks that can be pressed or filled in."""
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, Mapping):
            continue
        inner = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        for element in inner:
            if isinstance(element, Mapping) and "action_id" in element:
                yield {"block_id": block.get("block_id", ""), **element}


def _header(block: Mapping[str, Any]) -> Found:
    return key_faults(block, {"text"}) or text_faults(block["text"], 150, PLAIN)


def _section(block: Mapping[str, Any]) -> Found:
    found = key_faults(block, set(), {"text", "fields", "accessory", "expand"})
    if "text" not in block and "fields" not in block:
        return [*found, "a section has text or fields"]
    if "text" in block:
        found += text_faults(block["text"], 3000)
    if "accessory" in block:
        found += element_faults(block["accessory"], IN_SECTION)
    fields = block.get("fields", [{"type": "mrkdwn", "text": "x"}])
    if not isinstance(fields, list) or not 0 < len(fields) <= 10:
        return [*found, "a section has 1 to 10 fields"]
    return found + [fault for field in fields for fault in text_faults(field, 2000)]


def _context(block: Mapping[str, Any]) -> Found:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 0 < len(elements) <= 10:
        return ["a context has 1 to 10 elements"]
    found = key_faults(block, {"elements"})
    for element in elements:
        is_image = isinstance(element, Mapping) and element.get("type") == "image"
        found += image_faults(element) if is_image else text_faults(element, 3000)
    return found


def _divider(block: Mapping[str, Any]) -> Found:
    return key_faults(block, set())


def _actions(block: Mapping[str, Any]) -> Found:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 0 < len(elements) <= 25:
        return ["actions have 1 to 25 elements"]
    found = key_faults(block, {"elements"})
    names = [element.get("action_id") for element in elements]
    if len(names) != len(set(names)):
        found.append("action ids are unique in a block")
    return found + [fault for element in elements for fault in element_faults(element, IN_ACTIONS)]


def _input(block: Mapping[str, Any]) -> Found:
    found = key_faults(block, {"label", "element"}, {"hint", "optional", "dispatch_action"})
    found += text_faults(block.get("label"), 2000, PLAIN) + element_faults(block.get("element"), IN_INPUT)
    return found + (text_faults(block["hint"], 2000, PLAIN) if "hint" in block else [])


_BLOCKS: dict[Any, Callable[[Mapping[str, Any]], Found]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "divider": _divider,
    "actions": _actions,
    "input": _input,
    "image": image_faults,
}
