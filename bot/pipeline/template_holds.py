"""A template that more than twenty mails cannot be made from is held as a whole, and one person is asked once (S35). Its mails
go on when the template was edited, when the facts came, or when somebody closed the question. Part of deliver; sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, func, or_, select

from bot.pipeline.owners import Owners
from bot.pipeline.preflight import Judgement
from bot.pipeline.published import Published
from storage import handoff_moves
from storage.dialects import among
from storage.handoffs import Handoff, HandoffState
from storage.new_handoffs import NewHandoff, open_handoff
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE, lock_messages, write_moves

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
QUESTION = "question"
PREFIX = "template:"
MISSING = "missing_field"
HELD_WITH_IT = "template_held"
#: More mails of one template than this that lack a field are the template's fault, not the customers'.
MOST_GAPS = 20
UNFINISHED = (HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value)


_ASKED = (
    select(HANDOFF.c.id, HANDOFF.c.occurrence, HANDOFF.c.event)
    .where(
        and_(HANDOFF.c.kind == QUESTION, HANDOFF.c.customer_id.is_(None), HANDOFF.c.state.in_(UNFINISHED)),
        HANDOFF.c.occurrence.startswith(PREFIX, autoescape=True),
    )
    .order_by(HANDOFF.c.id)
)
#: Templates that somebody is asked about, and mails that wait with one (storage.asking).
ASKED_ABOUT = {
    "template_questions": _ASKED,
    "template_mails": select(MESSAGE.c.id).where(
        MESSAGE.c.state == MessageState.HELD.value, MESSAGE.c.reason == HELD_WITH_IT
    ),
}


def hold_with_templates(connection: Connection, judgements: dict[int, Judgement]) -> None:
    """Mails of a held template wait with it; what a person approved or wrote goes all the same."""
    held = _templates(_questions(connection))
    going = [found for found, judgement in judgements.items() if judgement.state is MessageState.SUBMITTING]
    if not held or not going:
        return
    mine = and_(among(MESSAGE.c.id, going), MESSAGE.c.template.in_(held), MESSAGE.c.reviewed_by.is_(None))
    for row in connection.execute(select(MESSAGE.c.id, MESSAGE.c.template).where(mine)):
        judgements[row.id] = Judgement(
            state=MessageState.HELD,
            reason=HELD_WITH_IT,
            expires_at=judgements[row.id].expires_at,
            details={"template": row.template},
        )


def ask_about_templates(
    connection: Connection, published: Published, judged: Sequence[tuple[int, Judgement]], now: datetime
) -> set[str]:
    """One question for each template with too many gaps; returns all templates that are asked about."""
    asked = _templates(_questions(connection))
    fields = {
        str((judgement.details or {}).get("template")): str((judgement.details or {}).get("field"))
        for _, judgement in judged
        if judgement.state is MessageState.HELD and judgement.reason == MISSING
    }
    for template in sorted(set(fields) - asked):
        number = _gaps_of(connection, template)
        if number > MOST_GAPS:
            _ask(connection, published, template, fields[template], number, now)
            asked.add(template)
    return asked


#: What waits with its template, where nobody is asked about any.
_WAITING = select(MESSAGE.c.id).where(MESSAGE.c.state == MessageState.HELD.value, MESSAGE.c.reason == HELD_WITH_IT)


def free_templates(connection: Connection, published: Published, now: datetime) -> int:
    """An edited template is tried again; what waited with a template that nobody is asked about any more goes on. Returns
    how many mails."""
    questions = _questions(connection)
    found = _held_for(connection, published, questions, now) if questions else _WAITING
    ids = list(connection.scalars(found))
    rows = lock_messages(connection, ids).values() if ids else ()
    again_values = {"reason": "template_tried_again", "not_before": now}
    write_moves(connection, [(row, row.to(MessageState.PENDING, now, **again_values)) for row in rows])
    return len(ids)


def _held_for(
    connection: Connection, published: Published, questions: Sequence[Row[Any, Any, Any]], now: datetime
) -> Select[Any]:
    """The mails that go on, of those that these questions keep; the questions that are over are withdrawn."""
    over = [row for row in questions if _is_over(connection, published, row)]
    if over:
        handoff_moves.withdraw(connection, [row.id for row in over], reason="answered", at=now)
    asked = _templates(questions) - _templates(over)
    free = and_(MESSAGE.c.reason == HELD_WITH_IT, MESSAGE.c.template.not_in(asked))
    again = and_(MESSAGE.c.reason == MISSING, MESSAGE.c.template.in_(_templates(over)))
    held = MESSAGE.c.state == MessageState.HELD.value
    return select(MESSAGE.c.id).where(held, or_(free, again))


def _is_over(connection: Connection, published: Published, row: Row[Any, Any, Any]) -> bool:
    """Whether the template was edited since it was asked about, or no mail lacks anything any more."""
    (template,) = _templates([row])
    return (row.event or {}).get("digest") != _digest(published, template) or not _gaps_of(connection, template)


def _templates(questions: Sequence[Row[Any, Any, Any]]) -> set[str]:
    return {str(row.occurrence).removeprefix(PREFIX) for row in questions}


def _questions(connection: Connection) -> Sequence[Row[Any, Any, Any]]:
    """The templates that somebody is asked about."""
    return connection.execute(_ASKED).all()


def _gaps_of(connection: Connection, template: str) -> int:
    gaps = and_(MESSAGE.c.state == MessageState.HELD.value, MESSAGE.c.reason == MISSING)
    return connection.scalar(select(func.count()).where(gaps, MESSAGE.c.template == template)) or 0


def _digest(published: Published, template: str) -> str:
    versions = published.templates.by_name.get(template, {})
    return " ".join(sorted(version.digest for version in versions.values()))


def _ask(connection: Connection, published: Published, template: str, field: str, number: int, now: datetime) -> None:
    about = connection.execute(
        select(MESSAGE.c.playbook, MESSAGE.c.step)
        .where(MESSAGE.c.template == template, MESSAGE.c.reason == MISSING)
        .order_by(MESSAGE.c.id.desc())
        .limit(1)
    ).one()
    question = NewHandoff(
        playbook=about.playbook,
        step=about.step,
        occurrence=PREFIX + template,
        title={
            "en": f"{number} mails wait: {field} is empty for them ({template})",
            "ja": f"{number}件のメールを保留中：{field} が未入力です（{template}）",
        },
        kind=QUESTION,
        owner=Owners(connection, published.settings, now).default(),
        opened_at=now,
        event={"digest": _digest(published, template), "template": template},
    )
    open_handoff(connection, question)
