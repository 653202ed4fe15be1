"""The embedded server: metronome, health page and Slack in one process, until SIGTERM or SIGINT. Stopping takes no new
work, lets the batch in flight finish and record its answers, and is over within 30 seconds. It decides nothing about
customers. Before it: `journeybot run` opened the App; after it: metronome.py, bot.console.web, bot.slack."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from bot.app import App
from bot.console.web import create_web_app
from bot.errors import SettingsError, UsageError
from bot.logs import fault_of
from bot.metrics import Metrics
from bot.runners.metronome import Metronome
from bot.slack.app import SlackApp, build_bolt_app
from bot.slack.socket_mode import SocketModeConnection, run_socket_mode

GRACE_SECONDS = 25.0
LAST_RESORT_SECONDS = 29.0
EXIT_HUNG = 1
WEB_GRACE_SECONDS = 3
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_CONNECTIONS = 5.0
#: While a tick computes, the web server waits this long for the interpreter at every read and write; by default it is ten times
#: as long, and then 200 posts a second are more than it can answer.
SECONDS_AT_A_STRETCH = 0.0005
log = structlog.get_logger("journeybot.runner")


def run(
    app: App, *, host: str, port: int, until: Callable[[], bool] | None = None, grace_seconds: float = GRACE_SECONDS
) -> None:
    """Serve until a signal comes or `until` says so. Call it from the main thread. Deploys the workspace first if nothing
    was ever deployed.

    Raises: SettingsError when the port is taken, WorkspaceError or UsageError when the first deployment is refused.
    """
    sys.setswitchinterval(SECONDS_AT_A_STRETCH)
    with contextlib.ExitStack() as stack:
        last_resort = stack.enter_context(_last_resort())
        listening = stack.enter_context(_listen(host, port))
        if app.published() is None:
            report = app.deploy()
            log.info("deployed", reason="nothing was deployed yet", playbooks=len(report.playbooks))
        metrics = Metrics()
        slack, socket_mode = stack.enter_context(_slack(app, metrics))
        stack.enter_context(_served(create_web_app(app, metrics=metrics, slack=slack), listening))
        asked_to_stop = stack.enter_context(_signals())
        metronome = stack.enter_context(_ticking(app, metrics, grace_seconds))
        log.info("running", host=host, port=listening.getsockname()[1], database=app.settings.database_label)
        while not (asked_to_stop.is_set() or (until is not None and until())):
            if not metronome.is_running:
                raise RuntimeError("the metronome ended by itself")
            socket_mode.look()
            asked_to_stop.wait(SECONDS_BETWEEN_LOOKS)
        log.info("stopping")
        last_resort.start()
    log.info("stopped", reason="all work in flight is recorded")


@contextlib.contextmanager
def _ticking(app: App, metrics: Metrics, grace_seconds: float) -> Iterator[Metronome]:
    metronome = Metronome(app, metrics)
    metronome.start()
    try:
        yield metronome
    finally:
        if not metronome.stop(grace_seconds):
            _leave_at_once()


@contextlib.contextmanager
def _last_resort() -> Iterator[threading.Timer]:
    """To be started when stopping: what is closed after the work (Slack, the web server) may hang too."""
    timer = threading.Timer(LAST_RESORT_SECONDS, _leave_at_once)
    timer.daemon = True
    try:
        yield timer
    finally:
        timer.cancel()


def _leave_at_once() -> None:
    """What hangs holds locks that an orderly exit would wait for. Its messages become UNKNOWN and are never sent twice."""
    log.error("stopped", reason="work in flight did not end in time")
    os._exit(EXIT_HUNG)


@contextlib.contextmanager
def _signals() -> Iterator[threading.Event]:
    """Set by SIGTERM or SIGINT; a second one ends the process at once."""
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """The port is taken before anything is sent, so that a second server on the same machine ends here."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen()
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {host}:{port}: {error.strerror}",
                where="JOURNEYBOT_HOST, JOURNEYBOT_PORT",
                hint="stop the other program, perhaps another `journeybot run`, or set another JOURNEYBOT_PORT",
            ) from error
        yield listening


@contextlib.contextmanager
def _served(web: FastAPI, listening: socket.socket) -> Iterator[None]:
    """uvicorn in a thread; it installs signal handlers in the main thread only, so ours stay. Of its two parsers the one that
    bounds how long headers may be."""
    config = uvicorn.Config(
        web,
        http="h11",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=WEB_GRACE_SECONDS,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(WEB_GRACE_SECONDS + 1)


@contextlib.contextmanager
def _slack(app: App, metrics: Metrics) -> Iterator[tuple[SlackApp | None, _SocketMode]]:
    """Clicks on cards: by Socket Mode with an app token, by HTTP with a signing secret, both if both are set."""
    settings = app.slack_settings()
    if settings is None:
        yield None, _SocketMode(app=app, connect=None)
        return

    def told(error: BaseException) -> None:
        log.error("slack_fault", fault=fault_of(error))
        metrics.count_faults("slack")

    slack = build_bolt_app(
        database=app.database,
        clock=app.clock,
        settings=settings,
        on_error=told,
        poster=app.poster,
        links=app.links,
    )
    token = app.settings.slack_app_token
    connect = partial(run_socket_mode, slack, token.get_secret_value(), on_error=told) if token is not None else None
    socket_mode = _SocketMode(app=app, connect=connect)
    try:
        socket_mode.look()
        yield slack, socket_mode
    finally:
        if socket_mode.connection is not None:
            socket_mode.connection.close()
        slack.close()


@dataclass(slots=True, kw_only=True)
class _SocketMode:
    """Connected once this host may send. Slack gives each click to one of the connections of an app: a copy of production that
    listened would take the clicks that production waits for."""

    app: App
    connect: Callable[[], SocketModeConnection] | None
    connection: SocketModeConnection | None = None
    looked_at: float | None = None

    def look(self) -> None:
        now = self.app.clock.monotonic()
        is_early = self.looked_at is not None and now - self.looked_at < SECONDS_BETWEEN_CONNECTIONS
        if self.connect is None or self.connection is not None or is_early:
            return
        self.looked_at = now
        try:
            if self.app.join() is None:
                self.connection = self.connect()
        except (SQLAlchemyError, UsageError) as error:
            log.error("slack_fault", fault=fault_of(error))
