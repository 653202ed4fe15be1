"""Forgets a person or a whole customer, in the caller's one transaction: ends their walks, cancels their mails, withdraws
hand-offs, blanks what is personal, leaves tombstones. Counts stay. deliver finds what it had claimed no longer its own; a
late event, a webhook or tonight's file finds nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, not_, or_, select, update

from bot.errors import UsageError
from bot.intake.remembered import name_of_contact
from bot.pipeline.batch import Batch
from bot.pipeline.leaving import leave
from bot.pipeline.published import Published
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from bot.rules.references import MailName
from storage import handoff_moves
from storage.accounts import ImportedRow, Pause, Suppression
from storage.dialects import among
from storage.enrollments import ENROLLMENT, WALK_COLUMNS, Walk, wake_walks_of_messages, write_walks
from storage.erasures import Scope, Tombstones, erase_rows
from storage.handoff_merging import end_causes
from storage.handoffs import Handoff, HandoffState
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.journeys import EnrollmentStatus, Occasion, OccasionState
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE, cancel_messages
from storage.plan_views import PLAN
from storage.plans import PlanState
from storage.scrubbing import Words, scrub
from storage.sync import SyncRow, SyncStranger, WrittenBack
from storage.tracking import HELD, TrackedPerson, user_name

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
TRACKED: Table = TrackedPerson.__table__  # type: ignore[attr-defined]
PULLED: Table = SyncRow.__table__  # type: ignore[attr-defined]
STRANGER: Table = SyncStranger.__table__  # type: ignore[attr-defined]
WRITTEN_BACK: Table = WrittenBack.__table__  # type: ignore[attr-defined]
IMPORTED: Table = ImportedRow.__table__  # type: ignore[attr-defined]
OCCASION: Table = Occasion.__table__  # type: ignore[attr-defined]
PAUSE: Table = Pause.__table__  # type: ignore[attr-defined]
SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]

ERASED = "erased"
#: What a fuse holds would wait again when a person releases it.
TO_ENTER = (OccasionState.WAITING.value, OccasionState.HELD.value)
STOPPABLE = (MessageState.PENDING, MessageState.HELD, MessageState.CLAIMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure touched. `mails`: theirs, whose files a folder may still hold."""

    contacts: int
    walks_ended: int
    mails_cancelled: int
    handoffs_closed: int
    mails: tuple[MailName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """A contact before it is forgotten."""

    id: int
    customer_id: int
    key: str
    email: str | None
    name: str | None
    phone: str | None


def erase(
    connection: Connection,
    published: Published | None,
    ground: Ground | None,
    customer: str,
    contact: str | None,
    now: datetime,
    *,
    by: str,
) -> Erased:
    """A customer with everybody there, or one contact: then the same person (by address) at other customers too.
    Raises: UsageError for an unknown key."""
    row = connection.execute(
        select(CUSTOMER.c.id, CUSTOMER.c.key, CUSTOMER.c.name)
        .where(CUSTOMER.c.key == customer)
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise UsageError(f"There is no customer `{customer}`", hint="see `journeybot customers list`")
    people = _people(connection, row.id, contact)
    if contact is not None and not people:
        raise UsageError(f"`{customer}` has no contact `{contact}`", hint=f"see `journeybot customers show {customer}`")
    scope = Scope(customer_ids=[row.id]) if contact is None else Scope(contact_ids=[person.id for person in people])
    stopped = _stop(connection, published, ground, scope, now)
    owned = select(MESSAGE.c.id, MESSAGE.c.created_at).where(_owned(MESSAGE, scope)).order_by(MESSAGE.c.id)
    mails = tuple(MailName(*found) for found in connection.execute(owned))
    addresses = _addresses_of_nobody_else(connection, people, scope)
    names = [] if contact is not None else [row.name, row.key]
    tracked = _tracked(connection, scope)
    _forget(connection, scope, people, addresses, names, now)
    _bury(connection, row, people, addresses, tracked, now, whole=contact is None)
    _tell(connection, row.id, people, now, by=by, whole=contact is None)
    walks, cancelled, handoffs = stopped
    return Erased(
        contacts=len(people),
        walks_ended=walks,
        mails_cancelled=cancelled,
        handoffs_closed=handoffs,
        mails=mails,
    )


def _people(connection: Connection, customer_id: int, contact: str | None) -> list[_Person]:
    columns = [CONTACT.c[name] for name in _Person.__dataclass_fields__]
    mine = CONTACT.c.customer_id == customer_id
    if contact is not None:
        found = connection.execute(select(*columns).where(mine, CONTACT.c.key == contact)).one_or_none()
        if found is None:
            return []
        mine = CONTACT.c.id == found.id
        if found.email:
            mine = or_(mine, func.lower(CONTACT.c.email) == found.email.lower())
    rows = connection.execute(select(*columns).where(mine).order_by(CONTACT.c.id).with_for_update())
    return [_Person(**row._mapping) for row in rows]


def _owned(table: Table, scope: Scope) -> ColumnElement[bool]:
    if scope.customer_ids:
        return table.c.customer_id.in_(scope.customer_ids)
    return table.c.contact_id.in_(scope.contact_ids)


def _stop(
    connection: Connection, published: Published | None, ground: Ground | None, scope: Scope, now: datetime
) -> tuple[int, int, int]:
    """End walks, cancel mails, close hand-offs and refuse occasions; how many of the first three."""
    handoffs = _close_handoffs(connection, scope, now)
    waiting = and_(_owned(MESSAGE, scope), MESSAGE.c.state.in_([state.value for state in STOPPABLE]))
    cancelled = cancel_messages(connection, waiting, now, ERASED)
    statement = select(*WALK_COLUMNS).where(
        _owned(ENROLLMENT, scope), ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value
    )
    walks = [Walk(*found) for found in connection.execute(statement.with_for_update()).all()]
    if walks and published is not None and ground is not None:
        batch = Batch(connection=connection, published=published, ground=ground, now=now)
        leave(batch, [(walk, ERASED) for walk in walks])
        batch.flush()
        write_walks(connection, walks)
    # A customer's walk goes on without the mail that was owed to somebody who is forgotten.
    wake_walks_of_messages(connection, [row.enrollment_id for row in cancelled], now)
    connection.execute(
        update(OCCASION)
        .where(_owned(OCCASION, scope), OCCASION.c.state.in_(TO_ENTER))
        .values(state=OccasionState.REFUSED.value, verdict=ERASED, is_open=False)
    )
    if scope.customer_ids:
        over = {"ended_at": now, "reason": ERASED, "state": PlanState.CLOSED.value}
        connection.execute(update(PLAN).where(_owned(PLAN, scope), PLAN.c.ended_at.is_(None)).values(over))
    return len(walks), len(cancelled), handoffs


def _close_handoffs(connection: Connection, scope: Scope, now: datetime) -> int:
    """Those that nobody took are withdrawn, those that somebody has taken are closed."""
    standing = (HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value, HandoffState.MERGED.value)
    statement = select(HANDOFF.c.id).where(_owned(HANDOFF, scope), HANDOFF.c.state.in_(standing))
    # A card that others' causes have joined stays for them.
    found = list(end_causes(connection, dict.fromkeys(connection.scalars(statement), ERASED), now))
    withdrawn = set(handoff_moves.withdraw(connection, found, reason=ERASED, at=now))
    for taken in sorted(set(found) - withdrawn):
        handoff_moves.dismiss(connection, taken, by=handoff_moves.MACHINE, at=now, key=ERASED, reason=ERASED)
    return len(found)


def _addresses_of_nobody_else(connection: Connection, people: Sequence[_Person], scope: Scope) -> set[str]:
    """Their addresses, but for those under which another customer knows somebody who is not forgotten now."""
    addresses = {person.email.lower() for person in people if person.email}
    gone = [person.id for person in people]
    others = connection.scalars(
        select(func.lower(CONTACT.c.email)).where(
            func.lower(CONTACT.c.email).in_(addresses), not_(among(CONTACT.c.id, gone))
        )
    )
    return addresses - set(others)


def _forget(
    connection: Connection,
    scope: Scope,
    people: Sequence[_Person],
    addresses: set[str],
    names: Sequence[str],
    now: datetime,
) -> None:
    strong = {*addresses, *(person.phone for person in people if person.phone)}
    weak = {*names, *(text for person in people for text in (person.name, person.key, person.email) if text)}
    _redraw_cards(connection, scope)
    erase_rows(connection, scope, now)
    connection.execute(delete(SUPPRESSION).where(SUPPRESSION.c.address.in_(addresses)))
    around = scope.customer_ids or sorted({person.customer_id for person in people})
    scrub(connection, Words(strong=frozenset(strong), weak=frozenset(weak)), Scope(customer_ids=around))


def _redraw_cards(connection: Connection, scope: Scope) -> None:
    """Cards that stand in Slack are drawn anew, from what is left."""
    connection.execute(
        update(HANDOFF)
        .where(_owned(HANDOFF, scope), HANDOFF.c.posted_ts.is_not(None))
        .values(posting="stale", post_attempts=0, post_not_before=None)
    )


def _tracked(connection: Connection, scope: Scope) -> list[tuple[int, str]]:
    """(customer, id) of what the product calls them."""
    rows = connection.execute(select(TRACKED.c.customer_id, TRACKED.c.person).where(_owned(TRACKED, scope)))
    return [(row.customer_id, row.person) for row in rows]


def _bury(
    connection: Connection,
    row: Any,
    people: Sequence[_Person],
    addresses: set[str],
    tracked: Sequence[tuple[int, str]],
    now: datetime,
    *,
    whole: bool,
) -> None:
    """Tombstones, and what names them by key."""
    things = [("address", address) for address in addresses]
    things += [("contact", f"{person.customer_id}\0{person.key}") for person in people]
    things += [("contact", f"{customer}\0{name.partition(':')[2]}") for customer, name in tracked]
    keys = {person.key for person in people}
    waiting = {*(name for _, name in tracked), *(user_name(key) for key in keys), *map(user_name, addresses)}
    connection.execute(delete(HELD).where(HELD.c.person.in_(sorted(waiting))))
    if whole:
        connection.execute(delete(HELD).where(HELD.c.customer_key == row.key))
        things.append(("customer", row.key))
        connection.execute(delete(IMPORTED).where(IMPORTED.c.kind == "customers", IMPORTED.c.key == row.key))
        connection.execute(delete(PULLED).where(or_(PULLED.c.key == row.key, PULLED.c.customer == row.key)))
        connection.execute(delete(STRANGER).where(STRANGER.c.key == row.key))
        connection.execute(delete(WRITTEN_BACK).where(WRITTEN_BACK.c.key == row.key))
        connection.execute(delete(PAUSE).where(PAUSE.c.kind == "customer", PAUSE.c.key == row.key))
        connection.execute(update(CUSTOMER).where(CUSTOMER.c.parent == row.key).values(parent=None))
    owners = dict(
        connection.execute(
            select(CUSTOMER.c.id, CUSTOMER.c.key).where(CUSTOMER.c.id.in_({person.customer_id for person in people}))
        ).all()
    )
    said = [name_of_contact(row.key if whole else owners[person.customer_id], person.key) for person in people]
    connection.execute(delete(IMPORTED).where(IMPORTED.c.kind == "contacts", IMPORTED.c.key.in_(said)))
    connection.execute(delete(PULLED).where(PULLED.c.key.in_(sorted(keys)), PULLED.c.customer.in_(owners.values())))
    still = set(connection.scalars(select(CONTACT.c.key).where(CONTACT.c.key.in_(keys))))
    connection.execute(delete(PAUSE).where(PAUSE.c.kind == "contact", PAUSE.c.key.in_(keys - still)))
    Tombstones(connection).add(connection, things, now)


def _tell(
    connection: Connection, customer_id: int, people: Sequence[_Person], now: datetime, *, by: str, whole: bool
) -> None:
    if whole:
        entries = [
            Entry(
                at=now, verdict=Verdict.OPERATED, reason="customer_erased", customer_id=customer_id, details={"by": by}
            )
        ]
    else:
        entries = [
            Entry(
                at=now,
                verdict=Verdict.OPERATED,
                reason="contact_erased",
                customer_id=person.customer_id,
                contact_id=person.id,
                details={"by": by},
            )
            for person in people
        ]
    write_entries(connection, entries)
