"""The fuse of enrolling (semantics.md S38): when more customers would enter a playbook today than its bound, none of them
enters; they are held until a person decides. Set-based, within enroll's transaction, before the first one enters. Whom a
person enrolled by hand, or released, is never asked about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from math import ceil
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    String,
    and_,
    bindparam,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    update,
)

from bot.pipeline.entering import AUDIENCE_HELD, ENTER, OCCASION
from bot.pipeline.fuses import blow, blown_fuses
from bot.pipeline.published import Published, Version
from bot.pipeline.scopes import CUSTOMER
from bot.rules.fuses import FROM_CUSTOMERS, FuseKind, audience_bound
from bot.rules.zones import local_date, start_of_day
from storage.bulk import insert_selected
from storage.columns import BigKey, UtcDateTime
from storage.enrollments import ENROLLMENT
from storage.fuses import FUSE, FuseState, add_entered, entered_on
from storage.journal import Verdict
from storage.journal_entries import DECISION
from storage.journeys import OccasionState


@dataclass(slots=True, kw_only=True)
class AudienceFuse:
    """One enroll pass' view of it; reads nothing before somebody would enter."""

    connection: Connection
    published: Published
    now: datetime
    _entered: dict[str, int] | None = None
    _blown: set[str] = field(default_factory=set)
    _counted: set[str] = field(default_factory=set)

    @property
    def today(self) -> date:
        return local_date(self.now, self.published.settings.timezone)

    def holds(self, version: Version, mark: int, *, opened: int, has_waited: bool) -> bool:
        """Whether the newcomers of a playbook (occasions after `mark`, `opened` in number, and those that waited) are held
        back; then they are marked so."""
        share = self.published.settings.fuses.enter_share
        if share is None:
            return False
        name, entered = version.playbook.name, self._known(version)
        if name in self._blown:
            self._hold(_newcomers(name, mark), mark)
            return True
        if not has_waited and opened + entered <= share * FROM_CUSTOMERS:
            return False
        number = self.connection.scalar(_CUSTOMERS_IN, {"playbook": name, "mark": mark}) or 0
        if number:
            newcomers = _newcomers(name, mark)
            if self._is_jump(version, number, entered, share, newcomers):
                self._hold(newcomers, mark)
                return True
        self._counted.add(name)
        self._count(name, number)
        return False

    def entered(self, version: Version, number: int) -> None:
        """So many entered, few enough not to be counted before."""
        if version.playbook.name not in self._counted:
            self._count(version.playbook.name, number)

    def _count(self, playbook: str, number: int) -> None:
        if number and self.published.settings.fuses.enter_share is not None:
            add_entered(self.connection, playbook, self.today, number)

    def _known(self, version: Version) -> int:
        """How many entered this playbook today, by a count that may be too high."""
        if self._entered is None:
            self._entered = dict(entered_on(self.connection, self.today))
            blown = blown_fuses(self.connection)
            self._blown = {fuse.playbook or "" for fuse in blown if fuse.kind is FuseKind.AUDIENCE}
        return self._entered.get(version.playbook.name, 0)

    def _is_jump(
        self, version: Version, number: int, entered: int, share: float, newcomers: ColumnElement[bool]
    ) -> bool:
        """Asks for more and more only while it still looks like one."""
        if share and self._has_customers(ceil((number + entered) / share)):
            return False
        customers = self.connection.scalar(select(func.count()).select_from(CUSTOMER)) or 0
        if customers < FROM_CUSTOMERS or number + entered <= audience_bound(share, customers):
            return False
        bound = audience_bound(share, customers, self._usual(version))
        everybody = self._customers_today(version.playbook.name, newcomers)
        if everybody <= bound:
            return False
        numbers = {
            "entering": number,
            "entered": max(0, everybody - number),
            "customers": customers,
            "bound": bound,
            "day": self.today.isoformat(),
        }
        name = version.playbook.name
        blow(self.connection, self.published, FuseKind.AUDIENCE, name, numbers, self.now)
        return True

    def _has_customers(self, number: int) -> bool:
        """Whether there are so many; counts no further."""
        some = select(CUSTOMER.c.id).limit(number).subquery()
        return (self.connection.scalar(select(func.count()).select_from(some)) or 0) >= number

    def _usual(self, version: Version) -> int:
        """What comes again and again is asked about once: the largest audience that a person released counts as usual."""
        if not version.playbook.enter.every:
            return 0
        released = select(FUSE.c.numbers).where(
            FUSE.c.playbook == version.playbook.name,
            FUSE.c.kind == FuseKind.AUDIENCE.value,
            FUSE.c.state == FuseState.RELEASED.value,
        )
        return max((int(numbers.get("entering", 0)) for numbers in self.connection.scalars(released)), default=0)

    def _customers_today(self, playbook: str, newcomers: ColumnElement[bool]) -> int:
        """Exactly: each customer once, however many of its contacts walk; nobody whom a person let in."""
        since = start_of_day(self.today, self.published.settings.timezone)
        today = (
            select(OCCASION.c.customer_id)
            .join(ENROLLMENT, ENROLLMENT.c.occasion_id == OCCASION.c.id)
            .where(OCCASION.c.playbook == playbook, ENROLLMENT.c.entered_at >= since, _unasked())
        )
        everybody = today.union(select(OCCASION.c.customer_id).where(newcomers)).subquery()
        return self.connection.scalar(select(func.count()).select_from(everybody)) or 0

    def _hold(self, newcomers: ColumnElement[bool], mark: int) -> None:
        """Those after `mark` get their decision from enroll, with all that it refuses; those that waited get it here."""
        waited = and_(newcomers, OCCASION.c.id <= mark)
        once = literal("occasion:") + cast(OCCASION.c.id, String) + literal(f":{AUDIENCE_HELD}")
        decided: list[ColumnElement[Any]] = [
            literal(self.now, UtcDateTime),
            literal(Verdict.DEFERRED.value),
            literal(AUDIENCE_HELD),
            OCCASION.c.customer_id,
            OCCASION.c.contact_id,
            OCCASION.c.playbook,
            once,
        ]
        columns = ("at", "verdict", "reason", "customer_id", "contact_id", "playbook", "once")
        insert_selected(self.connection, DECISION, columns, select(*decided).where(waited))
        held = {"verdict": AUDIENCE_HELD, "state": OccasionState.HELD.value}
        self.connection.execute(update(OCCASION).where(newcomers).values(**held))


def _newcomers(playbook: str | BindParameter[str], mark: int | BindParameter[int]) -> ColumnElement[bool]:
    """Whoever would enter in this pass, and no person asked for it."""
    is_new = and_(OCCASION.c.id > mark, OCCASION.c.state == OccasionState.ENTERED.value)
    waited = and_(OCCASION.c.id <= mark, OCCASION.c.state == OccasionState.WAITING.value)
    return and_(OCCASION.c.playbook == playbook, OCCASION.c.verdict == ENTER, or_(is_new, waited), _unasked())


def _unasked() -> ColumnElement[bool]:
    return and_(OCCASION.c.released_at.is_(null()), OCCASION.c.key.not_like("by:hand:%"))


_CUSTOMERS_IN = select(func.count(OCCASION.c.customer_id.distinct())).where(
    _newcomers(bindparam("playbook", type_=String), bindparam("mark", type_=BigKey))
)
