"""Opens the posts that the web routes kept: events find their mail and become delivery events, what belongs to no mail of ours
is kept aside with a reason and counted, answers of readers go to replies.py. Part of absorb, which then draws conclusions.
A crash between storing and forgetting a post repeats it, which changes nothing: every event is taken in once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, Table, delete, func, select

from bot.intake.ticket_posts import TicketDesk
from bot.logs import fault_of
from bot.pipeline.mail_finding import latest_before, mails_by_address, mails_by_name, mails_by_provider_id
from bot.pipeline.published import Published
from bot.pipeline.replies import take_in_replies
from bot.rules.references import MailName, is_reference, name_of
from bot.webhooks import inbound, sendgrid, tickets
from bot.webhooks.inbound import IncomingReply, read_reply
from bot.webhooks.sendgrid import ProviderEvent, UnreadableEvent, read_batch, translate
from storage.bulk import insert_new_rows
from storage.database import Database
from storage.inbound import StrayEvent
from storage.outbox import DeliveryEvent
from storage.posts import forget_posts, waiting_posts
from storage.upserts import hold_alone

STRAY: Table = StrayEvent.__table__  # type: ignore[attr-defined]
DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]
EVENT_COLUMNS = ("key", "fingerprint", "message_id", "kind", "at", "is_machine", "details", "received_at", "is_new")
STRAY_COLUMNS = ("key", "source", "reason", "kind", "reference", "details", "received_at")
#: Other software on the same account may send far more than we do.
MOST_STRAYS = 100_000
#: Who answers late (a bounce days after) names the address only, never a time before the mail; clocks may differ a little.
CLOCKS_DIFFER = timedelta(minutes=5)
#: How an event found its mail, where that is no proof that this very mail was accepted.
BY_ADDRESS = "address"

log = structlog.get_logger("journeybot.absorb")


@dataclass(slots=True)
class _Reading:
    """What a round of posts says; events with the moment they arrived."""

    events: list[tuple[ProviderEvent, datetime]] = field(default_factory=list)
    unreadable: list[tuple[UnreadableEvent, datetime]] = field(default_factory=list)
    replies: list[tuple[IncomingReply, datetime]] = field(default_factory=list)
    tickets: list[tuple[dict[str, Any], str, datetime]] = field(default_factory=list)


def take_in_posts(database: Database, published: Published, now: datetime, installation: str) -> int:
    """Empty the waiting room; returns how many posts there were."""
    taken = 0
    desk = TicketDesk(now=now, zone=published.settings.timezone)
    while posts := waiting_posts(database):
        reading = _Reading()
        for post in posts:
            _read(post, reading)
        with database.write() as connection:
            hold_alone(connection, "posts")
            _sort(connection, reading, installation)
            take_in_replies(connection, published.settings, reading.replies, now, installation)
            _take_in_tickets(connection, reading, desk)
        forget_posts(database, [post.id for post in posts])
        taken += len(posts)
    _take_in_waiting_tickets(database, desk)
    return taken


def _take_in_tickets(connection: Connection, reading: _Reading, desk: TicketDesk) -> None:
    """What is no fact is kept aside and counted by the column that is wrong, without its words."""
    if not reading.tickets:
        return
    problems = {problem.row: problem for problem in desk.take_in(connection, [told for told, _, _ in reading.tickets])}
    strays: list[tuple[Any, ...]] = [
        (reading.tickets[row - 1][1], tickets.SOURCE, f"ticket_{problem.column or 'row'}", None, None, {}, at)
        for row, problem in problems.items()
        for at in (reading.tickets[row - 1][2],)
    ]
    keep_strays(connection, strays)


def _take_in_waiting_tickets(database: Database, desk: TicketDesk) -> None:
    """Of customers who came meanwhile, whoever brought them."""
    with database.read() as connection:
        if not desk.has_known(connection):
            return
    with database.write() as connection:
        while desk.take_in_known(connection):
            pass


def _read(post: Row[Any], reading: _Reading) -> None:
    at: datetime = post.received_at
    try:
        if post.source == inbound.SOURCE:
            reading.replies.append((read_reply(post.body, post.content_type), at))
            return
        if post.source == tickets.SOURCE:
            reading.tickets.append((tickets.read_ticket(post.body), f"ticket:{post.id}:{at.isoformat()}", at))
            return
        for raw in read_batch(post.body):
            event = translate(raw)
            (reading.events if isinstance(event, ProviderEvent) else reading.unreadable).append((event, at))  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001  one post must never keep the others waiting; it is counted and told
        log.error("post_fault", fault=fault_of(error), kind=post.source)
        key = f"post:{post.source}:{post.id}:{at.isoformat()}"
        reading.unreadable.append((UnreadableEvent(key=key, reason="unreadable_post"), at))


def _sort(connection: Connection, reading: _Reading, installation: str) -> None:
    strays: list[tuple[Any, ...]] = [
        (event.key, sendgrid.SOURCE, event.reason, event.kind, None, {}, at) for event, at in reading.unreadable
    ]
    rows: list[tuple[Any, ...]] = []
    found = _Mails.of(connection, [event for event, _ in reading.events], installation)
    for event, at in reading.events:
        message_id, how = found.mail_of(event)
        if message_id is None:
            reference = event.reference if is_reference(event.reference) else None
            strays.append((event.key, sendgrid.SOURCE, how, event.kind, reference, {}, at))
            continue
        places = {"link": event.link, "page": event.page}
        details = event.details | {name: value for name, value in places.items() if value}
        details |= {"matched": BY_ADDRESS} if how == BY_ADDRESS else {}
        rows.append(
            (
                *(event.key, _fingerprint(event, message_id), message_id, event.kind),
                *(event.at, event.is_machine, details, at, True),
            )
        )
    insert_new_rows(connection, DELIVERY_EVENT, EVENT_COLUMNS, rows)
    keep_strays(connection, strays)


def _fingerprint(event: ProviderEvent, message_id: int) -> str:
    """Retries were seen with changed event ids: the same thing told of the same mail at the same second is one event. Whatever
    changes our conclusion is part of it, so that it never matters which of two arrives first."""
    by = "machine" if event.is_machine else "person"
    return f"{message_id}:{event.kind}:{by}:{int(event.at.timestamp())}:{event.link or ''}:{_cause(event)}"


def _cause(event: ProviderEvent) -> str:
    return event.details.get("reason", "")[:80] if event.kind == "dropped" else ""


def keep_strays(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Only the newest are kept; they are for a person who wonders."""
    if not rows:
        return
    insert_new_rows(connection, STRAY, STRAY_COLUMNS, rows)
    newest = connection.scalar(select(func.max(STRAY.c.id))) or 0
    connection.execute(delete(STRAY).where(STRAY.c.id <= newest - MOST_STRAYS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mails:
    """The mails that a round of events may be about, read with three statements."""

    installation: str
    known: frozenset[MailName]
    by_provider_id: dict[str, int]
    by_address: dict[str, list[tuple[datetime, int]]]

    @classmethod
    def of(cls, connection: Connection, events: Sequence[ProviderEvent], installation: str) -> _Mails:
        named = {found for event in events if (found := name_of(event.reference, installation)) is not None}
        nameless = [event for event in events if not is_reference(event.reference)]
        provider_ids = {event.provider_message_id for event in nameless if event.provider_message_id}
        addresses = {event.address for event in nameless if not event.provider_message_id and event.address}
        return cls(
            installation=installation,
            known=mails_by_name(connection, named),
            by_provider_id=mails_by_provider_id(connection, provider_ids),
            by_address=mails_by_address(connection, addresses),
        )

    def mail_of(self, event: ProviderEvent) -> tuple[int | None, str]:
        """The mail and how it was found; or None and why not."""
        if is_reference(event.reference):
            name = name_of(event.reference, self.installation)
            if name is None:
                return None, "other_installation"
            return (name.number, "reference") if name in self.known else (None, "unknown_message")
        if event.provider_message_id:
            found = self.by_provider_id.get(event.provider_message_id)
            return (found, "provider_id") if found is not None else (None, "no_reference")
        latest = latest_before(self.by_address.get(event.address, []), event.at + CLOCKS_DIFFER)
        return (latest, BY_ADDRESS) if latest is not None else (None, "no_reference")
