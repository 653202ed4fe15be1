"""What `check` says about people who are named in playbooks: roles of contacts that nobody could have, owners on our side that
lead nowhere. Knows what the language and workspace.yml name, and what the data holds where somebody asked it; reads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.authoring.nearest import suggestion
from bot.authoring.placed import ParsedPlaybook, Source
from bot.authoring.workspace_model import WorkspaceSettings
from bot.errors import Finding, Severity
from bot.rules.reports import OF_ONE_CSM, report_name
from bot.rules.steps_model import AssignStep, EmailStep, HandoffStep, PlanStep, SurveyStep

#: Roles of contacts that every workspace has; others are named in workspace.yml, or simply imported.
STANDARD_ROLES = ("decision_maker", "champion", "admin", "user")
EVERYONE = ("anyone", "contact")
#: Who of ours needs no name of their own.
ALWAYS_OURS = ("csm", "csm.manager", "default", "workspace")
_ALL = re.compile(r"all\(\s*(?P<role>.+?)\s*\)")
_TURN = re.compile(r"round_robin\(\s*(?P<team>.+?)\s*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPeople:
    """What the data says: the roles contacts have, the keys and teams of people of ours. Empty where nobody asked it."""

    roles: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()


NOBODY_ASKED = KnownPeople()


def check_people(
    parsed: Iterable[ParsedPlaybook], settings: WorkspaceSettings, known: KnownPeople = NOBODY_ASKED
) -> list[Finding]:
    """Warnings: who is missing today may be imported tomorrow, and a mail to nobody asks a person instead."""
    findings: list[Finding] = []
    for playbook in parsed:
        findings += _check_roles(playbook, settings, known)
        findings += _check_owners(playbook, settings, known)
    return findings


def _check_roles(parsed: ParsedPlaybook, settings: WorkspaceSettings, known: KnownPeople) -> Iterator[Finding]:
    roles = {*STANDARD_ROLES, *settings.contact_roles, *known.roles}
    for placed in parsed.steps():
        step = placed.step
        if not isinstance(step, EmailStep | SurveyStep | AssignStep):
            continue
        for word in step.to:
            found = _ALL.fullmatch(word)
            role = found["role"] if found else word
            if role not in roles and not (found is None and role in EVERYONE):
                message = f"No contact has the role `{role}`, so nobody would get this"
                hint = _repair(role, roles, "name it under `contact_roles:` in workspace.yml")
                yield parsed.source.finding(f"{placed.path}.to", "unknown-role", message, hint, severity="warning")


def _check_owners(parsed: ParsedPlaybook, settings: WorkspaceSettings, known: KnownPeople) -> Iterator[Finding]:
    for path, word in _owners_of(parsed):
        problem = owner_problem(word, settings, known)
        if problem is not None:
            yield parsed.source.finding(path, "unknown-owner", *problem, severity="warning")


def check_report_readers(
    settings: WorkspaceSettings, source: Source, known: KnownPeople = NOBODY_ASKED
) -> Iterator[Finding]:
    """Readers of `reports:` that lead to nobody: errors once the data knows people, and warnings before the first import."""
    ours = {*_named(settings, known), *settings.owners.teams, *known.teams}
    for number, entry in enumerate(settings.reports):
        for reader in entry.to:
            severity: Severity = "error"
            if reader == "csm":
                if report_name(entry.report) in OF_ONE_CSM:
                    continue
                message = f"The report `{entry.report}` is of all customers together, so no CSM has one of their own"
                hint = f"name a channel, a person or a team; each CSM can have {', '.join(OF_ONE_CSM)}"
            elif reader.startswith("#"):
                if len(reader) > 1:
                    continue
                message, hint = "`#` is no channel", 'write its name in quotes, like `"#cs-leaders"`'
            elif reader not in ours:
                message = f"Nobody of ours is called `{reader}`, so this report would reach nobody"
                hint = _repair(reader, {*ours, "csm"}, "import the person with csms.csv; a channel begins with `#`")
                severity = "error" if known.persons else "warning"
            else:
                continue
            yield source.finding(f"reports[{number}].to", "unknown-reader", message, hint, severity=severity)


def _named(settings: WorkspaceSettings, known: KnownPeople) -> set[str]:
    """Persons of ours whom the settings or the data name."""
    owners = settings.owners
    members = {person for team in owners.teams.values() for person in team}
    return {*members, *owners.cover, *(cover.by for cover in owners.cover.values()), *known.persons}


def owner_problem(word: str, settings: WorkspaceSettings, known: KnownPeople) -> tuple[str, str] | None:
    """Why a rule leads to nobody of ours, and the repair; None: it may lead to somebody."""
    owners = settings.owners
    teams = {*owners.teams, *known.teams}
    words = {*ALWAYS_OURS, *owners.roles, *teams, *_named(settings, known)}
    turn = _TURN.fullmatch(word)
    if turn is None and word not in words:
        message = f"Nobody of ours is called `{word}`, so `owners: default:` would be asked"
        return message, _repair(word, words - {"workspace", "default"}, "name it under `owners:` in workspace.yml")
    if turn is not None and turn["team"] not in teams:
        message = f"There is no team `{turn['team']}`, so `owners: default:` would be asked"
        return message, _repair(turn["team"], teams, "add it under `owners: teams:` in workspace.yml")
    return None


def _owners_of(parsed: ParsedPlaybook) -> Iterator[tuple[str, str]]:
    """Every place that names somebody of ours. `#channel` is Slack's, and an address is nobody's name."""
    if parsed.playbook.owner:
        yield "owner", parsed.playbook.owner
    for placed in parsed.steps():
        step, path = placed.step, placed.path
        named: list[tuple[str, str | None]] = []
        if isinstance(step, HandoffStep):
            named = [("owner", step.owner), ("escalate_to", step.escalate_to)]
            named += [("notify", word) for word in step.notify]
        elif isinstance(step, EmailStep | SurveyStep):
            named = [("from", step.sender)]
        elif isinstance(step, PlanStep):
            named = [("owner", step.owner)]
        yield from ((f"{path}.{key}", word) for key, word in named if word and not word.startswith("#"))


def _repair(word: str, names: Iterable[str], otherwise: str) -> str:
    found = suggestion(word, names)
    return f"{found} Or {otherwise}" if found.startswith("did you mean") else otherwise
