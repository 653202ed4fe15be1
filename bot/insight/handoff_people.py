"""Whom to talk to about a hand-off, and what they were sent already: the contact it is about, else the one who decides, with
their roles and the last touch; the latest mails to the customer and what became of them. Read-only; shown on the card."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, case, func, select

from bot.insight.brief_health import health_lines
from bot.insight.handoff_brief import Reader
from storage.accounts import Contact, ContactRole
from storage.asking import NOW
from storage.columns import UtcDateTime
from storage.facts import Meeting, MeetingAttendee
from storage.handoff_views import HandoffRecord
from storage.outbox import Message, MessageContent

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]
MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]
CONTENT: Table = MessageContent.__table__  # type: ignore[attr-defined]
MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
ATTENDEE: Table = MeetingAttendee.__table__  # type: ignore[attr-defined]
#: Whom to call first where the journey does not say.
FIRST_ASKED = ("decision_maker", "champion")
MOST_MAILS = 3
LOOK_BACK = timedelta(days=30)


def contact_to_talk_to(connection: Connection, handoff: HandoffRecord, reader: Reader) -> str | None:
    """Name, title, roles, address, telephone and last touch; None where the customer has nobody."""
    row = _whom(connection, handoff)
    if row is None:
        return None
    roles = connection.scalars(_ROLES, {"contact": row.id})
    parts = [row.name or row.key, row.title, ", ".join(roles), row.email, row.phone]
    return " · ".join([part for part in parts if part] + [_last_touch(connection, handoff, row.id, reader)])


_ROLES = select(ROLE.c.role).where(ROLE.c.contact_id == bindparam("contact")).order_by(ROLE.c.role)


def _whom(connection: Connection, handoff: HandoffRecord) -> Row[Any, Any, Any, Any, Any, Any] | None:
    if handoff.contact_id is not None:
        return connection.execute(_CONTACT, {"contact": handoff.contact_id}).one_or_none()
    return connection.execute(_FIRST_ASKED, {"customer": handoff.customer_id}).one_or_none()


_PERSON = select(*(CONTACT.c[name] for name in ("id", "key", "name", "title", "email", "phone")))
_CONTACT = _PERSON.where(CONTACT.c.id == bindparam("contact"))
_FIRST_ASKED = (
    _PERSON.outerjoin(ROLE, ROLE.c.contact_id == CONTACT.c.id)
    .where(CONTACT.c.customer_id == bindparam("customer"), CONTACT.c.gone_at.is_(None))
    .order_by(
        case({role: place for place, role in enumerate(FIRST_ASKED)}, value=ROLE.c.role, else_=len(FIRST_ASKED)),
        func.coalesce(ROLE.c.is_primary, False).desc(),
        CONTACT.c.id,
    )
    .limit(1)
)
#: Of the customer's mails, for which there is an index.
_LATEST_MAILS = select(func.max(MESSAGE.c.accepted_at), func.max(MESSAGE.c.replied_at)).where(
    MESSAGE.c.customer_id == bindparam("customer"), MESSAGE.c.contact_id == bindparam("contact")
)
_LATEST_MEETING = (
    select(func.max(MEETING.c.starts_at))
    .join(ATTENDEE, ATTENDEE.c.meeting_id == MEETING.c.id)
    .where(ATTENDEE.c.contact_id == bindparam("contact"), MEETING.c.starts_at <= NOW)
)


def _last_touch(connection: Connection, handoff: HandoffRecord, contact_id: int, reader: Reader) -> str:
    about = {"contact": contact_id, "customer": handoff.customer_id}
    sent, answered = connection.execute(_LATEST_MAILS, about).one()
    met = connection.scalar(_LATEST_MEETING, {"contact": contact_id, "now": reader.now})
    touches: list[tuple[datetime, str]] = [
        (at, word)
        for at, word in (
            (sent, reader.says("mail", "メール")),
            (answered, reader.says("their answer", "返信")),
            (met, reader.says("meeting", "打ち合わせ")),
        )
        if at is not None
    ]
    if not touches:
        return reader.says("no touch yet", "接点なし")
    at, word = max(touches)
    return reader.says(f"last touch: {word}, {reader.day(at)}", f"最後の接点：{word}（{reader.day(at)}）")


_SENT = (
    select(
        *(MESSAGE.c[name] for name in ("accepted_at", "template", "opened_at", "clicked_at", "replied_at")),
        CONTENT.c.subject,
        CONTACT.c.name,
    )
    .select_from(
        MESSAGE.outerjoin(CONTENT, CONTENT.c.message_id == MESSAGE.c.id).outerjoin(
            CONTACT, CONTACT.c.id == MESSAGE.c.contact_id
        )
    )
    .where(
        MESSAGE.c.customer_id == bindparam("customer"),
        MESSAGE.c.accepted_at >= bindparam("since", type_=UtcDateTime()),
        MESSAGE.c.accepted_at <= NOW,
    )
    .order_by(MESSAGE.c.accepted_at.desc(), MESSAGE.c.id.desc())
    .limit(MOST_MAILS)
)


def mails_sent(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterator[str]:
    """The latest of the last 30 days, the newest first."""
    about = {"customer": handoff.customer_id, "now": reader.now, "since": reader.now - LOOK_BACK}
    for row in connection.execute(_SENT, about):
        became = next((word for at, word in _became(row, reader) if at is not None), "")
        whom = f" → {row.name}" if row.name else ""
        yield f"{reader.day(row.accepted_at)} {row.subject or row.template}{whom}{became}"


def _became(row: Any, reader: Reader) -> Iterator[tuple[datetime | None, str]]:
    yield row.replied_at, reader.says(" (answered)", "（返信あり）")
    yield row.clicked_at, reader.says(" (clicked)", "（クリックあり）")
    yield row.opened_at, reader.says(" (opened)", "（開封済み）")


def health_line(connection: Connection, handoff: HandoffRecord, reader: Reader) -> str | None:
    """The health score with its band and trend; None where there is none."""
    if handoff.customer_id is None:
        return None
    return next(iter(health_lines(connection, handoff.customer_id, reader.now, reader.says)), None)
