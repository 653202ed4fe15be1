"""Mails to our own people about hand-offs: where there is no Slack, where Slack does not know the owner, and where it has not
worked for a while (S26). Beside the outbox of customers' mails, without its caps and windows, but with its promise: intent
first, handed over at most once, an unknown fate is never guessed (delivery.md). After escalate; before nothing."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, Row, Select, Table, and_, bindparam, func, literal_column, or_, select, update

from bot.channels.base import Answer, MailChannel, Outcome, Outgoing
from bot.clock import Clock
from bot.pipeline.quiet import call_time
from bot.pipeline.send_guard import OPEN_GUARD, SendGuard
from bot.rules.calendar import BusinessCalendar
from storage.accounts import Csm, has_left
from storage.asking import NOW, Questions, from_now
from storage.bulk import insert_new_rows, insert_rows
from storage.columns import UtcDateTime
from storage.database import Database
from storage.dialects import among_given
from storage.handoff_views import UNFINISHED, HandoffRecord, get_many
from storage.handoffs import CALLS_ANEW, Handoff, HandoffAct
from storage.notice_moves import owe_copies
from storage.notices import STAFF_MAIL, MailState

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
ACT: Table = HandoffAct.__table__  # type: ignore[attr-defined]

#: How long Slack is waited for before the owner gets a mail instead.
PATIENCE = {"high": timedelta(minutes=15), "normal": timedelta(hours=1), "low": timedelta(hours=4)}
LEASE = timedelta(minutes=3)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
SEND_SECONDS = 60.0
BATCH = 200
CATEGORY = "staff"

_IS_DUE = and_(
    STAFF_MAIL.c.state == literal_column("'owed'"),
    or_(STAFF_MAIL.c.not_before.is_(None), STAFF_MAIL.c.not_before <= NOW),
)
_IS_LOST = and_(STAFF_MAIL.c.state == literal_column("'submitting'"), STAFF_MAIL.c.not_before <= NOW)

OWED_COLUMNS = ("key", "handoff_id", "person", "why", "made_at", "state", "attempts", "text")
NO_SLACK, NOT_IN_SLACK, SLACK_FAILS = "no_slack", "not_in_slack", "slack_fails"
REPORT = "report"

_log = structlog.get_logger("journeybot.staff_mail")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffLetter:
    """What one of ours is told, as plain text."""

    subject: str
    text: str
    locale: str = "en"


class Writer(Protocol):
    """Writes hand-offs as mails; bot.slack.card_views has it. None: they are gone."""

    def write(self, connection: Connection, handoff_ids: Sequence[int]) -> StaffLetter | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Postman:
    """What mails to our own people take. `has_slack`: cards are posted, and mails are only for whom they do not reach.
    `calendar` and `timezone` are the workspace's."""

    database: Database
    channel: MailChannel
    writer: Writer
    clock: Clock
    sender_email: str | None = None
    sender_name: str = ""
    installation: str = ""
    has_slack: bool = False
    guard: SendGuard = OPEN_GUARD
    calendar: BusinessCalendar = field(default_factory=BusinessCalendar)
    timezone: str = "UTC"


def mail_handoffs(postman: Postman) -> dict[str, int]:
    """Owes and sends what is due; how many by their state."""
    now = postman.clock.now()
    with postman.database.read() as connection:
        if not _questions(has_slack=postman.has_slack).ask(connection, now):
            return {}
    with postman.database.write() as connection:
        _owe(connection, postman, now)
        _give_up_on_unknown(connection, now)
        if postman.guard.pause(connection) is not None:
            return {}
        claimed = _claim(connection, now)
        generation = postman.guard.move(connection, now) if claimed else 0
    if generation:
        postman.guard.remember(generation, now)
    return _send(postman, claimed) if claimed else {}


def owe_report(connection: Connection, key: str, person: str, subject: str, text: str, now: datetime) -> None:
    """A report in its own words, once by its `key`; it goes with the next pass."""
    columns = ("key", "person", "state", "why", "made_at", "subject", "text", "attempts")
    row = (key, person, MailState.OWED.value, REPORT, now, subject, text, 0)
    insert_new_rows(connection, STAFF_MAIL, columns, [row])


