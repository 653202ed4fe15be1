"""Cards out: a thin client of Slack's Web API. Answers are values, never exceptions. Never retries by itself (a hidden
retry is a second card), never touches the database. Before it: escalate.post_handoffs and the Bolt app draw a card; after
it: they record where the card stands. Paces itself to one message a second and channel (Slack's documented limit)."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Literal, TypeAlias

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.channels.slack_failures import PostFailed, failure_of_answer, failure_of_exception
from bot.clock import Clock

__all__ = ["Card", "PostFailed", "Posted", "SlackChannel"]

PUBLIC_API = "https://slack.com/api/"
METADATA_EVENT = "journeybot_handoff"
SECONDS_BETWEEN_MESSAGES = 1.0
LONGEST_WAIT_SECONDS = 2.0
HISTORY_PAGE = 200
HISTORY_PAGES = 5
CHANNEL_PAGES = 20

Block: TypeAlias = Mapping[str, Any]
#: An id; names of channels have no capital letters.
_CONVERSATION = re.compile(r"[CDG][A-Z0-9-]+")
Account: TypeAlias = Literal["on", "off", "unknown"]
_ACCOUNTS: Mapping[str, Account] = {
    "user_disabled": "off", "user_not_found": "unknown", "users_not_found": "unknown", "user_not_visible": "unknown",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What Slack shows: Block Kit, and the plain text for notifications and screen readers."""

    blocks: Sequence[Block]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a card stands. `was_found`: it stood there already, from an attempt whose answer was lost."""

    channel: str
    ts: str
    was_found: bool = False


def quiet_client(token: str | None, base_url: str, timeout_seconds: float) -> WebClient:
    """A client without hidden retries, whose own logger never prints a body (names, tokens) at DEBUG."""
    logger = logging.getLogger("journeybot.slack_sdk")
    logger.setLevel(logging.WARNING)
    return WebClient(
        token=token, base_url=base_url, timeout=max(1, round(timeout_seconds)), logger=logger, retry_handlers=[]
    )


class SlackChannel:
    """One workspace's bot. Threads may share it."""

    def __init__(
        self, token: str, base_url: str = PUBLIC_API, *, clock: Clock, timeout_seconds: float = 10, client: Any = None
    ) -> None:
        self._client = client or quiet_client(token, base_url, timeout_seconds)
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at: dict[str, float] = {}
        self._ids: dict[str, str] = {}

    def post_card(
        self, target: str, card: Card, reference: str, *, look_first: bool = False, newer_than: str | None = None
    ) -> Posted | PostFailed:
        """Posts to a user (`U…`: the direct message) or a channel. `look_first`: an earlier attempt may have been
        accepted, so the reference is looked for (in messages newer than the ts `newer_than`) before posting."""
        place = self._place_of(target)
        if isinstance(place, PostFailed):
            return place
        if look_first:
            found = self._find_by_name(place, reference, newer_than)
            if found is not None:
                return found
        waiting = self._wait_for_turn(place)
        if waiting is not None:
            return waiting
        answer = self.call(
            "chat.postMessage",
            channel=place,
            text=card.text,
            blocks=list(card.blocks),
            metadata={"event_type": METADATA_EVENT, "event_payload": {"reference": reference}},
            unfurl_links=False,
            unfurl_media=False,
        )
        if isinstance(answer, PostFailed):
            self._hold_back(place, answer)
            return answer
        self._learn(target, place, str(answer["channel"]))
        return Posted(channel=str(answer["channel"]), ts=str(answer["ts"]))

    def update_card(self, channel: str, ts: str, card: Card) -> Posted | PostFailed:
        """Changes a card in place."""
        answer = self.call("chat.update", channel=channel, ts=ts, text=card.text, blocks=list(card.blocks))
        return answer if isinstance(answer, PostFailed) else Posted(channel=channel, ts=ts)

    def reply(self, channel: str, ts: str, text: str, *, look_first: bool = False) -> PostFailed | None:
        """A line in a card's thread; None: it stands there. `look_first`: an earlier attempt may have been accepted."""
        if look_first and self._stands_in_thread(channel, ts, text):
            return None
        waiting = self._wait_for_turn(channel)
        if waiting is not None:
            return waiting
        answer = self.call("chat.postMessage", channel=channel, thread_ts=ts, text=text)
        if isinstance(answer, PostFailed):
            self._hold_back(channel, answer)
            return answer
        return None

    def tell_privately(self, channel: str, user: str, text: str, *, thread: str | None = None) -> PostFailed | None:
        """A line that only `user` sees, in the conversation or in the thread of a message there; None: told."""
        answer = self.call("chat.postEphemeral", channel=channel, user=user, text=text, thread_ts=thread)
        return answer if isinstance(answer, PostFailed) else None

    def tell_directly(self, user: str, text: str) -> PostFailed | None:
        """A line in the person's direct messages, where there is no conversation to answer in; None: told."""
        place = self._place_of(user)
        if isinstance(place, PostFailed):
            return place
        waiting = self._wait_for_turn(place)
        if waiting is not None:
            return waiting
        answer = self.call("chat.postMessage", channel=place, text=text)
        return answer if isinstance(answer, PostFailed) else None

    def account_of(self, user: str) -> Account | PostFailed:
        """Whether a person's account is switched on. Asked of `users.info` where the app may (`users:read`), else by opening their
        direct message; messages to accounts that are off are accepted, so posting does not tell."""
        answer = self.call("users.info", user=user)
        if not isinstance(answer, PostFailed):
            return "off" if (answer.get("user") or {}).get("deleted") else "on"
        if answer.reason == "missing_scope":
            answer = self.call("conversations.open", users=user)
        if not isinstance(answer, PostFailed):
            return "on"
        return _ACCOUNTS.get(answer.reason, answer)

    def who_am_i(self) -> Mapping[str, Any] | PostFailed:
        """The bot's team and user, for `doctor`."""
        return self.call("auth.test")

    def _place_of(self, target: str) -> str | PostFailed:
        """The id of the conversation: opens the direct message of a user, keeps what it learned."""
        if target in self._ids:
            return self._ids[target]
        if not target.startswith(("U", "W")):
            return target
        answer = self.call("conversations.open", users=target)
        if isinstance(answer, PostFailed):
            return answer
        self._ids[target] = str(answer["channel"]["id"])
        return self._ids[target]

    def _learn(self, target: str, place: str, channel: str) -> None:
        """A channel that was known by name has an id from now on, and keeps the pace that it had."""
        with self._lock:
            self._ids[target] = channel
            self._free_at[channel] = max(self._free_at.get(channel, 0.0), self._free_at.get(place, 0.0))

    def joined_channels(self, kind: str) -> Mapping[str, str] | PostFailed:
        """Name → id of the `public_channel`s or `private_channel`s that the app is in."""
        found: dict[str, str] = {}
        cursor: str | None = None
        for _ in range(CHANNEL_PAGES):
            answer = self.call(
                "users.conversations", types=kind, exclude_archived=True, limit=HISTORY_PAGE, cursor=cursor
            )
            if isinstance(answer, PostFailed):
                return answer
            found |= {str(channel.get("name")): str(channel.get("id")) for channel in answer.get("channels") or ()}
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
        return found

    def _find_by_name(self, place: str, reference: str, newer_than: str | None) -> Posted | PostFailed | None:
        """As _find, also where the channel is known by its name only. Slack answers about ids, so the name is looked for among
        the channels that the app is in, as far as it may list them."""
        if _CONVERSATION.fullmatch(place):
            return self._find(place, reference, newer_than)
        for kind in ("public_channel", "private_channel"):
            joined = self.joined_channels(kind)
            if isinstance(joined, PostFailed):
                if not _cannot_be_known(joined):
                    return joined
            elif (channel := joined.get(place.removeprefix("#"))) is not None:
                self._learn(place, place, channel)
                return self._find(channel, reference, newer_than)
        return None

    def _find(self, channel: str, reference: str, newer_than: str | None) -> Posted | PostFailed | None:
        """None: it does not stand there, or it cannot be known (no right to read)."""
        cursor: str | None = None
        for _ in range(HISTORY_PAGES):
            answer = self.call(
                "conversations.history",
                channel=channel,
                include_all_metadata=True,
                limit=HISTORY_PAGE,
                oldest=newer_than,
                cursor=cursor,
            )
            if isinstance(answer, PostFailed):
                return None if _cannot_be_known(answer) else answer
            for message in answer.get("messages") or ():
                if _reference_in(message) == reference:
                    return Posted(channel=channel, ts=str(message["ts"]), was_found=True)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return None
        return None

    def _stands_in_thread(self, channel: str, ts: str, text: str) -> bool:
        """False also where it cannot be known (no right to read): a line twice is better than none."""
        answer = self.call("conversations.replies", channel=channel, ts=ts, limit=HISTORY_PAGE)
        if isinstance(answer, PostFailed):
            return False
        return any(message.get("text") == text for message in answer.get("messages") or ())

    def _wait_for_turn(self, channel: str) -> PostFailed | None:
        """Takes the channel's next slot, or says when to come again rather than hold everybody up."""
        with self._lock:
            now = self._clock.monotonic()
            turn = max(self._free_at.get(channel, now), now)
            if turn - now > LONGEST_WAIT_SECONDS:
                return PostFailed(reason="ratelimited", retry_after=turn - now)
            self._free_at[channel] = turn + SECONDS_BETWEEN_MESSAGES
        if turn > now:
            self._clock.sleep(turn - now)
        return None

    def _hold_back(self, channel: str, failed: PostFailed) -> None:
        if failed.retry_after:
            with self._lock:
                self._free_at[channel] = self._clock.monotonic() + failed.retry_after

    def call(self, method: str, **arguments: Any) -> Mapping[str, Any] | PostFailed:
        """One call, for methods that have no verb of their own here (views.open …); arguments that are None are left out."""
        given = {name: value for name, value in arguments.items() if value is not None}
        call: Callable[..., Any] = self._client.api_call
        try:
            # What reads takes forms only; the others are sent as JSON, which keeps blocks intact.
            if method.startswith(("conversations.", "users.")):
                return _data(call(method, params={key: _form(value) for key, value in given.items()}))
            return _data(call(method, json=given))
        except SlackApiError as refused:
            return failure_of_answer(refused.response)
        except (OSError, HTTPException, SlackClientError, ValueError) as broken:
            return failure_of_exception(broken)


def _cannot_be_known(failed: PostFailed) -> bool:
    """Asking again is of no use: no right to read, or no such place."""
    return failed.permanent or failed.reason == "missing_scope"


def _data(response: Any) -> Mapping[str, Any]:
    data = response.data
    return data if isinstance(data, Mapping) else {}


def _form(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value


def _reference_in(message: Mapping[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != METADATA_EVENT:
        return None
    reference = (metadata.get("event_payload") or {}).get("reference")
    return reference if isinstance(reference, str) else None
