"""The contract of every outgoing mail channel: what is handed over, and the answer that comes back. Answers are values,
never exceptions; an outcome says only what we know (design/delivery.md: we never guess twice). Must never touch the
database. Before it: deliver has committed the intent to send. After it: deliver records the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol, TypeAlias

from bot.rules.addresses import wire_address
from storage.skeletons import Outline, html_of

MAX_DETAIL = 500
MAX_NAME = 200
MAX_SUBJECT = 900
MAX_HEADER_VALUE = 900
# What SendGrid refuses in `headers` (its reference of mail/send), and what the MIME builder sets itself.
RESERVED_HEADERS = frozenset(
    (
        *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to"),
        *("from", "subject", "reply-to", "cc", "bcc", "sender", "date", "message-id", "mime-version", "return-path"),
    )
)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


#: Not frozen, as other data is: that would triple what it costs to make one, and thousands are made a second.
@dataclass(slots=True, kw_only=True)
class Outgoing:
    """One rendered mail to one person. `reference` is our opaque message id, never personal data: the vendor stores it.

    `deadline` is a monotonic reading in seconds, taken from the clock that the channel was built with; the channel
    compares it just before writing, because the lease of a frozen worker may be over by then. `document`: the HTML, or an outline
    of it, which is short enough to be handed to another process.
    """

    reference: str
    to_email: str
    to_name: str | None
    from_email: str
    from_name: str | None
    reply_to_email: str | None
    reply_to_name: str | None
    subject: str
    document: str | Outline
    text: str
    category: str
    headers: Mapping[str, str]
    deadline: float

    @property
    def html(self) -> str:
        return html_of(self.document)


class Outcome(StrEnum):
    """What we know about one attempt."""

    ACCEPTED = "accepted"
    """The provider has taken the message over."""
    NOT_ACCEPTED = "not_accepted"
    """We know it was not accepted (never connected, rate limited, deadline over): it may be tried again."""
    REFUSED = "refused"
    """The provider refused this message for good; only a corrected message may be tried."""
    DENIED = "denied"
    """The provider refused our account or key: no message can pass until a person acts."""
    UNKNOWN = "unknown"
    """Bytes may have reached the provider and no answer says what happened: never send again by ourselves."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """How one attempt ended.

    `reason` is a stable machine word: accepted, rate_limited, breaker, connect_error, deadline, bad_request, too_large,
    unauthorized, forbidden, credits, timeout, reset, server_error, unexpected_status, unsendable, unsupported,
    try_later, rejected, write_error. `detail` is the vendor's own words without personal data, at most 500 characters.
    """

    outcome: Outcome
    reason: str
    status: int | None = None
    provider_message_id: str | None = None
    detail: str = ""
    retry_after_seconds: float | None = None


OnAnswer: TypeAlias = Callable[[Outgoing, Answer], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailStream:
    """Mails one after the other. `may_wait`: whether asking for the next may wait, for a database or another process; a
    channel with requests in flight then asks in a thread beside, so that they do not time out meanwhile."""

    mails: Iterator[Outgoing]
    may_wait: Callable[[], bool] = lambda: False

    @classmethod
    def of(cls, batch: Iterable[Outgoing]) -> MailStream:
        return batch if isinstance(batch, cls) else cls(mails=iter(batch))

    def __iter__(self) -> MailStream:
        return self

    def __next__(self) -> Outgoing:
        return next(self.mails)


class MailChannel(Protocol):
    """A way out for mails. One thread uses a channel at a time."""

    name: str

    def send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        """Hands every message of `batch` over and calls `on_answer` exactly once for each, in the calling thread, as
        the answers arrive (not in order). Takes a message from `batch` only when it is its turn: more may be made ready
        meanwhile, and asking for the next may wait (`MailStream`). Never raises for one message's sake; what `batch` or `on_answer`
        raises, and an interrupt, pass through, and messages left without an answer then are unknown to everybody."""
        ...

    def close(self) -> None:
        """Closes pooled connections; the channel cannot be used afterwards."""
        ...


def stop_after(answer: Answer) -> Answer | None:
    """The answer for all that are not written yet, if this one closes the way out: a 429 slows the whole transport, a refused
    account stops it."""
    if answer.outcome is Outcome.DENIED:
        return Answer(outcome=Outcome.NOT_ACCEPTED, reason="breaker", detail="not tried: the account was refused")
    if answer.reason == "rate_limited":
        retry = answer.retry_after_seconds
        return Answer(outcome=Outcome.NOT_ACCEPTED, reason="rate_limited", retry_after_seconds=retry)
    return None


class UnsendableError(ValueError):
    """This message must not leave as it is; the text says why and names no person. Answered REFUSED/unsendable."""

    def answer(self) -> Answer:
        return Answer(outcome=Outcome.REFUSED, reason="unsendable", detail=str(self))


_ADDRESS = re.compile(r"[^\s<>\"',;:]+@[^\s<>\"',;:]+")
# Line breaks of every kind, other control characters, bidirectional overrides and halves of surrogate pairs.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def one_line(text: str, limit: int = MAX_HEADER_VALUE) -> str:
    """`text` fit for a header: no line break or control character of any kind, at most `limit` characters.

    A literal `=?` is spaced out: Python's header parser and mail clients would decode it, line breaks included.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit and "=?" not in text:
        return text.strip()
    return _UNSAFE.sub(" ", text).replace("=?", "= ?").strip()[:limit].rstrip()


def without_addresses(text: str) -> str:
    """The vendor's words on one line with mail addresses masked, cut to what an `Answer.detail` may hold."""
    return _ADDRESS.sub("<address>", one_line(text, limit=4 * MAX_DETAIL))[:MAX_DETAIL]


def sendable_address(email: str) -> str:
    """The address as it goes on the wire.

    Raises: UnsendableError.
    """
    address = wire_address(email)
    if address is None:
        raise UnsendableError("an address of this message is not one plain mail address")
    return address


@lru_cache(maxsize=256)
def _may_be_set(header: str) -> bool:
    return _HEADER_NAME.fullmatch(header) is not None and header.lower() not in RESERVED_HEADERS


def safe_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Custom headers with one-line values.

    Raises: UnsendableError for a name that is no header name or that belongs to the message itself.
    """
    for name in headers:
        if not _may_be_set(name):
            raise UnsendableError(f"the header {one_line(name, 40)!r} cannot be set by a message")
    return {name: one_line(value) for name, value in headers.items()}
