"""One act of a person on one thing: who does it, when, in which transaction. Shared by `outbox` and `handoffs`, whose acts
differ only in the function they call."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import typer
from sqlalchemy import Connection

from bot.cli.names import who_acts
from bot.cli.opening import zone_of_workspace

if TYPE_CHECKING:
    from bot.app import App


@dataclass(frozen=True, slots=True, kw_only=True)
class ActCall:
    """What every act is called with."""

    context: typer.Context
    by: str | None
    at: str | None
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Doer:
    """Who acts on what clock; `key` makes a repetition of this very act collide, `zone` is the workspace's."""

    app: App
    connection: Connection
    by: str
    at: datetime
    zone: str
    key: str


@contextmanager
def doing(call: ActCall, app: App) -> Iterator[Doer]:
    """One transaction in which the act happens. Raises: UsageError where nobody can be named."""
    by, zone = who_acts(call.by, app.settings), zone_of_workspace(app.settings)
    with app.database.write() as connection:
        key = f"cli-{uuid.uuid4().hex[:12]}"
        yield Doer(app=app, connection=connection, by=by, at=app.clock.now(), zone=zone, key=key)
