"""A workspace of Slack in memory: what each Web API method does and how it refuses, in Slack's own words. Every block and
view is checked; rights come from the app's manifest. slack_server.py puts it behind HTTP and WebSocket."""

from __future__ import annotations

import copy
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.fakes.slack_blocks import faults_of, view_faults
from tests.fakes.slack_payloads import Message, View

BOT_TOKEN = "xoxb-fake"
APP_TOKEN = "xapp-fake"
TRIGGER_SECONDS = 3.0
MANIFEST = Path(__file__).parents[2] / "docs" / "slack-manifest.yml"
Answer = dict[str, Any]
#: Method → the rights of which one is needed; of a conversation's history it depends on the conversation.
SCOPES: dict[str, tuple[str, ...]] = {
    "auth.test": (), "apps.connections.open": (), "views.open": (), "views.push": (), "views.update": (),
    "views.publish": (), "chat.getPermalink": (), "chat.postMessage": ("chat:write",), "chat.update": ("chat:write",),
    "chat.postEphemeral": ("chat:write",), "conversations.open": ("im:write",), "users.info": ("users:read",),
    "conversations.history": (), "conversations.replies": (),
    "conversations.info": ("channels:read", "groups:read", "im:read"),
    "users.conversations": ("channels:read", "groups:read", "im:read"),
}  # fmt: skip


def manifest_scopes() -> set[str]:
    """What docs/slack-manifest.yml asks for: an app with more would hide a missing right."""
    return set(YAML(typ="safe").load(MANIFEST.read_text("utf-8"))["oauth_config"]["scopes"]["bot"])


