"""Tickets that a help desk posted, stored as an import stores them: the same checks, and who is unknown waits. One post is one
ticket; a later post about the same ticket is its newer state. Part of absorb's transaction; before detect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.intake.columns import Kind
from bot.intake.csv_rows import RawRow
from bot.intake.directory import Directory
from bot.intake.importer import WRITERS
from bot.intake.job import IMPORT, Job
from bot.intake.report import RowProblem, Tally
from bot.intake.rows import Record, RowParser
from bot.intake.seen import SeenKeys
from bot.intake.strangers import Strangers
from storage.upserts import hold_alone

#: Whose word they are, as in `ticket.source`, and the name of its pull where rows wait.
SOURCE, PULL = "help desk", "webhook"

Ticket = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketDesk:
    """What all rounds share. `zone`: of times that name none."""

    now: datetime
    zone: str

    def take_in(self, connection: Connection, tickets: Sequence[Ticket]) -> list[RowProblem]:
        """Store them in the order in which they came; returns what is wrong with those that are no facts. `row` counts from 1."""
        hold_alone(connection, IMPORT)
        strangers = self._strangers()
        problems: list[RowProblem] = []
        for wave in _waves(list(enumerate(tickets, 1))):
            problems += self._store(connection, wave, strangers)
        return problems

    def has_known(self, connection: Connection) -> bool:
        """Whether somebody came for whom a ticket waits."""
        return bool(self._strangers().ready(connection))

    def take_in_known(self, connection: Connection) -> int:
        """Those that waited for a customer who is there now; returns how many."""
        strangers = self._strangers()
        page = strangers.ready(connection)
        if page:
            hold_alone(connection, IMPORT)
            strangers.forget(connection, page.keys())
            self._store(connection, list(enumerate(page.values(), 1)), strangers)
        return len(page)

    def _strangers(self) -> Strangers:
        return Strangers(SOURCE, PULL, Kind.TICKETS, self.now)

    def _store(
        self, connection: Connection, numbered: Sequence[tuple[int, Ticket]], strangers: Strangers
    ) -> list[RowProblem]:
        tally = Tally(file="tickets", kind=Kind.TICKETS.value)
        waiting: set[int] = set()

        def note(line: int, what: str, key: str) -> None:
            waiting.add(line)
            strangers.note(line, what, key)

        tally.on_stranger = note
        parser = RowParser(Kind.TICKETS, tally, now=self.now, zone=self.zone)
        read: dict[int, tuple[Record, Mapping[str, Any]]] = {}
        for line, ticket in numbered:
            record = parser.read(RawRow(line, tuple(ticket), list(ticket.values())))
            if record is not None:
                read[line] = (record, dict(ticket))
        with closing(SeenKeys()) as seen:
            directory = Directory(SOURCE, self.zone)
            job = Job(source=SOURCE, now=self.now, zone=self.zone, tally=tally, directory=directory, seen=seen)
            WRITERS[Kind.TICKETS](connection, [record for record, _ in read.values()], job)
        strangers.keep(connection, read)
        found = tally.finish(encoding="", delimiter="").problems
        return [problem for problem in found if problem.row not in waiting]


def _waves(numbered: list[tuple[int, Ticket]]) -> Iterator[list[tuple[int, Ticket]]]:
    """In each wave a ticket stands once, so that its states follow one another."""
    while numbered:
        wave: dict[str, tuple[int, Ticket]] = {}
        rest = []
        for line, ticket in numbered:
            key = str(ticket.get("ticket"))
            if key in wave:
                rest.append((line, ticket))
            else:
                wave[key] = (line, ticket)
        yield list(wave.values())
        numbered = rest
