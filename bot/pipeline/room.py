"""How much room a batch's people and customers have left under the caps, and who else wants it: reads that in a few statements
and puts it before the guards (bot.rules.guards). Only what is contested is looked at closely. It writes nothing; caps.py
turns the rulings into judgements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Row

from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.batch import usable_zone
from bot.pipeline.coming_today import mails_to_come
from bot.pipeline.mail_context import MailCase
from bot.pipeline.preflight import EXPIRES, Judgement
from bot.pipeline.published import Published, calendar_for
from bot.pipeline.unowed_mails import NO_MESSAGE
from bot.rules.caps import Cap, CapKind, Place, Touch, period_of
from bot.rules.durations import Duration, parse_duration
from bot.rules.guards import Budget, Candidate, Copy, Guards, Ruling
from bot.rules.steps_model import EmailStep
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE
from storage.touches import (
    TO_GO,
    count_around,
    human_touches,
    mails_that_reached,
    mails_under_way,
    people_at_addresses,
)

SURVEY = "survey"
#: The priority of what a person sends: before whatever the machine owes.
FIRST = 100
TRANSACTIONAL = "transactional"
#: Their text is not about one customer, so nobody needs it twice; lifecycle mails are.
SAME_FOR_ALL = frozenset({"newsletter", "education", SURVEY})
#: The end of everybody's day lies within it, wherever they are.
DAY_AHEAD = timedelta(hours=26)
WEEK = timedelta(days=7)


def caps_of(settings: WorkspaceSettings) -> tuple[Cap, ...]:
    """The workspace's caps on mails."""
    return tuple(
        Cap(kind=kind, count=rule.count, length=rule.per)
        for kind in CapKind
        for rule in getattr(settings.caps, kind.value)
    )


