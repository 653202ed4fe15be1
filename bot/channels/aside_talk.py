"""Starts the process that posts aside (aside_process.py) and talks with it: hands over a window of mails, hears answers. A mail
counts as handed over before its first byte is in the pipe, so that what the process had in its hands when it died is never
called untouched. Before it: aside.py has many mails; after it: aside.py posts what was not handed over."""

from __future__ import annotations

import math
import os
import pickle
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bot.channels.aside_process import END, READY, STOP, Account, answer_of, mail_row
from bot.channels.base import MailStream, OnAnswer, Outgoing
from bot.clock import SystemClock
from storage.skeletons import Outline

#: Handed over and not answered, for each post at once: enough that the process never runs dry while its parent computes, and
#: so few that its death leaves few mails unknown.
WINDOW = 10
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_LOOKS_FOR_MAILS = 0.005
#: To close its connections, once all is answered.
SECONDS_TO_END = 3.0
#: Beyond what one post may take: who is silent for so long is frozen.
PATIENCE_SECONDS = 10.0
ROOT = Path(__file__).resolve().parents[2]
MACHINE = SystemClock()


def _start(pipe: socket.socket) -> subprocess.Popen[bytes]:
    """A new interpreter, never a fork: that would copy the locks that other threads hold."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "bot.channels.aside_process", str(pipe.fileno())],
        pass_fds=(pipe.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
    )


class ProcessGoneError(Exception):
    """It died, or is silent for too long."""


@dataclass(slots=True)
class Process:
    """The running process and our end of its pipe."""

    running: subprocess.Popen[bytes]
    pipe: Connection
    patience_seconds: float
    _poll: select.poll = field(default_factory=select.poll)

    def __post_init__(self) -> None:
        self._poll.register(self.pipe.fileno(), select.POLLIN)

    def has_said(self, timeout_seconds: float) -> bool:
        """Whether there is something to read, or it is gone. Asked for every few mails, so not by `Connection.poll`, which
        builds a selector for each question."""
        return bool(self._poll.poll(timeout_seconds * 1000))

    @classmethod
    def start(cls, account: Account) -> Process:
        """Raises: OSError when there is none to be had."""
        patience = account.timeout_seconds + PATIENCE_SECONDS
        ours, theirs = socket.socketpair()
        # Writing to somebody frozen must end too.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", math.ceil(patience), 0))
        pipe = Connection(ours.detach())
        try:
            with theirs:
                running = _start(theirs)
        except OSError:
            pipe.close()
            raise
        process = cls(running, pipe, patience)
        with suppress(OSError):  # then it is gone already, and whoever asks whether it is ready hears so
            process.pipe.send_bytes(pickle.dumps(account))
        return process

    def is_ready(self, timeout_seconds: float) -> bool:
        """Whether it says so within that time. Raises: ProcessGoneError."""
        try:
            return self.has_said(timeout_seconds) and self.pipe.recv_bytes() == READY
        except (EOFError, OSError) as error:
            raise ProcessGoneError from error

    def end(self, timeout_seconds: float) -> None:
        """It ends by itself when all is answered, or when the pipe closes; after that time it is killed."""
        try:
            self.running.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        self.pipe.close()


@dataclass(slots=True, kw_only=True)
class Talk:
    """The mails of `mails` go through `process`, until there are no more or it is gone. `out`: handed over, not answered. `known`: the
    skeletons that it was told.
    `failure`: what the caller's own code raised; then nothing more is begun."""

    mails: MailStream
    tell: OnAnswer
    process: Process
    monotonic: Callable[[], float]
    window: int
    thread: ThreadPoolExecutor
    out: dict[str, Outgoing] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    asking: Future[Outgoing | None] | None = None
    is_over: bool = False
    is_told_to_stop: bool = False
    failure: BaseException | None = None
    heard_at: float = 0.0

    def hold(self) -> None:
        """To the last answer. Raises: ProcessGoneError; the answers that it gave before are told."""
        try:
            while self.out or not self.is_over:
                self._offer()
                self._stop_if_asked()
                self._listen()
        except (EOFError, OSError) as error:
            with suppress(EOFError, OSError):
                while self.process.has_said(0):
                    self._hear()
            raise ProcessGoneError from error

    def spare(self) -> Outgoing | None:
        """What was asked for and not handed over."""
        asking, self.asking = self.asking, None
        return self._taken(asking.result) if asking is not None else None

    def _offer(self) -> None:
        """Fill the window, in groups: each costs two system calls."""
        if self.is_over or len(self.out) > self.window - max(1, self.window // 8):
            return
        if not self.out:
            self.heard_at = MACHINE.monotonic()
        ahead = MACHINE.monotonic() - self.monotonic()
        rows, new = [], {}
        while len(self.out) < self.window and (mail := self._next()) is not None:
            self.out[mail.reference] = mail
            rows.append(mail_row(mail, mail.deadline + ahead))
            if isinstance(mail.document, Outline) and mail.document.skeleton.digest not in self.known:
                new[mail.document.skeleton.digest] = mail.document.skeleton.shared
        if rows:
            self.process.pipe.send_bytes(pickle.dumps((new, rows)))
            self.known |= new.keys()
        if self.is_over:
            self.process.pipe.send_bytes(END)

    def _next(self) -> Outgoing | None:
        """None: there is none now; once `is_over`, there is no more."""
        if self.asking is None:
            if not self.mails.may_wait():
                return self._taken(next, self.mails, None)
            self.asking = self.thread.submit(next, self.mails, None)
        return self.spare() if self.asking.done() else None

    def _taken(self, ask: Callable[..., Outgoing | None], *given: Any) -> Outgoing | None:
        try:
            mail = None if self.failure is not None else ask(*given)
        except BaseException as error:  # noqa: BLE001  raised again when all is answered
            self.failure, mail = error, None
        self.is_over = mail is None
        return mail

    def _stop_if_asked(self) -> None:
        if not self.is_told_to_stop and (self.failure is not None or self.monotonic() == math.inf):
            self.process.pipe.send_bytes(STOP)
            self.is_told_to_stop = True

    def _listen(self) -> None:
        process, is_asking = self.process, self.asking is not None
        is_there = process.has_said(
            SECONDS_BETWEEN_LOOKS_FOR_MAILS if is_asking else SECONDS_BETWEEN_LOOKS if self.out else 0
        )
        if not is_there and self.out and MACHINE.monotonic() - self.heard_at > self.process.patience_seconds:
            raise EOFError
        while is_there:
            self._hear()
            is_there = bool(self.out) and process.has_said(0)

    def _hear(self) -> None:
        self.heard_at = MACHINE.monotonic()
        for row in pickle.loads(self.process.pipe.recv_bytes()):
            reference, answer = answer_of(row)
            try:
                self.tell(self.out.pop(reference), answer)
            except BaseException as error:  # noqa: BLE001  raised again when all is answered
                self.failure = self.failure or error