@dataclass(kw_only=True)
class Workspace:
    """Conversations: `D-<user>` per user, and those in `channels` (name → id; `outside`: ids the bot is not in)."""

    users: set[str] = field(default_factory=lambda: {"U1", "U2"})
    disabled: set[str] = field(default_factory=set)
    channels: dict[str, str] = field(default_factory=lambda: {"#cs": "C1"})
    archived: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    scopes: set[str] = field(default_factory=manifest_scopes)
    seconds_per_message: float = 0.0
    now: Callable[[], float] = time.monotonic
    posts: list[Message] = field(default_factory=list)
    replies: list[tuple[str, str, str]] = field(default_factory=list)
    updates: list[tuple[str, str]] = field(default_factory=list)
    private: list[Answer] = field(default_factory=list)
    responses: list[Answer] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    home_is_enabled: bool = True

    def __post_init__(self) -> None:
        self._triggers: dict[str, tuple[str, float]] = {}
        self._posted_at: dict[str, float] = defaultdict(lambda: float("-inf"))
        self._at: dict[tuple[str, str], Message] = {}

    def message(self, channel: str, ts: str) -> Message:
        return self._at[channel, ts]

    def home(self, user: str) -> View:
        """The user's App Home as it stands. Raises: StopIteration when nothing was published."""
        return next(view for view in self.views if view.user == user and view.content["type"] == "home")

    def modal(self, user: str = "U1") -> View | None:
        """The modal on top of the user's screen."""
        return next((view for view in reversed(self._modals(user))), None)

    def trigger(self, user: str = "U1") -> str:
        """A trigger_id as it comes with a click: usable once, within three seconds."""
        name = f"{len(self._triggers) + 1}.1.{user}"
        self._triggers[name] = (user, self.now())
        return name

    def do(self, method: str, given: Answer) -> Answer:
        """What Slack answers; `{"ok": False, "error": …}` where it refuses."""
        if method not in SCOPES:
            return refusal("unknown_method")
        needed = self._scopes_for(method, given)
        if needed and not self.scopes & set(needed):
            return refusal("missing_scope", needed=needed[0], provided=",".join(sorted(self.scopes)))
        doing: Callable[[Answer], Answer] = getattr(self, f"_{method.replace('.', '_')}")
        return doing(given)

    def answer_to_submission(self, view: View, answer: Mapping[str, Any] | None) -> None:
        """What Slack does with the acknowledgement of a view_submission."""
        action = (answer or {}).get("response_action")
        if action == "errors":
            unknown = set(answer["errors"]) - {block["block_id"] for block in view.blocks if block["type"] == "input"}  # type: ignore[index]
            self.faults += [f"errors at blocks that are no input: {sorted(unknown)}"] if unknown or not answer["errors"] else []  # type: ignore[index]  # fmt: skip
        elif action in ("update", "push"):
            content = answer["view"]  # type: ignore[index]
            self.faults += view_faults(content)
            if action == "push":
                self._show(view.user, content, above=view)
            else:
                self._put(view, content)
        else:
            for open_one in self._modals(view.user) if action == "clear" else [view]:
                open_one.is_open = False

    def _scopes_for(self, method: str, given: Answer) -> tuple[str, ...]:
        if method not in ("conversations.history", "conversations.replies"):
            return SCOPES[method]
        kind = {"D": "im", "G": "groups"}.get(str(given.get("channel", ""))[:1], "channels")
        return (f"{kind}:history",)

    def _modals(self, user: str) -> list[View]:
        return [view for view in self.views if view.user == user and view.is_open and view.content["type"] == "modal"]

    def _auth_test(self, _given: Answer) -> Answer:
        return {"ok": True, "team": "Fake", "team_id": "T1", "user_id": "UBOT", "bot_id": "B1"}

    def _users_info(self, given: Answer) -> Answer:
        user = given.get("user")
        if user not in self.users | self.disabled:
            return refusal("user_not_found")
        about = {"id": user, "deleted": user in self.disabled, "is_bot": False, "tz": "Asia/Tokyo", "locale": "ja-JP"}
        return {"ok": True, "user": about}

    def _conversations_open(self, given: Answer) -> Answer:
        if given.get("users") in self.disabled:
            return refusal("user_disabled")
        if given.get("users") not in self.users:
            return refusal("user_not_found")
        return {"ok": True, "channel": {"id": f"D-{given['users']}"}}

    def _conversations_info(self, given: Answer) -> Answer:
        found = {channel: name for name, channel in self.channels.items()}
        channel = str(given.get("channel"))
        return (
            {"ok": True, "channel": self._about(channel, found)} if channel in found else refusal("channel_not_found")
        )

    def _users_conversations(self, given: Answer) -> Answer:
        """Those the bot is in."""
        found = {channel: name for name, channel in self.channels.items()}
        mine = [self._about(channel, found) for channel in sorted(found) if channel not in self.outside]
        return _paged([one for one in mine if not one["is_archived"]], given, "channels")

    def _about(self, channel: str, names: dict[str, str]) -> Answer:
        return {
            "id": channel, "name": names[channel].removeprefix("#"), "is_archived": channel in self.archived,
            "is_member": channel not in self.outside,
        }  # fmt: skip

    def _conversations_history(self, given: Answer) -> Answer:
        if given.get("channel") not in self._places():
            return refusal("channel_not_found")
        if given["channel"] in self.outside:
            return refusal("not_in_channel")
        oldest = float(given.get("oldest") or 0)
        found = [post for post in self.posts if post.channel == given["channel"] and float(post.ts) > oldest]
        return _paged([_shown(post, given) for post in reversed(found)], given, "messages")

    def _conversations_replies(self, given: Answer) -> Answer:
        texts = [text for channel, ts, text in self.replies if (channel, ts) == (given.get("channel"), given.get("ts"))]
        return {"ok": True, "messages": [{"type": "message", "text": text} for text in texts]}

    def _chat_getPermalink(self, given: Answer) -> Answer:  # noqa: N802 (Slack's own name)
        ts = str(given.get("message_ts", "")).replace(".", "")
        link = f"https://fake.slack.com/archives/{given.get('channel')}/p{ts}"
        return {"ok": True, "channel": given.get("channel"), "permalink": link}

    def _chat_postMessage(self, given: Answer) -> Answer:  # noqa: N802 (Slack's own name)
        channel = self.channels.get(str(given.get("channel")), str(given.get("channel")))
        refused = self._refused(channel, given)
        if refused is not None:
            return refused
        if given.get("thread_ts") and (channel, given["thread_ts"]) not in self._at:
            return refusal("thread_not_found")
        if self.now() - self._posted_at[channel] < self.seconds_per_message:
            return refusal("ratelimited", retry_after=1)
        self._posted_at[channel] = self.now()
        if given.get("thread_ts"):
            self.replies.append((channel, given["thread_ts"], given["text"]))
            return {"ok": True, "channel": channel, "ts": f"{1_900_000_000 + len(self.replies)}.000100"}
        post = Message(
            channel=channel,
            ts=f"{1_800_000_000 + len(self.posts)}.000100",
            text=given["text"],
            blocks=given.get("blocks", []),
            metadata=given.get("metadata"),
            at=self.now(),
        )
        self.posts.append(post)
        self._at[channel, post.ts] = post
        return {"ok": True, "channel": channel, "ts": post.ts}

    def _chat_update(self, given: Answer) -> Answer:
        refused = self._refused(str(given.get("channel")), given)
        if refused is not None:
            return refused
        post = self._at.get((str(given.get("channel")), str(given.get("ts"))))
        if post is None:
            return refusal("message_not_found")
        post.text, post.blocks = given["text"], given.get("blocks", [])
        self.updates.append((post.channel, post.ts))
        return {"ok": True, "channel": post.channel, "ts": post.ts}

    def _chat_postEphemeral(self, given: Answer) -> Answer:  # noqa: N802 (Slack's own name)
        refused = self._refused(str(given.get("channel")), given)
        if refused is None:
            self.private.append(given)
        return refused or {"ok": True, "message_ts": "1.0"}

    def _refused(self, channel: str, given: Answer) -> Answer | None:
        if channel in self.archived:
            return refusal("is_archived")
        if channel not in self._places():
            return refusal("channel_not_found")
        if channel in self.outside:
            return refusal("not_in_channel")
        if not str(given.get("text", "")).strip():
            return refusal("no_text")
        if len(given["text"]) > 40_000:
            return refusal("msg_too_long")
        faults = faults_of(given.get("blocks", []))
        self.faults += faults
        return refusal("invalid_blocks", errors=faults) if faults else None

    def _places(self) -> set[str]:
        return {f"D-{user}" for user in self.users} | set(self.channels.values())

    def _views_open(self, given: Answer) -> Answer:
        return self._triggered(given, lambda user, view: self._show(user, view))

    def _views_push(self, given: Answer) -> Answer:
        def push(user: str, view: Answer) -> View | str:
            top = self.modal(user)
            if top is None or len(self._modals(user)) >= 3:
                return "push_limit_reached" if top else "not_found"
            return self._show(user, view, above=top)

        return self._triggered(given, push)

    def _triggered(self, given: Answer, show: Callable[[str, Answer], View | str]) -> Answer:
        user, since = self._triggers.get(str(given.get("trigger_id")), ("", 0.0))
        if not user:
            return refusal("invalid_trigger_id" if given.get("trigger_id") else "invalid_arguments")
        if since == float("-inf"):
            return refusal("exchanged_trigger_id")
        if self.now() - since > TRIGGER_SECONDS:
            return refusal("expired_trigger_id")
        refused = self._refused_view(given, "modal")
        if refused is not None:
            return refused
        self._triggers[given["trigger_id"]] = (user, float("-inf"))
        shown = show(user, given["view"])
        return refusal(shown) if isinstance(shown, str) else {"ok": True, "view": shown.as_sent()}

    def _views_update(self, given: Answer) -> Answer:
        view = next((one for one in self.views if one.id == given.get("view_id") and one.is_open), None)
        if view is None:
            return refusal("not_found")
        if given.get("hash") not in (None, view.hash):
            return refusal("hash_conflict")
        refused = self._refused_view(given, view.content["type"])
        if refused is None:
            self._put(view, given["view"])
        return refused or {"ok": True, "view": view.as_sent()}

    def _views_publish(self, given: Answer) -> Answer:
        user = str(given.get("user_id"))
        if not self.home_is_enabled:
            return refusal("not_enabled")
        if user not in self.users:
            return refusal("user_not_found")
        refused = self._refused_view(given, "home")
        if refused is not None:
            return refused
        mine = [view for view in self.views if view.user == user and view.content["type"] == "home"]
        if mine and given.get("hash") not in (None, mine[0].hash):
            return refusal("hash_conflict")
        if mine:
            self._put(mine[0], given["view"])
        return {"ok": True, "view": (mine[0] if mine else self._show(user, given["view"])).as_sent()}

    def _refused_view(self, given: Answer, kind: str) -> Answer | None:
        content = given.get("view")
        faults = view_faults(content)
        if not faults and content["type"] != kind:  # type: ignore[index]
            faults = [f"a {kind} is wanted here"]
        self.faults += faults
        if not faults:
            return None
        too_large = any("250 kB" in fault for fault in faults)
        about = {"messages": [f"[ERROR] {fault}" for fault in faults]}
        return refusal("view_too_large" if too_large else "invalid_arguments", response_metadata=about)

    def _show(self, user: str, content: Answer, above: View | None = None) -> View:
        number = f"V{len(self.views) + 1}"
        root = (above.root or above.id) if above else number
        view = View(id=number, user=user, content={}, root=root, previous=above.id if above else None)
        self._put(view, content)
        self.views.append(view)
        return view

    def _put(self, view: View, content: Answer) -> None:
        view.content = copy.deepcopy(content)
        for number, block in enumerate(view.content["blocks"]):
            block.setdefault("block_id", f"b{number}")
        view.updates += 1
        view.hash = f"{view.updates}.{view.id}"


def refusal(error: str, **about: Any) -> Answer:
    return {"ok": False, "error": error, **about}


def _shown(post: Message, given: Answer) -> Answer:
    metadata = {"metadata": post.metadata} if given.get("include_all_metadata") in ("true", True, "1") else {}
    return {"type": "message", "ts": post.ts, "text": post.text, **metadata}


def _paged(found: list[Answer], given: Answer, name: str) -> Answer:
    start, size = int(given.get("cursor") or 0), int(given.get("limit") or 100)
    more = str(start + size) if len(found) > start + size else ""
    return {
        "ok": True,
        name: found[start : start + size],
        "has_more": bool(more),
        "response_metadata": {"next_cursor": more},
    }


def parsed(name: str, value: Any) -> Any:
    """Forms carry views and blocks as JSON text."""
    return json.loads(value) if name in ("view", "blocks", "metadata") and isinstance(value, str) else value
