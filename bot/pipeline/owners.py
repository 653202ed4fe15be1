"""Who owns a hand-off: `csm`, `csm.manager`, a role of ours, `round_robin(team)`, a person's key; covers while away; what
nobody owns goes to `owners.default` (semantics.md S25, S45). Decides only who; the hand-off step writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection, Table, insert, select, update

from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.batch import Whereabouts, usable_zone
from bot.rules.zones import local_date
from storage.accounts import Csm, has_left
from storage.handoffs import RoundRobin

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
ROUND_ROBIN: Table = RoundRobin.__table__  # type: ignore[attr-defined]
TURN = re.compile(r"round_robin\(\s*([\w-]+)\s*\)")
DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One of ours, as far as owning needs it."""

    key: str
    manager: str | None
    team: str | None
    working_hours: str
    zone: str


_PEOPLE = (
    select(CSM.c.key, CSM.c.manager, CSM.c.team, CSM.c.working_hours, CSM.c.timezone)
    .where(~has_left(CSM))
    .order_by(CSM.c.key)
)


class Owners:
    """Resolves owner rules inside one transaction; people are read once. Who has left us owns nothing any more."""

    def __init__(self, connection: Connection, settings: WorkspaceSettings, now: datetime) -> None:
        self._connection = connection
        self._settings = settings
        self._now = now
        self._people = {
            row.key: Person(
                key=row.key,
                manager=row.manager,
                team=row.team,
                working_hours=row.working_hours or "",
                zone=usable_zone(row.timezone, settings.timezone),
            )
            for row in connection.execute(_PEOPLE)
        }

    def person(self, key: str | None) -> Person | None:
        return self._people.get(key) if key else None

    def resolve(self, rule: str | None, place: Whereabouts) -> str | None:
        """The person's key, or None when the rule and the default lead to nobody we know."""
        found = self._one(rule or "csm", place) or self._one(self._settings.owners.default or "", place)
        return self._covered(found) if found else None

    def of_customer(self, csm: str | None) -> str | None:
        """The customer's CSM, else the default: for what the machine asks about a customer."""
        return self.resolve(None, replace(self._nowhere(), csm=csm))

    def of_company(self, rule: str | None) -> str | None:
        """Whom a rule names, else the default: for what concerns no single customer."""
        return self.resolve(rule, self._nowhere()) if rule else self.default()

    def away(self) -> dict[str, tuple[str, date]]:
        """Who is away today → who stands in, and the first day of it."""
        covers = {key: self._covered(key) for key in self._settings.owners.cover if key in self._people}
        return {key: (cover, self._settings.owners.cover[key].first) for key, cover in covers.items() if cover != key}

    def cover_of(self, key: str) -> str | None:
        """Who stands in for this person, also on days they are not known to be away: they do not answer."""
        cover = self._settings.owners.cover.get(key)
        found = self._known(cover.by) if cover else None
        return self._covered(found) if found else None

    def manager_of(self, key: str) -> str | None:
        person = self.person(key)
        found = self._known(person.manager) if person else None
        return self._covered(found) if found else None

    def default(self) -> str | None:
        """Whom the workspace names for all that nobody owns."""
        found = self._one(self._settings.owners.default or "", self._nowhere())
        return self._covered(found) if found else None

    def named(self, rule: str, place: Whereabouts) -> str | None:
        """Whom a rule names, without the default for nobody."""
        found = self._one(rule, place)
        return self._covered(found) if found else None

    def people_of(self, rule: str, place: Whereabouts) -> frozenset[str]:
        """All whom a rule may name; of a team everybody, as its members take turns. Takes nobody's turn."""
        turn = TURN.fullmatch(rule)
        if turn is None:
            is_rule = rule in ("csm", "csm.manager")
            found = self._one(rule, place) if is_rule else self._known(place.owners.get(rule)) or self._known(rule)
            if found or is_rule:
                return frozenset([found] if found else [])
        return frozenset(self._team(turn[1] if turn else rule))

    def teams_of(self, key: str) -> list[str]:
        """Of workspace.yml and of csms.csv."""
        named = [team for team, members in self._settings.owners.teams.items() if key in members]
        person = self.person(key)
        own = person.team if person else None
        return [*named, *([own] if own and own not in self._settings.owners.teams else [])]

    def _nowhere(self) -> Whereabouts:
        return Whereabouts(zone=self._settings.timezone, region=None, csm=None, owners={}, key="", bucket=0)

    def _one(self, rule: str, place: Whereabouts) -> str | None:
        if turn := TURN.fullmatch(rule):
            return self._next_of(turn[1])
        if rule == "csm":
            return self._known(place.csm)
        if rule == "csm.manager":
            csm = self.person(place.csm)
            return self._known(csm.manager) if csm else None
        return self._known(place.owners.get(rule)) or self._known(rule) or self._of_team(rule)

    def _known(self, key: str | None) -> str | None:
        return key if key in self._people else None

    def _team(self, team: str) -> list[str]:
        named: Mapping[str, tuple[str, ...]] = self._settings.owners.teams
        members = named.get(team) or tuple(person.key for person in self._people.values() if person.team == team)
        return [key for key in members if key in self._people]

    def _of_team(self, team: str) -> str | None:
        return self._next_of(team) if self._team(team) else None

    def _next_of(self, team: str) -> str | None:
        members = self._team(team)
        if not members:
            return None
        turn = self._connection.scalar(select(ROUND_ROBIN.c.turn).where(ROUND_ROBIN.c.team == team).with_for_update())
        if turn is None:
            self._connection.execute(insert(ROUND_ROBIN).values(team=team, turn=1))
        else:
            self._connection.execute(update(ROUND_ROBIN).where(ROUND_ROBIN.c.team == team).values(turn=turn + 1))
        return members[(turn or 0) % len(members)]

    def _covered(self, key: str) -> str:
        """Whoever stands in while a person is away, as far as covers lead (S25: owners, not senders)."""
        for _ in range(len(self._people)):
            cover = self._settings.owners.cover.get(key)
            if cover is None or cover.by not in self._people or not cover.first <= self._today(key) <= cover.last:
                return key
            key = cover.by
        return key

    def _today(self, key: str) -> date:
        return local_date(self._now, self._people[key].zone)
