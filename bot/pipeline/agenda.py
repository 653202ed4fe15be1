"""What there is to do now, before anybody does it: a few statements, the same at any number of customers, by which a tick passes
over what has nothing to do. A no is sure; a yes may turn out to be nothing. Reads only. What comes in meanwhile is the next
tick's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.pipeline.derive import STANDING, is_settled, is_time_due
from bot.pipeline.detect import AT_THE_BEGINNING, FRESHER_FEEDS, UNSEEN, woken_and_heard
from bot.pipeline.enroll import is_any_playbook_due
from bot.pipeline.fuse_acts import ANSWERED as ANSWERED_FUSES
from bot.pipeline.kept_signals import IN_MOTION
from bot.pipeline.news import days_in_zones
from bot.pipeline.opening import UNHEARD_SIGNALS
from bot.pipeline.operate import PAUSES_OVER
from bot.pipeline.plan_reviews import REVIEWS_DUE
from bot.pipeline.published import Published
from bot.pipeline.questions import ANSWERED as ANSWERED_QUESTIONS
from bot.pipeline.resending import DOUBTED, choosing
from bot.pipeline.template_holds import ASKED_ABOUT
from bot.rules.conditions import LocalDays
from storage.asking import Questions
from storage.claim_order import DUE
from storage.database import Database
from storage.enrollments import DUE_WALKS
from storage.outbox_moves import OVERTAKEN
from storage.posts import WAITING_HERE, any_waits_beside
from storage.tracking import READY_CALLS
from storage.transports import CLOSED

BEGINNING = {
    **AT_THE_BEGINNING,
    **ASKED_ABOUT,
    "posts": WAITING_HERE,
    "calls": READY_CALLS,
    "pauses": PAUSES_OVER,
    "fuses": ANSWERED_FUSES,
    "openings": UNHEARD_SIGNALS,
    "reviews": REVIEWS_DUE,
}
MAILS = {**OVERTAKEN, "due": DUE, "answered": ANSWERED_QUESTIONS}
#: A yes to these is looked into.
MAYBE = {**IN_MOTION, "doubted": DOUBTED, "derived": STANDING, "closed": CLOSED, "feeds": FRESHER_FEEDS}
QUESTIONS = Questions({**UNSEEN, **BEGINNING, **MAILS, **MAYBE, "walks": DUE_WALKS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What a round of a tick has to do. `is_any_mail_due`: one could be claimed; `mails`: that, or one is overtaken by time.
    `may_be_closed`: some way out is."""

    news: bool
    walks: bool
    mails: bool
    is_any_mail_due: bool
    may_be_closed: bool


def look_around(database: Database, published: Published, now: datetime, *, begins: bool) -> Agenda:
    """`begins`: a tick begins, which also looks at what only time or people made due."""
    waits_beside = begins and any_waits_beside(database)
    with database.read() as connection:
        found = QUESTIONS.ask(connection, now)
        news = waits_beside or not found.isdisjoint(UNSEEN)
        if begins and not news:
            news = not found.isdisjoint(BEGINNING) or _has_news_by_itself(connection, published, now, found)
    return Agenda(
        news=news,
        walks="walks" in found,
        mails=not found.isdisjoint(MAILS) or ("doubted" in found and bool(choosing(published))),
        is_any_mail_due="due" in found,
        may_be_closed="closed" in found,
    )


def _has_news_by_itself(connection: Connection, published: Published, now: datetime, found: frozenset[str]) -> bool:
    """Whether a day began, a playbook is due, a feed woke up, or what is derived is not as it should be by now."""
    if is_any_playbook_due(published, now):
        return True
    settings = published.settings
    today, new_days = days_in_zones(connection, now, settings.timezone)
    if new_days or not is_settled(connection, published, stands="derived" in found):
        return True
    if "feeds" in found and any(woken_and_heard(connection, now, today, settings.timezone, settings.feed_ages())):
        return True
    days = LocalDays.at(now, settings.timezone, list(today))
    return not found.isdisjoint(IN_MOTION) and is_time_due(connection, published, days)
