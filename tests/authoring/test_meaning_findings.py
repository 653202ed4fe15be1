"""Playbooks that read well and mean nothing: each is told at its place, with what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.authoring.condition_findings import check_conditions
from bot.authoring.meaning_findings import check_meaning
from bot.authoring.placed import ParsedPlaybook
from bot.authoring.templates import Templates, compile_templates
from bot.authoring.workspace import load_workspace
from bot.authoring.workspace_file import load_workspace_settings
from bot.errors import Finding
from bot.rules import vocabulary
from bot.rules.playbook import Exit
from tests.authoring.files import parsed

PLAYS = Path(__file__).parent.parent / "vectors" / "plays"
SURVEYS = Path(__file__).parents[2] / "playbooks" / "surveys.yml"
MAILS = Path(__file__).parents[2] / "templates" / "emails"


def book(
    name: str, *, enter: str = "{manual: true}", steps: str = "[{log: x}]", more: str = "", state: str = "live"
) -> ParsedPlaybook:
    text = f"title: T\nwalks: customer\nstate: {state}\nenter: {enter}\n{more}\nsteps: {steps}\n"
    return parsed(text, f"playbooks/journeys/{name}.yml")


def templates(**bodies: str) -> Templates:
    files = {
        f"templates/emails/{name}.en.md": f"---\nsubject: Hi\npreheader: Hi\ncategory: lifecycle\n---\n{body}\n"
        for name, body in bodies.items()
    }
    found, _ = compile_templates(files, names=vocabulary.names(), functions=vocabulary.functions())
    assert set(found.names) == set(bodies)
    return found


def check(*books: ParsedPlaybook, exits: tuple[Exit, ...] = (), mails: Templates | None = None) -> list[Finding]:
    return check_meaning(books, mails or templates(), exits)


def only(findings: list[Finding]) -> tuple[str, str, str, str]:
    (found,) = findings
    assert found.line > 1
    return found.rule, found.severity, found.path, found.hint


@pytest.mark.parametrize("state", ["live", "draft"])
def test_an_outcome_that_the_other_playbook_never_ends_with_is_told(state: str) -> None:
    first = book("first", steps="[{end: renewed}]", more="exit: [{when: 'stage == \"lost\"', outcome: gave up}]")
    findings = check(first, book("then", enter="{after: {playbook: first, outcome: [renewd, gave up]}}", state=state))
    severity = "error" if state == "live" else "warning"
    assert only(findings) == ("unknown-outcome", severity, "enter.after.outcome", "did you mean `renewed`?")
    assert findings[0].message == "`first` never ends with `renewd`"


@pytest.mark.parametrize("outcome", ["goal", "churned", "completed", "exited", "contact_gone", "superseded"])
def test_what_a_walk_can_end_with_besides_its_own_words_is_known(outcome: str) -> None:
    churned = (Exit(when='stage == "churned"', outcome="churned"),)
    first = book("first", more='goal: stage == "adoption"')
    assert check(first, book("then", enter=f"{{after: {{playbook: first, outcome: {outcome}}}}}"), exits=churned) == []


def test_exits_of_the_workspace_and_goals_count_only_where_they_apply() -> None:
    churned = (Exit(when='stage == "churned"', outcome="churned"),)
    then = book("then", enter="{after: {playbook: first, outcome: [churned, goal]}}")
    findings = check(book("first", more="exit_on_churn: false"), then, exits=churned)
    assert [found.message for found in findings] == [
        "`first` never ends with `churned`",
        "`first` never ends with `goal`",
    ]


@pytest.mark.parametrize("name", ["survey.answred", "survey_answered", "Survey.Answered", "csm.changed"])
def test_a_misspelt_built_in_event_is_told_with_the_right_one(name: str) -> None:
    findings = check(book("a", enter=f"{{on: {name}}}"))
    expected = [] if name == "csm.changed" else [("unknown-event", "warning", "did you mean `survey.answered`?")]
    assert [(found.rule, found.severity, found.hint) for found in findings] == expected


@pytest.mark.parametrize("name", ["survey.answered", "ticket.escalated", "meeting.paid", "office_hours_registered"])
def test_events_of_the_product_may_be_called_anything(name: str) -> None:
    assert check(book("a", enter=f"{{on: {name}}}")) == []


def test_a_built_in_event_has_only_its_own_fields() -> None:
    findings = check(book("a", enter="{on: survey.answered, when: 'event.scor <= 6 and event.kind == \"nps\"'}"))
    assert only(findings) == ("no-fact", "error", "enter.when", "did you mean `score`?")
    assert findings[0].message == "`survey.answered` has no field `scor`, so `event.scor` is always empty"


def test_a_tracked_event_may_have_any_field() -> None:
    assert check(book("a", enter="{on: signed_up, when: 'event.scor <= 6'}")) == []


@pytest.mark.parametrize(
    ("condition", "is_told"),
    [
        ('outcome("call") == "will strat"', True),
        ('"will strat" == outcome("call")', True),
        ('outcome("call") in ["will start", "will strat"]', True),
        ('not (outcome("call") != "will strat")', True),
        ('outcome("call") == "will start"', False),
        ('outcome("free") == "will strat"', False),
    ],
)
def test_an_outcome_that_a_hand_off_never_closes_with_is_told(condition: str, is_told: bool) -> None:
    steps = f"""
  - handoff: Call
    id: call
    outcomes: [will start, wrong product]
  - handoff: Write
    id: free
  - if: {condition!r}
    then: [{{log: x}}]"""
    findings = check(book("a", steps=steps))
    assert bool(findings) is is_told
    if is_told:
        assert only(findings) == ("unknown-outcome", "error", "steps[2].if", "did you mean `will start`?")


def test_s12_a_goal_that_is_met_on_entering_keeps_everybody_out() -> None:
    findings = check(book("a", enter="{when: stage == 'new'}", more='goal: stage == "new"'))
    assert only(findings) == ("never-enters", "error", "goal", "write what should be different at the end")


def test_an_exit_that_says_what_an_earlier_ending_says_is_never_taken() -> None:
    more = "goal: arr > 5\nexit:\n  - {when: arr > 5, outcome: rich}\n  - {when: arr < 1, outcome: poor}"
    findings = check(book("a", more=more))
    assert only(findings) == ("unreachable-exit", "warning", "exit[0].when", "keep one of them")
    assert findings[0].message == "Nobody leaves by this: `goal` says the same and comes first"


@pytest.mark.parametrize(
    ("enter", "is_told"),
    [
        ("{when: stage == 'new'}", True),
        ("{on: ticket.opened}", True),
        ("{on: survey.answered}", False),
        ("{on: signed_up}", False),
        ("{manual: true}", False),
    ],
)
def test_a_mail_that_prints_what_no_event_fills_is_told(enter: str, is_told: bool) -> None:
    mails = templates(thanks="Your {{ event.score }} points")
    findings = check(book("a", enter=enter, steps="[{email: thanks}]"), mails=mails)
    assert [(found.rule, found.severity, found.path) for found in findings] == (
        [("no-fact", "warning", "steps[0].email")] if is_told else []
    )


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("{{ event.score | number }}", True),
        ("{{ event.note or 'x' }}", False),
        ("{% if event.score %}{{ event.score }}{% endif %}", False),
        ("{{ event.note if event.note else 'x' }}", False),
    ],
)
def test_a_field_with_a_fallback_holds_no_mail(body: str, is_told: bool) -> None:
    findings = check(book("a", enter="{when: arr > 1}", steps="[{email: m}]"), mails=templates(m=f"x {body}"))
    assert bool(findings) is is_told


def test_a_prepared_mail_is_looked_at_as_well() -> None:
    mails = templates(thanks="Your {{ event.score }} points")
    findings = check(book("a", enter="{when: arr > 1}", steps="[{handoff: Call, prepare: thanks}]"), mails=mails)
    assert [found.path for found in findings] == ["steps[0].prepare"]


@pytest.mark.parametrize(("limits", "hint"), [("{tickets: [{is: 3}]}", "did you mean `tickets`?"), ("{}", "")])
def test_a_limit_that_the_workspace_does_not_define_is_told(limits: str, hint: str) -> None:
    settings, _ = load_workspace_settings(f"limits: {limits}\n", "playbooks/workspace.yml")
    assert settings is not None
    asking = book("a", enter="{when: tickets(days=30) >= limit('ticket')}")
    (found,) = check_conditions([asking], settings, replies_set_up=False)
    assert (found.rule, found.severity, found.path) == ("unknown-limit", "warning", "enter.when")
    assert found.hint == (hint or "add it under `limits:` in workspace.yml")
    known = book("a", enter="{when: tickets(days=30) >= limit('tickets')}")
    assert bool(check_conditions([known], settings, replies_set_up=False)) is not bool(hint)


def test_the_46_plays_of_the_practice_mean_what_they_say() -> None:
    files = {f"playbooks/{path.relative_to(PLAYS)}": path.read_text(encoding="utf-8") for path in PLAYS.rglob("*.yml")}
    files |= {f"templates/emails/{path.name}": path.read_text(encoding="utf-8") for path in MAILS.iterdir()}
    files["playbooks/surveys.yml"] = SURVEYS.read_text(encoding="utf-8")  # the practice names surveys, it words none
    workspace = load_workspace(files)
    assert len(workspace.playbooks) == 46
    # Templates of the practice are not part of the repository, and no inbound route is set up here.
    expected = {"unknown-template", "no-inbound-route"}
    # Our own mails name what our own catalogue has; the practice has another.
    found = {found.rule for found in workspace.findings if found.file.startswith("playbooks/")}
    assert found - expected == set()


@pytest.mark.parametrize("step", ["[{email: invite, to: anyone}]", "[{handoff: Invite them, prepare: invite}]"])
def test_gaps_for_a_person_are_no_mail_that_goes_by_itself(step: str) -> None:
    findings = check(book("b", steps=step), mails=templates(invite="On [[day]]."))
    assert [(found.rule, found.severity) for found in findings] == ([("mail-gaps", "error")] if "email" in step else [])


def test_a_kind_of_answer_that_does_not_exist_is_told() -> None:
    steps = "[{handoff: Call, ask: {reason: churn_reason, seats: number, sure: yes_no, other: text}}]"
    findings = check_meaning([book("ask", steps=steps)], templates(), ())
    assert only(findings) == ("unknown-answer", "error", "steps[0].ask.reason", "did you mean `churn_reasons`?")
