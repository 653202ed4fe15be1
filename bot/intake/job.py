"""What the writers of all kinds share while one file is imported: whose word it is, when it is now, where to count, how to
find customers. Built by the importer for each file; holds no connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.intake.directory import Directory
from bot.intake.report import Tally
from bot.intake.rows import Record
from bot.intake.seen import Repeat, SeenKeys

#: Whoever brings customers or contacts holds this word (hold_alone), so that two do not both find one missing.
IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file's import. `source` is whose word it is; `zone` is for customers who have none."""

    source: str
    now: datetime
    zone: str
    tally: Tally
    directory: Directory
    seen: SeenKeys

    def first_of(self, keyed: Sequence[tuple[str, Record]], what: str) -> list[tuple[str, Record]]:
        """The records whose key is new to this file. A repeat with the same values changes nothing; one with other values
        is a problem of its row, and the first stands."""
        firsts = []
        for (key, _), (record, repeat, line) in zip(keyed, self.seen.look(keyed), strict=True):
            if repeat is Repeat.FIRST:
                firsts.append((key, record))
            elif repeat is Repeat.SAME:
                self.tally.unchanged += 1
            else:
                message = f"{what} `{key}` was given in line {line} already, with other values; the first stands"
                hint = "give each its own key, or remove one"
                self.tally.reject(record.line, "", key, message, hint, rule=f"{what} given twice with other values")
        return firsts


#: Stores one batch of records, counts what changed, and rejects what cannot be.
Writer = Callable[[Connection, Sequence[Record], Job], None]
