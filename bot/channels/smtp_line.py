"""Opens one SMTP connection that is fit for submitting: greeted, encrypted, logged in. Must never send a password or a mail
in clear to another machine, nor show the password. Before it: smtp.py has a message to submit; after it: smtp.py
submits."""

from __future__ import annotations

import smtplib
import ssl

from bot.channels.base import Answer, Outcome, without_addresses
from bot.channels.smtp_url import SmtpServer


class NoLineError(Exception):
    """There is no usable connection; carries the answer for every message that needed it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def open_line(server: SmtpServer, timeout_seconds: float, context: ssl.SSLContext) -> smtplib.SMTP:
    """Raises: NoLineError."""
    line: smtplib.SMTP | None = None
    try:
        line = _connect(server, timeout_seconds, context)
        _greet(line, server, context)
    except (smtplib.SMTPException, OSError) as error:
        if line is not None:
            line.close()
        raise NoLineError(_answer_for(error)) from error
    return line


def _connect(server: SmtpServer, timeout_seconds: float, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.implicit_tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=timeout_seconds, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=timeout_seconds)


def _greet(line: smtplib.SMTP, server: SmtpServer, context: ssl.SSLContext) -> None:
    """EHLO, encryption, login. Raises: smtplib.SMTPNotSupportedError where the server offers no STARTTLS or no login."""
    line.ehlo_or_helo_if_needed()
    if not server.implicit_tls and (server.needs_tls or line.has_extn("starttls")):
        line.starttls(context=context)
        line.ehlo_or_helo_if_needed()
    if server.user is not None and server.password is not None:
        line.login(server.user, server.password)


def _answer_for(error: Exception) -> Answer:
    """Nothing was submitted. A refused login or a missing extension stays so until a person acts; the rest may pass."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Answer(outcome=Outcome.DENIED, reason="unsupported", detail=without_addresses(str(error)))
    if isinstance(error, smtplib.SMTPResponseException):
        detail = without_addresses(_text(error.smtp_error))
        if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
            return Answer(outcome=Outcome.DENIED, reason="unauthorized", status=error.smtp_code, detail=detail)
        return Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error", status=error.smtp_code, detail=detail)
    detail = without_addresses(f"{type(error).__name__}: {error}")
    return Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error", detail=detail)


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
