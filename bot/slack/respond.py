"""Answers that only the asker sees, by the response URL that came with a command or a shortcut: it works in channels and direct
messages where the bot is not a member. Where it fails, the answer goes to the asker's direct messages."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any

from slack_sdk.errors import SlackClientError
from slack_sdk.webhook import WebhookClient

from bot.slack.context import Body, SlackContext

SECONDS = 10
_logger = logging.getLogger("journeybot.slack_sdk")


def answer_privately(
    context: SlackContext, body: Body, text: str, blocks: Sequence[dict[str, Any]] | None = None
) -> None:
    """`text` is markup, for notifications too; `blocks` say more. Never raises: faults go to `on_error`."""
    url = str(body.get("response_url") or "")
    if url and _responded(context, url, text, blocks):
        return
    context.tell({"user_id": body.get("user_id"), "user": body.get("user")}, text)


def _responded(context: SlackContext, url: str, text: str, blocks: Sequence[dict[str, Any]] | None) -> bool:
    client = WebhookClient(url, timeout=SECONDS, logger=_logger, retry_handlers=[])
    try:
        response = client.send(
            text=text, blocks=list(blocks) if blocks else None, response_type="ephemeral", replace_original=False
        )
    except (OSError, HTTPException, SlackClientError, ValueError) as error:
        context.on_error(error)
        return False
    if response.status_code != 200:
        context.on_error(RuntimeError(f"a private answer in Slack failed: {response.status_code}"))
    return response.status_code == 200
