"""The process in which aside.py posts mails to SendGrid: so many at once as the interpreter of its parent has no time for. It takes
nothing from the database and begins nothing once its parent is gone or asks it to stop; what it has begun ends. It ignores
SIGINT and SIGTERM, which reach the whole group: its parent ends it. Before it: aside.py hands over; after it: aside.py."""

from __future__ import annotations

import asyncio
import math
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, TypeAlias

from bot.channels.base import Answer, MailStream, Outcome, Outgoing
from bot.channels.sendgrid import SendGridChannel
from bot.clock import SystemClock
from bot.failpoints import arm
from bot.garbage import search_seldom
from storage.skeletons import Outline, Skeleton

#: What goes over the pipe besides mails and answers.
READY = b"ready"
STOP = b"stop"
END = b"end"
#: This process is nearly always waiting; the thread that reads must not wait for the one that posts.
SECONDS_AT_A_STRETCH = 0.001
#: Each word to the parent wakes it, which is busy with the next batch; the window holds enough mails for so long.
SECONDS_TO_GATHER = 0.004

OUTCOMES = {outcome.value: outcome for outcome in Outcome}
MailRow: TypeAlias = tuple[Any, ...]
AnswerRow: TypeAlias = tuple[str, str, str, int | None, str | None, str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the process is told first, over the pipe and nowhere else: a command line is read by everybody."""

    api_key: str
    base_url: str
    concurrency: int
    timeout_seconds: float
    failpoint: str | None = None

    def __repr__(self) -> str:
        return f"Account({self.base_url!r}, concurrency={self.concurrency})"


def mail_row(mail: Outgoing, deadline: float) -> MailRow:
    """`deadline`: by the clock of the machine, which both processes read. The HTML as it stands or, far shorter, as digest and
    pieces of its outline."""
    document = mail.document
    html = document if isinstance(document, str) else (document.skeleton.digest, document.pieces)
    return (
        *(mail.reference, mail.to_email, mail.to_name, mail.from_email, mail.from_name, mail.reply_to_email),
        *(mail.reply_to_name, mail.subject, html, mail.text, mail.category, dict(mail.headers), deadline),
    )


def mail_of(row: MailRow, skeletons: Mapping[str, Skeleton]) -> Outgoing:
    """`skeletons`: by digest, of all mails so far."""
    *head, subject, html, text, category, headers, deadline = row
    reference, to_email, to_name, from_email, from_name, reply_to_email, reply_to_name = head
    return Outgoing(
        reference=reference,
        to_email=to_email,
        to_name=to_name,
        from_email=from_email,
        from_name=from_name,
        reply_to_email=reply_to_email,
        reply_to_name=reply_to_name,
        subject=subject,
        document=html if isinstance(html, str) else Outline(skeletons[html[0]], html[1]),
        text=text,
        category=category,
        headers=headers,
        deadline=deadline,
    )


def _answer_row(reference: str, answer: Answer) -> AnswerRow:
    return (
        *(reference, answer.outcome.value, answer.reason, answer.status, answer.provider_message_id),
        *(answer.detail, answer.retry_after_seconds),
    )


def answer_of(row: AnswerRow) -> tuple[str, Answer]:
    reference, outcome, reason, status, provider_message_id, detail, retry_after_seconds = row
    return reference, Answer(
        outcome=OUTCOMES[outcome],
        reason=reason,
        status=status,
        provider_message_id=provider_message_id,
        detail=detail,
        retry_after_seconds=retry_after_seconds,
    )


@dataclass(slots=True)
class _Desk:
    """Between the thread that reads the pipe and the one that posts. `is_orphaned`: nobody hears an answer any more."""

    pipe: Connection
    inbox: SimpleQueue[Outgoing | None] = field(default_factory=SimpleQueue)
    skeletons: dict[str, Skeleton] = field(default_factory=dict)
    answers: list[AnswerRow] = field(default_factory=list)
    is_stopping: bool = False
    is_orphaned: bool = False

    def read(self) -> None:
        """To the end of the pipe, which is also the end of the parent."""
        try:
            while True:
                self._take(self.pipe.recv_bytes())
        except (EOFError, OSError):
            self.is_orphaned = self.is_stopping = True
            self.inbox.put(None)

    def _take(self, frame: bytes) -> None:
        if frame == STOP:
            self.is_stopping = True
        elif frame == END:
            self.inbox.put(None)
        else:
            new, rows = pickle.loads(frame)
            self.skeletons |= {digest: Skeleton.known_as(digest, shared) for digest, shared in new.items()}
            for row in rows:
                self.inbox.put(mail_of(row, self.skeletons))

    def mails(self) -> Iterator[Outgoing]:
        while (mail := self.inbox.get()) is not None and not self.is_orphaned:
            yield mail

    def monotonic(self) -> float:
        """Every deadline is over for a process that shall stop (bot.clock.EndingClock)."""
        return math.inf if self.is_stopping else SystemClock().monotonic()

    def on_answer(self, mail: Outgoing, answer: Answer) -> None:
        """All that are answered within a moment go together. At most a window of them is ever in the pipe, which holds it, so
        that writing does not wait."""
        if not self.answers:
            asyncio.get_running_loop().call_later(SECONDS_TO_GATHER, self.write)
        self.answers.append(_answer_row(mail.reference, answer))

    def write(self) -> None:
        answers, self.answers = self.answers, []
        if not answers:
            return
        try:
            self.pipe.send_bytes(pickle.dumps(answers))
        except OSError:
            self.is_orphaned = self.is_stopping = True


def main(descriptor: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.setswitchinterval(SECONDS_AT_A_STRETCH)
    search_seldom()
    pipe = Connection(descriptor)
    account: Account = pickle.loads(pipe.recv_bytes())
    if account.failpoint:
        arm(account.failpoint)
    desk = _Desk(pipe)
    channel = SendGridChannel(
        account.api_key,
        account.base_url,
        account.concurrency,
        account.timeout_seconds,
        monotonic=desk.monotonic,
    )
    threading.Thread(target=desk.read, name="pipe", daemon=True).start()
    pipe.send_bytes(READY)
    channel.send(MailStream(mails=desk.mails(), may_wait=desk.inbox.empty), desk.on_answer)
    desk.write()
    channel.close()
    os._exit(0)  # all is answered, and taking the interpreter down would only cost time


if __name__ == "__main__":
    main(int(sys.argv[1]))
