"""Checks one playbook as a whole: ids, steps nobody reaches, blocks that do nothing, settings that contradict each other.
Conditions and templates are judged elsewhere. After playbook_files, before deploy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.authoring.placed import ParsedPlaybook, PlacedStep
from bot.errors import Finding
from bot.rules.playbook import Playbook
from bot.rules.step_ids import NAMED_KINDS
from bot.rules.steps_model import (
    AssignStep,
    EmailStep,
    EndStep,
    HandoffStep,
    IfStep,
    SplitStep,
    Step,
    SurveyStep,
    WaitStep,
    blocks,
    walk_steps,
)


def check_structure(parsed: ParsedPlaybook) -> list[Finding]:
    """What is wrong with the playbook by itself."""
    return [finding for check in _CHECKS for finding in check(parsed)]


def waits_without_limit(playbook: Playbook) -> tuple[WaitStep, ...]:
    """The waits on a condition that may never come true in time: only what time itself makes true needs no
    `at_most` (S11), and only who reads the condition can tell."""
    steps = walk_steps(playbook.steps)
    return tuple(step for step in steps if isinstance(step, WaitStep) and step.until and step.at_most is None)


def _check_ids(parsed: ParsedPlaybook) -> Iterator[Finding]:
    """S16: ids are unique per playbook, branches included; a second use of a template needs an `id`."""
    first: dict[str, PlacedStep] = {}
    for placed in parsed.steps():
        earlier = first.setdefault(placed.step.id, placed)
        if earlier is placed:
            continue
        was_given = f"{placed.path}.id" in parsed.source.lines
        path = f"{placed.path}.id" if was_given else placed.path
        message = f"Two steps have the id `{placed.step.id}`; the first stands in line {earlier.step.line}"
        hint = "give one of them another `id`"
        if not was_given and placed.step.kind in NAMED_KINDS:
            hint = f"it comes from its name: add an own `id:`, such as `id: {placed.step.id}_2`"
        yield parsed.source.finding(path, "duplicate-id", message, hint)


def _check_reach(parsed: ParsedPlaybook) -> Iterator[Finding]:
    for location, steps in parsed.blocks():
        ended = next((number for number, step in enumerate(steps) if always_ends(step)), None)
        if ended is None or ended == len(steps) - 1:
            continue
        path = parsed.source.paths.get((*location, ended + 1), "")
        message = f"Nobody reaches this step: every walk has ended in line {steps[ended].line}"
        yield parsed.source.finding(path, "unreachable-step", message, "move it up, or delete it")


def always_ends(step: Step) -> bool:
    """Whether no walk goes on after this step: it ends the walk, or each of its ways does."""
    if step.when is not None:
        return False
    ways = _ways(step)
    return isinstance(step, EndStep) or (bool(ways) and all(_block_ends(way) for way in ways))


def _ways(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The blocks of which a walk takes exactly one; an empty block goes on with the next step."""
    match step:
        case WaitStep() if step.until is not None and step.at_most is None:
            return (step.then,)
        case SplitStep():
            return tuple(arm.steps for arm in step.arms if arm.weight)
        case _:
            return blocks(step)


def _block_ends(steps: tuple[Step, ...]) -> bool:
    return any(always_ends(step) for step in steps)


def _check_blocks(parsed: ParsedPlaybook) -> Iterator[Finding]:
    for placed in parsed.steps():
        step, path, source = placed.step, placed.path, parsed.source
        if isinstance(step, IfStep) and not (step.then or step.otherwise):
            yield source.finding(path, "empty-step", "This `if` does nothing either way", "add `then:` with steps")
        if isinstance(step, WaitStep) and step.otherwise and step.at_most is None:
            message = "`else` is never walked: without `at_most` the wait has no end but `until`"
            yield source.finding(path, "unreachable-step", message, "add `at_most: 14 days` inside `wait:`")
        if isinstance(step, SplitStep):
            yield from _check_split(parsed, step, path)


def _check_split(parsed: ParsedPlaybook, step: SplitStep, path: str) -> Iterator[Finding]:
    names = [arm.arm for arm in step.arms]
    for name in sorted({name for name in names if names.count(name) > 1}):
        message = f"Two arms are called `{name}`"
        yield parsed.source.finding(path, "duplicate-id", message, "give each arm its own name")
    if not any(arm.weight for arm in step.arms):
        message = "No arm has a weight, so nobody could be put into one"
        yield parsed.source.finding(path, "wrong-value", message, "write weights such as 50 and 50")


def _check_recipients(parsed: ParsedPlaybook) -> Iterator[Finding]:
    if parsed.playbook.walks == "contact":
        return
    for placed in parsed.steps():
        if isinstance(placed.step, EmailStep | SurveyStep | AssignStep) and "contact" in placed.step.to:
            message = "`to: contact` means the contact who walks, but this playbook walks customers"
            hint = "name a role (`to: champion`), or write `walks: contact`"
            yield parsed.source.finding(f"{placed.path}.to", "wrong-value", message, hint)


def _check_holdout(parsed: ParsedPlaybook) -> Iterator[Finding]:
    """S33: a silent share and mails that may not be held back exclude each other."""
    if not parsed.playbook.holdout:
        return
    for placed in parsed.steps():
        if isinstance(placed.step, EmailStep | SurveyStep) and placed.step.cap == "exempt":
            message = "A mail with `cap: exempt` must reach everybody, but `holdout` keeps it from a share of them"
            hint = "delete `holdout` from the playbook, or `cap: exempt` here"
            yield parsed.source.finding(f"{placed.path}.cap", "holdout-exempt", message, hint)


def _check_settings(parsed: ParsedPlaybook) -> Iterator[Finding]:
    """Keys that have no effect, or contradict, as they stand."""
    playbook, source = parsed.playbook, parsed.source
    trigger = playbook.enter.trigger
    if "existing" in playbook.enter.model_fields_set and trigger not in ("when", "signal"):
        message = f"`existing` has no effect beside `{trigger}`: only `when` and `signal` can hold before going live"
        yield source.finding("enter.existing", "no-effect", message, "delete the line", severity="warning")
    if playbook.preempt and playbook.exclusive is None:
        message = "`preempt` has no effect without `exclusive`"
        yield source.finding("preempt", "no-effect", message, "add `exclusive: GROUP`", severity="warning")
    if playbook.was == playbook.name:
        message = f"`was: {playbook.was}` names this playbook itself"
        yield source.finding("was", "wrong-value", message, "write the former file name, or delete the line")
    if "goal_within" in playbook.model_fields_set and playbook.goal is None and trigger != "signal":
        message = "`goal_within` has no effect without `goal`"
        yield source.finding("goal_within", "no-effect", message, "add `goal: CONDITION`", severity="warning")


def _check_handoffs(parsed: ParsedPlaybook) -> Iterator[Finding]:
    for placed in parsed.steps():
        step = placed.step
        if isinstance(step, HandoffStep) and step.escalate_to and step.acknowledge_within is None:
            message = "`escalate_to` waits for `acknowledge_within`, which is not said"
            hint = "add `acknowledge_within: 4 business hours`"
            yield parsed.source.finding(f"{placed.path}.escalate_to", "no-effect", message, hint, severity="warning")


_CHECKS: tuple[Callable[[ParsedPlaybook], Iterator[Finding]], ...] = (
    _check_ids,
    _check_reach,
    _check_blocks,
    _check_recipients,
    _check_holdout,
    _check_settings,
    _check_handoffs,
)
