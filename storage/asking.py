"""Whether there is anything to do, asked as one statement of yes-or-no questions, however many there are: a tick that finds
nothing due costs little more than that. The questions stand beside what acts on the answers; this only joins them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, select

from storage.columns import UtcDateTime
from storage.dialects import add_seconds

#: The moment at which questions are asked.
NOW: BindParameter[Any] = bindparam("now", type_=UtcDateTime())


def from_now(length: timedelta) -> ColumnElement[Any]:
    """The moment so long after NOW; a negative length leads back."""
    return add_seconds(NOW, int(length.total_seconds()))


class Questions:
    """By name; each is the rows of which one is enough for a yes. Made once, so that asking again costs no building."""

    def __init__(self, questions: Mapping[str, Select[Any]]) -> None:
        self._statement = select(*(rows.exists().label(name) for name, rows in questions.items()))

    def ask(self, connection: Connection, now: datetime) -> frozenset[str]:
        """The names of those that are answered with yes."""
        row = connection.execute(self._statement, {"now": now}).one()
        return frozenset(name for name, is_so in row._mapping.items() if is_so)
