"""What an answer to a survey becomes: one fact per invitation, of which the last within 24 hours counts; the first tells of itself
at once (`survey.answered`), changes do not (S41). In the caller's transaction. Before it: the survey page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, update

from bot.intake.events import BUILT_IN, EventRow, raise_feeds, record_events
from bot.rules.references import MailName
from bot.rules.surveys import survey_of
from storage.accounts import Contact, Customer
from storage.facts import SurveyAnswer
from storage.marks import mark_customers
from storage.outbox_moves import MESSAGE
from storage.upserts import hold_alone

ANSWER: Table = SurveyAnswer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]

SOURCE = "survey"
MAY_CHANGE = timedelta(hours=24)
MOST_COMMENT = 4_000


class Kept(StrEnum):
    """What became of an answer."""

    FIRST = "first"  #: it counts, and the journeys hear of it
    CHANGED = "changed"  #: it took the place of the one before
    TOO_LATE = "too_late"  #: the one before stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A mail that asked somebody. `score`, `comment`, `answered_at`: the answer that stands, if any."""

    message_id: int
    survey: str
    customer_id: int
    contact_id: int
    locales: tuple[str | None, ...]
    zone: str | None
    score: float | None
    comment: str | None
    answered_at: datetime | None


def invitation_of(connection: Connection, name: MailName) -> Invitation | None:
    """None for a mail that is gone, asked nothing, or whose reader was erased."""
    columns = (MESSAGE.c.id, MESSAGE.c.template, MESSAGE.c.customer_id, MESSAGE.c.contact_id)
    who = (CONTACT.c.locale, CUSTOMER.c.locale.label("customer_locale"), CUSTOMER.c.timezone)
    joined = MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id).join(
        CONTACT, CONTACT.c.id == MESSAGE.c.contact_id
    )
    living = (CONTACT.c.erased_at.is_(None), CUSTOMER.c.erased_at.is_(None))
    found = connection.execute(
        select(*columns, *who)
        .select_from(joined)
        .where(MESSAGE.c.id == name.number, MESSAGE.c.created_at == name.made_at, *living)
    ).one_or_none()
    survey = None if found is None else survey_of(found.template)
    if found is None or survey is None:
        return None
    stands = _standing(connection, name.number)
    return Invitation(
        message_id=name.number,
        survey=survey,
        customer_id=found.customer_id,
        contact_id=found.contact_id,
        locales=(found.locale, found.customer_locale),
        zone=found.timezone,
        score=stands.score if stands else None,
        comment=stands.comment if stands else None,
        answered_at=stands.at if stands else None,
    )


def _standing(connection: Connection, message_id: int) -> Row[Any] | None:
    mine = (ANSWER.c.source == SOURCE, ANSWER.c.key == _key(message_id))
    return connection.execute(select(ANSWER).where(*mine)).one_or_none()


def _key(message_id: int) -> str:
    return f"message:{message_id}"


def keep_answer(connection: Connection, asked: Invitation, score: int, comment: str, now: datetime) -> Kept:
    """`comment` may be empty."""
    hold_alone(connection, "answers")  # two clicks at once are one answer
    comment = comment.replace("\x00", "").strip()[:MOST_COMMENT]
    stands = _standing(connection, asked.message_id)
    mark_customers(connection, {asked.customer_id})
    if stands is not None:
        if now - stands.at > MAY_CHANGE:
            return Kept.TOO_LATE
        # The moment of the first answer stays, so that 24 hours are 24 hours.
        words = {"score": float(score), "comment": comment or stands.comment}
        connection.execute(update(ANSWER).where(ANSWER.c.id == stands.id).values(**words))
        return Kept.CHANGED
    who = {"customer_id": asked.customer_id, "contact_id": asked.contact_id}
    values = {"kind": asked.survey, "score": float(score), "comment": comment or None}
    connection.execute(insert(ANSWER).values(source=SOURCE, key=_key(asked.message_id), at=now, **who, **values))
    raise_feeds(connection, {"surveys": now}, now)
    told = {name: value for name, value in values.items() if value is not None}
    key = f"survey.answered:{SOURCE}:{asked.message_id}"
    event = EventRow(asked.customer_id, "survey.answered", now, BUILT_IN, key, asked.contact_id, float(score), told)
    record_events(connection, [event], now)
    return Kept.FIRST
