"""Answers "why?": for a customer, for a playbook, for one mail. The past comes from the journal, the present is worked out
with the expressions the passes use. Read-only; the CLI, the console and tests ask it. Decides nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, func, literal, or_, select

from bot.authoring.nearest import suggestion
from bot.errors import UsageError
from bot.insight.brief_plans import standing_plans
from bot.insight.customer_keys import customer_id_of
from bot.insight.explanation import Explanation, Line, PlaybookExplanation, ReasonCount, Teller
from bot.insight.journal_lines import DECISION, attempt_lines, decision_lines, event_lines
from bot.insight.report_signals import signal_lines
from bot.insight.waiting import count_inside, inside_lines
from bot.insight.why_many_not import count_outside
from bot.insight.why_not import OUTSIDE, Asked, why_outside
from bot.pipeline.news import local_days
from bot.pipeline.published import Published, ground_on
from bot.pipeline.scopes import Ground
from storage.deployments import VERSION, PlaybookRow
from storage.dialects import json_text
from storage.outbox_moves import MESSAGE

MOST_LINES = 200
MOST_REASONS = 20
#: Details that make one reason several answers; all others differ from one customer to the next.
TELLING_DETAILS = ("condition", "outcome", "arm", "field", "template", "kind", "playbook", "answer")


def explain_customer(
    connection: Connection,
    published: Published,
    now: datetime,
    customer_key: str,
    playbook: str | None = None,
    *,
    locale: str = "en",
    limit: int | None = MOST_LINES,
) -> Explanation:
    """The newest `limit` decisions about a customer, where its walks stand, and why it is not in the other playbooks (in
    one playbook: only that one). Raises: UsageError for an unknown customer or playbook, with the nearest name."""
    customer_id = customer_id_of(connection, customer_key)
    rows = [playbook_row(published, playbook)] if playbook else list(published.playbooks)
    teller = _teller(published, now, locale, customer_key)
    ground = _ground(connection, published, now)
    mine = [DECISION.c.customer_id == customer_id, *([DECISION.c.playbook == playbook] if playbook else [])]
    history, is_cut = decision_lines(connection, teller, *mine, limit=limit)
    standing: list[Line] = []
    if playbook is None:
        standing += [*signal_lines(connection, teller, customer_id), *standing_plans(connection, teller, customer_id)]
    standing += inside_lines(connection, teller, published, ground, customer_id, playbook)
    for row in rows:
        if playbook is None and row.state in ("draft", "retired"):
            continue
        standing += _outside(connection, teller, Asked.about(published, row, ground, now), customer_id)
    return Explanation(about=customer_key, history=tuple(history), now=tuple(standing), is_cut=is_cut)


def _outside(connection: Connection, teller: Teller, asked: Asked, customer_id: int) -> list[Line]:
    broken = []
    if asked.row.fault:
        broken = [teller.line(OUTSIDE, "playbook_fault", {"error": asked.row.fault}, playbook=asked.row.name)]
    return broken + why_outside(connection, teller, asked, customer_id)


def explain_playbook(
    connection: Connection, published: Published, now: datetime, name: str, *, locale: str = "en"
) -> PlaybookExplanation:
    """Counts of all decisions, who is inside where, and why the others are not. Looks at every customer once.
    Raises: UsageError for an unknown playbook."""
    row = playbook_row(published, name)
    teller = _teller(published, now, locale, None)
    asked = Asked.about(published, row, _ground(connection, published, now), now)
    outside, leaves = count_outside(connection, teller, asked)
    number = connection.scalar(select(VERSION.c.number).where(VERSION.c.id == row.version_id))
    return PlaybookExplanation(
        playbook=name,
        state=row.state,
        version=number or 0,
        fault=row.fault,
        inside=count_inside(connection, name),
        decided=_count_decisions(connection, teller, name),
        outside=outside,
        leaves=leaves,
    )


def explain_message(
    connection: Connection,
    message_id: int,
    *,
    published: Published | None = None,
    now: datetime | None = None,
    locale: str = "en",
) -> Explanation:
    """Everything about one mail in the order of time: why it was owed, what was decided, every attempt, what the provider
    told. Raises: UsageError when there is no such mail."""
    row = connection.execute(select(MESSAGE).where(MESSAGE.c.id == message_id)).one_or_none()
    if row is None:
        raise UsageError(f"There is no mail {message_id}", hint="see `journeybot outbox list`")
    zone = published.settings.timezone if published else "UTC"
    teller = Teller(now=now or row.created_at, locale=locale, zone=zone)
    owed = and_(
        DECISION.c.enrollment_id == row.enrollment_id,
        DECISION.c.step == row.step,
        DECISION.c.message_id.is_(None),
        DECISION.c.reason.in_(("mail_owed", "nobody_to_write_to", "when_does_not_hold")),
    )
    decided, _ = decision_lines(connection, teller, or_(DECISION.c.message_id == message_id, owed))
    lines = [
        *decided,
        *attempt_lines(connection, teller, message_id),
        *event_lines(connection, teller, message_id),
    ]
    return Explanation(about=str(message_id), history=tuple(sorted(lines, key=_order)))


def _order(line: Line) -> tuple[datetime, int]:
    """Within one instant: it was owed, it was tried, that was recorded."""
    return line.at, 0 if line.message is None else 1 if line.verdict == "attempt" else 2


def playbook_row(published: Published, name: str) -> PlaybookRow:
    """Raises: UsageError with the nearest name."""
    found = next((row for row in published.playbooks if row.name == name), None)
    if found is None:
        hint = suggestion(name, [row.name for row in published.playbooks]) or "see `journeybot playbooks list`"
        raise UsageError(f"There is no deployed playbook `{name}`", hint=hint)
    return found


def _count_decisions(connection: Connection, teller: Teller, name: str) -> tuple[ReasonCount, ...]:
    """Verdicts and reasons, split by those details that make another answer of them."""
    details = [json_text(DECISION.c.details, literal(slot)).label(slot) for slot in TELLING_DETAILS]
    given = select(DECISION.c.verdict, DECISION.c.reason, *details).where(DECISION.c.playbook == name).subquery("given")
    number = func.count().label("number")
    rows = connection.execute(
        select(*given.c, number)
        .group_by(*given.c)
        .order_by(number.desc(), given.c.verdict, given.c.reason)
        .limit(MOST_REASONS)
    )
    return tuple(
        ReasonCount(
            verdict=row.verdict,
            reason=row.reason,
            sentence=teller.say_of_many(row.verdict, row.reason, row._asdict()),
            count=row.number,
        )
        for row in rows
    )


def _teller(published: Published, now: datetime, locale: str, customer: str | None) -> Teller:
    return Teller(now=now, locale=locale, zone=published.settings.timezone, customer=customer)


def _ground(connection: Connection, published: Published, now: datetime) -> Ground:
    days = local_days(connection, now, published.settings.timezone)
    return ground_on(days, published.settings, published.company)