def _owe(connection: Connection, postman: Postman, now: datetime) -> None:
    """One mail a call; several of one owner that are not urgent come as one. A few statements, however many there are."""
    due = _put_off(connection, postman, _uncalled(connection, postman, now), now)
    if not due:
        return
    calls = _calls_of(connection, [handoff.id for handoff, _ in due])
    mailed = set(connection.scalars(_MAILED, {"calls": list(calls.values())}))
    # A call that was mailed: what made its card stale since calls nobody.
    new = [(handoff, why) for handoff, why in due if calls[handoff.id] not in mailed]
    together: dict[str, list[int]] = {}
    for handoff, _ in new:
        if handoff.urgency != "high":
            together.setdefault(str(handoff.owner), []).append(handoff.id)
    rows: list[tuple[Any, ...]] = []
    for handoff, why in new:
        others = together.get(str(handoff.owner), []) if handoff.urgency != "high" else []
        state = MailState.JOINED if others and others[0] != handoff.id else MailState.OWED
        text = ",".join(map(str, others)) if len(others) > 1 and state is MailState.OWED else None
        rows.append((calls[handoff.id], handoff.id, handoff.owner, why, now, state.value, 0, text))
    insert_rows(connection, STAFF_MAIL, OWED_COLUMNS, rows)
    copied = [handoff.id for handoff, _ in new if handoff.notify] if postman.has_slack else []
    if copied:
        owe_copies(connection, copied, now)


def _put_off(
    connection: Connection, postman: Postman, uncalled: Sequence[tuple[HandoffRecord, str]], now: datetime
) -> list[tuple[HandoffRecord, str]]:
    """Those that may call now; the others wait for their owner's hours. Without Slack the mail is the card."""
    due, later, cards = [], defaultdict[datetime, list[int]](list), list[int]()
    for handoff, why in uncalled:
        moment = call_time(handoff, now, postman.calendar, postman.timezone)
        if moment <= now:
            due.append((handoff, why))
        if why != SLACK_FAILS:
            (cards if moment <= now else later[moment]).append(handoff.id)
    for moment, ids in later.items():
        connection.execute(_WAITING, {"keys": ids, "at": moment})
    if cards:
        connection.execute(_BEING_MAILED, {"keys": cards})
    return due


_WAITING = update(HANDOFF).where(among_given(HANDOFF.c.id)).values(post_not_before=bindparam("at", type_=UtcDateTime()))
_BEING_MAILED = update(HANDOFF).where(among_given(HANDOFF.c.id)).values(posting="mailed", post_not_before=None)
_MAILED = select(STAFF_MAIL.c.key).where(STAFF_MAIL.c.key.in_(bindparam("calls", expanding=True)))


@cache
def _uncalled_rows(*, has_slack: bool) -> Select[Any]:
    """Unfinished hand-offs of people with an address whose card does not come, or has not come for too long."""
    is_reachable = and_(func.coalesce(CSM.c.email, "") != "", ~has_left(CSM))
    is_due = or_(HANDOFF.c.post_not_before.is_(None), HANDOFF.c.post_not_before <= NOW)
    waits = HANDOFF.c.posting == literal_column("'wanted'")
    has_no_slack = CSM.c.slack_user_id.is_(None) if has_slack else CSM.c.key.is_not(None)
    ways = [and_(waits, is_due, has_no_slack)]
    if has_slack:
        ways += [
            and_(waits, HANDOFF.c.urgency == urgency, HANDOFF.c.post_fault_since <= from_now(-patience))
            for urgency, patience in PATIENCE.items()
        ]
        ways.append(and_(HANDOFF.c.posting == "failed", HANDOFF.c.post_fault_since.is_not(None)))
    return (
        select(HANDOFF.c.id, CSM.c.slack_user_id)
        .select_from(HANDOFF.join(CSM, CSM.c.key == HANDOFF.c.owner))
        .where(HANDOFF.c.state.in_([state.value for state in UNFINISHED]), is_reachable, or_(*ways))
        .where(~_is_mailed().exists())
    )


