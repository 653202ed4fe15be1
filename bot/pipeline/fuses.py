"""What happens when a fuse blows (semantics.md S38): it is stored with its numbers, what it guards stands still, and one card
goes to a person. Called by audience.py and mail_fuses.py, which measure; a person's answer is in fuse_acts.py. Nothing is
decided twice: while a fuse is blown, it does not blow again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, update

from bot.pipeline.owners import Owners
from bot.pipeline.published import Published
from bot.rules.fuses import FuseKind
from bot.rules.reasons import sentence
from storage.accounts import Pause
from storage.fuses import EVERY_MAIL, FUSE, FUSE_PAUSE, FuseState
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.new_handoffs import NewHandoff, open_handoff

PAUSE: Table = Pause.__table__  # type: ignore[attr-defined]
HANDOFF_KIND = "fuse"
ANSWER_WITHIN = timedelta(days=1)
RELEASE, RELEASE_SOME, DROP = "release", "release 50", "drop"
ANSWERS = (RELEASE, RELEASE_SOME, DROP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blown:
    """A fuse that holds something now. `playbook` None: all mails; a stage's name for FuseKind.STAGES."""

    id: int
    kind: FuseKind
    playbook: str | None
    blown_at: datetime
    numbers: Mapping[str, Any]
    handoff_id: int | None

    @classmethod
    def of(cls, row: Row[Any]) -> Blown:
        """From a row of the table."""
        return cls(
            id=row.id,
            kind=FuseKind(row.kind),
            playbook=row.playbook,
            blown_at=row.blown_at,
            numbers=row.numbers,
            handoff_id=row.handoff_id,
        )


def blown_fuses(connection: Connection) -> list[Blown]:
    """All that wait for a person, the oldest first."""
    return [Blown.of(row) for row in connection.execute(_BLOWN)]


_BLOWN = select(FUSE).where(FUSE.c.state == FuseState.BLOWN.value).order_by(FUSE.c.id)


def blow(
    connection: Connection,
    published: Published,
    kind: FuseKind,
    playbook: str | None,
    numbers: Mapping[str, Any],
    now: datetime,
) -> int:
    """Store the fuse, let what it guards stand still, tell a person; returns its id. An audience is not paused: it is held
    before it enters, and those inside walk on."""
    values = {"kind": kind.value, "playbook": playbook, "state": FuseState.BLOWN.value, "blown_at": now}
    stored = connection.execute(insert(FUSE).values(**values, numbers=dict(numbers)).returning(FUSE.c.id))
    fuse_id = int(stored.scalar_one())
    if kind.holds_mails:
        hold_mails(connection, playbook, now)
    ask(connection, published, Blown(id=fuse_id, handoff_id=None, **_asked(kind, playbook, numbers, now)), now)
    entry = Entry(
        at=now,
        verdict=Verdict.FAULT,
        reason=f"fuse_{kind.value}",
        playbook=playbook if kind is not FuseKind.STAGES else None,
        details={**numbers, "fuse": fuse_id, "playbook": playbook or ""},
    )
    write_entries(connection, [entry])
    return fuse_id


def _asked(kind: FuseKind, playbook: str | None, numbers: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {"kind": kind, "playbook": playbook, "numbers": numbers, "blown_at": now}


def hold_mails(connection: Connection, playbook: str | None, now: datetime) -> None:
    """A pause of its own kind, so that a person's pause and a fuse's never end each other."""
    key = playbook or EVERY_MAIL
    stands = connection.scalar(select(PAUSE.c.since).where(PAUSE.c.kind == FUSE_PAUSE, PAUSE.c.key == key))
    if stands is None:
        connection.execute(insert(PAUSE).values(kind=FUSE_PAUSE, key=key, since=now))


def ask(connection: Connection, published: Published, fuse: Blown, now: datetime) -> None:
    """One card to the playbook's owner, else to `owners.default`. It concerns no single customer."""
    handoff = NewHandoff(
        playbook=(fuse.playbook or "") if fuse.kind is not FuseKind.STAGES else "",
        step=HANDOFF_KIND,
        occurrence=f"fuse:{fuse.id}",
        title=title_of(fuse),
        kind=HANDOFF_KIND,
        urgency="high",
        owner=_owner(connection, published, fuse.playbook, now),
        opened_at=now,
        due_at=now + ANSWER_WITHIN,
        outcomes=ANSWERS,
    )
    handoff_id = open_handoff(connection, handoff)
    connection.execute(update(FUSE).where(FUSE.c.id == fuse.id).values(handoff_id=handoff_id))


def title_of(fuse: Blown) -> dict[str, str]:
    """What is told, with the numbers, in both languages."""
    details = {**fuse.numbers, "playbook": fuse.playbook or ""}
    reason = f"fuse_{fuse.kind.value}" if fuse.playbook else f"fuse_all_{fuse.kind.value}"
    return {locale: sentence(Verdict.HELD.value, reason, details, locale) for locale in ("en", "ja")}


def _owner(connection: Connection, published: Published, playbook: str | None, now: datetime) -> str | None:
    row = next((row for row in published.playbooks if row.name == playbook), None)
    rule = published.versions[row.version_id].playbook.owner if row is not None else None
    return Owners(connection, published.settings, now).of_company(rule)
