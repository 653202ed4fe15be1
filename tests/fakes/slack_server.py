"""A workspace of Slack over real HTTP and WebSocket on 127.0.0.1: the Web API methods the bot uses, and Socket Mode. Every
block is checked as Slack does; failures are scripted; `posts` is an append-only ledger, the oracle of "no second card";
`replies` has the lines in threads: channel, ts of the card, text."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.fakes.slack_blocks import faults_of

BOT_TOKEN = "xoxb-fake"
APP_TOKEN = "xapp-fake"
METHODS = (
    "auth.test", "chat.postMessage", "chat.update", "chat.postEphemeral", "conversations.open", "conversations.history",
    "conversations.replies", "users.info", "apps.connections.open",
)  # fmt: skip


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


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How the next call of a method goes wrong. `is_accepted`: it is done all the same, only the answer is lost."""

    error: str | None = None
    status: int = 200
    retry_after: int | None = None
    is_accepted: bool = False
    hangs_seconds: float = 0.0


@dataclass(kw_only=True)
class SlackServer:
    """Use as a context manager. Conversations: `D-<user>` per user, and those in `channels` (name → id)."""

    users: set[str] = field(default_factory=lambda: {"U1", "U2"})
    channels: dict[str, str] = field(default_factory=lambda: {"#cs": "C1"})
    archived: set[str] = field(default_factory=set)
    posts: list[Message] = field(default_factory=list)
    replies: list[tuple[str, str, str]] = field(default_factory=list)
    updates: list[tuple[str, str]] = field(default_factory=list)
    private: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    acknowledged: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._failures: dict[str, list[Failure]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-slack", daemon=True)
        self._runner: web.AppRunner | None = None
        self._sockets: list[web.WebSocketResponse] = []
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api/"

    def fail(self, method: str, failure: Failure, times: int = 1) -> None:
        """The next `times` calls of `method` go wrong."""
        self._failures[method] += [failure] * times

    def heal(self) -> None:
        self._failures.clear()

    def message(self, channel: str, ts: str) -> Message:
        return next(found for found in self.posts if (found.channel, found.ts) == (channel, ts))

    def press(self, payload: dict[str, Any], envelope: str) -> float:
        """Sends a click over Socket Mode; returns the seconds until the bot acknowledged it."""
        begun = time.monotonic()
        text = json.dumps({"envelope_id": envelope, "type": "interactive", "payload": payload})
        asyncio.run_coroutine_threadsafe(self._sockets[-1].send_str(text), self._loop).result(5)
        wait_until(lambda: envelope in self.acknowledged)
        return self.acknowledged[envelope] - begun

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._called)
        app.router.add_get("/link", self._linked)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        for socket in self._sockets:
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _linked(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        self._sockets.append(socket)
        async for message in socket:
            if message.type == WSMsgType.TEXT and message.data.startswith("{"):
                self.acknowledged[json.loads(message.data)["envelope_id"]] = time.monotonic()
        return socket

    async def _called(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        given = await self._arguments(request)
        self.calls.append(method)
        token = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        if request.headers.get("Authorization") != f"Bearer {token}":
            return _answer({"ok": False, "error": "invalid_auth"})
        failure = self._failures[method].pop(0) if self._failures[method] else None
        if failure is not None and not failure.is_accepted:
            return await _failed(failure)
        answer = self._do(method, given)
        return await _failed(failure) if failure is not None else _answer(answer)

    async def _arguments(self, request: web.Request) -> dict[str, Any]:
        if request.content_type == "application/json":
            found = json.loads(await request.text() or "{}")
            return found if isinstance(found, dict) else {}
        return {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}

    def _do(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if method not in METHODS:
            return {"ok": False, "error": "unknown_method"}
        doing: Callable[[dict[str, Any]], dict[str, Any]] = getattr(self, f"_{method.replace('.', '_')}")
        return doing(given)

    def _auth_test(self, _given: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "team": "Fake", "team_id": "T1", "user_id": "UBOT", "bot_id": "B1"}

    def _apps_connections_open(self, _given: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "url": f"ws://127.0.0.1:{self._port}/link"}

    def _users_info(self, given: dict[str, Any]) -> dict[str, Any]:
        known = given.get("user") in self.users
        return {"ok": True, "user": {"id": given["user"]}} if known else {"ok": False, "error": "user_not_found"}

    def _conversations_open(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("users") not in self.users:
            return {"ok": False, "error": "user_not_found"}
        return {"ok": True, "channel": {"id": f"D-{given['users']}"}}

    def _conversations_history(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("channel") not in self._places():
            return {"ok": False, "error": "channel_not_found"}
        oldest = float(given.get("oldest") or 0)
        found = [post for post in self.posts if post.channel == given["channel"] and float(post.ts) > oldest]
        newest = [self._shown(post, given) for post in reversed(found)]
        start, size = int(given.get("cursor") or 0), int(given.get("limit") or 100)
        more = str(start + size) if len(newest) > start + size else ""
        return {
            "ok": True,
            "messages": newest[start : start + size],
            "has_more": bool(more),
            "response_metadata": {"next_cursor": more},
        }

    def _shown(self, post: Message, given: dict[str, Any]) -> dict[str, Any]:
        metadata = {"metadata": post.metadata} if given.get("include_all_metadata") in ("true", True, "1") else {}
        return {"type": "message", "ts": post.ts, "text": post.text, **metadata}

    def _chat_postMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 (Slack's own name)
        channel = self.channels.get(str(given.get("channel")), str(given.get("channel")))
        refused = self._refused(channel, given)
        if refused is not None:
            return refused
        if given.get("thread_ts"):
            if not any((post.channel, post.ts) == (channel, given["thread_ts"]) for post in self.posts):
                return {"ok": False, "error": "thread_not_found"}
            self.replies.append((channel, given["thread_ts"], given["text"]))
            return {"ok": True, "channel": channel, "ts": f"{1_900_000_000 + len(self.replies)}.000100"}
        post = Message(
            channel=channel,
            ts=f"{1_800_000_000 + len(self.posts)}.000100",
            text=given["text"],
            blocks=given.get("blocks", []),
            metadata=given.get("metadata"),
            at=time.monotonic(),
        )
        self.posts.append(post)
        return {"ok": True, "channel": channel, "ts": post.ts}

    def _conversations_replies(self, given: dict[str, Any]) -> dict[str, Any]:
        texts = [text for channel, ts, text in self.replies if (channel, ts) == (given.get("channel"), given.get("ts"))]
        return {"ok": True, "messages": [{"type": "message", "text": text} for text in texts]}

    def _chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        refused = self._refused(str(given.get("channel")), given)
        if refused is not None:
            return refused
        for post in self.posts:
            if (post.channel, post.ts) == (given.get("channel"), given.get("ts")):
                post.text, post.blocks = given["text"], given.get("blocks", [])
                self.updates.append((post.channel, post.ts))
                return {"ok": True, "channel": post.channel, "ts": post.ts}
        return {"ok": False, "error": "message_not_found"}

    def _chat_postEphemeral(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 (Slack's own name)
        refused = self._refused(str(given.get("channel")), given)
        if refused is None:
            self.private.append(given)
        return refused or {"ok": True, "message_ts": "1.0"}

    def _refused(self, channel: str, given: dict[str, Any]) -> dict[str, Any] | None:
        if channel in self.archived:
            return {"ok": False, "error": "is_archived"}
        if channel not in self._places():
            return {"ok": False, "error": "channel_not_found"}
        if not str(given.get("text", "")).strip():
            return {"ok": False, "error": "no_text"}
        if len(given["text"]) > 40_000:
            return {"ok": False, "error": "msg_too_long"}
        faults = faults_of(given.get("blocks", []))
        self.faults += faults
        return {"ok": False, "error": "invalid_blocks", "errors": faults} if faults else None

    def _places(self) -> set[str]:
        return {f"D-{user}" for user in self.users} | set(self.channels.values())


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Raises: TimeoutError when it does not come true."""
    ends = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError("it did not come true")
        time.sleep(0.005)


def press_of(message: Message, action: dict[str, Any], *, user: str = "U1", at: str = "1.1") -> dict[str, Any]:
    """What Slack sends when `user` presses `action` (an element of the card; with `selected_option` for a menu)."""
    return {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": user, "team_id": "T1"},
        "api_app_id": "A1",
        "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
        "channel": {"id": message.channel},
        "actions": [{"block_id": "handoff_buttons", "action_ts": at, **action}],
    }


def _answer(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(content, status=status, headers=headers)


async def _failed(failure: Failure) -> web.Response:
    await asyncio.sleep(failure.hangs_seconds)
    if failure.retry_after is not None:
        return _answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(failure.retry_after)})
    if failure.error is not None:
        return _answer({"ok": False, "error": failure.error}, failure.status)
    return web.Response(status=failure.status, text="<html>upstream error</html>")