@cache
def _questions(*, has_slack: bool) -> Questions:
    """Whether there is anything to owe, to send or to give up."""
    return Questions(
        {
            "uncalled": _uncalled_rows(has_slack=has_slack),
            "owed": select(STAFF_MAIL.c.id).where(_IS_DUE),
            "lost": select(STAFF_MAIL.c.id).where(_IS_LOST),
        }
    )


def _uncalled(connection: Connection, postman: Postman, now: datetime) -> list[tuple[HandoffRecord, str]]:
    """The hand-offs that call somebody by mail, with the reason."""
    most_urgent_first = (HANDOFF.c.urgency != "high", HANDOFF.c.due_at.is_(None), HANDOFF.c.due_at, HANDOFF.c.id)
    found = _uncalled_rows(has_slack=postman.has_slack).order_by(*most_urgent_first).limit(BATCH)
    has_slack_id = {row.id: row.slack_user_id is not None for row in connection.execute(found, {"now": now}).all()}
    return [
        (handoff, NO_SLACK if not postman.has_slack else SLACK_FAILS if has_slack_id[handoff.id] else NOT_IN_SLACK)
        for handoff in get_many(connection, list(has_slack_id))
    ]


def _is_mailed() -> Select[Any]:
    """While Slack fails, a call that was mailed already keeps standing there."""
    mailed = select(STAFF_MAIL.c.id).where(
        STAFF_MAIL.c.handoff_id == HANDOFF.c.id, STAFF_MAIL.c.made_at >= HANDOFF.c.post_fault_since
    )
    return mailed.correlate(HANDOFF)


def _calls_of(connection: Connection, handoff_ids: Sequence[int]) -> dict[int, str]:
    """The newest thing that calls each owner: the opening, or an act. One call is one mail."""
    newest = {handoff: act for handoff, act in connection.execute(_NEWEST_CALLS, {"keys": list(handoff_ids)})}
    return {handoff: f"handoff-{handoff}-{newest.get(handoff, 0)}" for handoff in handoff_ids}


_NEWEST_CALLS = (
    select(ACT.c.handoff_id, func.max(ACT.c.id))
    .where(among_given(ACT.c.handoff_id), ACT.c.act.in_(sorted(CALLS_ANEW)))
    .group_by(ACT.c.handoff_id)
)


def _claim(connection: Connection, now: datetime) -> list[Row[Any]]:
    """The intent: from here on they count as handed over until an answer says otherwise."""
    ids = list(connection.scalars(_DUE, {"now": now}))
    if not ids:
        return []
    connection.execute(_SUBMITTING, {"keys": ids, "until": now + LEASE})
    return list(connection.execute(_CLAIMED, {"keys": ids}).all())


_DUE = select(STAFF_MAIL.c.id).where(_IS_DUE).order_by(STAFF_MAIL.c.id).limit(BATCH).with_for_update(skip_locked=True)
_SUBMITTING = (
    update(STAFF_MAIL)
    .where(among_given(STAFF_MAIL.c.id))
    .values(
        state=MailState.SUBMITTING.value,
        attempts=STAFF_MAIL.c.attempts + 1,
        not_before=bindparam("until", type_=UtcDateTime()),
    )
)
_CLAIMED = (
    select(STAFF_MAIL, CSM.c.email, CSM.c.name)
    .select_from(STAFF_MAIL.outerjoin(CSM, CSM.c.key == STAFF_MAIL.c.person))
    .where(among_given(STAFF_MAIL.c.id))
    .order_by(STAFF_MAIL.c.id)
)


def _give_up_on_unknown(connection: Connection, now: datetime) -> None:
    """A worker died with them in its hands: nobody knows, so nobody sends them again."""
    connection.execute(_GIVING_UP, {"now": now})


