"""Builds the RFC 5322 message that SMTP and the folder hand over: multipart/alternative, 7-bit safe, a function of the
message and the instant alone (boundary and Message-ID come from the reference). Must never let a value open a header or
name a second recipient. Before it: deliver; after it: smtp.py, folder.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote

from bot.channels.base import MAX_NAME, MAX_SUBJECT, Outgoing, UnsendableError, one_line, safe_headers, sendable_address

MAX_LINE = 76
_POLICY = SMTP.clone(cte_type="7bit")


def mime_bytes(message: Outgoing, *, at: datetime) -> bytes:
    """The message with CRLF line ends; `at` becomes its Date.

    The headers are put together here, because EmailMessage (Python 3.11) loses spaces between Japanese and Latin words
    when it folds, writes long URLs of List-Unsubscribe as encoded words that no client reads, and needs up to 300 ms.

    Raises: UnsendableError for an address, header or text that must not leave.
    """
    head = "".join(f"{name}: {value}\r\n" for name, value in _headers(message, at))
    try:
        return head.encode("ascii") + _parts(message).as_bytes()
    except UnicodeEncodeError as error:
        raise UnsendableError("the text is not valid Unicode") from error


def message_id(message: Outgoing) -> str:
    """`<reference@sender's domain>`; the same message keeps its id."""
    domain = sendable_address(message.from_email).rpartition("@")[2]
    return f"<{file_safe(message.reference)}@{domain}>"


def file_safe(reference: str) -> str:
    """The reference if it is a short token of ASCII letters, digits, `-` and `_`; else a digest of it."""
    token = reference.replace("-", "").replace("_", "")
    if token.isascii() and token.isalnum() and len(reference) <= 64:
        return reference
    return _digest(reference)[:32]


def _headers(message: Outgoing, at: datetime) -> Iterator[tuple[str, str]]:
    yield "From", _mailbox(message.from_email, message.from_name)
    yield "To", _mailbox(message.to_email, message.to_name)
    if message.reply_to_email is not None:
        yield "Reply-To", _mailbox(message.reply_to_email, message.reply_to_name)
    yield "Subject", _encoded(one_line(message.subject, MAX_SUBJECT))
    yield "Date", format_datetime(at)
    yield "Message-ID", message_id(message)
    for name, value in safe_headers(message.headers).items():
        yield name, _encoded(value)


def _mailbox(email: str, name: str | None) -> str:
    address = sendable_address(email)
    clean = one_line(name, MAX_NAME) if name else ""
    if not clean:
        return address
    phrase = f'"{quote(clean)}"' if clean.isascii() else f"{_encoded(clean)}\r\n"
    return f"{phrase} <{address}>"


def _encoded(text: str) -> str:
    """ASCII as it is (one_line keeps it below 998 characters), anything else as folded encoded words."""
    if text.isascii():
        return text
    # 20 characters of the first line belong to the header's name.
    return Header(text, "utf-8", maxlinelen=MAX_LINE, header_name="x" * 20).encode(linesep="\r\n")


def _parts(message: Outgoing) -> EmailMessage:
    mail = EmailMessage(policy=_POLICY)
    if not message.text and not message.html:
        raise UnsendableError("the message has neither text nor HTML")
    if not message.text:
        mail.set_content(message.html, subtype="html")
        return mail
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
        mail.set_boundary(f"=_{_digest(message.reference + message.text + message.html)[:40]}")
    return mail


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
