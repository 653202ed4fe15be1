"""SendGrid's inbound parse: a reader's answer, as a form of fields or as the raw mail. Pure: bytes in, values out; whatever
somebody mails us must never break it. The route keeps the post as it came; absorb reads it here."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parseaddr

import orjson

SOURCE = "inbound"
MAX_TEXT = 20_000
MAX_LINE = 500
MAX_NAMES = 20
#: Mails that a program wrote (RFC 3834; the X- headers are what Exchange and older responders write).
AUTOMATIC_HEADERS = ("x-autoreply", "x-autorespond", "x-auto-reply-from", "x-mail-autoreply", "list-id")
AUTOMATIC_PRECEDENCE = ("bulk", "junk", "list", "auto_reply")
AUTOMATIC_SUBJECTS = re.compile(
    r"\s*(automatic reply|auto(matic)?[- ]?reply|out of (the )?office|autoreply|undeliver(ed|able)|delivery status"
    r"|自動(応答|返信)|不在(通知|のお知らせ|につき))",
    re.IGNORECASE,
)
ROBOTS = ("mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply")
_MESSAGE_ID = re.compile(r"<([^<>@\s]{1,200})@([^<>@\s]{1,250})>")
#: Neither looks past the next `<`, or a mail of nothing but those would take minutes.
_CODE = tuple((re.compile(f"<{name}\\b", re.I), re.compile(f"</{name}\\s*>", re.I)) for name in ("script", "style"))
_DKIM_PASS = re.compile(r"@([A-Za-z0-9.-]{1,253})\s*:\s*pass\b", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6])\s*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingReply:
    """An answer. `answers` are the left sides of the Message-IDs it refers to, the nearest first; `recipients` the addresses
    it was sent to. Addresses are in lower case. `is_proven`: whether DKIM or SPF vouch for the domain of `from_address`; None where
    whoever took the mail in says nothing about either."""

    key: str
    from_address: str
    from_name: str
    recipients: tuple[str, ...]
    answers: tuple[str, ...]
    subject: str
    text: str
    attachments: tuple[str, ...]
    is_automatic: bool
    is_proven: bool | None


def read_reply(body: bytes, content_type: str) -> IncomingReply:
    """What is missing or broken is empty."""
    fields, files = _fields_of(body, content_type)
    raw = fields.get("email")
    mail = (
        message_from_bytes(raw)
        if raw is not None
        else message_from_string(_decoded(fields.get("headers", b""), "utf-8"))
    )
    charsets = _charsets(fields.get("charsets", b""))
    given = {
        name: _decoded(fields.get(name, b""), charsets.get(name)) for name in ("from", "to", "subject", "text", "html")
    }
    sender = given["from"] or _header(mail, "From")
    name, address = parseaddr(sender)
    envelope = _envelope(fields.get("envelope", b""))
    subject = given["subject"] or _header(mail, "Subject")
    message_id = _header(mail, "Message-ID")
    text = _raw_text(mail) if raw is not None else given["text"] or _without_tags(given["html"])
    return IncomingReply(
        key=hashlib.sha256(message_id.encode() or body).hexdigest()[:32],
        from_address=_line(address).lower(),
        from_name=_line(name),
        recipients=_recipients(envelope.get("to"), given["to"], mail),
        answers=_answers(mail),
        subject=_line(subject),
        text=_clean(text).strip()[:MAX_TEXT],
        attachments=(files or _attached(mail))[:MAX_NAMES],
        is_automatic=_is_automatic(mail, subject, address, envelope),
        is_proven=_is_proven(address, fields, envelope.get("from")),
    )


def _fields_of(body: bytes, content_type: str) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Name → content of a multipart/form-data body, and the names of its files. A form is MIME (RFC 7578)."""
    head = b"Content-Type: " + content_type.encode("latin-1", "replace").replace(b"\r", b"").replace(b"\n", b"")
    form = message_from_bytes(head + b"\r\n\r\n" + body)
    fields: dict[str, bytes] = {}
    files: list[str] = []
    for part in form.get_payload() if form.is_multipart() else ():
        name = part.get_param("name", header="content-disposition") if isinstance(part, Message) else None
        if not isinstance(part, Message) or not isinstance(name, str):
            continue
        content = part.get_payload(decode=True)
        if part.get_filename():
            files.append(_line(_words(part.get_filename() or "")))
        elif isinstance(content, bytes):
            fields.setdefault(name, content)
    return fields, tuple(files)


def _charsets(field: bytes) -> dict[str, str]:
    return {name: value for name, value in _object(field).items() if isinstance(value, str)}


def _envelope(field: bytes) -> dict[str, object]:
    return _object(field)


