"""The settings of workspace.yml as they are deployed now, read again only when somebody deployed. Lighter than everything that is
published (published.py), for what only needs these: cards and the rules of who may act. Threads may share it."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.authoring import SETTINGS
from bot.authoring.workspace_file import WorkspaceSettings, load_workspace_settings
from storage.deployments import deployed_files, latest_deployment


class DeployedSettings:
    """Call it with a connection. Before the first deployment: the defaults."""

    def __init__(self) -> None:
        self._known: tuple[int | None, WorkspaceSettings] = (None, WorkspaceSettings())

    def __call__(self, connection: Connection) -> WorkspaceSettings:
        deployment = latest_deployment(connection)
        known, settings = self._known
        if deployment is not None and deployment != known:
            text = deployed_files(connection, deployment).get(SETTINGS, "")
            settings = load_workspace_settings(text, SETTINGS)[0] or WorkspaceSettings()
            self._known = (deployment, settings)
        return settings
