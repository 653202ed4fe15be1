"""Keeps a batch of mails within the caps and sends one mail to one address: asks the guards about what would leave now and turns
their rulings into judgements. One call in deliver, inside the transaction that commits the intents, so that two workers
never give the same room away. Without caps and shared addresses it costs one look-up per batch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.pipeline.mail_context import MailCase
from bot.pipeline.preflight import Judgement, email_step, terms_of
from bot.pipeline.published import Published
from bot.pipeline.room import Room
from bot.rules.guards import CAP_PASSED, CAPPED_OUT, HELD_BACK, Ruling, Say
from bot.rules.windows import next_open
from storage.dialects import among
from storage.journal import Verdict
from storage.journal_entries import DECISION, Entry, write_entries
from storage.outbox import MessageState
from storage.touches import wait_for_turn

#: What a person did to a mail that makes it their own send (S15).
BY_HAND = ("mail_approved", "mail_edited", "mail_resent")


def keep_within_caps(
    connection: Connection,
    published: Published,
    cases: Mapping[int, MailCase],
    judgements: dict[int, Judgement],
    now: datetime,
) -> None:
    """Changes the judgements of those that may not go now. `cases` are those of the batch."""
    _name_what_crowded_out(connection, judgements)
    asked = {
        found: cases[found]
        for found, judgement in judgements.items()
        if judgement.state == MessageState.SUBMITTING and cases[found].message.contact_id is not None
    }
    room = Room.of(connection, published, asked, now)
    if room is None:
        return
    wait_for_turn(connection)
    room.read(connection)
    rulings = room.rule(judgements, ())
    free = _sent_by_hand(connection, [found for found, ruling in rulings.items() if ruling.say is not Say.NOW])
    if free:
        rulings = room.rule(judgements, free)
    for found, ruling in rulings.items():
        if ruling.say is not Say.NOW:
            judgements[found] = _judged(asked[found], ruling, published, judgements[found])
    write_entries(connection, list(_passed(asked, rulings, now)))


def cap_passed(connection: Connection, published: Published, case: MailCase, now: datetime) -> Mapping[str, Any] | None:
    """The cap that a mail, owed or not yet, would pass if a person sent it now, with what took the room; None: there is room."""
    room = Room.of(connection, published, {case.id: case}, now)
    if room is None or case.message.contact_id is None:
        return None
    room.read(connection)
    ruling = room.rule({}, {case.id}).get(case.id)
    return ruling.details if ruling is not None and ruling.reason == CAP_PASSED else None


def _name_what_crowded_out(connection: Connection, judgements: dict[int, Judgement]) -> None:
    """A mail that expired because of a cap says so, and who had the room."""
    expired = [found for found, judgement in judgements.items() if judgement.reason == "expired"]
    if not expired:
        return
    held_back = (
        select(DECISION.c.message_id, DECISION.c.details)
        .where(among(DECISION.c.message_id, expired), DECISION.c.reason.in_(HELD_BACK))
        .order_by(DECISION.c.id)
    )
    for row in connection.execute(held_back):
        judgements[row.message_id] = replace(judgements[row.message_id], reason=CAPPED_OUT, details=row.details)


def _judged(case: MailCase, ruling: Ruling, published: Published, before: Judgement) -> Judgement:
    if ruling.say is Say.NEVER or ruling.until is None:
        return Judgement(state=MessageState.CANCELLED, reason=ruling.reason, details=dict(ruling.details))
    terms = terms_of(case, email_step(case, published), published)
    opens = next_open(terms.windows, ruling.until, case.zone, terms.calendar)
    expires_at = before.expires_at or opens
    return Judgement(
        state=MessageState.PENDING,
        reason=ruling.reason,
        not_before=min(opens, expires_at),
        expires_at=expires_at,
        details=dict(ruling.details),
    )


def _sent_by_hand(connection: Connection, ids: Collection[int]) -> set[int]:
    if not ids:
        return set()
    acts = select(DECISION.c.message_id).where(among(DECISION.c.message_id, ids), DECISION.c.reason.in_(BY_HAND))
    return set(connection.scalars(acts))


def _passed(asked: Mapping[int, MailCase], rulings: Mapping[int, Ruling], now: datetime) -> Iterator[Entry]:
    """What goes over a cap because a person or its step says so stands in the journal."""
    for found, ruling in rulings.items():
        if ruling.reason == CAP_PASSED:
            row = asked[found].message
            yield Entry(
                at=now,
                verdict=Verdict.DID,
                reason=CAP_PASSED,
                customer_id=row.customer_id,
                contact_id=row.contact_id,
                playbook=row.playbook,
                enrollment_id=row.enrollment_id,
                message_id=found,
                step=row.step,
                details=dict(ruling.details),
                once=f"message:{found}:{CAP_PASSED}",
            )
