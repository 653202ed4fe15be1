"""What a person should know before they act: the `brief` items of a hand-off (S44), read from the facts and written in
the reader's language. Items without facts are left out. Read-only; the card
(bot.slack.cards) escapes and shortens, this only chooses and words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, bindparam, case, func, select

from bot.authoring.template_filters import written_date, written_money, written_number
from bot.errors import RenderFailed
from bot.insight.brief_content import content_lines, feature_lines, whitespace_lines
from bot.insight.brief_health import health_lines, stage_check_lines
from bot.insight.brief_plans import plan_lines
from bot.insight.handoff_activities import last_activities
from bot.pipeline.asking_by_hand import BY_HAND
from bot.rules.zones import local_date
from storage.accounts import Contact, ContactRole, Customer
from storage.dialects import among_given
from storage.facts import DailyUsage, Ticket
from storage.handoff_views import HandoffRecord, list_open

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]
DAYS = 30
MOST_LINES = 5
_LABELS = {
    "health": ("Health", "ヘルススコア"),
    "stage_checks": ("What the stage still asks", "ステージの完了条件"),
    "usage": ("Usage, last 30 days (the 30 before)", "直近30日の利用状況（その前の30日）"),
    "open_tickets": ("Open tickets", "未解決の問い合わせ"),
    "contacts": ("Contacts", "ご担当者"),
    "features": ("Features", "機能の利用状況"),
    "content": ("Content", "コンテンツ"),
    "whitespace": ("Could also use", "未購入の製品"),
    "plan": ("Success plans", "サクセスプラン"),
    "renewal": ("Renewal", "契約更新"),
    "last_activities": ("Latest activities", "最近の動き"),
    "open_handoffs": ("Other open hand-offs", "ほかの未完了の対応依頼"),
    "event": ("What happened", "きっかけ"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefLine:
    """One item: its heading and its text (several lines), unescaped."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom it is written: language, zone, and the moment of reading."""

    locale: str
    timezone: str
    now: datetime

    @property
    def is_japanese(self) -> bool:
        return self.locale.startswith("ja")

    def says(self, english: str, japanese: str) -> str:
        return japanese if self.is_japanese else english

    def day(self, value: Any) -> str:
        day = local_date(value, self.timezone) if isinstance(value, datetime) else value
        return written_date(day, "medium", locale=self.locale) or ""

    def number(self, value: Any) -> str:
        return written_number(value, locale=self.locale) or "0"

    def text_of(self, texts: dict[str, str]) -> str:
        """The text in the reader's language, else in any."""
        language = self.locale.replace("_", "-").partition("-")[0]
        return texts.get(self.locale) or texts.get(language) or texts.get("en") or next(iter(texts.values()), "")


def written_arr(arr: float | None, currency: str | None, locale: str) -> str | None:
    """Money as the reader writes it; None where there is none, or no number that can be one."""
    try:
        return written_money(arr, currency, locale=locale)
    except RenderFailed:
        return None


Reading = Callable[[Connection, HandoffRecord, Reader], Iterable[str]]


def read_brief(connection: Connection, handoff: HandoffRecord, reader: Reader) -> tuple[BriefLine, ...]:
    """In the order of the playbook; without an item that has nothing to say."""
    found = []
    for item in dict.fromkeys(handoff.brief):
        reading = _READINGS.get(item)
        lines = [line for line in reading(connection, handoff, reader) if line] if reading else []
        if lines:
            found.append(BriefLine(label=reader.says(*_LABELS[item]), text="\n".join(lines)))
    return tuple(found)


