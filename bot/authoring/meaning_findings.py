"""What `check` says about playbooks that read well and mean nothing: outcomes nobody ever gives, misspelt events, event fields
and mail fields that no fact fills, goals that keep everybody out, endings nobody reaches. After condition_findings."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping

from bot.authoring.answer_lists import KINDS
from bot.authoring.nearest import nearest, suggestion
from bot.authoring.placed import ParsedPlaybook, PlacedText
from bot.authoring.template_prints import always_printed
from bot.authoring.templates import Templates
from bot.errors import ConditionError, Finding, Severity
from bot.rules.built_in_events import BUILT_IN_EVENTS
from bot.rules.condition_tree import Call, Comparison, Constant, Membership, Node, every_node, text_of
from bot.rules.conditions import Condition, parse_condition
from bot.rules.playbook import Exit, Playbook
from bot.rules.steps_model import EmailStep, EndStep, HandoffStep, walk_steps

EVENT_FIELDS = {event.name: event.fields for event in BUILT_IN_EVENTS}
#: Endings that the machine and people give to every walk.
EVERY_OUTCOME = ("completed", "exited", "contact_gone", "superseded")
OWN_EVENTS = ("on", "after", "manual")
#: How alike two words must be, from 0 to 1.
A_SLIP = 0.9
#: What `event.` offers in a walk that a signal started.
SIGNAL_FIELDS = ("signal",)
AFTER_FIELDS = EVENT_FIELDS["playbook.ended"]


def check_meaning(
    parsed: Collection[ParsedPlaybook], templates: Templates, workspace_exits: Iterable[Exit]
) -> list[Finding]:
    """Errors where nothing could ever happen and the playbook is live, else warnings."""
    by_name = {found.playbook.name: found.playbook for found in parsed}
    endings = tuple(workspace_exits)
    findings: list[Finding] = []
    for playbook in parsed:
        findings += _check_after(playbook, by_name, endings)
        findings += _check_event(playbook)
        findings += _check_event_fields(playbook)
        findings += _check_answers(playbook)
        findings += _check_questions(playbook)
        findings += _check_endings(playbook)
        findings += _check_mail_fields(playbook, templates)
        findings += _check_gaps(playbook, templates)
    return findings


def outcomes_of(playbook: Playbook, workspace_exits: Iterable[Exit]) -> set[str]:
    """Every outcome a walk of it can have."""
    exits = (*playbook.exit, *(workspace_exits if playbook.exit_on_churn else ()))
    ends = {step.outcome for step in walk_steps(playbook.steps) if isinstance(step, EndStep)}
    has_goal = playbook.goal is not None or playbook.enter.trigger == "signal"
    return {*EVERY_OUTCOME, *ends, *(found.outcome for found in exits), *(("goal",) if has_goal else ())}


def _check_after(
    parsed: ParsedPlaybook, by_name: Mapping[str, Playbook], workspace_exits: tuple[Exit, ...]
) -> Iterator[Finding]:
    after = parsed.playbook.enter.after
    other = by_name.get(after.playbook) if after else None
    if after is None or other is None:
        return
    possible = outcomes_of(other, workspace_exits)
    for outcome in after.outcome:
        if outcome not in possible:
            message = f"`{after.playbook}` never ends with `{outcome}`"
            hint = suggestion(outcome, possible)
            path = "enter.after.outcome"
            yield parsed.source.finding(path, "unknown-outcome", message, hint, severity=_severity(parsed))


def _check_event(parsed: ParsedPlaybook) -> Iterator[Finding]:
    """Tracked events may be called anything, so only what looks like a built-in one is told."""
    name = parsed.playbook.enter.on
    if name is None or name in EVENT_FIELDS:
        return
    guess = nearest(name, EVENT_FIELDS)
    if guess is not None and _is_close(name, guess):
        message = f"There is no built-in event `{name}`; it starts somebody only if your product tracks it by that name"
        hint = f"did you mean `{guess}`?"
        yield parsed.source.finding("enter.on", "unknown-event", message, hint, severity="warning")


def _is_close(name: str, guess: str) -> bool:
    """Whether it is the same word but for a slip: `survey_answered`, `survey.answred`; not `ticket.escalated`."""
    plain, other = (text.lower().replace(".", "").replace("_", "") for text in (name, guess))
    return difflib.SequenceMatcher(None, plain, other).ratio() >= A_SLIP


def _check_event_fields(parsed: ParsedPlaybook) -> Iterator[Finding]:
    """`event.x` of a built-in event can only be one of its fields."""
    fields = _event_fields(parsed.playbook)
    if fields is None:
        return
    for found, condition in _conditions(parsed):
        for field in sorted(condition.event_fields.difference(fields)):
            name = parsed.playbook.enter.on or ("signal" if parsed.playbook.enter.signal else "playbook.ended")
            message = f"`{name}` has no field `{field}`, so `event.{field}` is always empty"
            yield _at(parsed, found, "no-fact", message, suggestion(field, fields))


def _event_fields(playbook: Playbook) -> tuple[str, ...] | None:
    """The closed list of what `event.` offers; None: the event is a tracked one and may have anything."""
    if playbook.enter.after:
        return AFTER_FIELDS
    if playbook.enter.signal:
        return SIGNAL_FIELDS
    return EVENT_FIELDS.get(playbook.enter.on or "")


def _check_answers(parsed: ParsedPlaybook) -> Iterator[Finding]:
    """`outcome("call") == "x"`, where the hand-off closes with other words."""
    answers = {
        placed.step.id: placed.step.outcomes
        for placed in parsed.steps()
        if isinstance(placed.step, HandoffStep) and placed.step.outcomes
    }
    for found, condition in _conditions(parsed):
        for step, answer in _compared_outcomes(condition.tree):
            if step in answers and answer not in answers[step]:
                message = f"The hand-off `{step}` never closes with `{answer}`"
                yield _at(parsed, found, "unknown-outcome", message, suggestion(answer, answers[step]))


def _compared_outcomes(tree: Node) -> Iterator[tuple[str, str]]:
    """Step and answer of every `outcome("step") == "answer"`, also `!=`, `in [...]`."""
    for node in every_node(tree):
        match node:
            case Comparison(left=Call(function="outcome") as call, right=Constant(value=str(answer))):
                yield str(call.arguments[0][1]), answer
            case Comparison(left=Constant(value=str(answer)), right=Call(function="outcome") as call):
                yield str(call.arguments[0][1]), answer
            case Membership(value=Call(function="outcome") as call, items=items):
                answers = (item.value for item in items if isinstance(item, Constant))
                yield from ((str(call.arguments[0][1]), answer) for answer in answers if isinstance(answer, str))
            case _:
                pass


def _check_questions(parsed: ParsedPlaybook) -> Iterator[Finding]:
    """`ask: {churn_reason: churn_reason}`, which would take any text."""
    for placed in parsed.steps():
        asked = placed.step.ask if isinstance(placed.step, HandoffStep) else {}
        for name, kind in asked.items():
            if kind not in KINDS:
                message = f"`{name}` asks for `{kind}`, which is no kind of answer, so any text would do"
                path = f"{placed.path}.ask.{name}"
                yield parsed.source.finding(
                    path, "unknown-answer", message, suggestion(kind, KINDS), severity=_severity(parsed)
                )


def _check_endings(parsed: ParsedPlaybook) -> Iterator[Finding]:
    """S12: who meets the goal or an exit on entering does not enter; of two equal endings the first wins."""
    playbook = parsed.playbook
    entry = _meaning(playbook.enter.when)
    earlier: dict[str, str] = {}
    endings = [("goal", playbook.goal), *((f"exit[{n}].when", found.when) for n, found in enumerate(playbook.exit))]
    for path, text in endings:
        meaning = _meaning(text)
        if meaning is None:
            continue
        if meaning == entry:
            message = "Whoever may enter meets this already, so nobody ever enters"
            hint = "write what should be different at the end"
            yield parsed.source.finding(path, "never-enters", message, hint, severity=_severity(parsed))
        elif meaning in earlier:
            message = f"Nobody leaves by this: `{earlier[meaning]}` says the same and comes first"
            yield parsed.source.finding(path, "unreachable-exit", message, "keep one of them", severity="warning")
        earlier.setdefault(meaning, path)


def _check_mail_fields(parsed: ParsedPlaybook, templates: Templates) -> Iterator[Finding]:
    """`event.x` in a mail, where no event starts the walk or the event has no such field: held for ever."""
    trigger = parsed.playbook.enter.trigger
    fields = _event_fields(parsed.playbook) if trigger in (*OWN_EVENTS, "signal") else ()
    if fields is None or trigger == "manual":
        return
    for placed in parsed.steps():
        step = placed.step
        name = step.template if isinstance(step, EmailStep) else step.prepare if isinstance(step, HandoffStep) else None
        key = step.kind if isinstance(step, EmailStep) else "prepare"
        for field in sorted(_event_fields_of_mail(templates, name).difference(fields)):
            message = f"`{name}` prints `event.{field}`, and nothing fills it in this playbook: the mail would be held"
            hint = "use another template here, or start the playbook with the event (`enter: {on: …}`)"
            yield parsed.source.finding(f"{placed.path}.{key}", "no-fact", message, hint, severity="warning")


def _check_gaps(parsed: ParsedPlaybook, templates: Templates) -> Iterator[Finding]:
    """`[[…]]` is for a person to fill; nobody does in a mail that goes by itself."""
    for placed in parsed.steps():
        if not isinstance(placed.step, EmailStep):
            continue
        versions = templates.by_name.get(placed.step.template, {}).values()
        if any(version.has_gaps for version in versions):
            message = f"`{placed.step.template}` leaves gaps (`[[…]]`) to a person, and this mail goes by itself"
            hint = "prepare it in a hand-off (`prepare: …`), or write the template without gaps"
            yield parsed.source.finding(
                f"{placed.path}.{placed.step.kind}", "mail-gaps", message, hint, severity=_severity(parsed)
            )


def _event_fields_of_mail(templates: Templates, name: str | None) -> set[str]:
    versions = templates.by_name.get(name or "", {}).values()
    printed = {field for version in versions for field in always_printed(version)}
    return {field.removeprefix("event.") for field in printed if field.startswith("event.")}


def _conditions(parsed: ParsedPlaybook) -> Iterator[tuple[PlacedText, Condition]]:
    """Those that can be read; the others are told of at their place already."""
    for found in parsed.source.conditions:
        condition = _read(found.text)
        if condition is not None:
            yield found, condition


def _read(text: str | None) -> Condition | None:
    try:
        return parse_condition(text) if text else None
    except ConditionError:
        return None


def _meaning(text: str | None) -> str | None:
    """The condition written in the one way, so that spaces and quotes make no difference."""
    condition = _read(text)
    return None if condition is None else text_of(condition.tree)


def _severity(parsed: ParsedPlaybook) -> Severity:
    return "error" if parsed.playbook.state in ("live", "paused") else "warning"


def _at(parsed: ParsedPlaybook, found: PlacedText, rule: str, message: str, hint: str) -> Finding:
    return Finding(
        file=parsed.source.file,
        line=found.line,
        path=found.path,
        rule=rule,
        severity=_severity(parsed),
        message=message,
        hint=hint,
    )
