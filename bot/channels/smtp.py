"""Submits mails over SMTP, one connection per batch, encrypted unless the server is this machine. Must never repeat a
message: from the final dot until the server's reply nobody knows, so a loss there is UNKNOWN; every reply of the server
is an answer. Before it: deliver commits the intents. After it: deliver records."""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Iterable

from bot.channels.base import Answer, OnAnswer, Outcome, Outgoing, UnsendableError, sendable_address, without_addresses
from bot.channels.mime import message_id, mime_bytes
from bot.channels.smtp_line import NoLineError, open_line
from bot.channels.smtp_url import SmtpServer, read_smtp_url
from bot.clock import Clock

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_BREAKER = Answer(outcome=Outcome.NOT_ACCEPTED, reason="breaker", detail="not tried: the server refused our account")
_DEADLINE = Answer(outcome=Outcome.NOT_ACCEPTED, reason="deadline", detail="not written: the lease was nearly over")
# RFC 4954 and 3207: authentication required, too weak, invalid, or encryption needed first.
_ACCOUNT_CODES = frozenset((530, 534, 535, 538))
_TOO_LARGE = "5.3.4"  # RFC 3463
_GO_AHEAD = 354
_CLOSING = 421


class SmtpChannel:
    """A `MailChannel`. `timeout_seconds` bounds each single reply of the server."""

    name = "smtp"

    def __init__(
        self, url: str, clock: Clock, timeout_seconds: float = 30, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._server: SmtpServer = read_smtp_url(url)
        self._clock = clock
        self._timeout = timeout_seconds
        self._ssl = ssl_context or ssl.create_default_context()
        self._line: smtplib.SMTP | None = None

    def __repr__(self) -> str:
        return f"SmtpChannel({self._server.host}:{self._server.port})"

    def send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        stop: Answer | None = None
        try:
            for message in batch:
                answer = stop
                if answer is None:
                    answer, stop = self._hand_over(message)
                on_answer(message, answer)
        finally:
            self.close()

    def close(self) -> None:
        if self._line is None:
            return
        with contextlib.suppress(smtplib.SMTPException, OSError):  # a polite QUIT; the messages are answered already
            self._line.quit()
        self._hang_up()

    def _hand_over(self, message: Outgoing) -> tuple[Answer, Answer | None]:
        """The message's answer, and the answer for the rest of the batch if there is no way on."""
        if self._deadline_is_over(message):
            return _DEADLINE, None
        try:
            content = mime_bytes(message, at=self._clock.now())
            line = self._line = self._line or open_line(self._server, self._timeout, self._ssl)
        except UnsendableError as error:
            return error.answer(), None
        except NoLineError as error:
            return error.answer, (_BREAKER if error.answer.outcome is Outcome.DENIED else error.answer)
        answer = self._submit(line, message, content)
        return answer, (_BREAKER if answer.outcome is Outcome.DENIED else None)

    def _submit(self, line: smtplib.SMTP, message: Outgoing, content: bytes) -> Answer:
        try:
            refusal = self._announce(line, message)
        except (smtplib.SMTPException, OSError) as error:
            self._hang_up()
            return Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error", detail=type(error).__name__)
        if refusal is not None:
            return refusal
        if self._deadline_is_over(message):
            self._hang_up()  # after 354 there is no other way to take DATA back
            return _DEADLINE
        try:
            line.send(_LEADING_DOT.sub(b"..", content) + b".\r\n")
            code, text = line.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._hang_up()
            return _lost_after_writing(error)
        if 200 <= code < 300:
            detail = without_addresses(text.decode("utf-8", "replace"))
            known_as = message_id(message)
            return Answer(
                outcome=Outcome.ACCEPTED, reason="accepted", status=code, provider_message_id=known_as, detail=detail
            )
        return self._refusal(code, text, may_have_left=True)

    def _announce(self, line: smtplib.SMTP, message: Outgoing) -> Answer | None:
        """MAIL, RCPT and DATA, each only after a yes to the one before; None means: write now."""
        code, text = line.mail(sendable_address(message.from_email))
        if 200 <= code < 300:
            code, text = line.rcpt(sendable_address(message.to_email))
        if 200 <= code < 300:
            code, text = line.docmd("DATA")
        if code == _GO_AHEAD:
            return None
        refusal = self._refusal(code, text, may_have_left=False)
        self._reset()
        return refusal

    def _reset(self) -> None:
        """Clears the refused transaction; a connection that fails here is lost, the refusal stands."""
        if self._line is None:
            return
        try:
            self._line.rset()
        except (smtplib.SMTPException, OSError):
            self._hang_up()

    def _refusal(self, code: int, text: bytes, *, may_have_left: bool) -> Answer:
        """SMTP's replies are definite: 4xx is "not now", 5xx is "never"; anything else is no reply at all."""
        if code == _CLOSING or not 400 <= code < 600:
            self._hang_up()
        detail = without_addresses(text.decode("utf-8", "replace"))
        if code in _ACCOUNT_CODES:
            return Answer(outcome=Outcome.DENIED, reason="unauthorized", status=code, detail=detail)
        if 500 <= code < 600:
            reason = "too_large" if _TOO_LARGE in detail else "rejected"
            return Answer(outcome=Outcome.REFUSED, reason=reason, status=code, detail=detail)
        if 400 <= code < 500 or not may_have_left:
            return Answer(outcome=Outcome.NOT_ACCEPTED, reason="try_later", status=code, detail=detail)
        return Answer(outcome=Outcome.UNKNOWN, reason="unexpected_status", status=code, detail=detail)

    def _deadline_is_over(self, message: Outgoing) -> bool:
        return self._clock.monotonic() >= message.deadline

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


def _lost_after_writing(error: Exception) -> Answer:
    """smtplib hides a time-out in its own "disconnected"; the cause is the error that it was handling."""
    timed_out = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
    reason = "timeout" if timed_out else "reset"
    return Answer(outcome=Outcome.UNKNOWN, reason=reason, detail=type(error).__name__)
