"""The weekly report: has every hand-off one owner and one end? On Mondays at 09:00 of the workspace, or with the first tick after it,
once a week and reader: to the fallback channel; where there is none, or it takes no messages, to `owners: default:` and everybody's
managers, as a direct message, else as a mail. Before it: insight.report_invariants; after it: nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from bot.channels.slack import Card
from bot.insight.report_invariants import BROKEN, is_broken, report_invariants
from bot.pipeline.escalate import Poster
from bot.pipeline.owners import Owners
from bot.pipeline.published import Published
from bot.rules.zones import local_date, local_to_utc
from bot.slack.blocks import Block, context, header, section
from bot.slack.home_words import home_phrase
from bot.slack.report_posts import Reader, ReportLetter, bring_report
from storage.accounts import Csm, has_left
from storage.database import Database
from storage.desk import gave_up_digest, settle_digest, told_today

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
#: Stands where a digest has its reader; no person's key begins so.
REPORT = "#invariants"
AT = time(9)
MOST_EXAMPLES = 10
COUNTS = ("opened", "done", "dismissed", "withdrawn", "open", "unowned", "overdue")


def post_weekly_report(database: Database, published: Published, poster: Poster | None, now: datetime) -> int:
    """How many have it from now on. `poster` None: there is no Slack."""
    settings = published.settings
    today = local_date(now, settings.timezone)
    monday = today - timedelta(days=today.weekday())
    if now < local_to_utc(datetime.combine(monday, AT), settings.timezone):
        return 0
    with database.read() as connection:
        # One look in all but a few ticks of a week.
        has_given_up = gave_up_digest(connection, REPORT, monday)
        if not has_given_up and told_today(connection, [(REPORT, monday)]):
            return 0
        if poster is not None and poster.guard.pause(connection) is not None:
            return 0
        channel = poster.fallback_channel if poster is not None and not has_given_up else None
        readers = _readers(connection, published, poster, channel, now)
        over = told_today(connection, [(reader.key, monday) for reader in readers])
        readers = [reader for reader in readers if (reader.key, monday) not in over]
        rows = report_invariants(connection, now) if readers else []
    letter = ReportLetter(
        draw=partial(draw_weekly_report, rows), write=partial(write_weekly_report, rows), is_empty=not rows
    )
    if not readers:
        with database.write() as connection:
            settle_digest(connection, REPORT, monday, now)
    return sum(bring_report(database, poster, reader, letter, monday, now) for reader in readers)


def _readers(
    connection: Connection, published: Published, poster: Poster | None, channel: str | None, now: datetime
) -> list[Reader]:
    """The channel, else people."""
    locale = published.settings.locale
    if channel is not None:
        return [Reader(key=REPORT, place=channel, person=None, locale=locale)]
    default = Owners(connection, published.settings, now).default()
    managers = select(CSM.c.manager).where(CSM.c.manager.is_not(None), ~has_left(CSM))
    people = select(CSM.c.key, CSM.c.slack_user_id, CSM.c.locale).where(
        ~has_left(CSM), or_(CSM.c.key == default, CSM.c.key.in_(managers))
    )
    return [
        Reader(
            key=f"{REPORT}.{row.key}",
            place=row.slack_user_id if poster is not None else None,
            person=row.key,
            locale=row.locale or locale,
        )
        for row in connection.execute(people.order_by(CSM.c.key))
    ]


def draw_weekly_report(rows: Sequence[Mapping[str, Any]], locale: str) -> Card:
    """A line of counts per week, what is broken by its ids; the text is the notification."""
    title = _title(rows, locale)
    return Card(blocks=list(_blocks(rows, title, locale)), text=title)


def write_weekly_report(rows: Sequence[Mapping[str, Any]], locale: str) -> tuple[str, str]:
    """Subject and plain text of the mail."""
    lines = [*_lines(rows, locale), *_examples(rows, locale), home_phrase("weekly_end", locale)]
    return _title(rows, locale), "\n".join(lines).replace("*", "").replace("`", "")


def _title(rows: Sequence[Mapping[str, Any]], locale: str) -> str:
    return home_phrase("weekly_broken" if is_broken(rows) else "weekly_whole", locale)


def _lines(rows: Sequence[Mapping[str, Any]], locale: str) -> Iterator[str]:
    for row in rows[:2]:
        counts = {name: str(row[name] or 0) for name in COUNTS}
        yield home_phrase("weekly_line", locale, week=str(row["week"]), **counts)


def _examples(rows: Sequence[Mapping[str, Any]], locale: str) -> list[str]:
    """A few by their numbers, what must never be first."""
    found = [(row["week"], each) for row in rows for each in row["examples"]]
    found.sort(key=lambda pair: pair[1]["what"] not in BROKEN)
    return [
        home_phrase(
            "weekly_example",
            locale,
            face="🔴" if each["what"] in BROKEN else "•",
            what=home_phrase(f"weekly_{each['what']}", locale),
            week=str(week),
            ids=", ".join(str(number) for number in each["ids"]),
        )
        for week, each in found[:MOST_EXAMPLES]
    ]


def _blocks(rows: Sequence[Mapping[str, Any]], title: str, locale: str) -> Iterator[Block]:
    yield header(title)
    for line in _lines(rows, locale):
        yield section(line)
    examples = list(_examples(rows, locale))
    if examples:
        yield section("\n".join(examples))
    yield context([home_phrase("weekly_end", locale)])
