"""The mail that a person owes for a hand-off (`prepare:`): sent through the outbox, or written elsewhere (semantics.md S29).
One row per hand-off, so that two people, two clicks or two windows owe one mail. The deeds lock the hand-off, take it on for
whoever writes, and leave their traces in the caller's transaction; the outbox and its guards do the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, String, Table, cast, delete, insert, literal, select

from storage.asking import from_now
from storage.dialects import among, among_given
from storage.handoff_deeds import MACHINE, Deed, Move, carry_out, look, unknown
from storage.handoff_views import UNFINISHED
from storage.handoffs import Handoff, HandoffAct, HandoffMail, HandoffState, Way
from storage.marks import mark_customers
from storage.outbox import MessageState
from storage.outbox_moves import CONTENT, MESSAGE

MAILED = "mailed"
WROTE_MYSELF = "wrote_myself"
UNSENT = "unsent"
UNSENT_KEY = "unsent-"
#: A mail expires within three days, and the provider may answer a day later.
UNSENT_LOOKS_BACK = timedelta(days=7)
BY_HAND = ("mail_skipped", "mail_rejected")
#: A mail in one of these did not go and will not: the person may send another.
GIVEN_UP = frozenset(
    (
        *(MessageState.FAILED, MessageState.QUARANTINED, MessageState.SUPPRESSED),
        *(MessageState.EXPIRED, MessageState.CANCELLED),
    )
)


ACT: Table = HandoffAct.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
HANDOFF_MAIL: Table = HandoffMail.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes, when; `key` is the same in every retry of the same press."""

    by: str
    at: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What became of a hand-off's mail so far; `state` None: it was written elsewhere."""

    way: Way
    by: str
    at: datetime
    message_id: int | None
    state: MessageState | None
    reason: str | None
    to_email: str | None
    template: str

    @property
    def is_open(self) -> bool:
        """Whether another mail may take its place."""
        return self.state in GIVEN_UP


def standing_mail(connection: Connection, handoff_id: int) -> Standing | None:
    """None: nobody wrote yet."""
    return standing_mails(connection, [handoff_id]).get(handoff_id)


def standing_mails(connection: Connection, handoff_ids: Collection[int]) -> dict[int, Standing]:
    """By hand-off, for those of which somebody wrote."""
    columns = [HANDOFF_MAIL.c[name] for name in ("handoff_id", "message_id", "way", "by", "at", "template")]
    found = (
        select(*columns, MESSAGE.c.state, MESSAGE.c.reason, CONTENT.c.to_email)
        .select_from(
            HANDOFF_MAIL.outerjoin(MESSAGE, MESSAGE.c.id == HANDOFF_MAIL.c.message_id).outerjoin(
                CONTENT, CONTENT.c.message_id == HANDOFF_MAIL.c.message_id
            )
        )
        .where(among(HANDOFF_MAIL.c.handoff_id, handoff_ids))
    )
    return {row.handoff_id: _standing(row) for row in connection.execute(found)}


def _standing(row: Any) -> Standing:
    return Standing(
        way=Way(row.way),
        by=row.by,
        at=row.at,
        message_id=row.message_id,
        state=MessageState(row.state) if row.state is not None else None,
        reason=row.reason,
        to_email=row.to_email,
        template=row.template,
    )


def take_pen(connection: Connection, handoff_id: int, act: str, writer: Writer) -> Move | None:
    """Lock the hand-off for whoever wants to write its mail; why they cannot: it is finished, part of another, or this very
    press was recorded. None: they may."""
    deed = Deed(act=act, by=writer.by, at=writer.at, key=writer.key, details={})
    row, refusal = look(connection, handoff_id, deed)
    return (refusal or unknown(handoff_id)) if row is None or refusal is not None else None


