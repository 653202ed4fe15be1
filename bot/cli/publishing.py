"""`check` and `deploy`: what is wrong with the workspace's files, and publishing them as one version."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby

import typer

from bot.app import read_workspace
from bot.cli.opening import AsJson, At, opened, settings_of
from bot.cli.printing import print_json, print_line, print_table
from bot.errors import Finding
from bot.pipeline.deploying import DeployReport
from bot.pipeline.known_people import ask_for_people

STYLES = {"error": "red", "warning": "yellow"}


def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Check playbooks, templates and workspace.yml; change nothing.

    Every finding has file and line, the reason and the repair. Ends with 1 when there is an error; warnings do not stop a
    deployment.

    Example: `journeybot check --json`
    """
    settings = settings_of(context)
    _, workspace = read_workspace(settings, *ask_for_people(settings.database_url))
    if as_json:
        print_json([finding.as_dict() for finding in workspace.findings])
    else:
        print_findings(workspace.findings)
        playbooks, templates = len(workspace.playbooks), len(workspace.templates.names)
        print_line(f"{_counted(workspace.findings)} in {playbooks} playbooks and {templates} templates.")
    if workspace.errors:
        raise typer.Exit(1)


def deploy(context: typer.Context, at: At = None, as_json: AsJson = False) -> None:
    """Publish the checked workspace; from then on it acts.

    Saving a file changes nothing until then. People inside a changed playbook follow the new version where their step still
    exists, else they finish the old one. With errors nothing is published.

    Example: `journeybot deploy`
    """
    with opened(context, at) as app:
        report = app.deploy()
    if as_json:
        print_json({**asdict(report), "warnings": [finding.as_dict() for finding in report.warnings]})
        return
    print_findings(report.warnings)
    _print_report(report)


def print_findings(findings: tuple[Finding, ...]) -> None:
    """Grouped by file, with a line between."""
    for _, mine in groupby(findings, key=lambda finding: finding.file):
        for finding in mine:
            for line in str(finding).splitlines():
                print_line(line, style=STYLES[finding.severity] if line.startswith(finding.file) else "")
        print_line()


def _counted(findings: tuple[Finding, ...]) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    return f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"


def _print_report(report: DeployReport) -> None:
    if not report.is_changed:
        print_line(f"Nothing changed since deployment {report.deployment_id}.")
        return
    columns = ("playbook", "state", "version", "followed", "stayed", "matched already")
    rows = [
        (
            change.playbook,
            change.state,
            f"{change.version}{' (new)' if change.is_new_version else ''}",
            change.followed or "",
            change.stayed or "",
            change.existing or "",
        )
        for change in report.playbooks
    ]
    print_table(columns, rows)
    live = sum(change.state == "live" for change in report.playbooks)
    print_line(f"Published deployment {report.deployment_id}: {len(report.playbooks)} playbooks, {live} of them live.")
