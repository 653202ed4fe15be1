"""Who a Slack user is to us: a CSM by their Slack id, or somebody we know only by that id; with the language and zone that
answers to them are written in. Read-only. Used by every handler."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from bot.rules.zones import is_zone
from storage.accounts import Csm, has_left


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`by` is a CSM's key, or `slack:U…` for somebody we do not know, or who has left us (then `csm` is None)."""

    user: str
    csm: str | None
    locale: str
    timezone: str

    @property
    def by(self) -> str:
        return self.csm or f"slack:{self.user}"


def person_of(connection: Connection, user: str, *, locale: str, timezone: str) -> Person:
    """`locale` and `timezone` are the workspace's, for who has none."""
    table = Csm.__table__  # type: ignore[attr-defined]
    found = select(table).where(table.c.slack_user_id == user, ~has_left(table)).order_by(table.c.key).limit(1)
    row = connection.execute(found).mappings().one_or_none()
    zone = (row["timezone"] if row else None) or timezone
    return Person(
        user=user,
        csm=row["key"] if row else None,
        locale=(row["locale"] if row else None) or locale,
        timezone=zone if is_zone(zone) else "UTC",
    )
