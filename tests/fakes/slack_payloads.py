"""What Slack sends to an app, built as Slack builds it (docs.slack.dev/reference/interaction-payloads, .../events): clicks on
cards and views, submissions, slash commands, message shortcuts, events; and how each is signed for HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.fakes.slack_blocks import elements_of
from tests.fakes.slack_elements import units

TEAM = {"id": "T1", "domain": "fake"}
APP = "A1"


@dataclass(kw_only=True)
class Message:
    """A message as it stands now; `blocks` change with chat.update."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None
    at: float

    @property
    def actions(self) -> list[dict[str, Any]]:
        return [element for block in self.blocks if block["type"] == "actions" for element in block["elements"]]


@dataclass(kw_only=True)
class View:
    """A modal or an App Home as it stands; `content` is what the bot gave, its blocks with the ids that Slack adds."""

    id: str
    user: str
    content: dict[str, Any]
    hash: str = "1.a"
    root: str = ""
    previous: str | None = None
    is_open: bool = True
    updates: int = 0

    @property
    def blocks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.content["blocks"]
        return found

    @property
    def elements(self) -> list[dict[str, Any]]:
        return [dict(element) for element in elements_of(self.blocks)]

    def element(self, action_id: str) -> dict[str, Any]:
        """Raises: StopIteration when nothing in the view has this action id."""
        return next(element for element in self.elements if element["action_id"] == action_id)

    def as_sent(self, filled: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """As Slack sends it back, with what stands in its inputs."""
        return {
            **self.content, "id": self.id, "hash": self.hash, "team_id": "T1", "app_id": APP, "bot_id": "B1",
            "root_view_id": self.root or self.id, "previous_view_id": self.previous,
            "state": {"values": state_of(self.blocks, filled or {})},
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One delivery: `envelope` is Socket Mode's type of it; `payload` the same for both ways."""

    envelope: str
    payload: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    def signed(self, secret: str, at: float | None = None) -> tuple[bytes, dict[str, str]]:
        """Body and headers as Slack posts them."""
        if self.envelope == "events_api":
            body, kind = json.dumps(self.payload), "application/json"
        else:
            form = {"payload": json.dumps(self.payload)} if self.envelope == "interactive" else self.payload
            body, kind = urlencode(form), "application/x-www-form-urlencoded"
        stamp = str(int(time.time() if at is None else at))
        digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        signature = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}
        return body.encode(), {"content-type": kind, **signature, **self.headers}


def press_of(
    message: Message, action: dict[str, Any], *, user: str = "U1", at: str = "1.1", trigger: str = "", **other: Any
) -> dict[str, Any]:
    """What Slack sends when `user` presses `action` (an element of the card; with `selected_option` for a menu)."""
    return {
        "type": "block_actions",
        "team": TEAM,
        "user": {"id": user, "team_id": "T1"},
        "api_app_id": APP,
        "trigger_id": trigger,
        "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
        "channel": {"id": message.channel},
        "message": {"type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks},
        "actions": [{"block_id": "handoff_buttons", "action_ts": at, **action}],
        **other,
    }


def view_press_of(
    view: View, action: dict[str, Any], *, at: str = "1.1", trigger: str = "", filled: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A press in a modal or in App Home."""
    return {
        "type": "block_actions",
        "team": TEAM,
        "user": {"id": view.user, "team_id": "T1"},
        "api_app_id": APP,
        "trigger_id": trigger,
        "container": {"type": "view", "view_id": view.id},
        "view": view.as_sent(filled),
        "actions": [{"action_ts": at, **action}],
    }


def submission_of(view: View, filled: Mapping[str, Any], *, trigger: str = "") -> dict[str, Any]:
    """`filled`: what the person puts into inputs, by action id. Raises: ValueError where Slack's client would not let it go."""
    sent = view.as_sent(filled)
    unknown = set(filled) - {element["action_id"] for element in view.elements}
    missing = [
        block["element"]["action_id"]
        for block in view.blocks
        if block["type"] == "input" and not block.get("optional") and _is_empty(sent["state"]["values"], block)
    ]
    if unknown or missing:
        raise ValueError(f"the view has no {sorted(unknown)}, or wants {missing}")
    user = {"id": view.user, "team_id": "T1"}
    return {
        "type": "view_submission",
        "team": TEAM,
        "user": user,
        "api_app_id": APP,
        "trigger_id": trigger,
        "view": sent,
    }


def closed_of(view: View) -> dict[str, Any]:
    user = {"id": view.user, "team_id": "T1"}
    return {"type": "view_closed", "team": TEAM, "user": user, "api_app_id": APP, "view": view.as_sent()}


def suggestion_of(view: View, action_id: str, typed: str) -> dict[str, Any]:
    """Somebody types into an external select of a view."""
    return {
        "type": "block_suggestion",
        "team": TEAM,
        "user": {"id": view.user, "team_id": "T1"},
        "api_app_id": APP,
        "container": {"type": "view", "view_id": view.id},
        "view": view.as_sent(),
        "action_id": action_id,
        "block_id": view.element(action_id)["block_id"],
        "value": typed,
    }


def command_of(
    text: str, *, user: str = "U1", channel: str = "C1", response_url: str = "", trigger: str = "", command: str = ""
) -> dict[str, Any]:
    """A slash command; forms, so every value is a text."""
    return {
        "command": command or "/journey", "text": text, "user_id": user, "channel_id": channel, "team_id": "T1",
        "api_app_id": APP, "response_url": response_url, "trigger_id": trigger,
    }  # fmt: skip


def shortcut_of(
    callback_id: str,
    *,
    text: str,
    author: str = "U9",
    user: str = "U1",
    channel: str = "C1",
    ts: str = "1799999999.000100",
    response_url: str = "",
    trigger: str = "",
) -> dict[str, Any]:
    """A message shortcut on a message that anybody wrote."""
    return {
        "type": "message_action",
        "callback_id": callback_id,
        "trigger_id": trigger,
        "team": TEAM,
        "user": {"id": user, "team_id": "T1"},
        "channel": {"id": channel, "name": "cs"},
        "message": {"type": "message", "user": author, "ts": ts, "text": text},
        "message_ts": ts,
        "action_ts": "1.1",
        "response_url": response_url,
        "api_app_id": APP,
    }


def event_of(event: dict[str, Any], *, number: str = "1") -> dict[str, Any]:
    """`number` makes the event's id: a retry has the same."""
    return {
        "type": "event_callback",
        "team_id": "T1",
        "api_app_id": APP,
        "event_id": f"Ev{number}",
        "event_time": 1,
        "event": event,
    }


def home_opened(user: str = "U1", *, tab: str = "home") -> dict[str, Any]:
    return {"type": "app_home_opened", "user": user, "channel": f"D-{user}", "tab": tab, "event_ts": "1.1"}


def message_event(
    text: str, *, user: str = "U1", channel: str, ts: str, thread_ts: str | None = None
) -> dict[str, Any]:
    """Somebody wrote in a channel or direct message, or in a card's thread."""
    thread = {"thread_ts": thread_ts} if thread_ts else {}
    kind = "im" if channel.startswith("D") else "channel"
    return {
        "type": "message", "channel": channel, "channel_type": kind, "user": user, "text": text, "ts": ts,
        "event_ts": ts, **thread,
    }  # fmt: skip


def state_of(blocks: list[dict[str, Any]], filled: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What stands in the inputs of a view: what was filled in by action id, else the initial values."""
    found: dict[str, dict[str, Any]] = {}
    for element in elements_of(blocks):
        state = _state(element, filled.get(element["action_id"], _INITIAL))
        if state is not None:
            found.setdefault(element["block_id"], {})[element["action_id"]] = {"type": element["type"], **state}
    return found


_INITIAL = object()
_VALUES = {"plain_text_input": "value", "email_text_input": "value", "url_text_input": "value", "number_input": "value"}
_PICKED = {
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
}


def _state(element: Mapping[str, Any], given: Any) -> dict[str, Any] | None:
    kind = element["type"]
    if kind in _VALUES:
        value = element.get("initial_value") if given is _INITIAL else given
        if value is not None and units(str(value)) > element.get("max_length", 3000):
            raise ValueError(f"{element['action_id']} takes at most {element.get('max_length', 3000)} characters")
        return {"value": value or None}
    if kind in _PICKED:
        name, initial = _PICKED[kind]
        return {name: element.get(initial) if given is _INITIAL else given}
    if kind in ("static_select", "external_select", "radio_buttons"):
        return {"selected_option": element.get("initial_option") if given is _INITIAL else _chosen(element, given)}
    if kind in ("checkboxes", "multi_static_select", "multi_external_select"):
        chosen = element.get("initial_options", []) if given is _INITIAL else [_chosen(element, one) for one in given]
        return {"selected_options": chosen}
    return None


def _chosen(element: Mapping[str, Any], value: Any) -> dict[str, Any] | None:
    """The option of this value; of an external select whatever the bot offered."""
    if value is None or isinstance(value, dict):
        return value
    if "options" not in element and "option_groups" not in element:
        return {"text": {"type": "plain_text", "text": str(value)}, "value": value}
    groups = element.get("option_groups", [element])
    options: list[dict[str, Any]] = [option for group in groups for option in group["options"]]
    return next(option for option in options if option["value"] == value)


def _is_empty(values: Mapping[str, Mapping[str, Any]], block: Mapping[str, Any]) -> bool:
    element = block["element"]
    state = values.get(block["block_id"], {}).get(element["action_id"], {})
    return not any(content for name, content in state.items() if name != "type")
