"""Builds the RFC 5322 message that SMTP and the folder hand over: multipart/alternative, 7-bit safe, and a function of the
message and the instant alone (boundary and Message-ID come from the reference). Must never let a value open a header or
name a second recipient. Before it: deliver; after it: smtp.py, folder.py."""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy

from bot.channels.base import MAX_NAME, MAX_SUBJECT, Outgoing, UnsendableError, one_line, safe_headers, sendable_address


class _WholeHeader(UnstructuredHeader, BaseHeader):
    """A header whose value stays on one line. Python would otherwise write long URLs of List-Unsubscribe as encoded words,
    which no mail client reads there (RFC 2369 wants the URL as it is)."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}" if self.isascii() else super().fold(policy=policy)


_POLICY = SMTP.clone(cte_type="7bit", header_factory=HeaderRegistry(default_class=_WholeHeader))


def mime_bytes(message: Outgoing, *, at: datetime) -> bytes:
    """The message with CRLF line ends; `at` becomes its Date.

    Raises: UnsendableError for an address, header or text that must not leave.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _mailbox(message.from_email, message.from_name)
    mail["To"] = _mailbox(message.to_email, message.to_name)
    if message.reply_to_email is not None:
        mail["Reply-To"] = _mailbox(message.reply_to_email, message.reply_to_name)
    mail["Subject"] = one_line(message.subject, MAX_SUBJECT)
    mail["Date"] = at
    mail["Message-ID"] = message_id(message)
    for name, value in safe_headers(message.headers).items():
        mail[name] = value
    try:
        _add_parts(mail, message)
        return mail.as_bytes()
    except UnicodeEncodeError as error:
        raise UnsendableError("the text is not valid Unicode") from error


def message_id(message: Outgoing) -> str:
    """`<reference@sender's domain>`; a reference that is no plain token is digested. The same message keeps its id."""
    domain = sendable_address(message.from_email).rpartition("@")[2]
    return f"<{file_safe(message.reference)}@{domain}>"


def file_safe(reference: str) -> str:
    """The reference if it is a short token of ASCII letters, digits, `-` and `_`, else a digest of it: no path, no header."""
    token = reference.replace("-", "").replace("_", "")
    if token.isascii() and token.isalnum() and len(reference) <= 64:
        return reference
    return _digest(reference)[:32]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _mailbox(email: str, name: str | None) -> Address:
    local_part, _, domain = sendable_address(email).rpartition("@")
    return Address(display_name=one_line(name, MAX_NAME) if name else "", username=local_part, domain=domain)


def _add_parts(mail: EmailMessage, message: Outgoing) -> None:
    if not message.text and not message.html:
        raise UnsendableError("the message has neither text nor HTML")
    if message.text:
        mail.set_content(message.text)
    if not message.html:
        return
    if not message.text:
        mail.set_content(message.html, subtype="html")
        return
    mail.add_alternative(message.html, subtype="html")
    mail.set_boundary(f"=_{_digest(message.reference + message.text + message.html)[:40]}")
