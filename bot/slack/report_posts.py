"""Brings one report to one reader, once for its day, across crashes: a row is claimed before posting, and after a lost answer Slack
is asked whether it stands there already. Who cannot be reached in Slack gets a mail. weekly_report.py and scheduled_reports.py say
what, when and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from bot.channels.slack import Card, Posted
from bot.pipeline.escalate import MOST_REFUSALS, Poster
from bot.pipeline.staff_mail import owe_report
from storage.database import Database
from storage.desk import claim_digest, close_digest, give_up_digest, put_off_digest
from storage.handoff_views import installation_of

PAUSE = timedelta(minutes=10)
_log = structlog.get_logger("journeybot.report_posts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who gets it. `key` is its claim; `place` a channel or a Slack user, None: a mail to `person`, who also gets what `place` takes
    not at all."""

    key: str
    place: str | None
    person: str | None
    locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLetter:
    """A report in the reader's language, as a card or as subject and text. `is_empty`: there is nothing to tell."""

    draw: Callable[[str], Card]
    write: Callable[[str], tuple[str, str]]
    is_empty: bool


def bring_report(
    database: Database, poster: Poster | None, reader: Reader, letter: ReportLetter, day: date, now: datetime
) -> bool:
    """Whether the reader has it from now on. `poster` None: there is no Slack."""
    key = f"{reader.key}.{day}"
    with database.write() as connection:
        claim = claim_digest(connection, reader.key, day, now)
        if claim is None:
            return False
        is_needless = letter.is_empty and not claim.was_tried
        if is_needless or reader.place is None or poster is None:
            if not is_needless and reader.person is not None:
                owe_report(connection, key, reader.person, *letter.write(reader.locale), now)
            close_digest(connection, claim, at=now, ts=None)
            return not is_needless
        reference = f"{installation_of(connection)}{key.replace('#', '.')}"
    answer = poster.slack.post_card(reader.place, letter.draw(reader.locale), reference, look_first=claim.was_tried)
    with database.write() as connection:
        if isinstance(answer, Posted):
            close_digest(connection, claim, at=now, ts=answer.ts)
            return True
        if answer.permanent and claim.attempts >= MOST_REFUSALS:
            give_up_digest(connection, claim, at=now, fault=answer.sentence)
            if reader.person is not None:
                owe_report(connection, key, reader.person, *letter.write(reader.locale), now)
        else:
            pause = max(PAUSE, timedelta(seconds=answer.retry_after or 0))
            put_off_digest(connection, claim, until=now + pause, fault=answer.sentence)
    _log.info("report_put_off", reader=reader.key, reason=answer.reason)
    return False
