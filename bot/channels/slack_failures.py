"""Slack's words for what went wrong, translated once, by one table: is this card, this place or the whole account at
fault, and when to come again. Knows nothing of hand-offs. Used by slack.py only; escalate reads the values."""

from __future__ import annotations

import re
import ssl
import urllib.error
from dataclasses import dataclass
from socket import gaierror
from typing import Any

ACCOUNT_SECONDS = 300.0
NETWORK_SECONDS = 60.0

#: The place cannot be written to; another place may. docs.slack.dev/reference/methods/chat.postMessage#errors
PLACE = frozenset({
    "cannot_dm_bot", "channel_not_found", "channel_type_not_supported", "is_archived", "is_inactive", "messages_tab_disabled",
    "method_not_supported_for_channel_type", "no_permission", "not_in_channel", "posting_to_general_channel_denied",
    "restricted_action", "restricted_action_non_threadable_channel", "restricted_action_read_only_channel",
    "team_not_found", "user_disabled", "user_not_found", "user_not_visible", "users_list_not_supplied", "users_not_found",
    "not_enough_users",
})  # fmt: skip
#: Nothing passes until a person acts: the key, the app's rights, the workspace.
ACCOUNT = frozenset({
    "access_denied", "account_inactive", "accesslimited", "app_missing_action_url", "ekm_access_denied", "enterprise_is_restricted",
    "invalid_auth", "missing_scope", "not_allowed_token_type", "not_authed", "org_login_required", "team_access_not_granted",
    "team_added_to_org", "token_expired", "token_revoked", "two_factor_setup_required",
})  # fmt: skip
#: The card to be changed is not there any more, or may not be changed.
CARD_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "update_failed"})
#: Slack refused this card for good.
CARD = frozenset({
    "block_mismatch", "as_user_not_supported", "invalid_arguments", "invalid_array_arg", "invalid_blocks", "invalid_blocks_format",
    "invalid_metadata_format", "invalid_metadata_schema", "markdown_text_conflict", "metadata_must_be_sent_from_app",
    "metadata_too_large", "msg_blocks_too_long", "msg_too_long", "no_text", "too_many_attachments",
})  # fmt: skip
LATER = frozenset({"rate_limited", "ratelimited", "message_limit_exceeded"})
_WORD = re.compile(r"[a-z][a-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFailed:
    """Why a call did not do. `reason` is Slack's own word or ours (timeout, unreachable, server_error); `retry_after` in
    seconds; `permanent`: trying the same again is of no use; `is_account_wide`: no other card passes now either."""

    reason: str
    retry_after: float | None = None
    permanent: bool = False
    is_account_wide: bool = False

    @property
    def is_place_at_fault(self) -> bool:
        return self.reason in PLACE

    @property
    def is_card_gone(self) -> bool:
        return self.reason in CARD_GONE

    @property
    def sentence(self) -> str:
        """For `doctor` and the list of hand-offs; no personal data."""
        if self.is_account_wide:
            return f"Slack does not let us in, or cannot be reached ({self.reason})"
        if self.is_place_at_fault:
            return f"Slack cannot deliver to this person or channel ({self.reason})"
        return f"Slack did not take the card ({self.reason})"


def failure_of_answer(response: Any) -> PostFailed:
    """From the answer that came with a SlackApiError; a 5xx may have been accepted all the same."""
    status = int(getattr(response, "status_code", 0) or 0)
    data = getattr(response, "data", None)
    error = str((data or {}).get("error", "")) if isinstance(data, dict) else ""
    if status == 429 or error in LATER:
        return PostFailed(reason="ratelimited", retry_after=_retry_after(getattr(response, "headers", None)))
    # What is no word of Slack's is the SDK's sentence about an answer that was no JSON: a proxy, or Slack's own 5xx page.
    is_word = _WORD.fullmatch(error) is not None
    if status >= 500 or not is_word:
        return PostFailed(reason=error if is_word else "server_error", retry_after=NETWORK_SECONDS)
    if error in ACCOUNT:
        return PostFailed(reason=error, retry_after=ACCOUNT_SECONDS, is_account_wide=True)
    return PostFailed(reason=error, permanent=error in PLACE | CARD_GONE | CARD)


def failure_of_exception(error: BaseException) -> PostFailed:
    """A connection that broke. Whether the call was accepted is unknown unless it never came about."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ConnectionRefusedError | gaierror | ssl.SSLError):
        return PostFailed(reason="unreachable", retry_after=NETWORK_SECONDS, is_account_wide=True)
    if isinstance(cause, TimeoutError):
        return PostFailed(reason="timeout", retry_after=NETWORK_SECONDS, is_account_wide=True)
    return PostFailed(reason="connection_lost", retry_after=NETWORK_SECONDS)


def _retry_after(headers: Any) -> float:
    """Slack sends whole seconds; header names arrive in any case."""
    found = {str(name).lower(): value for name, value in (headers or {}).items()}.get("retry-after", "1")
    value = found[0] if isinstance(found, list) and found else found
    text = str(value).strip()
    return min(float(text), 3600.0) if text.replace(".", "", 1).isdigit() and text.isascii() else 1.0
