"""A workspace of Slack over real HTTP and WebSocket on 127.0.0.1: the Web API methods the bot uses, Socket Mode, and
response URLs. Every block and view is checked as Slack does; failures are scripted; `posts` is an append-only ledger, the
oracle of "no second card"; `replies` has the lines in threads: channel, ts of the card, text."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.fakes.slack_blocks import faults_of
from tests.fakes.slack_elements import options_answer_faults
from tests.fakes.slack_payloads import (
    Message,
    Sent,
    View,
    command_of,
    event_of,
    press_of,
    shortcut_of,
    submission_of,
    suggestion_of,
    view_press_of,
)
from tests.fakes.slack_workspace import APP_TOKEN, BOT_TOKEN, Workspace, parsed

__all__ = ["APP_TOKEN", "BOT_TOKEN", "Failure", "Message", "SlackServer", "View", "press_of", "wait_until"]

#: How a delivery reaches the bot: returns the body of its acknowledgement (None: empty). Socket Mode unless told otherwise.
Transport = Callable[[Sent], Any]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How the next call of a method goes wrong. `is_accepted`: it is done all the same, only the answer is lost."""

    error: str | None = None
    status: int = 200
    retry_after: int | None = None
    is_accepted: bool = False
    hangs_seconds: float = 0.0


@dataclass(kw_only=True)
class SlackServer(Workspace):
    """Use as a context manager. What people do (`click`, `submit`, `command` …) reaches the bot by `transport`."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    transport: Transport | None = None

    def __post_init__(self) -> None:
        Workspace.__post_init__(self)
        self._failures: dict[str, list[Failure]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-slack", daemon=True)
        self._runner: web.AppRunner | None = None
        self._sockets: list[web.WebSocketResponse] = []
        self._port = 0
        self._sent = 0

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

    @property
    def response_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/respond/{self._next()}"

    def fail(self, method: str, failure: Failure, times: int = 1) -> None:
        """The next `times` calls of `method` go wrong."""
        self._failures[method] += [failure] * times

    def heal(self) -> None:
        self._failures.clear()

    def press(self, payload: dict[str, Any], envelope: str) -> float:
        """Sends a click over Socket Mode; returns the seconds until the bot acknowledged it."""
        begun = time.monotonic()
        self._over_socket(Sent(envelope="interactive", payload=payload), envelope)
        return self.acknowledged[envelope] - begun

    def send(self, sent: Sent) -> Any:
        """Delivers; returns what the bot answered with its acknowledgement."""
        return self.transport(sent) if self.transport else self._over_socket(sent, f"e{self._next()}")

    def click(self, message: Message, action_id: str, *, user: str = "U1", **other: Any) -> None:
        """Presses what stands on a card now. `other`: what was chosen, e.g. `selected_option`."""
        shown = next(element for element in message.actions if element["action_id"] == action_id)
        at, trigger = f"{self._next()}.1", self.trigger(user)
        payload = press_of(message, {**shown, **other}, user=user, at=at, trigger=trigger)
        self.send(Sent(envelope="interactive", payload={**payload, "response_url": self.response_url}))

    def click_in(self, view: View, action_id: str, /, value: str | None = None, **other: Any) -> None:
        """Presses an element of a modal or App Home; `value` picks one of several with the same action id."""
        found = [element for element in view.elements if element["action_id"] == action_id]
        shown = next(element for element in found if value in (None, element.get("value")))
        trigger = self.trigger(view.user)
        payload = view_press_of(view, {**shown, **other}, at=f"{self._next()}.1", trigger=trigger)
        self.send(Sent(envelope="interactive", payload=payload))

    def submit(self, view: View, **filled: Any) -> dict[str, str]:
        """Fills in and submits a modal; what the bot answers is done. Returns its errors by block."""
        payload = submission_of(view, filled, trigger=self.trigger(view.user))
        answer = self.send(Sent(envelope="interactive", payload=payload)) or {}
        self.answer_to_submission(view, answer)
        errors: dict[str, str] = answer.get("errors", {})
        return errors

    def suggest(self, view: View, action_id: str, typed: str) -> list[dict[str, Any]]:
        """The options that the bot offers for what somebody types."""
        answer = self.send(Sent(envelope="interactive", payload=suggestion_of(view, action_id, typed)))
        self.faults += options_answer_faults(answer)
        found: list[dict[str, Any]] = answer.get("options", [])
        return found

    def command(self, text: str, *, user: str = "U1", channel: str = "C1") -> Any:
        """A slash command; what the bot says later stands in `responses`."""
        about = {"response_url": self.response_url, "trigger": self.trigger(user)}
        return self.send(Sent(envelope="slash_commands", payload=command_of(text, user=user, channel=channel, **about)))

    def shortcut(self, callback_id: str, text: str, **about: str) -> None:
        """Somebody chooses a shortcut from the menu of a message."""
        trigger = self.trigger(about.get("user", "U1"))
        payload = shortcut_of(callback_id, text=text, trigger=trigger, response_url=self.response_url, **about)
        self.send(Sent(envelope="interactive", payload=payload))

    def event(self, event: dict[str, Any]) -> None:
        self.send(Sent(envelope="events_api", payload=event_of(event, number=str(self._next()))))

    def _next(self) -> int:
        self._sent += 1
        return self._sent

    def _over_socket(self, sent: Sent, envelope: str) -> Any:
        text = json.dumps({"envelope_id": envelope, "type": sent.envelope, "payload": sent.payload})
        asyncio.run_coroutine_threadsafe(self._sockets[-1].send_str(text), self._loop).result(5)
        wait_until(lambda: envelope in self.acknowledged)
        return self.answers.get(envelope)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._called)
        app.router.add_post("/respond/{number}", self._responded)
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
                answer = json.loads(message.data)
                self.answers[answer["envelope_id"]] = answer.get("payload")
                self.acknowledged[answer["envelope_id"]] = time.monotonic()
        return socket

    async def _responded(self, request: web.Request) -> web.Response:
        """A response_url: what the bot says later, privately unless it says otherwise."""
        given = await request.json()
        faults = faults_of(given.get("blocks", []))
        if not str(given.get("text", "")).strip() and not given.get("delete_original"):
            faults = [*faults, "no_text"]
        self.faults += faults
        if faults:
            return web.Response(status=400, text="invalid_blocks")
        self.responses.append({"number": request.match_info["number"], **given})
        return web.Response(text="ok")

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
        answer = self.do(method, given)
        if failure is not None:
            return await _failed(failure)
        if "retry_after" in answer:
            return await _failed(Failure(retry_after=answer["retry_after"]))
        scopes = {} if method == "apps.connections.open" else {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        return _answer(answer, headers=scopes)

    async def _arguments(self, request: web.Request) -> dict[str, Any]:
        if request.content_type == "application/json":
            found = json.loads(await request.text() or "{}")
            return found if isinstance(found, dict) else {}
        form = {name: str(value) for name, value in (await request.post()).items()}
        return {name: parsed(name, value) for name, value in {**request.query, **form}.items()}

    def _apps_connections_open(self, _given: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "url": f"ws://127.0.0.1:{self._port}/link"}


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Raises: TimeoutError when it does not come true."""
    ends = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError("it did not come true")
        time.sleep(0.005)


def _answer(content: Mapping[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(content, status=status, headers=headers)


async def _failed(failure: Failure) -> web.Response:
    await asyncio.sleep(failure.hangs_seconds)
    if failure.retry_after is not None:
        return _answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(failure.retry_after)})
    if failure.error is not None:
        return _answer({"ok": False, "error": failure.error}, failure.status)
    return web.Response(status=failure.status, text="<html>upstream error</html>")
