"""The weekly report to the fallback channel: has every hand-off one owner and one end? On Mondays at 09:00 of the workspace, or with
the first tick after it; once a week, by the same claim as the daily digests (digest.py). A channel cannot be looked up by its
name, so a lost answer may bring it twice. Without a channel there is `journeybot report invariants`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import structlog

from bot.channels.slack import Card, Posted
from bot.insight.report_invariants import examples_of, is_broken, report_invariants
from bot.pipeline.escalate import Poster
from bot.rules.zones import local_date, local_to_utc
from bot.slack.blocks import Block, context, header, section
from bot.slack.home_words import home_phrase
from storage.desk import claim_digest, close_digest, put_off_digest, told_today
from storage.handoff_views import installation_of

#: Stands where a digest has its reader; no person's key begins so.
REPORT = "#invariants"
AT = time(9)
PAUSE = timedelta(minutes=10)
MOST_EXAMPLES = 10
COUNTS = ("opened", "done", "dismissed", "withdrawn", "open", "unowned", "overdue")
_log = structlog.get_logger("journeybot.weekly_report")


def post_weekly_report(poster: Poster | None, *, locale: str = "en") -> bool:
    """Whether it went out now."""
    if poster is None or poster.fallback_channel is None:
        return False
    now = poster.clock.now()
    today = local_date(now, poster.timezone)
    monday = today - timedelta(days=today.weekday())
    if now < local_to_utc(datetime.combine(monday, AT), poster.timezone):
        return False
    with poster.database.read() as connection:
        if poster.guard.pause(connection) is not None or told_today(connection, [(REPORT, monday)]):
            return False
        rows = report_invariants(connection, now)
        reference = f"{installation_of(connection)}.invariants.{monday}"
    return _bring(poster, rows, reference, monday, now, locale)


def _bring(
    poster: Poster, rows: Sequence[Mapping[str, Any]], reference: str, monday: date, now: datetime, locale: str
) -> bool:
    with poster.database.write() as connection:
        claim = claim_digest(connection, REPORT, monday, now)
        if claim is not None and not rows and not claim.was_tried:
            close_digest(connection, claim, at=now, ts=None)  # nobody was ever asked for anything
            return False
    if claim is None:
        return False
    card = draw_weekly_report(rows, locale)
    answer = poster.slack.post_card(poster.fallback_channel or "", card, reference, look_first=claim.was_tried)
    with poster.database.write() as connection:
        if isinstance(answer, Posted):
            close_digest(connection, claim, at=now, ts=answer.ts)
            return True
        pause = max(PAUSE, timedelta(seconds=answer.retry_after or 0))
        put_off_digest(connection, claim, until=now + pause, fault=answer.sentence)
    _log.info("weekly_report_put_off", reason=answer.reason)
    return False


def draw_weekly_report(rows: Sequence[Mapping[str, Any]], locale: str) -> Card:
    """A line of counts per week, what is broken by its ids; the text is the notification."""
    title = home_phrase("weekly_broken" if is_broken(rows) else "weekly_whole", locale)
    return Card(blocks=list(_blocks(rows, title, locale)), text=title)


def _blocks(rows: Sequence[Mapping[str, Any]], title: str, locale: str) -> Iterator[Block]:
    yield header(title)
    for row in rows[:2]:
        counts = {name: str(row[name] or 0) for name in COUNTS}
        yield section(home_phrase("weekly_line", locale, week=str(row["week"]), **counts))
    examples = list(examples_of(rows))[:MOST_EXAMPLES]
    if examples:
        yield section("\n".join(f"• {line}" for line in examples))
    yield context([home_phrase("weekly_end", locale)])
