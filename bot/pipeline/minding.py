"""After the passes of a tick: open hand-offs that time or people moved. One statement asks whether there are any; then unanswered,
overdue and moving_owners do what is due, in this order. Before the cards are posted and the mails to our people are sent."""

from __future__ import annotations

from bot.clock import Clock
from bot.pipeline.moving_owners import OF_FORMER_CSMS, OF_THE_LEFT, move_owners
from bot.pipeline.overdue import LONG_PAST_DUE, PAST_DUE, mind_due_times
from bot.pipeline.owners import Owners
from bot.pipeline.published import Published, calendar_for
from bot.pipeline.unanswered import (
    LATE,
    NEARLY_LATE,
    OVER_SNOOZED,
    OverdueCounts,
    escalate_overdue,
    tell_of_unsent_mails,
)
from storage.asking import Questions
from storage.database import Database
from storage.handoff_mails import UNSENT_MAILS
from storage.handoff_views import ANY_UNFINISHED

MOVED = {
    "over_snoozed": OVER_SNOOZED,
    "late": LATE,
    "nearly_late": NEARLY_LATE,
    "past_due": PAST_DUE,
    "long_past_due": LONG_PAST_DUE,
    "former_csm": OF_FORMER_CSMS,
    "left": OF_THE_LEFT,
}
QUESTIONS = Questions({**MOVED, "unsent": UNSENT_MAILS, "unfinished": ANY_UNFINISHED})


def mind_handoffs(database: Database, published: Published, clock: Clock, *, has_channel: bool) -> OverdueCounts:
    """`has_channel`: there is a channel where all see what nobody took."""
    settings = published.settings
    with database.read() as connection:
        found = QUESTIONS.ask(connection, clock.now())
    if "unsent" in found:
        tell_of_unsent_mails(database, clock.now())
    may_be_away = bool(settings.owners.cover) and "unfinished" in found
    if found.isdisjoint(MOVED) and not may_be_away:
        return OverdueCounts()
    counts = escalate_overdue(
        database,
        clock.now(),
        above=lambda connection: Owners(connection, settings, clock.now()),
        calendar=calendar_for(settings, None),
        timezone=settings.timezone,
        has_channel=has_channel,
    )
    mind_due_times(database, published, clock.now())
    move_owners(database, published, clock.now())
    return counts
