"""`reports:` of workspace.yml: each report at its times, to its readers, once for each time, whoever ticks and whatever crashes. A
time before the entry was first deployed is not told; one that was missed since is, the latest only. Before it: insight.reports;
after it: report_posts.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Select, Table, or_, select

from bot.authoring.workspace_file import ScheduledReport, WorkspaceSettings
from bot.insight.reports import figures_of
from bot.pipeline.escalate import Poster
from bot.pipeline.owners import TURN
from bot.pipeline.published import Published, calendar_for
from bot.rules.reports import parse_report_schedule, report_name
from bot.rules.schedules import BusinessDayTest, Schedule
from bot.rules.zones import local_to_utc, to_local
from bot.slack.report_posts import PAUSE, Reader, ReportLetter, bring_report
from bot.slack.report_views import draw_report, told_rows, write_report
from storage.accounts import Csm, Customer, has_left
from storage.database import Database
from storage.deployments import deployed_at
from storage.desk import busy_digests, is_known_digest, note_digest, settle_digest, told_today

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
#: Stands where a digest has its reader; no person's key begins so.
KEY = "#report"
EACH_CSM = "csm"
_log = structlog.get_logger("journeybot.scheduled_reports")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """One entry at its latest time. `key` is the claim of the whole; `at` the moment, `day` the local day of it."""

    entry: ScheduledReport
    key: str
    day: date
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A reader, and whose customers they are told of; None: of all."""

    reader: Reader
    csm: str | None = None


@dataclass(slots=True)
class ScheduledReports:
    """Of one process. It remembers until when there is nothing to do, so that an idle tick asks nothing."""

    database: Database
    _quiet: tuple[int, datetime] | None = field(default=None, init=False)

    def post(self, published: Published, poster: Poster | None, now: datetime) -> int:
        """Brings what is due; returns how many readers have one from now on. `poster` None: there is no Slack."""
        settings = published.settings
        if not settings.reports or self._is_quiet(published, now):
            return 0
        with self.database.read() as connection:
            if poster is not None and poster.guard.pause(connection) is not None:
                return 0
            due = list(_latest(settings, now))
            over = told_today(connection, [(one.key, one.day) for one in due])
        waiting = [one for one in due if (one.key, one.day) not in over]
        if not waiting:
            self._quiet = (published.deployment_id, _next(settings, now))
        return sum(self._bring(published, poster, one, now) for one in waiting)

    def _is_quiet(self, published: Published, now: datetime) -> bool:
        return self._quiet is not None and self._quiet[0] == published.deployment_id and now < self._quiet[1]

    def _bring(self, published: Published, poster: Poster | None, due: _Due, now: datetime) -> int:
        try:
            return self._bring_to_all(published, poster, due, now)
        except Exception as error:  # noqa: BLE001  (one report must not stop the others)
            _log.exception("report_not_drawn", report=due.entry.report, fault=type(error).__name__)
            # Without it every tick would try the same again; another process may fare better meanwhile.
            self._quiet = (published.deployment_id, now + PAUSE)
            return 0

    def _bring_to_all(self, published: Published, poster: Poster | None, due: _Due, now: datetime) -> int:
        with self.database.read() as connection:
            is_new = not is_known_digest(connection, due.key)
            is_before = is_new and due.at < deployed_at(connection, published.deployment_id)
            readers: list[_Told] = []
            if not is_before:
                readers = list(_readers(connection, published.settings, due, has_slack=poster is not None))
            days = [(told.reader.key, due.day) for told in readers]
            over, busy = told_today(connection, days), busy_digests(connection, days, now)
            waiting = [told for told in readers if (told.reader.key, due.day) not in over]
            free = [told for told in waiting if (told.reader.key, due.day) not in busy]
            letters = {csm: _letter(connection, due, csm, now) for csm in {told.csm for told in free}}
        if not waiting or is_new:
            with self.database.write() as connection:
                note_digest(connection, due.key, due.day)
                if not waiting:
                    settle_digest(connection, due.key, due.day, now)
        return sum(bring_report(self.database, poster, told.reader, letters[told.csm], due.day, now) for told in free)


