"""What `check` says about names that conditions of the company-wide files ask for and nobody defined: metrics, features and signals
in scorecard.yml, stages.yml, content.yml and products.yml, limits and surveys in all of them. Playbooks and the other names have
findings of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from bot.authoring.company import CONTENT, FEATURES, METRICS, PRODUCTS, SCORECARD, SIGNALS, STAGES, Company
from bot.authoring.nearest import suggestion
from bot.authoring.placed import PlacedText, Source
from bot.errors import ConditionError, Finding, Severity
from bot.rules.condition_tree import Call, Limit, Node, every_node
from bot.rules.conditions import Condition, parse_value
from bot.rules.derived_names import ALL, asked_of

Placed = tuple[Source, PlacedText, Severity]
#: Surveys that every workspace knows without surveys.yml.
BUILT_IN_SURVEYS = frozenset(("nps", "csat"))


def check_asked_names(
    ours: Iterable[Placed], everywhere: Iterable[Placed], company: Company, limits: Collection[str]
) -> Iterator[Finding]:
    """`ours`: conditions of the company-wide files; `everywhere`: those of playbooks too."""
    for source, found, _ in ours:
        condition = _read(found.text)
        if condition is None:
            continue
        if source.file in (SCORECARD, STAGES, CONTENT, PRODUCTS):
            yield from _derived(source, found, condition, company)
        for name in sorted({node.name for node in every_node(condition.tree) if isinstance(node, Limit)} - set(limits)):
            message = f"workspace.yml has no limit `{name}`: it is empty for every customer without one of their own"
            hint = suggestion(name, limits) or "add it under `limits:` in workspace.yml"
            yield _finding(source, found, "unknown-limit", message, hint, "warning")
    yield from _surveys(everywhere, company)


def _derived(source: Source, found: PlacedText, condition: Condition, company: Company) -> Iterator[Finding]:
    known = {
        "metric": (company.metrics, METRICS),
        "feature": (company.features, FEATURES),
        "signal": (company.signals, SIGNALS),
    }
    for asked in sorted(asked_of([condition], company.metrics)):
        names, file = known.get(asked.kind, ({}, ""))
        if file and asked.name != ALL and asked.name not in names:
            hint = suggestion(asked.name, names) or f"define it in {file}"
            yield _finding(source, found, "unknown-name", f"There is no {asked.kind} `{asked.name}`", hint, "error")


def _surveys(conditions: Iterable[Placed], company: Company) -> Iterator[Finding]:
    """A survey that nobody asks may still be imported, so it is a warning."""
    known = BUILT_IN_SURVEYS | company.surveys.keys()
    for source, found, _ in conditions:
        condition = _read(found.text)
        for name in sorted(_asked_surveys(condition.tree) - known) if condition else ():
            hint = suggestion(name, known) or "add it to playbooks/surveys.yml"
            message = f'surveys.yml has no survey `{name}`, so `answered("{name}")` only sees imported answers'
            yield _finding(source, found, "unknown-survey", message, hint, "warning")


def _asked_surveys(tree: Node) -> set[str]:
    calls = (node for node in every_node(tree) if isinstance(node, Call) and node.function == "answered")
    return {str(dict(call.arguments).get("survey", call.arguments[0][1])) for call in calls if call.arguments}


def _finding(source: Source, found: PlacedText, rule: str, message: str, hint: str, severity: Severity) -> Finding:
    return Finding(
        file=source.file, line=found.line, path=found.path, rule=rule, severity=severity, message=message, hint=hint
    )


def _read(text: str) -> Condition | None:
    """None for a comparison without its value, and for what cannot be read: that is said at its place."""
    try:
        return parse_value(text)
    except ConditionError:
        return None