def _object(field: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(field) if field else {}
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _decoded(content: bytes, charset: str | None) -> str:
    """A form's part ends with the line break of the boundary; it is no part of the text."""
    try:
        return content.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _header(mail: Message, name: str) -> str:
    return _words(str(mail.get(name) or ""))


def _words(text: str) -> str:
    """Encoded words decoded; as they stand where they are broken."""
    try:
        return str(make_header(decode_header(text)))
    except (LookupError, ValueError, HeaderParseError):
        return text


def _recipients(envelope_to: object, to_field: str, mail: Message) -> tuple[str, ...]:
    listed = [text for text in envelope_to if isinstance(text, str)] if isinstance(envelope_to, list) else []
    named = getaddresses(
        [to_field, *(str(value) for name in ("To", "Cc", "Delivered-To") for value in mail.get_all(name, []))]
    )
    found = [*listed, *(address for _, address in named)]
    return tuple(dict.fromkeys(_line(address).lower() for address in found[:100] if address))


def _answers(mail: Message) -> tuple[str, ...]:
    """What it answers to, then what it refers to, from the newest."""
    direct = _MESSAGE_ID.findall(str(mail.get("In-Reply-To") or ""))
    earlier = _MESSAGE_ID.findall(str(mail.get("References") or "")[-10_000:])
    return tuple(dict.fromkeys(left for left, _ in (*direct, *reversed(earlier))))[:MAX_NAMES]


def _is_automatic(mail: Message, subject: str, address: str, envelope: Mapping[str, object]) -> bool:
    submitted = str(mail.get("Auto-Submitted") or "no").strip().lower()
    precedence = str(mail.get("Precedence") or "").strip().lower()
    is_report = str(mail.get("Content-Type") or "").lower().startswith("multipart/report")
    robot = address.partition("@")[0].lower() in ROBOTS
    has_no_sender = envelope.get("from") in ("", "<>") or not address
    return (
        not submitted.startswith("no")
        or precedence in AUTOMATIC_PRECEDENCE
        or any(mail.get(name) for name in AUTOMATIC_HEADERS)
        or is_report
        or robot
        or has_no_sender
        or AUTOMATIC_SUBJECTS.match(subject) is not None
    )


def _is_proven(address: str, fields: Mapping[str, bytes], envelope_from: object) -> bool | None:
    """As DMARC aligns them, relaxed: SendGrid's field `dkim` is like `{@example.com : pass}`, `SPF` is the verdict on the envelope's
    sender. twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook"""
    if "dkim" not in fields and "SPF" not in fields:
        return None
    domain = address.rpartition("@")[2].lower()
    signed = [found.lower() for found in _DKIM_PASS.findall(_decoded(fields.get("dkim", b""), "utf-8")[:MAX_TEXT])]
    if _decoded(fields.get("SPF", b""), "utf-8").strip().lower() == "pass":
        signed.append(str(envelope_from or "").rpartition("@")[2].strip("<> ").lower())
    return any(_is_aligned(domain, other) for other in signed)


def _is_aligned(domain: str, other: str) -> bool:
    """The same, or one below the other; a bare top-level domain is nobody's."""
    shorter, longer = sorted((domain, other), key=len)
    return "." in shorter and (shorter == longer or longer.endswith(f".{shorter}"))


def _raw_text(mail: Message) -> str:
    """The first plain text of a raw mail, else the first HTML without its tags."""
    for kind in ("text/plain", "text/html"):
        for part in mail.walk():
            if part.get_content_type() == kind and not part.get_filename():
                content = part.get_payload(decode=True)
                text = _decoded(content if isinstance(content, bytes) else b"", part.get_content_charset())
                return text if kind == "text/plain" else _without_tags(text)
    return ""


def _attached(mail: Message) -> tuple[str, ...]:
    return tuple(_line(_words(name)) for part in mail.walk() if (name := part.get_filename()))


def _without_tags(text: str) -> str:
    """Good enough to be read; it is shown as text, never as HTML."""
    bare = text[: 10 * MAX_TEXT]
    for opens, closes in _CODE:
        bare = _without_code(bare, opens, closes)
    bare = _TAG.sub("", _BREAK.sub("\n", bare))
    return re.sub(r"\n\s*\n+", "\n\n", html.unescape(bare))


def _without_code(text: str, opens: re.Pattern[str], closes: re.Pattern[str]) -> str:
    """What is never closed stays, and is looked for once."""
    kept: list[str] = []
    at = 0
    while (opening := opens.search(text, at)) is not None:
        closing = closes.search(text, opening.end())
        if closing is None:
            break
        kept.append(text[at : opening.start()])
        at = closing.end()
    return "".join([*kept, text[at:]])


def _line(text: str) -> str:
    return " ".join(_clean(text).split())[:MAX_LINE]


def _clean(text: str) -> str:
    """Fit for every database: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
