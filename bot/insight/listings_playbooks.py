"""Playbooks as lists and in full: state, version, who is inside per step, how the walks ended. Set-based, one statement a
table whatever the number of walks. Read-only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import Connection, case, func, select

from bot.authoring.nearest import suggestion
from bot.errors import UsageError
from bot.insight.listings import checked_word, dated
from storage.deployments import PLAYBOOK, VERSION
from storage.enrollments import ENROLLMENT
from storage.journeys import EnrollmentStatus

GOAL = "goal"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookListing:
    """One playbook. `inside` counts walks per step, `others` the endings that are not the goal, by outcome."""

    name: str
    title: dict[str, str]
    state: str
    version: int
    live_since: datetime | None
    fault: str | None
    inside: dict[str, int]
    entered: int
    goal: int
    others: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        return dated(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookDetails:
    """One playbook in full: the listing, its published definition, and every version with the walks that stand on it."""

    listing: PlaybookListing
    definition: dict[str, Any]
    versions: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        return {**self.listing.as_dict(), "definition": self.definition, "versions": list(self.versions)}


def list_playbooks(connection: Connection, *, state: str | None = None) -> list[PlaybookListing]:
    """By name. Raises: UsageError for a state that does not exist."""
    statement = (
        select(PLAYBOOK, VERSION.c.number, VERSION.c.definition)
        .join(VERSION, VERSION.c.id == PLAYBOOK.c.version_id)
        .order_by(PLAYBOOK.c.name)
    )
    if state is not None:
        statement = statement.where(PLAYBOOK.c.state == checked_word(state, _states()))
    inside, endings = _walks(connection)
    return [_listing(row, inside.get(row.name, {}), endings.get(row.name, {})) for row in connection.execute(statement)]


def _states() -> list[str]:
    from bot.rules.playbook import Playbook  # a third of a list's time, where nobody asks for a state

    return list(get_args(Playbook.model_fields["state"].annotation))


def _listing(row: Any, inside: dict[str, int], endings: dict[str, int]) -> PlaybookListing:
    return PlaybookListing(
        name=row.name,
        title=dict(row.definition.get("title", {})),
        state=row.state,
        version=row.number,
        live_since=row.live_since,
        fault=row.fault,
        inside=inside,
        entered=sum(inside.values()) + sum(endings.values()),
        goal=endings.get(GOAL, 0),
        others={outcome: number for outcome, number in endings.items() if outcome != GOAL},
    )


Counts = dict[str, dict[str, int]]


def _walks(connection: Connection) -> tuple[Counts, Counts]:
    """Playbook → step → walks inside, and playbook → outcome → walks ended; the most frequent first."""
    is_active = ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value
    word = case((is_active, ENROLLMENT.c.step), else_=func.coalesce(ENROLLMENT.c.outcome, "ended"))
    walks = select(ENROLLMENT.c.playbook, ENROLLMENT.c.status, word.label("word")).subquery("walks")
    number = func.count().label("number")
    inside: Counts = {}
    endings: Counts = {}
    statement = select(*walks.c, number).group_by(*walks.c).order_by(number.desc(), walks.c.word)
    for row in connection.execute(statement):
        counts = inside if row.status == EnrollmentStatus.ACTIVE else endings
        counts.setdefault(row.playbook, {})[row.word] = row.number
    return inside, endings


def show_playbook(connection: Connection, name: str) -> PlaybookDetails:
    """Raises: UsageError with the nearest name."""
    listings = list_playbooks(connection)
    found = next((listing for listing in listings if listing.name == name), None)
    if found is None:
        hint = suggestion(name, [listing.name for listing in listings]) or "see `journeybot playbooks list`"
        raise UsageError(f"There is no deployed playbook `{name}`", hint=hint)
    standing = func.count(ENROLLMENT.c.id).label("inside")
    active = (ENROLLMENT.c.version_id == VERSION.c.id) & (ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value)
    versions = (
        select(VERSION.c.number, VERSION.c.created_at, VERSION.c.digest, standing)
        .select_from(VERSION.outerjoin(ENROLLMENT, active))
        .where(VERSION.c.playbook == name)
        .group_by(VERSION.c.id, VERSION.c.number, VERSION.c.created_at, VERSION.c.digest)
        .order_by(VERSION.c.number.desc())
    )
    published = select(VERSION.c.definition).join(PLAYBOOK, PLAYBOOK.c.version_id == VERSION.c.id)
    return PlaybookDetails(
        listing=found,
        definition=connection.execute(published.where(PLAYBOOK.c.name == name)).scalar_one(),
        versions=tuple(dated(dict(row._mapping)) for row in connection.execute(versions)),
    )
