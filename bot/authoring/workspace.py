"""A whole workspace: settings, playbooks and templates from a mapping of path to text, with everything `check` finds.
Reads files only in `read_files`; the pipeline gets the same from a deployment. Before it: people. After it: deploy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.authoring import SETTINGS
from bot.authoring.company import Company, read_company
from bot.authoring.company_findings import check_company
from bot.authoring.condition_findings import check_conditions
from bot.authoring.derived_findings import check_derived
from bot.authoring.language_findings import check_languages
from bot.authoring.meaning_findings import check_meaning
from bot.authoring.people_findings import NOBODY_ASKED, KnownPeople, check_people, check_report_readers
from bot.authoring.playbook_files import ParsedPlaybook, check_playbooks, check_structure, load_playbook, playbook_name
from bot.authoring.playbook_test_files import PlacedCase, is_test_file, read_cases
from bot.authoring.stray_files import check_outside, check_stray_files
from bot.authoring.survey_findings import check_surveys
from bot.authoring.templates import Templates, compile_templates, read_templates
from bot.authoring.webhook_findings import check_webhooks
from bot.authoring.workspace_file import WorkspaceSettings, parse_workspace_settings
from bot.errors import Finding
from bot.rules import vocabulary
from bot.rules.playbook import Playbook

JOURNEYS = "playbooks/journeys/"
TEMPLATES = "templates/emails/"
COMPANY_FILES = frozenset(
    f"playbooks/{name}.yml"
    for name in (
        "workspace",
        "stages",
        "signals",
        "metrics",
        "features",
        "scorecard",
        "plans",
        "content",
        "products",
        "surveys",
        "churn",
        "sources",
    )
)
MAX_FILE_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What people wrote, checked. Playbooks and playbook tests with errors are left out and named in `findings`."""

    settings: WorkspaceSettings
    company: Company
    playbooks: Mapping[str, ParsedPlaybook]
    templates: Templates
    findings: tuple[Finding, ...]
    cases: tuple[PlacedCase, ...] = ()

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == "error"]

    def playbook(self, name: str) -> Playbook:
        return self.playbooks[name].playbook


def read_files(folder: Path) -> tuple[dict[str, str], list[Finding]]:
    """Path (relative, with /) → text of everything a deployment publishes, and what could not be read."""
    files: dict[str, str] = {}
    findings: list[Finding] = []
    for path in sorted((*folder.glob("playbooks/**/*.y*ml"), *folder.glob("templates/emails/**/*.*"))):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or any(part.startswith(".") for part in Path(name).parts):
            continue
        if not _is_ours(folder, path):
            findings.append(
                _unreadable(name, "lies outside the workspace (a link)", "copy the file into the workspace")
            )
        elif path.stat().st_size > MAX_FILE_BYTES:
            findings.append(_unreadable(name, "is larger than 512 KB", "split it"))
        else:
            try:
                files[name] = path.read_bytes().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                findings.append(_unreadable(name, f"is not UTF-8 (byte {error.start})", "save it as UTF-8"))
    outside = [
        path.relative_to(folder).as_posix() for path in (*folder.glob("*.y*ml"), *folder.glob("journeys/**/*.y*ml"))
    ]
    return files, [*findings, *check_outside(sorted(outside), COMPANY_FILES)]


def without_tests(files: Mapping[str, str]) -> dict[str, str]:
    """What a deployment publishes of them: playbook tests act on nobody."""
    return {path: text for path, text in files.items() if not is_test_file(path)}


def _is_ours(folder: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _unreadable(name: str, what: str, hint: str) -> Finding:
    return Finding(file=name, line=1, path="", rule="file", severity="error", message=f"the file {what}", hint=hint)


def _lost_replies(settings: WorkspaceSettings, *, replies_set_up: bool) -> Iterator[Finding]:
    if settings.replies.address is not None and not replies_set_up:
        yield Finding(
            file=SETTINGS,
            line=1,
            path="replies.address",
            rule="no-inbound-route",
            severity="error",
            message="readers would answer to an address that nobody hears: no inbound mail route is set up",
            hint="set JOURNEYBOT_INBOUND_SECRET (docs/events-back.md), or leave `replies` out",
        )


def load_workspace(
    files: Mapping[str, str],
    *,
    replies_set_up: bool = False,
    known: KnownPeople = NOBODY_ASKED,
    extra: Collection[Finding] = (),
) -> Workspace:
    """Parse, compile and check everything. Never raises for what people wrote: that becomes findings."""
    findings = list(extra)
    settings, source, found = parse_workspace_settings(files.get(SETTINGS, ""), SETTINGS)
    findings += found
    company, found = read_company(files)
    findings += found
    templates, found = compile_templates(
        _templates_among(files), names=vocabulary.names(), functions=vocabulary.functions()
    )
    findings += found
    findings += check_stray_files(files, COMPANY_FILES)
    parsed: list[ParsedPlaybook] = []
    for path in sorted(path for path in files if path.startswith(JOURNEYS)):
        playbook, found = load_playbook(files[path], path)
        findings += found
        if playbook is not None:
            parsed.append(playbook)
    for playbook in parsed:
        findings += check_structure(playbook)
    written = {playbook_name(path) for path in files if path.startswith(JOURNEYS)}
    findings += check_playbooks(parsed, set(templates.names), others=written)
    findings += check_surveys(parsed, company.surveys)
    effective = settings or WorkspaceSettings()
    findings += check_conditions(parsed, effective, replies_set_up=replies_set_up)
    findings += _lost_replies(effective, replies_set_up=replies_set_up)
    findings += check_people(parsed, effective, known)
    findings += check_report_readers(effective, source, known)
    findings += check_webhooks(parsed, effective)
    findings += check_derived(company, parsed)
    findings += check_company(company, parsed, effective, templates, known)
    findings += check_meaning(parsed, templates, effective.exit)
    findings += check_languages(
        parsed, company, [path for path in files if path.startswith(TEMPLATES)], effective.locale
    )
    by_name = {found.playbook.name: found for found in parsed}
    definitions = {name: found.playbook for name, found in by_name.items()}
    cases, found = read_cases(files, definitions, company)
    findings += found
    return Workspace(
        settings=effective,
        company=company,
        playbooks=by_name,
        templates=templates,
        cases=cases,
        findings=tuple(sorted(findings, key=lambda finding: (finding.file, finding.line, finding.path))),
    )


def published_workspace(files: Mapping[str, str]) -> Workspace:
    """What acts of a deployment, but for its playbooks: those are stored as they were read. It was checked when it was published
    and is not checked again; a template compiles when a mail needs it."""
    settings, _, _ = parse_workspace_settings(files.get(SETTINGS, ""), SETTINGS)
    company, _ = read_company(files)
    templates, _ = read_templates(_templates_among(files), names=vocabulary.names(), functions=vocabulary.functions())
    return Workspace(
        settings=settings or WorkspaceSettings(), company=company, playbooks={}, templates=templates, findings=()
    )


def _templates_among(files: Mapping[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if path.startswith(TEMPLATES)}
