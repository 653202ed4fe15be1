"""`tick()` runs all passes over everything that is due, in order; this page is the whole product.
A missed tick loses nothing: what is due is computed from state. Passes never import one another; only tick joins them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.channels.base import MailChannel
from bot.clock import Clock
from bot.failpoints import Place, pass_by
from bot.pipeline.absorb import absorb
from bot.pipeline.advance import AdvanceCount, advance
from bot.pipeline.agenda import Agenda, look_around
from bot.pipeline.deliver import deliver
from bot.pipeline.derive import derive
from bot.pipeline.detect import detect, settle
from bot.pipeline.enroll import enroll
from bot.pipeline.fuse_acts import take_answers
from bot.pipeline.mail_fuses import count_days, mind_rates
from bot.pipeline.operate import resume_due
from bot.pipeline.published import Published
from bot.pipeline.send_guard import OPEN_GUARD, SendGuard
from bot.pipeline.wake import wake
from storage.claim_order import has_due
from storage.database import Database
from storage.hosts import SendPause
from storage.transports import blocked_until

#: A mail that is accepted lets its walk go on, which may owe the next thing; so the passes repeat until all is quiet.
MOST_ROUNDS = 20


@dataclass(slots=True)
class TickReport:
    """What one tick did. `pause`: why nothing may leave this host (send_guard.py)."""

    at: datetime
    entered: int = 0
    woken: int = 0
    moved: int = 0
    absorbed: int = 0
    messages: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    blocked: bool = False
    rounds: int = 0
    pause: SendPause | None = None


def tick(
    database: Database,
    published: Published,
    channel: MailChannel,
    clock: Clock,
    *,
    installation: str = "",
    is_stopping: Callable[[], bool] = lambda: False,
    guard: SendGuard = OPEN_GUARD,
) -> TickReport:
    """absorb → detect → derive → enroll → wake → advance → deliver, repeated until nothing moves any more, or until somebody asks
    to stop: the batch in flight is then the last."""
    report = TickReport(at=clock.now())
    while report.rounds < MOST_ROUNDS and not is_stopping():
        report.rounds += 1
        agenda = look_around(database, published, clock.now(), begins=report.rounds == 1)
        moved = _look(database, published, clock.now(), report, installation) if agenda.news else 0
        advanced = AdvanceCount()
        if agenda.walks or agenda.news:
            advanced = advance(database, published, clock.now(), is_stopping=is_stopping)
        report.moved += advanced.moved
        if advanced.faults:
            report.faults.append(f"{advanced.faults} walk(s) set aside")
        if not (moved or advanced.moved or _owes(database, clock.now(), agenda, begins=report.rounds == 1)):
            if report.rounds == 1:
                _note_what_stops(database, channel, guard, clock.now(), agenda, report)
            break
        delivered = deliver(
            database, published, channel, clock, installation=installation, is_stopping=is_stopping, guard=guard
        )
        report.blocked = delivered.blocked
        report.pause = delivered.pause
        for state, number in delivered.states.items():
            report.messages[state] = report.messages.get(state, 0) + number
        if not (moved or advanced.moved or delivered.total):
            break
    return report


def _owes(database: Database, now: datetime, agenda: Agenda, *, begins: bool) -> bool:
    """Whether deliver has anything to do though no walk moved. What had waited for its recipient may have become several mails;
    a look may have freed mails without moving anybody."""
    if agenda.mails if begins else agenda.is_any_mail_due:
        return True
    if not agenda.news:
        return False
    with database.read() as connection:
        return has_due(connection, now)


def _note_what_stops(
    database: Database, channel: MailChannel, guard: SendGuard, now: datetime, agenda: Agenda, report: TickReport
) -> None:
    """What deliver would have said, had anything been due."""
    if guard is OPEN_GUARD and not agenda.may_be_closed:
        return
    with database.read() as connection:
        report.pause = guard.pause(connection)
        is_closed = agenda.may_be_closed and blocked_until(connection, channel.name, now) is not None
    report.blocked = is_closed or report.pause is not None


def _look(database: Database, published: Published, now: datetime, report: TickReport, installation: str) -> int:
    """Take in news and offer it to everybody, in one transaction: either all have looked at it or nobody has."""
    absorbed = absorb(database, published, now, installation=installation)
    with database.write() as connection:
        if report.rounds == 1:
            resume_due(connection, now, published.on_resume)
        answered = take_answers(connection, published, now)
        if absorbed:
            mind_rates(connection, published, now)
        settings = published.settings
        news = detect(connection, now, settings.timezone, begins=report.rounds == 1, ages=settings.feed_ages())
        if news.new_days:
            count_days(connection, published, now)
        news = derive(connection, published, news)
        entered = enroll(connection, published, news)
        pass_by(Place.ENROLLED)
        woken = wake(connection, published, news)
        settle(connection, news)
        pass_by(Place.LOOK_COMMIT)
    pass_by(Place.LOOKED)
    report.absorbed += absorbed
    report.entered += entered.entered
    report.woken += woken
    report.faults += entered.faults
    return entered.entered + woken + answered
