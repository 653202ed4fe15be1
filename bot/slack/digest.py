"""The daily digest: at a person's own 09:00 of a working day, one direct message of what waits, what changed and what goes, if there
is anything to tell and they did not switch it off. Exactly once a day: a row is claimed before posting, and after a lost
answer Slack is asked whether it stands there already. Hand-offs that may call the person then come in the same message. A day that
is over is not told any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from threading import Lock

import structlog
from sqlalchemy import Connection, RowMapping, Table, select

from bot.channels.slack import Card, Posted
from bot.clock import Clock
from bot.insight.coming_mails import ComingMail, coming_mails
from bot.pipeline.card_lists import gather_for_digest, post_list
from bot.pipeline.escalate import Poster
from bot.pipeline.published import Publications, Published
from bot.rules.calendar import BusinessCalendar, parse_working_hours
from bot.rules.zones import is_zone, local_date, local_to_utc
from bot.slack.blocks import Block, context, escaped, header, one_line, section
from bot.slack.command_answers import handoff_line
from bot.slack.home_views import change_line, mail_line
from bot.slack.home_words import home_phrase
from bot.slack.people import Person
from storage.accounts import Csm, has_left
from storage.desk import claim_digest, close_digest, put_off_digest, told_today, without_digest
from storage.handoff_lists import list_with_digest
from storage.handoff_views import HandoffRecord, count_open, installation_of, list_open
from storage.health_views import ColourChange, colour_changes

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
AT = time(9)
MOST_LINES = 5
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=30)
_log = structlog.get_logger("journeybot.digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Morning:
    """One person whose 09:00 has come, on their day."""

    person: Person
    name: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """What one digest tells."""

    open: int
    late: int
    today: tuple[HandoffRecord, ...]
    today_count: int
    changed: tuple[ColourChange, ...]
    reviews: tuple[ComingMail, ...]
    going: tuple[ComingMail, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.late or self.today_count or self.changed or self.reviews or self.going)


def post_digests(poster: Poster | None, published: Published | None, *, locale: str = "en") -> int:
    """Posts those whose time has come and that are not posted yet; returns how many. None: there is no Slack."""
    if poster is None:
        return 0
    now = poster.clock.now()
    with poster.database.read() as connection:
        if poster.guard.pause(connection) is not None:
            return 0
        due = _due(connection, poster, now, locale)
    posted = 0
    for morning in due:
        try:
            posted += _bring(poster, published, morning, now)
        except Exception as error:  # noqa: BLE001  (one person's digest must not stop the others')
            _log.exception("digest_not_drawn", csm=morning.person.csm, fault=type(error).__name__)
    return posted


def _due(connection: Connection, poster: Poster, now: datetime, locale: str) -> list[_Morning]:
    """Everybody in Slack whose 09:00 is past on a working day of theirs."""
    unwilling = without_digest(connection)
    people = connection.execute(
        select(CSM).where(CSM.c.slack_user_id.is_not(None), ~has_left(CSM)).order_by(CSM.c.key)
    ).mappings()
    mornings = [
        found for row in people if row["key"] not in unwilling and (found := _morning(row, poster, now, locale))
    ]
    over = told_today(connection, [(str(one.person.csm), one.day) for one in mornings])
    return [one for one in mornings if (one.person.csm, one.day) not in over]


def _morning(row: RowMapping, poster: Poster, now: datetime, locale: str) -> _Morning | None:
    morning = _morning_of(row, poster.timezone, now, locale)
    begins = local_to_utc(datetime.combine(morning.day, AT), morning.person.timezone)
    return morning if now >= begins and _works(row, poster.calendar, morning.day) else None


def _morning_of(row: RowMapping, timezone: str, now: datetime, locale: str) -> _Morning:
    zone = row["timezone"] or timezone
    zone = zone if is_zone(zone) else "UTC"
    person = Person(user=row["slack_user_id"] or "", csm=row["key"], locale=row["locale"] or locale, timezone=zone)
    return _Morning(person=person, name=row["name"], day=local_date(now, zone))


def _works(row: RowMapping, calendar: BusinessCalendar, day: date) -> bool:
    try:
        hours = parse_working_hours(row["working_hours"] or "")
    except ValueError:
        return calendar.is_business_day(day)  # doctor reports hours that nobody can read
    return replace(calendar, open_days=hours.days).is_business_day(day)


def _bring(poster: Poster, published: Published | None, morning: _Morning, now: datetime) -> int:
    csm = str(morning.person.csm)
    with poster.database.read() as connection:
        news = _read(connection, published, morning, now)
        reference = f"{installation_of(connection)}.digest.{csm}.{morning.day}"
    with poster.database.write() as connection:
        claim = claim_digest(connection, csm, morning.day, now)
        if claim is not None and news.is_empty and not claim.was_tried:
            close_digest(connection, claim, at=now, ts=None)
            return 0
        list_id = list_with_digest(connection, csm, morning.day)
        if claim is not None and not claim.was_tried and list_id is None:
            list_id = gather_for_digest(connection, poster.desk, csm, morning.day, now)
    if claim is None:
        return 0
    if list_id is not None:
        # What may call them now comes in the same message, drawn by MorningDrawer.
        answer = post_list(poster.desk, list_id, morning.person.user, now, look_first=claim.was_tried)
    else:
        card = draw_digest(news, morning.person, morning.name, now)
        answer = poster.slack.post_card(morning.person.user, card, reference, look_first=claim.was_tried)
    with poster.database.write() as connection:
        if isinstance(answer, Posted):
            close_digest(connection, claim, at=now, ts=answer.ts)
            return 1
        pause = min(FIRST_PAUSE * 2 ** min(claim.attempts - 1, 8), LONGEST_PAUSE)
        until = now + (timedelta(seconds=answer.retry_after) if answer.retry_after else pause)
        put_off_digest(connection, claim, until=until, fault=answer.sentence)
    _log.info("digest_put_off", csm=csm, reason=answer.reason)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MorningDrawer:
    """Draws somebody's digest again above the list that came with it. `locale` and `timezone` are the workspace's. Threads may
    share it."""

    clock: Clock
    locale: str
    timezone: str
    publications: Publications = field(default_factory=Publications)
    _loading: Lock = field(default_factory=Lock)

    def digest(self, connection: Connection, csm: str, day: date, *, without: Sequence[int]) -> Card | None:
        """`without`: what stands on the list itself."""
        now = self.clock.now()
        row = connection.execute(select(CSM).where(CSM.c.key == csm)).mappings().one_or_none()
        if row is None:
            return None
        morning = _morning_of(row, self.timezone, now, self.locale)
        if morning.day != day:
            return None
        with self._loading:
            found = self.publications.load(connection)
        published = None if found is None else replace(found, grounds={}, terms={})
        news = _read(connection, published, morning, now)
        news = replace(news, today=tuple(one for one in news.today if one.id not in without))
        return draw_digest(news, morning.person, morning.name, now)


def _read(connection: Connection, published: Published | None, morning: _Morning, now: datetime) -> _News:
    csm, zone = str(morning.person.csm), morning.person.timezone
    tonight = local_to_utc(datetime.combine(morning.day + timedelta(days=1), time(0)), zone)
    late, by_tonight = (count_open(connection, csm, due_before=at) for at in (now, tonight))
    mails = coming_mails(connection, published, csm, now, limit=50, ahead=tonight - now)
    first = [
        one for one in list_open(connection, owner=csm, limit=3 * MOST_LINES) if one.due_at and one.due_at < tonight
    ]
    return _News(
        open=count_open(connection, csm),
        late=late,
        today=tuple(first[:MOST_LINES]),
        today_count=by_tonight - late,
        changed=tuple(colour_changes(connection, morning.day - timedelta(days=1), csm=csm, limit=MOST_LINES)),
        reviews=tuple(mail for mail in mails if mail.waits_for_review),
        going=tuple(mail for mail in mails if not mail.waits_for_review and mail.state != "held" and not mail.is_held),
    )


def draw_digest(news: _News, person: Person, name: str, now: datetime) -> Card:
    """The message; its text is the notification."""
    blocks = list(_blocks(news, person, name, now))
    text = home_phrase("digest_title", person.locale, name=escaped(one_line(name), 80))
    counts = home_phrase("digest_today", person.locale, count=str(news.today_count))
    return Card(blocks=blocks, text=f"{text} · {counts}")


def _blocks(news: _News, person: Person, name: str, now: datetime) -> Iterator[Block]:
    locale = person.locale
    yield header(home_phrase("digest_title", locale, name=one_line(name)))
    numbers = (("digest_late", news.late), ("digest_today", news.today_count), ("digest_open", news.open))
    yield section(" · ".join(home_phrase(word, locale, count=str(number)) for word, number in numbers))
    if news.today:
        yield section("\n".join(f"• {handoff_line(one, person, now)}" for one in news.today))
    if news.changed:
        lines = [f"• {change_line(one, person)}" for one in news.changed]
        yield section("\n".join([f"*{home_phrase('digest_changed', locale)}*", *lines]))
    for word, mails in (("digest_reviews", news.reviews), ("digest_mails", news.going)):
        if mails:
            yield section("\n".join([f"*{home_phrase(word, locale)}*", *_mail_lines(mails, person)]))
    yield context([home_phrase("digest_end", locale)])


def _mail_lines(mails: tuple[ComingMail, ...], person: Person) -> Iterator[str]:
    for mail in mails[:MOST_LINES]:
        yield f"• {mail_line(mail, person)}".replace("\n", " · ")
    if len(mails) > MOST_LINES:
        yield home_phrase("digest_more", person.locale, count=str(len(mails) - MOST_LINES))