def _usage(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    table = DailyUsage.__table__  # type: ignore[attr-defined]
    today = local_date(reader.now, reader.timezone)
    middle, first = today - timedelta(days=DAYS), today - timedelta(days=2 * DAYS)
    recent = func.sum(case((table.c.day >= middle, table.c.count), else_=0)).label("recent")
    before = func.sum(case((table.c.day < middle, table.c.count), else_=0)).label("before")
    of_customer = (table.c.customer_id == handoff.customer_id, table.c.day >= first, table.c.day < today)
    sums = select(table.c.event, recent, before).where(*of_customer).group_by(table.c.event)
    sums = sums.order_by((recent + before).desc(), table.c.event).limit(MOST_LINES)
    for row in connection.execute(sums):
        yield f"{row.event}: {reader.number(row.recent)} ({reader.number(row.before)}{_change(row.before, row.recent)})"


def _change(before: int, recent: int) -> str:
    return f", {(recent - before) / before:+.0%}" if before else ""


def _open_tickets(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    table = Ticket.__table__  # type: ignore[attr-defined]
    mine = (table.c.customer_id == handoff.customer_id, table.c.status == "open")
    number = connection.execute(select(func.count()).select_from(table).where(*mine)).scalar_one()
    if not number:
        yield reader.says("none", "なし")
        return
    latest = select(table).where(*mine).order_by(table.c.opened_at.desc(), table.c.id.desc()).limit(3)
    for row in connection.execute(latest).mappings():
        urgency = f" ({row['priority']})" if row["priority"] else ""
        yield f"{row['title'] or row['key']}{urgency}, {reader.day(row['opened_at'])}"
    if number > 3:
        yield reader.says(f"and {number - 3} more", f"ほか{number - 3}件")


_PEOPLE = (
    select(*(CONTACT.c[name] for name in ("id", "key", "name", "title", "email")))
    .where(CONTACT.c.customer_id == bindparam("customer"), CONTACT.c.gone_at.is_(None))
    .order_by(CONTACT.c.id)
    .limit(MOST_LINES)
)
_ROLES = select(ROLE.c.contact_id, ROLE.c.role).where(among_given(ROLE.c.contact_id)).order_by(ROLE.c.role)


def _contacts(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    people = connection.execute(_PEOPLE, {"customer": handoff.customer_id}).all()
    held = connection.execute(_ROLES, {"keys": [row.id for row in people]}).all() if people else ()
    for row in people:
        parts = (row.title, ", ".join(role for contact, role in held if contact == row.id), row.email)
        yield " · ".join([row.name or row.key, *(part for part in parts if part)])


def _renewal(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    if handoff.renewal_date is not None:
        days = (handoff.renewal_date - local_date(reader.now, reader.timezone)).days
        left = reader.says(f"in {days} days", f"あと{days}日") if days >= 0 else reader.says("past", "経過")
        yield f"{reader.day(handoff.renewal_date)} ({left})"
    yield written_arr(handoff.arr, handoff.currency, reader.locale) or ""
    table = Customer.__table__  # type: ignore[attr-defined]
    seats = select(table.c.licenses_active, table.c.licenses_purchased).where(table.c.id == handoff.customer_id)
    active, bought = connection.execute(seats).one()
    if active is not None and bought:
        yield reader.says(f"{active} of {bought} licences in use", f"ライセンス利用 {active}／{bought}")


def _open_handoffs(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    for other in list_open(connection, customer=handoff.customer, limit=MOST_LINES + 1):
        if other.id != handoff.id:
            yield f"{reader.text_of(other.title)} · {other.owner_name or other.owner or reader.says('nobody', '担当者なし')}"


def _event(_connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    event = handoff.event or {}
    if handoff.playbook == BY_HAND:
        # Who asks stands in the reason, and where it was written is a link of the card.
        yield from filter(None, [str(event.get("message") or "")])
        return
    for name, value in list(_flat(event))[: 2 * MOST_LINES]:
        yield f"{name}: {value}"


def _flat(event: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Scalars only, those of nested properties too, in the order given."""
    for name, value in event.items():
        if isinstance(value, dict):
            yield from _flat(value)
        elif value is not None and not isinstance(value, list) and name not in ("id", "key", "source"):
            yield str(name), f"{value:g}" if isinstance(value, float) else str(value)


def _last_activities(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    if handoff.customer_id is None:
        return
    for activity in last_activities(connection, handoff.customer_id, before=reader.now, limit=MOST_LINES):
        yield f"{reader.day(activity.at)} {reader.says(*activity.kind_words)}: {reader.text_of(activity.text)}"


def _health(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    if handoff.customer_id is not None:
        yield from health_lines(connection, handoff.customer_id, reader.now, reader.says)


def _stage_checks(connection: Connection, handoff: HandoffRecord, _reader: Reader) -> Iterable[str]:
    if handoff.customer_id is not None:
        yield from stage_check_lines(connection, handoff.customer_id)


def _features(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    if handoff.customer_id is not None:
        yield from feature_lines(connection, handoff.customer_id, reader)


def _content(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    if handoff.customer_id is not None:
        yield from content_lines(connection, handoff.customer_id, reader)


def _whitespace(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    if handoff.customer_id is not None:
        yield from whitespace_lines(connection, handoff.customer_id, reader)


def _plan(connection: Connection, handoff: HandoffRecord, reader: Reader) -> Iterable[str]:
    if handoff.customer_id is not None:
        yield from plan_lines(connection, handoff.customer_id, reader.says, reader.locale)


_READINGS: dict[str, Reading] = {
    "health": _health,
    "stage_checks": _stage_checks,
    "usage": _usage,
    "features": _features,
    "content": _content,
    "whitespace": _whitespace,
    "open_tickets": _open_tickets,
    "contacts": _contacts,
    "plan": _plan,
    "renewal": _renewal,
    "last_activities": _last_activities,
    "open_handoffs": _open_handoffs,
    "event": _event,
}
