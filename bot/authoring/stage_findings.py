"""What `check` says about stages.yml, and about playbooks that name a stage it does not have: ways that lead nowhere or round for
ever, conditions that cannot be asked, a stage that a playbook and the CRM both would set. Reads nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from bot.authoring.nearest import suggestion
from bot.authoring.placed import ParsedPlaybook, PlacedText, Source
from bot.errors import ConditionError, Finding, Severity
from bot.rules.condition_checks import check_condition
from bot.rules.condition_tree import Comparison, Constant, Membership, Node, Word, every_node
from bot.rules.conditions import parse_value
from bot.rules.stages import Stage, rings_without_end
from bot.rules.steps_model import SetStep


def check_stages(stages: Sequence[Stage], source: Source) -> Iterator[Finding]:
    """Findings of the file itself."""
    names = [stage.stage for stage in stages]
    for number, stage in enumerate(stages):
        path = f"[{number}]"
        if stage.stage in names[:number]:
            message = f"The stage `{stage.stage}` is written twice"
            yield source.finding(f"{path}.stage", "duplicate-key", message, "delete one of them")
        yield from _ways(stage, names, source, path)
        for check, text in stage.complete_when.items():
            yield from _problems(text, source, f"{path}.complete_when.{check}")
    for ring in rings_without_end(stages):
        message = f"{' → '.join((*ring, ring[0]))} asks nothing: whoever comes in goes round for ever"
        place = f"[{names.index(ring[0])}].next"
        yield source.finding(place, "endless-ring", message, "add `complete_when:`, or a `when:` to one of the ways")


def _ways(stage: Stage, names: Collection[str], source: Source, path: str) -> Iterator[Finding]:
    if stage.final and stage.next:
        message = f"`{stage.stage}` is final, and nobody moves on from it by itself"
        yield source.finding(f"{path}.next", "wrong-value", message, "delete `next:` or `final:`")
    for number, way in enumerate(stage.next):
        place = f"{path}.next[{number}]"
        if way.to not in names:
            message = f"There is no stage `{way.to}`"
            yield source.finding(
                f"{place}.to", "unknown-stage", message, suggestion(way.to, names) or "add it to the list"
            )
        if way.to == stage.stage:
            yield source.finding(f"{place}.to", "wrong-value", f"`{way.to}` leads to itself", "name another stage")
        if way.when is None and number < len(stage.next) - 1:
            message = f"Everybody goes to `{way.to}`, so the ways below it are never taken"
            yield source.finding(place, "unreachable-way", message, "add `when:`, or move it to the end")
        if way.when is not None:
            yield from _problems(way.when, source, f"{place}.when")


def _problems(text: str, source: Source, path: str) -> Iterator[Finding]:
    for problem in check_condition(text, walks="customer", steps=(), has_event=False, has_walk=False):
        yield source.finding(path, problem.rule, problem.message, problem.hint)


def check_named_stages(
    conditions: Iterable[tuple[Source, PlacedText, Severity]], stages: Sequence[Stage]
) -> Iterator[Finding]:
    """A warning for every stage that a condition compares with and stages.yml does not have; nothing without the file."""
    known = [stage.stage for stage in stages]
    if not known:
        return
    for source, found, _ in conditions:
        for name in sorted(set(_stages_of(found.text)).difference(known)):
            yield Finding(
                file=source.file,
                line=found.line,
                path=found.path,
                rule="unknown-stage",
                severity="warning",
                message=f"stages.yml has no stage `{name}`",
                hint=suggestion(name, known) or f"it has {', '.join(known)}",
            )


def check_set_stages(
    parsed: Iterable[ParsedPlaybook], stages: Sequence[Stage], *, crm_leads: bool
) -> Iterator[Finding]:
    """Warnings for `set: {stage: …}`: a stage that is none, or one that the CRM leads (S17)."""
    known = [stage.stage for stage in stages]
    for playbook in parsed:
        for placed in playbook.steps():
            step = placed.step
            if not isinstance(step, SetStep) or "stage" not in step.values:
                continue
            path, name = f"{placed.path}.set.stage", str(step.values["stage"])
            if crm_leads:
                message = (
                    "workspace.yml says that the CRM leads the stage (`stage_from: import`), and this step sets it"
                )
                hint = "set an attribute, or let stages.yml lead"
                yield playbook.source.finding(path, "stage-from-import", message, hint, severity="warning")
            elif known and name not in known:
                message = f"stages.yml has no stage `{name}`"
                hint = suggestion(name, known) or f"it has {', '.join(known)}"
                yield playbook.source.finding(path, "unknown-stage", message, hint, severity="warning")


def _stages_of(text: str) -> Iterator[str]:
    try:
        nodes = tuple(every_node(parse_value(text).tree))
    except ConditionError:
        return  # said already, at the condition itself
    for node in nodes:
        if isinstance(node, Comparison) and _is_stage(node.left, node.right):
            yield from _texts((node.left, node.right))
        if isinstance(node, Membership) and _is_stage(node.value):
            yield from _texts(node.items)


def _is_stage(*nodes: Node) -> bool:
    return any(isinstance(node, Word) and node.name == "stage" for node in nodes)


def _texts(nodes: Iterable[Node]) -> Iterator[str]:
    yield from (node.value for node in nodes if isinstance(node, Constant) and isinstance(node.value, str))