def put_down(
    connection: Connection,
    handoff_id: int,
    act: str,
    writer: Writer,
    values: dict[str, Any],
    details: dict[str, Any],
) -> Move:
    """Who wrote it stands from now on, in place of a mail that was given up; an open hand-off is theirs."""
    deed = Deed(act=act, by=writer.by, at=writer.at, key=writer.key, details=details)
    row, refusal = look(connection, handoff_id, deed)
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    connection.execute(delete(HANDOFF_MAIL).where(HANDOFF_MAIL.c.handoff_id == handoff_id))
    written = {"handoff_id": handoff_id, "by": writer.by, "at": writer.at, "changes": [], **values}
    connection.execute(insert(HANDOFF_MAIL).values(**written))
    taken: dict[str, Any] = {}
    if row["state"] == HandoffState.OPEN:
        taken = {
            "state": HandoffState.ACKNOWLEDGED,
            "acknowledged_by": writer.by,
            "acknowledged_at": writer.at,
            "snoozed_until": None,
            "owner": row["owner"] or writer.by,
        }
    move = carry_out(connection, row, deed, taken, HandoffState.ACKNOWLEDGED)
    return replace(move, sentence_reason=f"Hand-off {handoff_id}: {_SAID[act].format(by=writer.by)}")


_SAID = {MAILED: "{by} sent its mail", WROTE_MYSELF: "{by} wrote its mail elsewhere"}


_OWED_BY_HANDOFFS = (
    select(MESSAGE.c.customer_id)
    .join(HANDOFF_MAIL, HANDOFF_MAIL.c.message_id == MESSAGE.c.id)
    .where(among_given(HANDOFF_MAIL.c.message_id))
)


def tell_of_mails(connection: Connection, message_ids: Collection[int]) -> None:
    """Mails were accepted: where a hand-off owed one, its walk may wait for `sent("hand-off")`."""
    if message_ids:
        mark_customers(connection, set(connection.scalars(_OWED_BY_HANDOFFS, {"keys": list(message_ids)})))


_IS_TOLD = select(ACT.c.id).where(
    ACT.c.handoff_id == HANDOFF_MAIL.c.handoff_id, ACT.c.key == literal(UNSENT_KEY) + cast(MESSAGE.c.id, String)
)
#: Mails that people sent and that will not go, of which nobody was told yet (storage.asking).
UNSENT_MAILS = (
    select(HANDOFF_MAIL.c.handoff_id, MESSAGE.c.id, MESSAGE.c.reason, CONTENT.c.to_name, CONTENT.c.to_email)
    .select_from(
        HANDOFF_MAIL.join(MESSAGE, MESSAGE.c.id == HANDOFF_MAIL.c.message_id)
        .join(HANDOFF, HANDOFF.c.id == HANDOFF_MAIL.c.handoff_id)
        .outerjoin(CONTENT, CONTENT.c.message_id == MESSAGE.c.id)
    )
    .where(
        HANDOFF_MAIL.c.at >= from_now(-UNSENT_LOOKS_BACK),
        HANDOFF.c.state.in_([state.value for state in UNFINISHED]),
        MESSAGE.c.state.in_([state.value for state in GIVEN_UP]),
        MESSAGE.c.reason.not_in(BY_HAND),
        ~_IS_TOLD.exists(),
    )
    .order_by(HANDOFF_MAIL.c.handoff_id)
)


def unsent_mails(connection: Connection, at: datetime) -> list[Any]:
    """`handoff_id, id, reason, to_name, to_email` of mails that people sent and that will not go, of which nobody was told yet.
    What somebody gave up by hand they know of."""
    return list(connection.execute(UNSENT_MAILS, {"now": at}))


def tell_unsent(connection: Connection, unsent: Iterable[Any], at: datetime) -> None:
    """Their cards call their people anew, once for each mail, or nobody would know."""
    for row in unsent:
        details = {"to": row.to_name or row.to_email or "–", "why": row.reason, "message": row.id}
        deed = Deed(act=UNSENT, by=MACHINE, at=at, key=f"{UNSENT_KEY}{row.id}", details=details)
        standing, refusal = look(connection, row.handoff_id, deed)
        if standing is not None and refusal is None:
            carry_out(connection, standing, deed, {}, HandoffState(standing["state"]))
