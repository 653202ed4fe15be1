"""What `check` says about every condition of the workspace, at its place: names, steps, walkers and events that do not fit,
and waits that might last for ever (S11). Joins the checks of rules with the places of authoring; reads nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from bot.authoring.nearest import suggestion
from bot.authoring.placed import ParsedPlaybook, PlacedText
from bot.authoring.playbook_structure import waits_without_limit
from bot.authoring.workspace_file import WorkspaceSettings
from bot.errors import ConditionError, Finding, Severity
from bot.rules.condition_checks import check_condition
from bot.rules.condition_tree import Limit, every_node
from bot.rules.conditions import parse_condition
from bot.rules.program import Program

OWN_EVENTS = ("on", "after", "manual", "signal")


def check_conditions(
    parsed: Iterable[ParsedPlaybook], settings: WorkspaceSettings, *, replies_set_up: bool
) -> list[Finding]:
    """Findings of all playbooks and of workspace.yml. In a draft they are warnings: nothing of it acts."""
    findings: list[Finding] = []
    for playbook in parsed:
        findings += _of_playbook(playbook, replies_set_up=replies_set_up)
        findings += _unknown_limits(playbook, settings.limits)
    return findings + list(_of_settings(settings))


def _of_playbook(parsed: ParsedPlaybook, *, replies_set_up: bool) -> Iterator[Finding]:
    playbook = parsed.playbook
    severity: Severity = "error" if playbook.state in ("live", "paused") else "warning"
    try:
        steps = set(Program.of(playbook).nodes)
    except ValueError:
        steps = {placed.step.id for placed in parsed.steps()}
    for found in parsed.source.conditions:
        is_entry = found.path.startswith("enter")
        problems = check_condition(
            found.text,
            walks=playbook.walks,
            steps=steps,
            has_event=playbook.enter.trigger in OWN_EVENTS,
            has_walk=not is_entry,
            replies_set_up=replies_set_up,
        )
        for problem in problems:
            yield _finding(parsed, found, severity, problem.rule, problem.message, problem.hint)
    yield from _endless_waits(parsed, severity)


def _unknown_limits(parsed: ParsedPlaybook, limits: Collection[str]) -> Iterator[Finding]:
    """A warning: customers may have limits of their own (`limits.x` of customers.csv); the others never match."""
    for found in parsed.source.conditions:
        try:
            nodes = tuple(every_node(parse_condition(found.text).tree))
        except ConditionError:
            continue  # said already
        for name in sorted({node.name for node in nodes if isinstance(node, Limit)}.difference(limits)):
            message = f"workspace.yml has no limit `{name}`: it is empty for every customer without one of their own"
            hint = suggestion(name, limits) or "add it under `limits:` in workspace.yml"
            yield _finding(parsed, found, "warning", "unknown-limit", message, hint)


def _endless_waits(parsed: ParsedPlaybook, severity: Severity) -> Iterator[Finding]:
    places = {placed.step.id: placed.path for placed in parsed.steps()}
    for step in waits_without_limit(parsed.playbook):
        try:
            comes_by_itself = parse_condition(step.until or "").becomes_true_by_time
        except ConditionError:
            continue  # said already, at the condition itself
        if not comes_by_itself:
            yield parsed.source.finding(
                places.get(step.id, "steps"),
                "endless-wait",
                f"this wait may last for ever: time alone never makes `{step.until}` true",
                "add `at_most: 14 days` beside `until`",
                severity=severity,
            )


def _finding(
    parsed: ParsedPlaybook, found: PlacedText, severity: Severity, rule: str, message: str, hint: str
) -> Finding:
    return Finding(
        file=parsed.source.file,
        line=found.line,
        path=found.path,
        rule=rule,
        severity=severity,
        message=message,
        hint=hint,
    )


def _of_settings(settings: WorkspaceSettings) -> Iterator[Finding]:
    """Conditions of workspace.yml ask about customers, never about a walk, a contact or an event."""
    texts = [(f"windows[{place}].when", window.when) for place, window in enumerate(settings.windows)]
    texts += [(f"team_windows.{team}.when", window.when) for team, window in settings.windows_of_teams()]
    texts += [(f"exit[{place}].when", found.when) for place, found in enumerate(settings.exit)]
    for name, cases in settings.limit_cases().items():
        texts += [(f"limits.{name}[{place}].when", when) for place, (when, _) in enumerate(cases)]
    for path, text in texts:
        if text is None:
            continue
        for problem in check_condition(text, walks="customer", steps=(), has_event=False, has_walk=False):
            yield Finding(
                file="playbooks/workspace.yml",
                line=1,
                path=path,
                rule=problem.rule,
                severity="error",
                message=problem.message,
                hint=problem.hint,
            )
