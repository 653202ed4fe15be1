"""The latest lines of a customer's timeline: mails that went out, hand-offs closed, meetings held, notes, stage changes.
Read-only; each source is asked for its newest few only. Shown by the brief of a hand-off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, select

from storage.facts import Meeting, Note, StageChange
from storage.handoffs import Handoff
from storage.outbox import Message, MessageContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One line; `kind_words` in English and Japanese, `text` by locale."""

    at: datetime
    kind_words: tuple[str, str]
    text: dict[str, str]


def last_activities(connection: Connection, customer_id: int, *, before: datetime, limit: int) -> list[Activity]:
    """The newest first."""
    sources = (_mails, _handoffs, _meetings, _notes, _stages)
    found = [line for source in sources for line in source(connection, customer_id, before, limit)]
    return sorted(found, key=lambda line: line.at, reverse=True)[:limit]


def _mails(connection: Connection, customer_id: int, before: datetime, limit: int) -> list[Activity]:
    mails, texts = Message.__table__, MessageContent.__table__  # type: ignore[attr-defined]
    found = (
        select(mails.c.accepted_at, mails.c.template, texts.c.subject)
        .select_from(mails.outerjoin(texts, texts.c.message_id == mails.c.id))
        .where(mails.c.customer_id == customer_id, *_until(mails.c.accepted_at, before))
        .order_by(mails.c.accepted_at.desc())
        .limit(limit)
    )
    return [_line(row.accepted_at, "mail", "メール", row.subject or row.template) for row in connection.execute(found)]


def _handoffs(connection: Connection, customer_id: int, before: datetime, limit: int) -> list[Activity]:
    table = Handoff.__table__  # type: ignore[attr-defined]
    closed = (table.c.customer_id == customer_id, table.c.state == "done", *_until(table.c.closed_at, before))
    found = select(table.c.closed_at, table.c.title, table.c.outcome).where(*closed)
    lines = []
    for row in connection.execute(found.order_by(table.c.closed_at.desc()).limit(limit)):
        outcome = f" ({row.outcome})" if row.outcome else ""
        text = {locale: f"{title}{outcome}" for locale, title in row.title.items()}
        lines.append(Activity(at=row.closed_at, kind_words=("hand-off done", "対応完了"), text=text))
    return lines


def _meetings(connection: Connection, customer_id: int, before: datetime, limit: int) -> list[Activity]:
    table = Meeting.__table__  # type: ignore[attr-defined]
    held = (table.c.customer_id == customer_id, *_until(table.c.starts_at, before))
    found = select(table.c.starts_at, table.c.kind, table.c.summary).where(*held)
    rows = connection.execute(found.order_by(table.c.starts_at.desc()).limit(limit))
    return [_line(row.starts_at, "meeting", "打ち合わせ", row.summary or row.kind or "–") for row in rows]


def _notes(connection: Connection, customer_id: int, before: datetime, limit: int) -> list[Activity]:
    table = Note.__table__  # type: ignore[attr-defined]
    written = (table.c.customer_id == customer_id, *_until(table.c.at, before))
    rows = connection.execute(select(table.c.at, table.c.text).where(*written).order_by(table.c.at.desc()).limit(limit))
    return [_line(row.at, "note", "メモ", row.text[:200]) for row in rows]


def _stages(connection: Connection, customer_id: int, before: datetime, limit: int) -> list[Activity]:
    table = StageChange.__table__  # type: ignore[attr-defined]
    moved = (table.c.customer_id == customer_id, *_until(table.c.at, before))
    found = select(table.c.at, table.c.old, table.c.new).where(*moved)
    rows = connection.execute(found.order_by(table.c.at.desc()).limit(limit))
    return [_line(row.at, "stage", "ステージ", f"{row.old or '–'} → {row.new or '–'}") for row in rows]


def _line(at: datetime, english: str, japanese: str, text: str) -> Activity:
    return Activity(at=at, kind_words=(english, japanese), text={"en": " ".join(text.split())})


def _until(column: Column[datetime], before: datetime) -> tuple[ColumnElement[bool], ...]:
    return (column.is_not(None), column <= before)
