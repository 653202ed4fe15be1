"""Builds the RFC 5322 message that SMTP and the folder hand over: multipart/alternative, 7-bit safe, a function of the
message and the instant alone (boundary and Message-ID come from the reference). Must never let a value open a header or
name a second recipient. Before it: deliver; after it: smtp.py, folder.py."""

from __future__ import annotations

import hashlib
import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Iterator
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, quote

from bot.channels.base import MAX_NAME, MAX_SUBJECT, Outgoing, UnsendableError, one_line, safe_headers, sendable_address

MAX_LINE = 76
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def mime_bytes(message: Outgoing, *, at: datetime) -> bytes:
    """The message with CRLF line ends; `at` becomes its Date.

    The headers are put together here, because EmailMessage (Python 3.11) loses spaces between Japanese and Latin words
    when it folds, writes long URLs of List-Unsubscribe as encoded words that no client reads, and needs up to 300 ms.

    Raises: UnsendableError for an address, header or text that must not leave.
    """
    head = "".join(f"{name}: {value}\r\n" for name, value in _headers(message, at))
    try:
        return head.encode("ascii") + _parts(message)
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


def _parts(message: Outgoing) -> bytes:
    """Content headers and body. Put together here, because EmailMessage takes as long for it as all the rest of a mail."""
    text, html = message.text, message.html
    if not text and not html:
        raise UnsendableError("the message has neither text nor HTML")
    parts = [_part(kind, content) for kind, content in (("plain", text), ("html", html)) if content]
    if len(parts) == 1:
        return b"MIME-Version: 1.0\r\n" + parts[0]
    boundary = f"=_{_digest(message.reference + text + html)[:40]}".encode()
    head = b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="%s"\r\n\r\n' % boundary
    return head + b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts) + b"--%s--\r\n" % boundary


def _part(kind: str, content: str) -> bytes:
    encoding, body = _encoded_body(content)
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'.encode() + body
    )


def _encoded_body(content: str) -> tuple[str, bytes]:
    """As it is where every server passes it on, else in whichever of the two encodings is shorter (RFC 2045, 6)."""
    lines = content.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    plain = "\n".join([*lines, ""]).encode()
    if content.isascii() and not CONTROLS.search(content) and max(map(len, lines)) <= MAX_LINE:
        return "7bit", plain.replace(b"\n", b"\r\n")
    if 6 * len(BEYOND_ASCII.findall(plain)) > len(plain):
        return "base64", encodebytes(plain.replace(b"\n", b"\r\n")).replace(b"\n", b"\r\n")
    return "quoted-printable", b2a_qp(plain).replace(b"\n", b"\r\n")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
