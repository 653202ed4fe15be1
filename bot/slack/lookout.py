"""What is looked after at the end of each tick, beside the work itself: once a day who of ours Slack has switched off, once a week
whether every hand-off has one owner and one end, and at its times each of `reports:`. Joins them; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.pipeline.escalate import Poster
from bot.pipeline.published import Published
from bot.slack.leavers import look_for_leavers
from bot.slack.scheduled_reports import ScheduledReports
from bot.slack.weekly_report import post_weekly_report
from storage.database import Database


@dataclass(slots=True)
class Lookout:
    """Of one process. `poster` None: there is no Slack."""

    database: Database
    _reports: ScheduledReports = field(init=False)

    def __post_init__(self) -> None:
        self._reports = ScheduledReports(self.database)

    def look(self, published: Published, poster: Poster | None, now: datetime) -> None:
        if poster is not None:
            look_for_leavers(poster)
        post_weekly_report(self.database, published, poster, now)
        self._reports.post(published, poster, now)
