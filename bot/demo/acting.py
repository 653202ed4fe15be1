"""Lets the demo's people act on what journeybot did: after each tick it looks for new mails, held mails and hand-offs and
plans reactions; before each tick it does what has come due, through the same doors as the real world."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, bindparam, or_, select

from bot.demo.chance import Chance
from bot.demo.customers import DemoCustomer
from bot.demo.personas import Persona
from bot.demo.reactions import (
    HandoffReaction,
    MailReaction,
    in_office_hours,
    react_to_handoff,
    react_to_mail,
    react_to_review,
)
from bot.pipeline.fuses import HANDOFF_KIND, RELEASE
from bot.pipeline.outbox_acts import REVIEW, approve
from bot.rules.catalogue import Catalogue, digest_of_page
from storage import handoff_moves
from storage.accounts import Contact, Csm, Customer
from storage.bulk import insert_rows
from storage.database import Database
from storage.handoffs import Handoff, HandoffState
from storage.outbox import DeliveryEvent, Message, MessageState
from storage.outbox_moves import CONTENT

MAILS: Table = Message.__table__  # type: ignore[attr-defined]
EVENTS: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]
HANDOFFS: Table = Handoff.__table__  # type: ignore[attr-defined]
CUSTOMERS: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACTS: Table = Contact.__table__  # type: ignore[attr-defined]
CSMS: Table = Csm.__table__  # type: ignore[attr-defined]

EVENT_COLUMNS = ("key", "message_id", "kind", "at", "is_machine", "details", "is_new")
HOME_ZONE = "Asia/Tokyo"
ANSWERS_FUSE_AFTER = timedelta(minutes=40)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDeed:
    """Something that happens to an accepted mail; `number` counts within the mail. `page`: the digest of the address that is
    clicked, where it is one of content.yml."""

    message_id: int
    number: int
    reaction: MailReaction
    page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDeed:
    """A CSM sends a mail that waited for them."""

    message_id: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffDeed:
    """Its owner acts on a hand-off."""

    handoff_id: int
    by: str
    reaction: HandoffReaction


Deed = MailDeed | ReviewDeed | HandoffDeed


class Actors:
    """Everybody but journeybot. `customers` by key, newcomers included; `dead_address` bounces; `catalogue` is what mails may link
    to."""

    def __init__(
        self,
        database: Database,
        customers: Mapping[str, DemoCustomer],
        seed: int,
        *,
        dead_address: str,
        catalogue: Catalogue | None = None,
    ) -> None:
        self._database = database
        self._customers = customers
        self._dead_address = dead_address
        self._catalogue = catalogue or Catalogue()
        self._chance = Chance(seed, "actors")
        self._deeds: list[tuple[datetime, int, Deed]] = []
        self._count = 0
        self._planned: set[tuple[str, int, int]] = set()
        self._last_message = 0
        self._unsettled: set[int] = set()

    def watch(self, now: datetime) -> None:
        """Plan reactions to what is new since the last look."""
        with self._database.read() as connection:
            self._watch_mails(connection, now)
            self._watch_handoffs(connection, now)

    def act(self, now: datetime) -> int:
        """Do everything that has come due; returns how much that was."""
        due: list[tuple[datetime, Deed]] = []
        while self._deeds and self._deeds[0][0] <= now:
            at, _, deed = heapq.heappop(self._deeds)
            due.append((at, deed))
        if due:
            with self._database.write() as connection:
                _do(connection, due)
        return len(due)

    def _plan(self, at: datetime, deed: Deed) -> None:
        self._count += 1
        heapq.heappush(self._deeds, (at, self._count, deed))

    def _is_first_look(self, kind: str, number: int, round_: int = 0) -> bool:
        before = len(self._planned)
        self._planned.add((kind, number, round_))
        return len(self._planned) > before

    def _watch_mails(self, connection: Connection, now: datetime) -> None:
        """A mail is looked at again until it is accepted or finally not sent, so each look reads few rows."""
        is_mine = or_(MAILS.c.id > self._last_message, MAILS.c.id.in_(self._unsettled))
        self._unsettled = set()
        for row in connection.execute(_mails(is_mine)):
            self._last_message = max(self._last_message, row.id)
            if row.state == MessageState.ACCEPTED:
                self._plan_mail(connection, row)
            elif row.over_at is None:
                self._unsettled.add(row.id)
                if row.state == MessageState.HELD and row.reason == REVIEW:
                    self._plan_review(row, now)

    def _plan_mail(self, connection: Connection, row: Row[Any]) -> None:
        chance = self._about(row, row.contact, row.template)
        is_dead = row.email == self._dead_address
        reactions = react_to_mail(chance, self._persona(row.customer), is_dead_address=is_dead)
        for number, reaction in enumerate(reactions):
            is_persons_click = reaction.kind == "clicked" and not reaction.is_machine
            page = self._page(connection, row.id, chance) if is_persons_click else ""
            deed = MailDeed(message_id=row.id, number=number, reaction=reaction, page=page)
            self._plan(row.accepted_at + reaction.after, deed)

    def _page(self, connection: Connection, message_id: int, chance: Chance) -> str:
        """One of the content that the mail links to; nothing where it links to none."""
        text = connection.scalar(_TEXT, {"mail": message_id})
        items = self._catalogue.named_in(text or "")
        if not items:
            return ""
        return digest_of_page(next(iter(self._catalogue.items[chance.pick(items, "page")].url.values())))

    def _plan_review(self, row: Row[Any], now: datetime) -> None:
        if not row.csm or not self._is_first_look("review", row.id):
            return
        after = react_to_review(self._about(row, row.contact, row.template, "review"))
        if after is not None:
            at = in_office_hours(now + after, row.zone or HOME_ZONE)
            self._plan(at, ReviewDeed(message_id=row.id, by=row.csm))

    def _watch_handoffs(self, connection: Connection, now: datetime) -> None:
        """Each is looked at when it is new and once more each time it is escalated to somebody else."""
        for row in connection.execute(_open_handoffs()):
            if row.owner and self._is_first_look("handoff", row.id, row.escalations):
                self._plan_handoff(row, row.opened_at if row.escalations == 0 else now)

    def _plan_handoff(self, row: Row[Any], asked_at: datetime) -> None:
        if row.kind == HANDOFF_KIND:  # a fuse blew over a broadcast that is meant; nobody leaves that lying
            at = in_office_hours(asked_at + ANSWERS_FUSE_AFTER, row.zone or HOME_ZONE)
            reaction = HandoffReaction(act="done", after=ANSWERS_FUSE_AFTER, outcome=RELEASE)
            self._plan(at, HandoffDeed(handoff_id=row.id, by=row.owner, reaction=reaction))
            return
        reactions = react_to_handoff(
            self._about(row, row.opened_at.date(), row.escalations),
            self._persona(row.customer),
            row.outcomes,
            is_urgent=row.urgency == "high",
            in_english=row.locale == "en",
            ask=row.ask,
        )
        at, passed = asked_at, timedelta()
        for reaction in reactions:
            at = in_office_hours(at + reaction.after - passed, row.zone or HOME_ZONE)
            passed = reaction.after
            self._plan(at, HandoffDeed(handoff_id=row.id, by=row.owner, reaction=reaction))

    def _persona(self, customer: str) -> Persona:
        found = self._customers.get(customer)
        return found.persona if found else Persona.ORDINARY

    def _about(self, row: Row[Any], *what: object) -> Chance:
        """Keyed by names, not by row numbers, which differ from database to database."""
        return self._chance.about(row.customer, row.playbook, row.step, row.occurred_at, *what)


_TEXT = select(CONTENT.c.text).where(CONTENT.c.message_id == bindparam("mail"))


def _mails(is_mine: ColumnElement[bool]) -> Select[Any]:
    columns = ("id", "state", "reason", "playbook", "step", "template", "accepted_at", "over_at")
    return (
        select(
            *(MAILS.c[name] for name in columns),
            MAILS.c.due_at.label("occurred_at"),
            CUSTOMERS.c.key.label("customer"),
            CUSTOMERS.c.csm,
            CONTACTS.c.key.label("contact"),
            CONTACTS.c.email,
            CSMS.c.timezone.label("zone"),
        )
        .join(CUSTOMERS, CUSTOMERS.c.id == MAILS.c.customer_id)
        .outerjoin(CONTACTS, CONTACTS.c.id == MAILS.c.contact_id)
        .outerjoin(CSMS, CSMS.c.key == CUSTOMERS.c.csm)
        .where(is_mine)
        .order_by(MAILS.c.id)
    )


@cache
def _open_handoffs() -> Select[Any]:
    columns = ("id", "playbook", "step", "kind", "owner", "outcomes", "ask", "urgency", "opened_at", "escalations")
    return (
        select(
            *(HANDOFFS.c[name] for name in columns),
            HANDOFFS.c.opened_at.label("occurred_at"),
            CUSTOMERS.c.key.label("customer"),
            CSMS.c.timezone.label("zone"),
            CSMS.c.locale,
        )
        .outerjoin(CUSTOMERS, CUSTOMERS.c.id == HANDOFFS.c.customer_id)
        .outerjoin(CSMS, CSMS.c.key == HANDOFFS.c.owner)
        .where(and_(HANDOFFS.c.state == HandoffState.OPEN, HANDOFFS.c.owner.is_not(None)))
        .order_by(HANDOFFS.c.id)
    )


def _do(connection: Connection, due: list[tuple[datetime, Deed]]) -> None:
    events = [_event(at, deed) for at, deed in due if isinstance(deed, MailDeed)]
    insert_rows(connection, EVENTS, EVENT_COLUMNS, events)
    for at, deed in due:
        if isinstance(deed, ReviewDeed):
            _approve(connection, deed, at)
        elif isinstance(deed, HandoffDeed):
            _move(connection, deed, at)


def _event(at: datetime, deed: MailDeed) -> tuple[object, ...]:
    key = f"demo-{deed.message_id}-{deed.number}"
    details = {"page": deed.page} if deed.page else {}
    return (key, deed.message_id, deed.reaction.kind, at, deed.reaction.is_machine, details, True)


def _approve(connection: Connection, deed: ReviewDeed, at: datetime) -> None:
    """A mail that expired or was cancelled meanwhile is left alone."""
    is_waiting = and_(MAILS.c.id == deed.message_id, MAILS.c.state == MessageState.HELD.value)
    is_welcome = or_(MAILS.c.expires_at.is_(None), MAILS.c.expires_at > at)
    if connection.execute(select(MAILS.c.id).where(is_waiting, is_welcome)).scalar() is not None:
        approve(connection, deed.message_id, by=deed.by, at=at)


def _move(connection: Connection, deed: HandoffDeed, at: datetime) -> None:
    """What a person does too late (withdrawn, escalated and taken by another) is refused by the move itself."""
    key = f"demo-{deed.reaction.act}-{deed.by}"
    if deed.reaction.act == "acknowledged":
        handoff_moves.acknowledge(connection, deed.handoff_id, by=deed.by, at=at, key=key)
    else:
        handoff_moves.done(
            connection,
            deed.handoff_id,
            by=deed.by,
            at=at,
            key=key,
            outcome=deed.reaction.outcome,
            note=deed.reaction.note,
            answers=deed.reaction.answers,
        )
