"""What becomes of a reader's answer: which mail it answers, whether it counts, who is asked to act. A person's answer is an
event of its mail (`replied`) and a hand-off to the CSM with its words; what a program wrote is kept and does not count, so
nothing can go round in circles. Part of absorb."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, func, select

from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.mail_finding import latest_before, mails_by_address, mails_by_name, mails_by_provider_id
from bot.pipeline.notes import note
from bot.pipeline.owners import Owners
from bot.rules.references import answered_reference, name_of
from bot.webhooks.inbound import IncomingReply
from storage.accounts import Contact, Csm, Customer, has_left
from storage.bulk import insert_new_rows
from storage.erasures import Tombstones
from storage.inbound import Reply
from storage.new_handoffs import NewHandoff, open_handoffs
from storage.outbox import DeliveryEvent
from storage.outbox_moves import CONTENT, MESSAGE

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CSM: Table = Csm.__table__  # type: ignore[attr-defined]
REPLY: Table = Reply.__table__  # type: ignore[attr-defined]
DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]

KIND = "reply"
SHOWN = 1500
#: A mail to more customers is no talk with one of them.
MOST_WRITTEN_TO = 5
#: An address alone names the last mail it got, if that is not too long ago to be what the answer is about.
ANSWERED_WITHIN = timedelta(days=30)


class ReplyVerdict(StrEnum):
    """What was made of an answer."""

    ANSWERED = "answered"  #: it answers a mail of ours: it counts, and a person is asked to act
    OTHER_SENDER = (
        "other_sender"  #: somebody else wrote from outside of the customer: a person looks, it does not count
    )
    AUTOMATIC = "automatic"  #: a program wrote it
    OURS = "ours"  #: one of us wrote it
    UNPROVEN = "unproven"  #: it says that one of us wrote it, and neither DKIM nor SPF does
    UNKNOWN = "unknown"  #: it answers nothing that we know
    ERASED = "erased"  #: its writer was erased: nothing of it is kept


HANDED_OVER = (ReplyVerdict.ANSWERED, ReplyVerdict.OTHER_SENDER)
REPLY_COLUMNS = (
    *("key", "verdict", "message_id", "customer_id", "contact_id", "from_address", "subject", "text", "attachments"),
    "received_at",
)
EVENT_COLUMNS = ("key", "message_id", "kind", "at", "is_machine", "details", "received_at", "is_new")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """An answer with its mail and what was made of it."""

    reply: IncomingReply
    at: datetime
    verdict: ReplyVerdict
    mail: Row[Any] | None


def take_in_replies(
    connection: Connection,
    settings: WorkspaceSettings,
    replies: Sequence[tuple[IncomingReply, datetime]],
    now: datetime,
    installation: str,
) -> None:
    """Keep, count and hand over; an answer that came before is left alone."""
    fresh = {reply.key: (reply, at) for reply, at in replies}
    if not fresh:
        return
    stand = set(connection.scalars(select(REPLY.c.key).where(REPLY.c.key.in_(sorted(fresh)))))
    new = [fresh[key] for key in fresh if key not in stand]
    erased = Tombstones(connection)
    judged = [_judge(connection, settings, erased, reply, at, installation) for reply, at in new]
    insert_new_rows(connection, REPLY, REPLY_COLUMNS, [_row(one) for one in judged])
    answered = [one for one in judged if one.verdict is ReplyVerdict.ANSWERED and one.mail is not None]
    events: list[tuple[Any, ...]] = [
        (f"reply:{one.reply.key}", one.mail.id, "replied", one.at, False, {}, one.at, True)
        for one in answered
        if one.mail
    ]
    insert_new_rows(connection, DELIVERY_EVENT, EVENT_COLUMNS, events)
    _hand_over(connection, settings, [one for one in judged if one.verdict in HANDED_OVER], now)
    for one in judged:
        if one.verdict is ReplyVerdict.OURS:
            _note_ours(connection, one)


def _note_ours(connection: Connection, one: _Judged) -> None:
    """A mail that one of us wrote to a customer, with us in blind copy, is a note on the timeline of whoever it went to."""
    reply = one.reply
    wrote_to = select(CONTACT.c.customer_id).where(func.lower(CONTACT.c.email).in_(reply.recipients)).distinct()
    customers = set(connection.scalars(wrote_to.limit(MOST_WRITTEN_TO)))
    customers |= {one.mail.customer_id} if one.mail is not None else set()
    named = select(CSM.c.key, has_left(CSM).label("has_left")).where(func.lower(CSM.c.email) == reply.from_address)
    row = connection.execute(named.order_by(CSM.c.key).limit(1)).one_or_none()
    if row is not None and row.has_left:
        return
    writer = None if row is None else row.key
    text, by = f"{reply.subject}\n\n{reply.text}".strip(), writer or reply.from_address
    for customer_id in sorted(customers):
        note(connection, customer_id, text, by=by, at=one.at, source="bcc", key=f"{reply.key}:{customer_id}")


def _judge(
    connection: Connection,
    settings: WorkspaceSettings,
    erased: Tombstones,
    reply: IncomingReply,
    at: datetime,
    installation: str,
) -> _Judged:
    mail, is_named = _mail_of(connection, reply, at, installation)
    if erased.has_address(reply.from_address) or (mail is not None and mail.erased_at is not None):
        verdict = ReplyVerdict.ERASED
    elif reply.is_automatic:
        verdict = ReplyVerdict.AUTOMATIC
    elif _is_ours(connection, settings, reply.from_address):
        verdict = ReplyVerdict.UNPROVEN if reply.is_proven is False else ReplyVerdict.OURS
    elif mail is None:
        verdict = ReplyVerdict.UNKNOWN
    elif not is_named or _is_of_customer(connection, mail, reply.from_address):
        verdict = ReplyVerdict.ANSWERED
    else:
        verdict = ReplyVerdict.OTHER_SENDER
    return _Judged(reply=reply, at=at, verdict=verdict, mail=mail)


def _mail_of(
    connection: Connection, reply: IncomingReply, at: datetime, installation: str
) -> tuple[Row[Any] | None, bool]:
    """The mail, and whether the answer names it: by the address it was sent to (we put the mail's reference there), or by
    the Message-ID it refers to (ours has the reference on the left, SendGrid's its own id). Else its sender's latest mail."""
    references = [tag for to in reply.recipients if (tag := answered_reference(to)) is not None]
    names = [named for text in (*references, *reply.answers) if (named := name_of(text, installation)) is not None]
    here = mails_by_name(connection, names)
    ids = [name.number for name in names if name in here]
    by_provider = mails_by_provider_id(connection, set(reply.answers))
    ids += [by_provider[left] for left in reply.answers if left in by_provider]
    for message_id in ids:
        mail = _mail(connection, message_id)
        if mail is not None:
            return mail, True
    mails = mails_by_address(connection, {reply.from_address}) if reply.from_address else {}
    recent = [mail for mail in mails.get(reply.from_address, []) if mail[0] > at - ANSWERED_WITHIN]
    latest = latest_before(recent, at)
    return (_mail(connection, latest), False) if latest is not None else (None, False)


def _mail(connection: Connection, message_id: int) -> Row[Any] | None:
    columns = ("id", "enrollment_id", "customer_id", "contact_id", "playbook", "step")
    statement: Select[Any] = (
        select(*(MESSAGE.c[name] for name in columns), CONTENT.c.to_email, CUSTOMER.c.csm, CONTACT.c.erased_at)
        .select_from(
            MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id)
            .outerjoin(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
            .outerjoin(CONTENT, CONTENT.c.message_id == MESSAGE.c.id)
        )
        .where(MESSAGE.c.id == message_id, MESSAGE.c.attempts > 0)
    )
    return connection.execute(statement).one_or_none()


def _is_ours(connection: Connection, settings: WorkspaceSettings, address: str) -> bool:
    if settings.sender.email and address == settings.sender.email.lower():
        return True
    return connection.scalar(select(CSM.c.key).where(func.lower(CSM.c.email) == address).limit(1)) is not None


def _is_of_customer(connection: Connection, mail: Row[Any], address: str) -> bool:
    """The address that was written to, a contact of the customer, or somebody of the same company. The reference in a mail is
    no secret, so a stranger who learnt it must not be able to answer for the reader."""
    wrote_to = (mail.to_email or "").lower()
    domain = address.rpartition("@")[2]
    if address == wrote_to or (domain == wrote_to.rpartition("@")[2] and domain not in OPEN_TO_ALL):
        return True
    known = select(CONTACT.c.id).where(
        CONTACT.c.customer_id == mail.customer_id, func.lower(CONTACT.c.email) == address
    )
    return connection.scalar(known.limit(1)) is not None


#: Domains where anybody may have an address, so sharing one says nothing.
OPEN_TO_ALL = frozenset(
    (
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "icloud.com", "me.com"),
        *("yahoo.com", "yahoo.co.jp", "ymail.ne.jp", "aol.com", "gmx.com", "gmx.de", "proton.me", "protonmail.com"),
        *("docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp", "nifty.com", "biglobe.ne.jp"),
    )
)


def _row(one: _Judged) -> tuple[Any, ...]:
    reply, mail = one.reply, one.mail
    of_mail = (None, None, None) if mail is None else (mail.id, mail.customer_id, mail.contact_id)
    words: tuple[Any, ...] = (reply.from_address, reply.subject, reply.text, list(reply.attachments))
    if one.verdict is ReplyVerdict.ERASED:
        words = ("", "", "", [])
    return (reply.key, one.verdict.value, *of_mail, *words, one.at)


def _hand_over(connection: Connection, settings: WorkspaceSettings, judged: Sequence[_Judged], now: datetime) -> None:
    if not judged:
        return
    owners = Owners(connection, settings, now)
    opened: list[NewHandoff] = []
    for one in judged:
        mail = one.mail
        assert mail is not None
        opened.append(
            NewHandoff(
                # Not the walk's: an answer must not be taken back because the walk ends, perhaps for its sake (S13).
                customer_id=mail.customer_id,
                contact_id=mail.contact_id,
                playbook=mail.playbook,
                step=mail.step,
                occurrence=f"reply-{one.reply.key}",
                title=_title(one),
                kind=KIND,
                owner=owners.of_customer(mail.csm),
                opened_at=now,
                brief=("event",),
                event=_words_of(one.reply),
            )
        )
    open_handoffs(connection, opened)


def _title(one: _Judged) -> dict[str, str]:
    who = one.reply.from_name or one.reply.from_address
    if one.verdict is ReplyVerdict.OTHER_SENDER:
        return {
            "en": f"Somebody else answered a mail: {one.reply.from_address}",
            "ja": f"宛先とは別の方から返信がありました：{one.reply.from_address}",
        }
    return {"en": f"{who} answered a mail", "ja": f"{who}様から返信がありました"}


def _words_of(reply: IncomingReply) -> dict[str, Any]:
    shown = {
        "from": reply.from_address,
        "subject": reply.subject,
        "text": reply.text[:SHOWN] + ("…" if len(reply.text) > SHOWN else ""),
        "attachments": ", ".join(reply.attachments),
    }
    return {name: value for name, value in shown.items() if value}
