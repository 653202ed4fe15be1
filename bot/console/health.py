"""Whether this installation can do its work now, told without anything private: for `/readyz` and whoever watches it.
Reads the database; decides nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.app import App
from bot.logs import fault_of
from bot.pipeline.send_guard import RELEASE_HINT, sentence_of
from storage.database import Database
from storage.heartbeats import heartbeats
from storage.upgrade import current, head

OLDEST_TICK = timedelta(minutes=5)
TICK = "tick"
OK = "ok"
SENDING = "sending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """`checks`: what was looked at → ok, or what is wrong. `sending` is told and does not count: while it is paused, readers
    must still be able to unsubscribe, and providers to tell what became of mails."""

    checks: dict[str, str]

    @property
    def is_ready(self) -> bool:
        return all(found == OK for name, found in self.checks.items() if name != SENDING)


def readiness(app: App) -> Readiness:
    """Never raises for the database's sake: a database out of reach is an answer."""
    try:
        schema = _schema(app.database)
        sending = _sending(app) if schema == OK else {}
        return Readiness(
            checks={"database": OK, "schema": schema, "tick": _tick(app.database, app.clock.now()), **sending}
        )
    except (SQLAlchemyError, OSError) as error:
        return Readiness(checks={"database": f"out of reach ({fault_of(error)})"})


def _schema(database: Database) -> str:
    found = current(database)
    return OK if found == head() else f"revision {found}, this journeybot needs {head()}: run `journeybot db upgrade`"


def _sending(app: App) -> dict[str, str]:
    with app.database.read() as connection:
        pause = app.guard.pause(connection)
    return {} if pause is None else {SENDING: f"paused: {sentence_of(pause)}; {RELEASE_HINT}"}


def _tick(database: Database, now: datetime) -> str:
    with database.read() as connection:
        beat = heartbeats(connection).get(TICK)
    if beat is None or beat.finished_at is None:
        return "no tick has succeeded yet" + (f": {beat.fault}" if beat and beat.fault else "")
    if now - beat.finished_at > OLDEST_TICK:
        since = beat.finished_at.isoformat(timespec="seconds")
        return f"the last successful tick was at {since}" + (f": {beat.fault}" if beat.fault else "")
    return OK
