"""What a pull is and what every source can do: give pages of rows in the order of a watermark, list what it still has, take
values back. The sources (sql.py, salesforce.py, hubspot.py) implement it; sync.py uses it. Knows no database of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from bot.errors import JourneybotError
from bot.intake.maps import FileMap

Row = Mapping[str, Any]


class SourceType(StrEnum):
    """Where rows can be fetched."""

    SQL = "sql"
    SALESFORCE = "salesforce"
    HUBSPOT = "hubspot"


class SourceFailed(JourneybotError):
    """A source did not answer, or refused. What was stored before stays, and the next run resumes there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One kind of rows of one source. `query`: SQL (type sql); `object`: what the CRM calls it; `where`: its own filter language;
    `watermark`: the column of theirs that grows with every change ("" reads everything each time)."""

    name: str
    file_map: FileMap
    watermark: str = ""
    query: str = ""
    object: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSource:
    """One source of sources.yml. `url_from`: the variable that holds its URL (type sql); `write_back`: what of ours → their field
    of the object that `customers` are pulled from."""

    name: str
    type: SourceType
    pulls: tuple[Pull, ...]
    url_from: str = ""
    write_back: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A watermark as it is kept: moments, days, numbers and texts survive as what they were."""

    value: Any

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Mark | None:
        if not stored:
            return None
        read = {"moment": datetime.fromisoformat, "day": date.fromisoformat}.get(stored["kind"], lambda value: value)
        return cls(value=read(stored["value"]))

    def as_dict(self) -> dict[str, Any]:
        if isinstance(self.value, datetime):
            return {"kind": "moment", "value": self.value.isoformat()}
        if isinstance(self.value, date):
            return {"kind": "day", "value": self.value.isoformat()}
        if isinstance(self.value, Decimal):
            return {"kind": "plain", "value": int(self.value)}
        return {"kind": "plain", "value": self.value}


class Puller(Protocol):
    """An open connection to a source. Every call may raise SourceFailed."""

    def pages(self, pull: Pull, since: Mark | None) -> Iterator[Sequence[Row]]:
        """Rows that changed at or after `since`, oldest change first, a page at a time."""
        ...

    def keys(self, pull: Pull, key: str) -> Iterator[Sequence[str]] | None:
        """The value of their column `key` in every row that the source has now; None where it cannot tell cheaply."""
        ...

    def write_back(self, pull: Pull, key: str, rows: Sequence[tuple[str, Row]]) -> list[tuple[str, str]]:
        """Set fields of rows, each named by its key; returns (key, refusal) of those it would not take."""
        ...

    def close(self) -> None: ...


def plain(value: Any) -> Any:
    """A driver's value as a cell that the readers of imports know."""
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    return value
