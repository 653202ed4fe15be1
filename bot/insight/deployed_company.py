"""The company-wide files and settings as they are deployed, and the ground on which their conditions are asked: for reports and
briefs, which have no published workspace at hand. Read again only when a text changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection

from bot.authoring import SETTINGS
from bot.authoring.company import Company, read_company
from bot.authoring.workspace import COMPANY_FILES
from bot.authoring.workspace_file import WorkspaceSettings, load_workspace_settings
from bot.pipeline.news import local_days
from bot.pipeline.published import ground_on
from bot.pipeline.scopes import Ground
from storage.deployments import deployed_files, latest_deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What the latest deployment says; before the first, nothing and the defaults."""

    company: Company
    settings: WorkspaceSettings

    def ground(self, connection: Connection, now: datetime) -> Ground:
        return ground_on(local_days(connection, now, self.settings.timezone), self.settings, self.company)


def deployed_company(connection: Connection) -> Deployed:
    deployment = latest_deployment(connection)
    files = {} if deployment is None else deployed_files(connection, deployment)
    return _read(tuple(sorted((path, text) for path, text in files.items() if path in COMPANY_FILES)))


@lru_cache(maxsize=4)
def _read(files: tuple[tuple[str, str], ...]) -> Deployed:
    texts = dict(files)
    settings, _ = load_workspace_settings(texts.get(SETTINGS, ""), SETTINGS)
    return Deployed(company=read_company(texts)[0], settings=settings or WorkspaceSettings())
