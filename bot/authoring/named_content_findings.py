"""What `check` says about playbooks, templates and definitions that name an item, a curriculum, a kind of content or a product
which content.yml and products.yml do not have: nobody would ever match. After content_findings; reads nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from bot.authoring.answer_lists import CHURN_REASONS
from bot.authoring.company import CHURN, CONTENT, PRODUCTS, Company
from bot.authoring.nearest import suggestion
from bot.authoring.placed import ParsedPlaybook, PlacedText, Source
from bot.authoring.templates import Templates
from bot.errors import ConditionError, Finding, Severity
from bot.rules.condition_tree import Call, every_node
from bot.rules.conditions import parse_value
from bot.rules.steps_model import AssignStep, HandoffStep

#: Function → the parameter that names something, what that is, and the file that has it.
_NAMES: Mapping[str, tuple[str, str, str]] = {
    "viewed": ("name", "item", CONTENT),
    "aware": ("name", "item", CONTENT),
    "content": ("item", "item", CONTENT),
    "curriculum": ("name", "curriculum", CONTENT),
    "overdue": ("name", "curriculum", CONTENT),
    "could_own": ("product", "product", PRODUCTS),
    "owns": ("product", "product", PRODUCTS),
}
Conditions = Iterable[tuple[Source, PlacedText, Severity]]


def check_named_content(
    company: Company, parsed: Collection[ParsedPlaybook], templates: Templates, conditions: Conditions
) -> list[Finding]:
    """Errors where a live playbook asks for what is not there."""
    findings: list[Finding] = []
    for source, found, severity in conditions:
        for rule, message, hint in _unknown(found.text, company):
            findings.append(_at(source.file, found.line, found.path, rule, severity, message, hint))
    for versions in templates.by_name.values():
        for template in versions.values():
            for text in sorted(template.expressions):
                for rule, message, hint in _unknown(text, company):
                    findings.append(_at(template.path, 1, "", rule, "error", message, hint))
    for playbook in parsed:
        findings += _assigned(playbook, company)
        findings += _asked_reasons(playbook, company)
    return findings


def _unknown(text: str, company: Company) -> Iterator[tuple[str, str, str]]:
    """Rule, message and hint for each name that is not there. `owns` may ask for a product that only subscriptions know, as long
    as nobody wrote products.yml."""
    try:
        nodes = tuple(every_node(parse_value(text).tree))
    except ConditionError:
        return  # said already, at the condition itself
    known = {
        "item": company.catalogue.items,
        "curriculum": company.catalogue.curricula,
        "product": company.products,
    }
    kinds = {item.kind for item in company.catalogue.items.values()}
    for call in (node for node in nodes if isinstance(node, Call)):
        given = dict(call.arguments)
        parameter, what, file = _NAMES.get(call.function, ("", "", ""))
        name = given.get(parameter)
        is_asked = what and (company.products or call.function != "owns")
        if is_asked and isinstance(name, str) and name not in known[what]:
            hint = suggestion(name, known[what]) or f"add it to {file}"
            yield "unknown-name", f"There is no {what} `{name}`", hint
        wanted = given.get("kind") if call.function == "content" else None
        for kind in wanted if isinstance(wanted, tuple) else ():
            if kind not in kinds:
                hint = suggestion(str(kind), kinds) or f"add it to {CONTENT}"
                yield "unknown-name", f"There is no content of the kind `{kind}`", hint


def _assigned(parsed: ParsedPlaybook, company: Company) -> Iterator[Finding]:
    severity: Severity = "error" if parsed.playbook.state in ("live", "paused") else "warning"
    curricula = company.catalogue.curricula
    for placed in parsed.steps():
        step = placed.step
        if isinstance(step, AssignStep) and step.name not in curricula:
            hint = suggestion(step.name, curricula) or f"add it under `curricula:` of {CONTENT}"
            message = f"There is no curriculum `{step.name}`"
            yield parsed.source.finding(f"{placed.path}.assign", "unknown-name", message, hint, severity=severity)


def _asked_reasons(parsed: ParsedPlaybook, company: Company) -> Iterator[Finding]:
    """`ask: {churn_reason: churn_reasons}` without a list takes any text, and the report cannot tell the reasons apart."""
    for placed in parsed.steps():
        step = placed.step
        if isinstance(step, HandoffStep) and CHURN_REASONS in step.ask.values() and not company.churn.reasons:
            message = f"`{CHURN_REASONS}` has no reasons to choose from, so any text is taken"
            path, hint = f"{placed.path}.ask", f"write {CHURN} with `reasons:`"
            yield parsed.source.finding(path, "unknown-name", message, hint, severity="warning")


def _at(file: str, line: int, path: str, rule: str, severity: Severity, message: str, hint: str) -> Finding:
    return Finding(file=file, line=line, path=path, rule=rule, severity=severity, message=message, hint=hint)
