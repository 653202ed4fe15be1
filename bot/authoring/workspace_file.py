"""YAML → WorkspaceSettings: `playbooks/workspace.yml`, or the defaults where there is none. Reads texts, never files, and
never raises for what people wrote. Before: yaml_source. After: every pass, which takes its settings from a deployment."""

from __future__ import annotations

from bot.authoring.model_file import read_model, tidy_findings
from bot.authoring.nearest import suggestion
from bot.authoring.placed import Places, Source
from bot.authoring.workspace_model import (
    CalendarSettings,
    CapRule,
    Caps,
    Cover,
    Feed,
    LimitCase,
    Owners,
    ScheduledReport,
    Sender,
    SendWindow,
    TouchPolicy,
    WorkspaceSettings,
)
from bot.errors import Finding
from bot.rules.fuses import Fuses

__all__ = [
    "CalendarSettings",
    "CapRule",
    "Caps",
    "Cover",
    "Feed",
    "Fuses",
    "LimitCase",
    "Owners",
    "ScheduledReport",
    "SendWindow",
    "Sender",
    "TouchPolicy",
    "WorkspaceSettings",
    "load_workspace_settings",
    "parse_workspace_settings",
]


def load_workspace_settings(text: str | bytes, file: str) -> tuple[WorkspaceSettings | None, list[Finding]]:
    """The settings, or None and what must be repaired. A text with nothing but comments gives the defaults."""
    settings, _, findings = parse_workspace_settings(text, file)
    return settings, findings


def parse_workspace_settings(text: str | bytes, file: str) -> tuple[WorkspaceSettings | None, Source, list[Finding]]:
    """The same with the places of everything, for checks that point to a line."""
    places = Places(file=file)
    if not text.strip():
        return WorkspaceSettings(), places.source(), []
    settings = read_model(text, places, WorkspaceSettings, what="The workspace file")
    source = places.source()
    if any(finding.rule == "empty" for finding in places.findings):
        return WorkspaceSettings(), source, []
    findings = tidy_findings(places.findings)
    return settings, source, findings + (_check_owners(settings, source) if settings else [])


def _check_owners(settings: WorkspaceSettings, source: Source) -> list[Finding]:
    """Names inside `owners:` that lead nowhere."""
    owners, found = settings.owners, []
    named = owners.default or ""
    if named.startswith("round_robin(") and (team := named[len("round_robin(") :].rstrip(") ")) not in owners.teams:
        hint = suggestion(team, owners.teams) or "add it under `owners: teams:`"
        found.append(source.finding("owners.default", "unknown-team", f"There is no team `{team}`", hint))
    for person, cover in owners.cover.items():
        path = f"owners.cover.{person}"
        if cover.last < cover.first:
            message = f"The cover for `{person}` ends before it begins"
            found.append(source.finding(path, "wrong-value", message, "swap `from` and `to`"))
        if cover.by == person:
            found.append(source.finding(path, "wrong-value", f"`{person}` covers for themselves", "name somebody else"))
    return found
