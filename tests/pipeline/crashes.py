"""A database and a channel that die when told to, at the places where a killed process would leave traces: before and after
each commit, before and after a mail is handed over. For tests of what a crash leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection

from bot.channels.base import Answer, OnAnswer, Outgoing
from bot.channels.memory import MemoryChannel
from storage.database import Database


class Killed(BaseException):
    """The process is gone: nothing may catch this and go on."""


class Reaper:
    """Counts the places passed and kills at the given ones, counted from 1."""

    def __init__(self, at: Collection[int] = ()) -> None:
        self.at = frozenset(at)
        self.passed = 0
        self.is_awake = False

    def pass_by(self) -> None:
        if not self.is_awake:
            return
        self.passed += 1
        if self.passed in self.at:
            raise Killed(f"at place {self.passed}")


class FragileDatabase(Database):
    """Dies before a commit (the transaction is lost) or after it (the process is)."""

    def __init__(self, url: str, reaper: Reaper) -> None:
        super().__init__(url)
        self.reaper = reaper

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as connection:
            yield connection
            self.reaper.pass_by()
        self.reaper.pass_by()


class FragileChannel(MemoryChannel):
    """Dies before the provider has a mail, or after it took it and before anybody heard."""

    def __init__(self, monotonic: Callable[[], float], reaper: Reaper) -> None:
        super().__init__(monotonic)
        self.reaper = reaper

    def send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        for message in batch:
            self.reaper.pass_by()
            super().send([message], partial(self._told, on_answer))

    def _told(self, on_answer: OnAnswer, message: Outgoing, answer: Answer) -> None:
        self.reaper.pass_by()
        on_answer(message, answer)