_GIVING_UP = (
    update(STAFF_MAIL)
    .where(_IS_LOST)
    .values(state=MailState.UNKNOWN.value, fault="journeybot stopped while it was being sent")
)


def _send(postman: Postman, claimed: Sequence[Row[Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    outgoing: dict[str, Row[Any]] = {}
    mails = []
    for row in claimed:
        mail = _outgoing(postman, row)
        if mail is None:
            _settle(postman, row, MailState.NEEDLESS, None, counts)
        else:
            outgoing[mail.reference] = row
            mails.append(mail)
    if mails:
        postman.channel.send(mails, lambda mail, answer: _answered(postman, outgoing[mail.reference], answer, counts))
    return counts


def _outgoing(postman: Postman, row: Row[Any]) -> Outgoing | None:
    """None: over, or gone, before it left."""
    letter = _letter(postman, row)
    if letter is None or not row.email:
        return None
    page = "<br>\n".join(html.escape(line) for line in letter.text.splitlines())
    return Outgoing(
        reference=f"{postman.installation or 'local'}-staff-{row.id}",
        to_email=row.email,
        to_name=row.name,
        from_email=postman.sender_email or row.email,
        from_name=postman.sender_name or None,
        reply_to_email=None,
        reply_to_name=None,
        subject=letter.subject,
        document=f'<html lang="{html.escape(letter.locale)}"><body><p>{page}</p></body></html>',
        text=letter.text,
        category=CATEGORY,
        headers={"Auto-Submitted": "auto-generated"},
        deadline=postman.clock.monotonic() + SEND_SECONDS,
    )


def _letter(postman: Postman, row: Row[Any]) -> StaffLetter | None:
    """A report brings its own words; a hand-off is written as it stands now."""
    if row.subject is not None:
        return StaffLetter(subject=row.subject, text=row.text or "")
    ids = [int(part) for part in row.text.split(",")] if row.text else [row.handoff_id]
    with postman.database.read() as connection:
        still = get_many(connection, ids)
        open_ones = [found.id for found in still if not found.is_finished and found.owner == row.person]
        return postman.writer.write(connection, open_ones) if open_ones else None


def _answered(postman: Postman, row: Row[Any], answer: Answer, counts: dict[str, int]) -> None:
    match answer.outcome:
        case Outcome.ACCEPTED:
            _settle(postman, row, MailState.ACCEPTED, None, counts)
        case Outcome.NOT_ACCEPTED | Outcome.DENIED:
            pause = min(FIRST_PAUSE * 2 ** min(row.attempts - 1, 10), LONGEST_PAUSE)
            if answer.retry_after_seconds is not None:
                pause = timedelta(seconds=answer.retry_after_seconds)
            _settle(postman, row, MailState.OWED, answer, counts, not_before=postman.clock.now() + pause)
        case Outcome.REFUSED:
            _settle(postman, row, MailState.FAILED, answer, counts)
        case Outcome.UNKNOWN:
            _settle(postman, row, MailState.UNKNOWN, answer, counts)


#: Sets the columns that are given beside.
_SETTLING = update(STAFF_MAIL).where(
    STAFF_MAIL.c.id == bindparam("mail"), STAFF_MAIL.c.attempts == bindparam("attempt")
)


def _settle(
    postman: Postman,
    row: Row[Any],
    state: MailState,
    answer: Answer | None,
    counts: dict[str, int],
    *,
    not_before: datetime | None = None,
) -> None:
    fault = None if answer is None else f"{answer.reason} {answer.detail}".strip()
    now = postman.clock.now()
    # A report's words are not kept once it has left.
    text = None if row.subject is not None and state is MailState.ACCEPTED else row.text
    told = {"state": state.value, "fault": fault, "not_before": not_before, "answered_at": now, "text": text}
    with postman.database.write() as connection:
        connection.execute(_SETTLING, {"mail": row.id, "attempt": row.attempts, **told})
    counts[state.value] = counts.get(state.value, 0) + 1
    if fault is not None:
        _log.warning("staff_mail_not_sent", mail=row.id, state=state.value, reason=answer.reason if answer else "")