def _letter(connection: Connection, due: _Due, csm: str | None, now: datetime) -> ReportLetter:
    name = report_name(due.entry.report)
    rows = figures_of(connection, name, now, csm)
    day, of_one = due.day.isoformat(), csm is not None
    return ReportLetter(
        draw=partial(draw_report, name, rows, day=day, of_one=of_one),
        write=partial(write_report, name, rows, day=day, of_one=of_one),
        is_empty=not told_rows(name, rows),
    )


def _latest(settings: WorkspaceSettings, now: datetime) -> Iterator[_Due]:
    """Each entry at its latest time that is not ahead."""
    for entry in settings.reports:
        at = _schedule(entry).latest_at_or_before(_local(settings, now), is_business_day=_business_days(settings))
        if at is not None:
            name = report_name(entry.report)
            key = f"{KEY}.{name}.{entry.every.replace(' ', '-')}.{'+'.join(entry.to)}"
            yield _Due(entry=entry, key=key, day=at.date(), at=local_to_utc(at, settings.timezone))


def _next(settings: WorkspaceSettings, now: datetime) -> datetime:
    """When the next of them is due; tomorrow where none is in sight."""
    local, is_business_day = _local(settings, now), _business_days(settings)
    ahead = (_schedule(entry).next_after(local, is_business_day=is_business_day) for entry in settings.reports)
    return min((local_to_utc(at, settings.timezone) for at in ahead if at is not None), default=now + timedelta(days=1))


def _schedule(entry: ScheduledReport) -> Schedule:
    return parse_report_schedule(entry.every)


def _local(settings: WorkspaceSettings, now: datetime) -> datetime:
    return to_local(now, settings.timezone).replace(tzinfo=None)


def _business_days(settings: WorkspaceSettings) -> BusinessDayTest:
    return calendar_for(settings, None).is_business_day


def _readers(connection: Connection, settings: WorkspaceSettings, due: _Due, *, has_slack: bool) -> Iterator[_Told]:
    """Every reader once. Where there is no Slack, or it does not take them, what is for a channel goes to `owners: default:`."""
    seen: set[str] = set()
    for word in due.entry.to:
        if word.startswith("#"):
            person = connection.scalar(_people(settings, _default(settings)).with_only_columns(CSM.c.key).limit(1))
            place = word if has_slack else None
            yield _Told(reader=Reader(key=f"{due.key}.{word}", place=place, person=person, locale=settings.locale))
            continue
        for row in connection.execute(_people(settings, word)):
            if row.key not in seen:
                seen.add(row.key)
                place, locale = row.slack_user_id if has_slack else None, row.locale or settings.locale
                reader = Reader(key=f"{due.key}.{row.key}", place=place, person=row.key, locale=locale)
                yield _Told(reader=reader, csm=row.key if word == EACH_CSM else None)


def _default(settings: WorkspaceSettings) -> str:
    """The person or team of `owners: default:`. Whose turn it is in a team is left alone: that is for hand-offs."""
    rule = settings.owners.default or ""
    turn = TURN.fullmatch(rule)
    return turn[1] if turn else rule


def _people(settings: WorkspaceSettings, word: str) -> Select[Any]:
    """Those of ours whom the word names: each CSM with customers, a person, a team."""
    named: ColumnElement[bool]
    if word == EACH_CSM:
        named = select(CUSTOMER.c.id).where(CUSTOMER.c.csm == CSM.c.key, CUSTOMER.c.erased_at.is_(None)).exists()
    elif word in settings.owners.teams:
        named = CSM.c.key.in_(settings.owners.teams[word])
    else:
        named = or_(CSM.c.key == word, CSM.c.team == word)
    return select(CSM.c.key, CSM.c.slack_user_id, CSM.c.locale).where(named, ~has_left(CSM)).order_by(CSM.c.key)
