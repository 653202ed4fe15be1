"""What `check` says about plans.yml, and about whoever names a plan or a state that is none: kinds, objectives due after their plan,
owners nobody has. What its targets ask is checked by derived_findings. Reads nothing; company.py parsed the file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from bot.authoring.nearest import suggestion
from bot.authoring.people_findings import KnownPeople, owner_problem
from bot.authoring.placed import ParsedPlaybook, PlacedText, Source
from bot.authoring.workspace_model import WorkspaceSettings
from bot.errors import ConditionError, Finding, Severity
from bot.rules.condition_tree import Call, Comparison, Constant, Membership, Node, every_node
from bot.rules.conditions import parse_value
from bot.rules.plans import KINDS, PlanTemplate, due_day
from bot.rules.steps_model import PlanStep
from storage.plans import PlanState

Plans = Mapping[str, PlanTemplate]
STATES = tuple(state.value for state in PlanState)
#: A day like any other, from which dates of a template are compared.
SOME_DAY = date(2027, 1, 1)


def check_plans(plans: Plans, source: Source, settings: WorkspaceSettings, known: KnownPeople) -> Iterator[Finding]:
    """Findings of the file itself."""
    for kind, template in plans.items():
        if kind not in KINDS:
            hint = suggestion(kind, KINDS)
            yield source.finding(kind, "unknown-plan", f"There is no kind of plan `{kind}`", hint)
        yield from _dates(kind, template, source)
        for path, rule in _owners(kind, template):
            problem = owner_problem(rule, settings, known)
            if problem is not None:
                yield source.finding(path, "unknown-owner", *problem, severity="warning")


def _dates(kind: str, template: PlanTemplate, source: Source) -> Iterator[Finding]:
    last = due_day(template.due, SOME_DAY)
    for number, objective in enumerate(template.objectives):
        if objective.due is None or "end of" in f"{objective.due} {template.due}".casefold():
            continue
        if due_day(objective.due, SOME_DAY) > last:
            message = f"The objective is due after {objective.due}, and its plan ends after {template.due}"
            path = f"{kind}.objectives[{number}].due"
            yield source.finding(path, "wrong-value", message, "give the plan more time, or the objective less")


def _owners(kind: str, template: PlanTemplate) -> Iterator[tuple[str, str]]:
    yield from ((f"{kind}.owners", rule) for rule in template.owners)
    if template.approve:
        yield f"{kind}.approve", template.approve
    for number, objective in enumerate(template.objectives):
        if objective.owner:
            yield f"{kind}.objectives[{number}].owner", objective.owner


def check_named_plans(
    parsed: Collection[ParsedPlaybook], conditions: Iterable[tuple[Source, PlacedText, Severity]], plans: Plans
) -> Iterator[Finding]:
    """Plans that steps open and conditions ask for, and plans.yml does not have; states that no plan is ever in."""
    for playbook in parsed:
        severity: Severity = "error" if playbook.playbook.state in ("live", "paused") else "warning"
        for placed in playbook.steps():
            if isinstance(placed.step, PlanStep) and placed.step.name not in plans:
                path = f"{placed.path}.plan"
                yield playbook.source.finding(
                    path, "unknown-plan", *_no_plan(placed.step.name, plans), severity=severity
                )
    for source, found, severity in conditions:
        for kind in sorted(_plans_asked(found.text).difference(plans)):
            yield _finding(source, found, "unknown-plan", _no_plan(kind, plans), severity)
        for state in sorted(set(_states_asked(found.text)).difference(STATES)):
            problem = f"No plan is ever `{state}`", suggestion(state, STATES)
            yield _finding(source, found, "unknown-state", problem, "warning")


def _no_plan(kind: str, plans: Plans) -> tuple[str, str]:
    return f"plans.yml has no plan `{kind}`", suggestion(kind, plans) or "write playbooks/plans.yml"


def _finding(source: Source, found: PlacedText, rule: str, problem: tuple[str, str], severity: Severity) -> Finding:
    message, hint = problem
    return Finding(
        file=source.file, line=found.line, path=found.path, rule=rule, severity=severity, message=message, hint=hint
    )


def _nodes(text: str) -> tuple[Node, ...]:
    try:
        return tuple(every_node(parse_value(text).tree))
    except ConditionError:
        return ()  # said already, at the condition itself


def _plans_asked(text: str) -> set[str]:
    asking = ("plan", "plan_behind", "plan_progress", "plan_due", "plan_objectives")
    return {str(node.arguments[0][1]) for node in _nodes(text) if isinstance(node, Call) and node.function in asking}


def _states_asked(text: str) -> Iterator[str]:
    for node in _nodes(text):
        if isinstance(node, Comparison) and (_is_state(node.left) or _is_state(node.right)):
            yield from _texts((node.left, node.right))
        if isinstance(node, Membership) and _is_state(node.value):
            yield from _texts(node.items)


def _is_state(node: Node) -> bool:
    return isinstance(node, Call) and node.function == "plan"


def _texts(nodes: Iterable[Node]) -> Iterator[str]:
    yield from (node.value for node in nodes if isinstance(node, Constant) and isinstance(node.value, str))
