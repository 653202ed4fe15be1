"""Translates SendGrid's HTTP answers into ours, by one table. Must never say ACCEPTED for anything but 202 (200 is the
sandbox, which sends nothing), nor NOT_ACCEPTED for 5xx: those were seen with the mail sent all the same.
Names of headers are in small letters.
Before it: sendgrid.py; after it: deliver."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import orjson

from bot.channels.base import MAX_DETAIL, Answer, Outcome, without_addresses

ACCEPTED_STATUS = 202
MAX_RETRY_AFTER_SECONDS = 3600.0

_BY_STATUS: Mapping[int, tuple[Outcome, str]] = {
    400: (Outcome.REFUSED, "bad_request"),
    401: (Outcome.DENIED, "unauthorized"),
    403: (Outcome.DENIED, "forbidden"),
    408: (Outcome.UNKNOWN, "timeout"),
    413: (Outcome.REFUSED, "too_large"),
    429: (Outcome.NOT_ACCEPTED, "rate_limited"),
}


def accepted(headers: Mapping[str, str]) -> Answer:
    return Answer(
        outcome=Outcome.ACCEPTED,
        reason="accepted",
        status=ACCEPTED_STATUS,
        provider_message_id=headers.get("x-message-id"),
    )


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """The answer for every status but 202."""
    outcome, reason = _BY_STATUS.get(status) or _by_class(status)
    detail = _detail(body)
    if status == 401 and "credits" in detail.lower():
        reason = "credits"
    return Answer(
        outcome=outcome,
        reason=reason,
        status=status,
        detail=detail,
        retry_after_seconds=_retry_after(headers) if reason == "rate_limited" else None,
    )


def _by_class(status: int) -> tuple[Outcome, str]:
    """5xx may have been accepted. Any other 2xx or 1xx is no promise. 3xx and the other 4xx come from a wrong base URL
    or a proxy in between: nothing can pass until a person looks, so they open the breaker."""
    if status >= 500:
        return Outcome.UNKNOWN, "server_error"
    if status < 300:
        return Outcome.UNKNOWN, "unexpected_status"
    return Outcome.DENIED, "unexpected_status"


def _detail(body: bytes) -> str:
    """`{"errors": [{"message", "field", "help"}]}` as one line; anything else as it came."""
    try:
        errors = orjson.loads(body)["errors"]
        text = "; ".join(
            f"{error['message']} ({error['field']})" if error.get("field") else error["message"] for error in errors
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        text = body[: 4 * MAX_DETAIL].decode("utf-8", "replace")
    return without_addresses(text)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from now. X-RateLimit-Reset is an epoch time on the vendor's clock, so it is compared with the `Date` of
    the same answer and not with ours. mail/send often sends neither header."""
    try:
        if (wait := headers.get("retry-after")) is not None:
            seconds = float(wait)
        else:
            seconds = float(headers["x-ratelimit-reset"]) - parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS) if seconds == seconds else None  # NaN is no time
