"""doctor's questions about consent: can readers unsubscribe, and are erased people really gone. Read-only."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table, func, or_, select

from bot.insight.complaints import Complaint
from bot.pipeline.published import Published
from bot.settings import Settings
from storage.accounts import Contact, Customer
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]

HINT = "set JOURNEYBOT_PUBLIC_URL (https) and JOURNEYBOT_SECRET_KEY; docs/consent.md says why"


def consent_complaints(connection: Connection, published: Published, settings: Settings) -> Iterator[Complaint]:
    yield from _links(connection, published, settings)
    yield from _erased(connection)


def _links(connection: Connection, published: Published, settings: Settings) -> Iterator[Complaint]:
    if published.links.is_complete:
        return
    if settings.email == "folder":
        sentence = "Mails have no link by which readers could unsubscribe"
        yield Complaint(name="no_unsubscribe_link", severity="note", sentence=sentence, hint=HINT)
        return
    held = (MESSAGE.c.state == MessageState.PENDING.value, MESSAGE.c.reason == "no_unsubscribe_link")
    waiting = connection.scalar(select(func.count()).select_from(MESSAGE).where(*held)) or 0
    sentence = f"Readers could not unsubscribe, so only transactional mails leave; {waiting} mail(s) wait"
    yield Complaint(name="no_unsubscribe_link", severity="error", sentence=sentence, hint=HINT, count=max(1, waiting))


def _erased(connection: Connection) -> Iterator[Complaint]:
    """An erased contact that has an address again, or an erased customer that has a name."""
    contacts = select(func.count()).where(
        CONTACT.c.erased_at.is_not(None), or_(CONTACT.c.email.is_not(None), CONTACT.c.name.is_not(None))
    )
    customers = select(func.count()).where(CUSTOMER.c.erased_at.is_not(None), CUSTOMER.c.name != CUSTOMER.c.key)
    back = int(connection.scalar(contacts) or 0) + int(connection.scalar(customers) or 0)
    if back:
        sentence = f"{back} erased customer(s) or contact(s) hold personal data again"
        hint = "this must never happen: erase them once more, and please report it"
        yield Complaint(name="erased_came_back", severity="error", sentence=sentence, hint=hint, count=back)
