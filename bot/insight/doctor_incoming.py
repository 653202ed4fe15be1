"""doctor's questions about what comes back from outside: posts that nobody took in, events kept aside, answers that fit no mail.
Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, func, select

from bot.insight.complaints import EXAMPLES, Complaint
from bot.pipeline.replies import ReplyVerdict
from storage.database import Database
from storage.inbound import Reply
from storage.posts import count_strays, count_waiting

REPLY: Table = Reply.__table__  # type: ignore[attr-defined]

LONGEST_WAIT = timedelta(minutes=15)
STRAYS_OF = timedelta(days=1)
REPLIES_OF = timedelta(days=7)
#: Named by us, and not here: what a database restored from a backup, or a copy of it, hears.
LOST = "unknown_message"
#: What begins the reasons of tickets, before the column that is wrong.
TICKET = "ticket_"


def incoming_complaints(connection: Connection, database: Database, now: datetime) -> Iterator[Complaint]:
    waiting, since = count_waiting(database)
    if since is not None and now - since > LONGEST_WAIT:
        yield Complaint(
            name="posts_waiting",
            severity="warning",
            sentence=f"{waiting} post(s) of providers or clients wait to be taken in, the oldest since {since:%Y-%m-%d %H:%M} UTC",
            hint="is `journeybot run` running?",
            count=waiting,
        )
    yield from _strays(connection, now)
    yield from _replies(connection, now)


def _strays(connection: Connection, now: datetime) -> Iterator[Complaint]:
    found = count_strays(connection, now - STRAYS_OF)
    lost = found.pop(LOST, 0)
    if lost:
        yield Complaint(
            name="events_of_lost_mails",
            severity="warning",
            sentence=f"{lost} event(s) of the last day are about mails that we sent and this database does not know",
            hint="was it restored from a backup? Then it does not know what was sent since: `journeybot pause --all` first",
            count=lost,
        )
    refused = {reason: found.pop(reason) for reason in sorted(found) if reason.startswith(TICKET)}
    if refused:
        yield Complaint(
            name="tickets_refused",
            severity="warning",
            sentence=f"{sum(refused.values())} ticket(s) that a help desk posted in the last day are no facts; they were left out",
            hint="mend what it posts; docs/sync.md#tickets-from-a-help-desk says what is asked",
            count=sum(refused.values()),
            examples=tuple(f"{reason.removeprefix(TICKET)}: {number}" for reason, number in refused.items())[:EXAMPLES],
        )
    if found:
        total = sum(found.values())
        yield Complaint(
            name="events_kept_aside",
            severity="note",
            sentence=f"{total} event(s) of the last day belong to no mail of this installation, or say nothing",
            hint="other senders on the same account cause this; docs/events-back.md says what the reasons mean",
            count=total,
            examples=tuple(f"{reason}: {number}" for reason, number in sorted(found.items()))[:EXAMPLES],
        )


def _number_of(connection: Connection, verdict: ReplyVerdict, now: datetime) -> int:
    recent = (REPLY.c.verdict == verdict.value, REPLY.c.received_at >= now - REPLIES_OF)
    return connection.scalar(select(func.count()).select_from(REPLY).where(*recent)) or 0


def _replies(connection: Connection, now: datetime) -> Iterator[Complaint]:
    unproven = _number_of(connection, ReplyVerdict.UNPROVEN, now)
    if unproven:
        yield Complaint(
            name="notes_unproven",
            severity="warning",
            sentence=f"{unproven} mail(s) of the last week say to be from one of us, and neither DKIM nor SPF vouch for it: no notes",
            hint="read them with `journeybot outbox replies --verdict unproven`; if they are yours, let your mail server sign (DKIM)",
            count=unproven,
        )
    number = _number_of(connection, ReplyVerdict.UNKNOWN, now)
    if number:
        yield Complaint(
            name="replies_unmatched",
            severity="warning",
            sentence=f"{number} answer(s) of the last week fit no mail that we sent, so nobody was asked to act",
            hint="read them with `journeybot outbox replies`",
            count=number,
        )
