"""Checks Block Kit's composition objects and elements as Slack does (docs.slack.dev/reference/block-kit). Independent of
bot.slack on purpose: it is the oracle of what Slack would refuse. Used by slack_blocks.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Found: TypeAlias = list[str]
Given: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[Given], Found]
PLAIN = ("plain_text",)
ACTED_ON = frozenset({"confirm", "focus_on_load"})


def units(text: str) -> int:
    """As JavaScript counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def text_faults(value: Any, limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Found:
    if not isinstance(value, Mapping) or value.get("type") not in kinds:
        return [f"a text object of {kinds} is required"]
    text = value.get("text")
    if not isinstance(text, str) or not 0 < units(text) <= limit:
        return [f"a text has 1 to {limit} characters, not {units(text) if isinstance(text, str) else text!r}"]
    allowed = {"type", "text", "emoji"} if value["type"] == "plain_text" else {"type", "text", "verbatim"}
    unknown = set(value) - allowed
    return [f"unknown {sorted(unknown)}"] if unknown else _markup(text) if value["type"] == "mrkdwn" else []


def _markup(text: str) -> Found:
    """Nothing that people write may become a mention, a link or half an entity; only mentions of users by id, the date
    format and links to the web may stand."""
    found: Found = []
    meant = r"<@[UW][A-Z0-9]+>|<!date\^\d+\^[^<>|]+\|[^<>]+>|<https?://[^<>|\s]+(?:\|[^<>|]+)?>"
    if re.sub(meant, "", text).count("<"):
        found.append(f"unescaped markup: {text[:80]!r}")
    if re.search(r"&(?!(?:amp|lt|gt);)", text):
        found.append(f"a broken entity: {text[-40:]!r}")
    return found


def key_faults(given: Given, required: set[str], optional: frozenset[str] | set[str] = frozenset()) -> Found:
    names = set(given) - {"type", "block_id"}
    faults = [f"missing {name}" for name in sorted(required - names)]
    return faults + [f"unknown {name}" for name in sorted(names - required - set(optional))]


def element_faults(element: Any, allowed: frozenset[str]) -> Found:
    kind = element.get("type") if isinstance(element, Mapping) else None
    if kind not in allowed:
        return [f"{kind!r} cannot stand here"]
    found = [f"{kind}: {fault}" for fault in _ELEMENTS[str(kind)](element)]
    name = element.get("action_id", "x")
    if not isinstance(name, str) or not 0 < len(name) <= 255:
        found.append(f"{kind}: an action id has 1 to 255 characters")
    if "confirm" in element:
        found += _confirm(element["confirm"])
    if "placeholder" in element:
        found += text_faults(element["placeholder"], 150, PLAIN)
    return found


def _confirm(value: Any) -> Found:
    if not isinstance(value, Mapping):
        return ["confirm is an object"]
    found = key_faults(value, {"title", "text", "confirm", "deny"}, {"style"})
    limits = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
    kinds = {"text": ("plain_text", "mrkdwn")}
    return found + [
        fault
        for name, limit in limits.items()
        if name in value
        for fault in text_faults(value[name], limit, kinds.get(name, PLAIN))
    ]


def option_faults(option: Any, kinds: tuple[str, ...] = PLAIN) -> Found:
    if not isinstance(option, Mapping):
        return ["an option is an object"]
    found = key_faults(option, {"text", "value"}, {"description", "url"}) + text_faults(option.get("text"), 75, kinds)
    if not 0 < units(str(option.get("value", ""))) <= 150:
        found.append("an option's value has 1 to 150 characters")
    return found + (text_faults(option["description"], 75, kinds) if "description" in option else [])


def _options(element: Given, most: int, kinds: tuple[str, ...] = PLAIN, least: int = 1) -> Found:
    options = element.get("options")
    if not isinstance(options, list) or not least <= len(options) <= most:
        return [f"has {least} to {most} options"]
    found = [fault for option in options for fault in option_faults(option, kinds)]
    values = [option.get("value") for option in options]
    if len(values) != len(set(values)):
        found.append("option values are unique")
    initial = [element["initial_option"]] if "initial_option" in element else element.get("initial_options", [])
    if any(option not in options for option in initial) or (initial == [] and "initial_options" in element):
        found.append("an initial option equals one of the options")
    return found


def options_answer_faults(answer: Any) -> Found:
    """What the bot answers to a block_suggestion: options or option_groups."""
    if not isinstance(answer, Mapping) or set(answer) not in ({"options"}, {"option_groups"}):
        return ["options or option_groups are answered"]
    groups = answer.get("option_groups", [{"label": {"type": "plain_text", "text": "x"}, **answer}])
    found: Found = [] if len(groups) <= 100 else ["at most 100 option groups"]
    for group in groups:
        found += text_faults(group.get("label"), 75, PLAIN) + _options(group, 100, least=0)
    return found


def _button(element: Given) -> Found:
    optional = {"value", "style", "url", "confirm", "accessibility_label"}
    found = key_faults(element, {"text", "action_id"}, optional) + text_faults(element.get("text"), 75, PLAIN)
    if units(str(element.get("value", "x"))) > 2000 or units(str(element.get("url", ""))) > 3000:
        found.append("a value has at most 2000 characters, an address 3000")
    if not 0 < units(str(element.get("accessibility_label", "x"))) <= 75:
        found.append("an accessibility label has 1 to 75 characters")
    if element.get("style", "primary") not in ("primary", "danger"):
        found.append("a style is primary or danger")
    return found


def _static_select(element: Given) -> Found:
    optional = ACTED_ON | {"placeholder", "initial_option", "initial_options", "max_selected_items", "option_groups"}
    if "option_groups" in element:
        found = key_faults(element, {"action_id", "option_groups"}, optional)
        return found + options_answer_faults({"option_groups": element["option_groups"]})
    return key_faults(element, {"action_id", "options"}, optional) + _options(element, 100)


def _external_select(element: Given) -> Found:
    optional = ACTED_ON | {
        "placeholder",
        "initial_option",
        "initial_options",
        "min_query_length",
        "max_selected_items",
    }
    found = key_faults(element, {"action_id"}, optional)
    initial = [element["initial_option"]] if "initial_option" in element else element.get("initial_options", [])
    return found + [fault for option in initial for fault in option_faults(option)]


def _place_select(element: Given) -> Found:
    names = {"user", "users", "conversation", "conversations", "channel", "channels"}
    optional = ACTED_ON | {"placeholder", "max_selected_items", "response_url_enabled", "filter"}
    optional |= {"default_to_current_conversation"}
    return key_faults(element, {"action_id"}, optional | {f"initial_{name}" for name in names})


def _boxes(element: Given) -> Found:
    optional = ACTED_ON | {"initial_option", "initial_options"}
    return key_faults(element, {"action_id", "options"}, optional) + _options(element, 10, ("plain_text", "mrkdwn"))


def _overflow(element: Given) -> Found:
    return key_faults(element, {"action_id", "options"}, {"confirm"}) + _options(element, 5)


def _picker(element: Given) -> Found:
    kind = str(element["type"]).removesuffix("picker")
    name = {"date": "initial_date", "time": "initial_time", "datetime": "initial_date_time"}[kind]
    form = {"date": r"\d{4}-\d\d-\d\d", "time": r"[0-2]\d:[0-5]\d", "datetime": r"\d{10}"}[kind]
    found = key_faults(element, {"action_id"}, ACTED_ON | {"placeholder", name, "timezone"})
    if name in element and not re.fullmatch(form, str(element[name])):
        found.append(f"{name} is no {kind}")
    return found


def _input_text(element: Given) -> Found:
    optional = {"initial_value", "multiline", "min_length", "max_length", "dispatch_action_config", "focus_on_load"}
    found = key_faults(element, {"action_id"}, optional | {"placeholder"})
    most = element.get("max_length", 3000)
    if not 0 < most <= 3000 or not 0 <= element.get("min_length", 0) <= most:
        found.append("lengths are at most 3000")
    if units(str(element.get("initial_value", ""))) > most:
        found.append(f"an initial value has at most {most} characters")
    return found


def _number(element: Given) -> Found:
    limits = {"initial_value", "min_value", "max_value"}
    found = key_faults(
        element,
        {"action_id", "is_decimal_allowed"},
        limits | {"dispatch_action_config", "focus_on_load", "placeholder"},
    )
    return found + [f"{name} is a text" for name in limits & set(element) if not isinstance(element[name], str)]


def image_faults(element: Given) -> Found:
    found = key_faults(element, {"image_url", "alt_text"}, {"title"})
    return found + ([] if 0 < units(str(element.get("alt_text", ""))) <= 2000 else ["an image has an alt text"])


_SELECTS: dict[str, Check] = {
    "static_select": _static_select,
    "external_select": _external_select,
    "users_select": _place_select,
    "conversations_select": _place_select,
    "channels_select": _place_select,
}
_ELEMENTS: dict[str, Check] = {
    **_SELECTS,
    **{f"multi_{name}": check for name, check in _SELECTS.items()},
    "button": _button,
    "overflow": _overflow,
    "checkboxes": _boxes,
    "radio_buttons": _boxes,
    "datepicker": _picker,
    "timepicker": _picker,
    "datetimepicker": _picker,
    "plain_text_input": _input_text,
    "email_text_input": _input_text,
    "url_text_input": _input_text,
    "number_input": _number,
    "image": image_faults,
}
_WRITTEN = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input"})
IN_ACTIONS = frozenset(_ELEMENTS) - _WRITTEN - {"image"} - {name for name in _ELEMENTS if name.startswith("multi_")}
IN_SECTION = frozenset(_ELEMENTS) - _WRITTEN - {"datetimepicker"}
IN_INPUT = frozenset(_ELEMENTS) - {"button", "overflow", "image"}
