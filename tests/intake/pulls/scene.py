"""What the tests of pulls share: a workspace with its sources.yml, and a run over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from bot.insight.customer_states import states_of
from bot.intake.pulls.sources_file import load_sources
from bot.intake.pulls.sync import OpenPuller, PullReport, Setting, open_puller, sync_sources
from storage.database import Database
from tests.intake.house import NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A workspace, our database, and what the environment says."""

    folder: Path
    database: Database
    environment: Mapping[str, str]

    def sources(self, text: str, **queries: str) -> None:
        """sources.yml, and files of playbooks/queries."""
        folder = self.folder / "playbooks" / "queries"
        folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "playbooks" / "sources.yml").write_text(text, encoding="utf-8")
        for name, query in queries.items():
            (folder / f"{name}.sql").write_text(query, encoding="utf-8")

    def sync(
        self,
        *,
        now: datetime = NOW,
        fresh: bool = False,
        believes_gone: bool = False,
        opens: OpenPuller | None = None,
    ) -> dict[str, PullReport]:
        """Reports by the pull's name."""
        setting = Setting(database=self.database, now=now, zone="Asia/Tokyo", fresh=fresh, believes_gone=believes_gone)
        opening = opens or partial(open_puller, environment=self.environment)
        reports = sync_sources(setting, load_sources(self.folder), opening, partial(states_of, now=now))
        return {report.pull: report for report in reports}