@dataclass(slots=True, kw_only=True)
class Room:
    """What is known about the people and customers of the mails `asked` about."""

    published: Published
    caps: tuple[Cap, ...]
    now: datetime
    asked: Mapping[int, MailCase]
    people: Sequence[Row[Any]]
    addresses: Mapping[int, str]
    shared: frozenset[str]
    customer_ids: frozenset[int]
    contested: set[Budget] = field(default_factory=set)
    reached: Sequence[Row[Any]] = ()
    surveys: Sequence[Row[Any]] = ()
    under_way: Sequence[Any] = ()
    by_people: Sequence[Row[Any]] = ()
    not_owed: Sequence[Any] = ()
    _categories: dict[str, str] = field(default_factory=dict)
    _places: dict[tuple[Any, ...], Place] = field(default_factory=dict)

    @classmethod
    def of(
        cls, connection: Connection, published: Published, asked: Mapping[int, MailCase], now: datetime
    ) -> Room | None:
        """None: there are no caps, and no address belongs to two contacts; so there is nothing to ask."""
        if not asked:
            return None
        caps = caps_of(published.settings)
        people = people_at_addresses(connection, {case.message.contact_id for case in asked.values()})
        addresses = {row.contact_id: row.address for row in people}
        number = Counter(addresses.values())
        shared = frozenset(address for address, contacts in number.items() if contacts > 1)
        if not caps and not shared:
            return None
        customers = frozenset(row.customer_id for row in people)
        return cls(
            published=published,
            caps=caps,
            now=now,
            asked=asked,
            people=people,
            addresses=addresses,
            shared=shared,
            customer_ids=customers,
        )

    def read(self, connection: Connection) -> None:
        """What they got and are to get; closely only where there may be too little room. Call it when it is your turn
        (storage.touches.wait_for_turn)."""
        has_surveys = any(self._category(case.message.template) == SURVEY for case in self.asked.values())
        self.caps = tuple(cap for cap in self.caps if cap.kind is not CapKind.SURVEYS or has_surveys)
        self.not_owed = [*self._imagined(), *self._to_come(connection)]
        self.contested = self._find_contested(connection) if self.caps else set()
        people = {contact for contact, address in self.addresses.items() if self._concerns(address)}
        touched = {int(owner) for kind, owner in self.contested if kind is CapKind.TOUCHES}
        customers: set[int] = {row.customer_id for row in self.people if row.contact_id in people} | touched
        if not customers:
            return
        reach = [_reach(cap.length) for cap in self.caps if cap.kind is not CapKind.SURVEYS]
        everybody = None if touched else people
        until = self.now + DAY_AHEAD
        # In this order: an answer of the provider may be recorded between two statements, and then a mail that was under way
        # has reached; read the other way round it would be in neither.
        self.under_way = mails_under_way(connection, customers, everybody, until, self._same_since())
        self.under_way = [*self.under_way, *(mail for mail in self.not_owed if mail.not_before < until)]
        known = {row.id for row in self.under_way if row.over_at is None}
        if reach:
            reached = mails_that_reached(connection, customers, everybody, self.now - max(reach))
            self.reached = [row for row in reached if row.id not in known]
        if has_surveys:
            self.surveys = [row for row in self._read_surveys(connection) if row.id not in known]
        if touched:
            self.by_people = human_touches(connection, touched, self.now - max(reach), until)

    def _concerns(self, address: str) -> bool:
        kinds = (CapKind.MAILS, CapKind.SURVEYS)
        return address in self.shared or any((kind, address) in self.contested for kind in kinds)

    def _find_contested(self, connection: Connection) -> set[Budget]:
        """Budgets that could not bear everything that may count, wherever in their places it is earliest."""
        caps = [cap for cap in self.caps if cap.kind is not CapKind.SURVEYS]
        contested: set[Budget] = set()
        if len(caps) < len(self.caps):  # surveys are few: all are looked at closely
            contested.update((CapKind.SURVEYS, address) for address in self.addresses.values())
        if not caps:
            return contested
        since = [self._since(cap) for cap in caps]
        with_people = any(cap.kind is CapKind.TOUCHES for cap in caps)
        until, addresses = self.now + DAY_AHEAD, self.addresses
        wanted: dict[tuple[int, str | int], int] = {}
        for row in count_around(connection, self.customer_ids, since, until, with_people=with_people):
            customer_id, contact_id, *numbers = tuple(row)
            for place, cap in enumerate(caps):
                owner = customer_id if cap.kind is CapKind.TOUCHES else addresses.get(contact_id)
                if owner is not None:
                    wanted[place, owner] = wanted.get((place, owner), 0) + numbers[place]
        for mail in self.not_owed:
            for place, cap in enumerate(caps):
                owner = mail.customer_id if cap.kind is CapKind.TOUCHES else mail.address
                wanted[place, owner] = wanted.get((place, owner), 0) + 1
        tight: set[int] = set()
        for (place, owner), number in wanted.items():
            if number > caps[place].count:
                contested.add((caps[place].kind, owner))
                tight.add(place)
        # A cap that nobody here comes near holds nobody back, so its long past need not be read.
        self.caps = tuple(cap for cap in self.caps if cap.kind is CapKind.SURVEYS or caps.index(cap) in tight)
        return contested

    def _since(self, cap: Cap) -> datetime:
        """Nothing before it counts now or later, for any of these mails or their rivals: where nobody shares an address, those
        are mails of the same contacts and customers."""
        if self.shared:
            return self.now - _reach(cap.length)
        usual = self.published.settings.timezone
        places: set[tuple[str, str | None]] = set()
        rows = {
            (case.zone, case.message.contact_timezone, case.message.customer_timezone, case.message.customer_region)
            for case in self.asked.values()
        }
        for zone, of_contact, of_customer, region in rows:
            zones = (zone, usable_zone(of_contact, of_customer, usual), usable_zone(of_customer, usual))
            places.update((each, region) for each in zones)
        return min(period_of(cap, self.now, self._place_in(*place))[0] for place in places)

    def _to_come(self, connection: Connection) -> list[Any]:
        """What walks are known to owe today that is more important than the least important of these."""
        priorities = [
            version.playbook.priority if (version := self.published.versions.get(case.message.version_id or 0)) else 0
            for case in self.asked.values()
            if case.id != NO_MESSAGE
        ]
        if not self.caps or not priorities:
            return []
        until = self.now + DAY_AHEAD
        return mails_to_come(connection, self.published, self.customer_ids, min(priorities), self.now, until)

    def _imagined(self) -> list[Any]:
        """Mails that nobody owes yet, as if they were to go now: what would happen if a person sent one."""
        return [
            SimpleNamespace(
                **case.message._asdict(),
                address=self.addresses.get(case.message.contact_id),
                priority=FIRST,
                state=MessageState.PENDING.value,
                over_at=None,
                occasion=None,
                region=case.message.customer_region,
            )
            for case in self.asked.values()
            if case.id == NO_MESSAGE
        ]

    def _read_surveys(self, connection: Connection) -> Sequence[Row[Any]]:
        reach = [_reach(cap.length) for cap in self.caps if cap.kind is CapKind.SURVEYS]
        names = [name for name in self.published.templates.names if self._category(name) == SURVEY]
        if not reach:
            return ()
        since, of_surveys = self.now - max(reach), MESSAGE.c.template.in_(names)
        return mails_that_reached(connection, self.customer_ids, frozenset(self.addresses), since, of_surveys)

    def _same_since(self) -> datetime | None:
        """Since when a copy of one of these mails may have gone."""
        copies = [
            case.message.due_at
            for case in self.asked.values()
            if self.addresses.get(case.message.contact_id) in self.shared
        ]
        return min(copies) - max(WEEK, *self._lifetimes()) if copies else None

    def _lifetimes(self) -> list[timedelta]:
        steps = (self._step(case.message.version_id, case.message.step) for case in self.asked.values())
        return [_lifetime(step) for step in steps]

    def rule(self, judgements: Mapping[int, Judgement], free: Collection[int]) -> dict[int, Ruling]:
        """Rulings for what is contested; whoever is not named may go. `free`: what people send themselves."""
        contested = self.contested
        if not contested and not self.shared:
            return {}
        guards = Guards(caps=self.caps, now=self.now)
        for budgets, touch in self._taken() if contested else ():
            for budget in contested.intersection(budgets):
                guards.taken.setdefault(budget, []).append(touch)
        candidates: list[Candidate] = []
        for row in self.under_way:
            mine = {kind: owner for kind, owner in self._budgets(row) if (kind, owner) in contested}
            if row.over_at is not None or row.state not in TO_GO:
                self._note_sent(guards, row)
            elif mine or row.address in self.shared:
                candidates += self._candidates(row, mine, judgements.get(row.id), by_hand=row.id in free)
        return guards.rule(candidates)

    def _taken(self) -> Iterator[tuple[list[Budget], Touch]]:
        """Everything that took room, with the budgets it took it from."""
        for row in self.reached:
            yield self._budgets_of(row.contact_id, row.customer_id), _mail(row, row.over_at)
        for row in self.surveys:
            yield [(CapKind.SURVEYS, self.addresses[row.contact_id])], _mail(row, row.over_at)
        for row in self.by_people:
            touch = Touch(at=row.at, what=row.what, id=row.id, about=row.about)
            yield [(CapKind.TOUCHES, row.customer_id)], touch
        for row in self.under_way:
            if row.over_at is None and row.state not in TO_GO:
                yield self._budgets(row), _mail(row, self.now)

    def _budgets_of(self, contact_id: int, customer_id: int) -> list[Budget]:
        address = self.addresses.get(contact_id)
        touched: Budget = (CapKind.TOUCHES, customer_id)
        return [touched] if address is None else [(CapKind.MAILS, address), touched]

    def _budgets(self, row: Row[Any]) -> list[Budget]:
        budgets: list[Budget] = [(CapKind.MAILS, row.address), (CapKind.TOUCHES, row.customer_id)]
        if self._category(row.template) == SURVEY:
            budgets.append((CapKind.SURVEYS, row.address))
        return budgets

    def _note_sent(self, guards: Guards, row: Row[Any]) -> None:
        copy = self._copy(row)
        if copy is not None:
            guards.sent.setdefault(copy.key, []).append((copy, _mail(row, row.over_at or self.now)))

    def _candidates(
        self, row: Row[Any], budgets: dict[CapKind, str | int], judgement: Judgement | None, *, by_hand: bool
    ) -> list[Candidate]:
        """A mail asked about; or a rival that takes room in its turn: another worker's, one to come today, or one of this
        batch that waits for its window."""
        case, step = self.asked.get(row.id), self._step(row.version_id, row.step)
        expires_at = (judgement.expires_at if judgement else None) or row.expires_at
        exempt = (step is not None and step.cap == "exempt") or self._category(row.template) == TRANSACTIONAL
        zone = self.published.settings.timezone
        candidate = Candidate(
            id=row.id,
            priority=row.priority,
            due_at=row.due_at,
            at=row.not_before,
            expires_at=expires_at or self.now + _lifetime(step),
            budgets=budgets,
            person_place=self._place(
                row, case.zone if case else usable_zone(row.contact_timezone, row.customer_timezone, zone)
            ),
            customer_place=self._place(row, usable_zone(row.customer_timezone, zone)),
            about=f"{row.playbook} → {row.step}",
            copy=self._copy(row) if row.id >= 0 else None,
            what="mail" if row.id >= 0 else "walk",
            is_asked=case is not None,
            is_free=exempt or by_hand or row.reviewed_by is not None,
        )
        if case is not None or judgement is None:
            return [candidate]
        if judgement.state != MessageState.PENDING or judgement.not_before is None:
            return []
        return [replace(candidate, at=judgement.not_before)]

    def _place(self, row: Row[Any], zone: str) -> Place:
        return self._place_in(zone, row.region)

    def _place_in(self, zone: str, region: str | None) -> Place:
        key = (zone, region)
        if key not in self._places:
            self._places[key] = Place(zone=zone, calendar=calendar_for(self.published.settings, region))
        return self._places[key]

    def _copy(self, row: Row[Any]) -> Copy | None:
        category = self._category(row.template)
        if row.address not in self.shared or category == TRANSACTIONAL:
            return None
        about = None if category in SAME_FOR_ALL else row.customer_id
        occasion = row.occasion or ""
        return Copy(
            key=(row.address, row.playbook, row.step, about),
            contact_id=row.contact_id,
            moment=occasion if occasion.startswith("moment:") else None,
            due_at=row.due_at,
            lifetime=_lifetime(self._step(row.version_id, row.step)),
        )

    def _step(self, version_id: int | None, step_id: str) -> EmailStep | None:
        version = self.published.versions.get(version_id or 0)
        node = version.program.nodes.get(step_id) if version else None
        return node.step if node is not None and isinstance(node.step, EmailStep) else None

    def _category(self, template: str) -> str:
        """A template that is gone counts as about the customer."""
        if template not in self._categories:
            templates, locale = self.published.templates, self.published.settings.locale
            is_known = template in templates.names
            self._categories[template] = templates.pick(template, (locale,)).category if is_known else "lifecycle"
        return self._categories[template]


def _mail(row: Row[Any], at: datetime) -> Touch:
    return Touch(at=at, what="mail", id=row.id, about=f"{row.playbook} → {row.step}")


def _lifetime(step: EmailStep | None) -> timedelta:
    return _reach(parse_duration((step.expires if step else None) or EXPIRES))


def _reach(length: Duration) -> timedelta:
    """At least as long as `length`, whatever calendar it is counted in and wherever a clock was changed."""
    days = length.days + 31 * length.months + (3 * length.business_days + 14 if length.business_days else 0)
    return timedelta(days=days, hours=2, minutes=length.minutes)
