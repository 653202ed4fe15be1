"""Asks a person when a mail cannot go by itself: a merge field is empty, or nobody at the customer can be written to
(S24, S35). One open question per customer, as a low-urgency hand-off; the mail waits until it expires."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, and_, exists, or_, select

from bot.pipeline.owners import Owners
from bot.pipeline.preflight import Judgement
from bot.pipeline.published import Published
from bot.pipeline.template_holds import ask_about_templates
from storage import handoff_moves
from storage.accounts import Customer
from storage.handoffs import Handoff, HandoffState
from storage.new_handoffs import NewHandoff, open_handoffs
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
QUESTION = "question"
GAPS = ("missing_field", "nobody_to_write_to")
MOST_AT_ONCE = 20
#: A mail that is being tried again may come back with the same gap.
UNDER_WAY = (MessageState.PENDING.value, MessageState.CLAIMED.value)


def ask_about_gaps(
    connection: Connection, published: Published, judged: Sequence[tuple[int, Judgement]], now: datetime
) -> None:
    """Open the questions for held mails; at most twenty at once, the outbox lists the rest. Asked is the CSM, else the
    default owner (S45). What a template lacks for many is asked once, about the template (S35)."""
    gaps = {found: judgement for found, judgement in judged if _is_gap(judgement)}
    if not gaps:
        return
    templates = ask_about_templates(connection, published, judged, now)
    statement = (
        select(
            MESSAGE.c.id,
            MESSAGE.c.enrollment_id,
            MESSAGE.c.customer_id,
            MESSAGE.c.contact_id,
            MESSAGE.c.playbook,
            MESSAGE.c.step,
            MESSAGE.c.template,
            CUSTOMER.c.csm,
        )
        .select_from(MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id))
        .where(MESSAGE.c.id.in_(gaps))
        .order_by(MESSAGE.c.id)
    )
    rows = connection.execute(statement).all()
    asked = _asked_already(connection, {row.customer_id for row in rows})
    owners = Owners(connection, published.settings, now)
    questions: list[NewHandoff] = []
    for row in rows:
        of_template = row.template in templates and gaps[row.id].reason == "missing_field"
        if of_template or row.customer_id in asked or len(questions) >= MOST_AT_ONCE:
            continue
        asked.add(row.customer_id)
        questions.append(
            NewHandoff(
                enrollment_id=row.enrollment_id,
                customer_id=row.customer_id,
                contact_id=row.contact_id,
                playbook=row.playbook,
                step=row.step,
                occurrence=QUESTION,
                title=_title(gaps[row.id], row.template),
                kind=QUESTION,
                urgency="low",
                owner=owners.of_customer(row.csm),
                opened_at=now,
                due_at=gaps[row.id].expires_at,
                brief=("contacts",),
            )
        )
    open_handoffs(connection, questions)


_WAITS_FOR_AN_ANSWER = exists().where(
    MESSAGE.c.customer_id == HANDOFF.c.customer_id,
    or_(
        and_(MESSAGE.c.state == MessageState.HELD.value, MESSAGE.c.reason.in_(GAPS)),
        and_(MESSAGE.c.state.in_(UNDER_WAY), or_(MESSAGE.c.contact_id.is_(None), MESSAGE.c.reason == "facts_changed")),
    ),
)
#: Questions about customers for which no mail waits for the answer any more (storage.asking).
ANSWERED = select(HANDOFF.c.id).where(
    HANDOFF.c.kind == QUESTION,
    HANDOFF.c.occurrence == QUESTION,
    HANDOFF.c.state == HandoffState.OPEN.value,
    ~_WAITS_FOR_AN_ANSWER,
)


def withdraw_answered(connection: Connection, now: datetime) -> None:
    """A question is over when no mail of that customer waits for its answer any more."""
    ids = list(connection.scalars(ANSWERED).all())
    if ids:
        handoff_moves.withdraw(connection, ids, reason="answered", at=now)


def _is_gap(judgement: Judgement) -> bool:
    return judgement.state is MessageState.HELD and judgement.reason in GAPS


def _asked_already(connection: Connection, customer_ids: set[int]) -> set[int]:
    open_states = (HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value)
    statement = select(HANDOFF.c.customer_id).where(
        HANDOFF.c.customer_id.in_(customer_ids), HANDOFF.c.kind == QUESTION, HANDOFF.c.state.in_(open_states)
    )
    return set(connection.scalars(statement))


def _title(judgement: Judgement, template: str) -> dict[str, str]:
    if judgement.reason == "missing_field":
        field = (judgement.details or {}).get("field", "?")
        return {
            "en": f"A mail waits: {field} is empty ({template})",
            "ja": f"メールを保留中：{field} が未入力です（{template}）",
        }
    return {
        "en": f"A mail waits: nobody to write to ({template})",
        "ja": f"メールを保留中：送り先の担当者がいません（{template}）",
    }
