"""Socket Mode: keeps a connection to Slack over which clicks arrive, so that no public address is needed. Connects in its
own thread and tries again for ever, so Slack being down never keeps journeybot from starting. Before it: app.py."""

from __future__ import annotations

import threading
from http.client import HTTPException

from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.channels.slack import quiet_client
from bot.slack.app import CALL_SECONDS, SlackApp
from bot.slack.context import OnError

SECONDS_BETWEEN_TRIES = 30.0
ANSWERING_THREADS = 20


class _Handler(SocketModeHandler):
    """Tells Slack "received" before Bolt looks at it, wherever that is all the answer there is."""

    def __init__(self, app: SlackApp, app_token: str) -> None:
        client = quiet_client(None, app.settings.base_url, CALL_SECONDS)
        super().__init__(app.bolt, app_token, web_client=client, concurrency=ANSWERING_THREADS)
        self._slack_app = app

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        if self._slack_app.takes(dict(req.payload)):
            client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))
        else:
            super().handle(client, req)


class SocketModeConnection:
    """A running connection. After the first success the SDK reconnects by itself."""

    def __init__(self, app: SlackApp, app_token: str, *, on_error: OnError, pause_seconds: float) -> None:
        self._handler = _Handler(app, app_token)
        self._on_error = on_error
        self._pause_seconds = pause_seconds
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._connect, name="slack-socket-mode", daemon=True)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        return self._handler.client.is_connected()

    def close(self) -> None:
        """Stops taking clicks; those already taken are finished by SlackApp.close()."""
        self._is_closing.set()
        self._thread.join(timeout=2 * CALL_SECONDS)
        self._handler.client.close()

    def _connect(self) -> None:
        while not self._is_closing.is_set():
            try:
                self._handler.client.connect_to_new_endpoint()
            except (SlackApiError, SlackClientError, OSError, HTTPException, ValueError) as error:
                self._on_error(error)
            if self.is_connected or self._is_closing.wait(self._pause_seconds):
                return


def run_socket_mode(
    app: SlackApp, app_token: str, *, on_error: OnError, pause_seconds: float = SECONDS_BETWEEN_TRIES
) -> SocketModeConnection:
    """Returns at once; `on_error` hears of every failed try."""
    return SocketModeConnection(app, app_token, on_error=on_error, pause_seconds=pause_seconds)
