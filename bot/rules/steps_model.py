"""What each step of a playbook is: one frozen model per kind, joined by `kind`. A field whose YAML key differs from
its name says so in `key`. It never reads YAML (authoring does) and never runs a step (pipeline.steps does)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from bot.rules.field_types import (
    ConditionText,
    DaysText,
    DurationOrMoment,
    DurationText,
    HoursText,
    MomentOrAnchor,
    Name,
    Part,
    Text,
    Word,
    Words,
    refused,
)
from bot.rules.surveys import TEMPLATE

BriefItem = Literal[
    "health", "stage_checks", "usage", "features", "open_tickets", "contacts", "plan", "renewal", "whitespace",
    "content", "open_handoffs", "last_activities", "event", "signal",
]  # fmt: skip
Scalar = str | int | float | bool | None


def key(name: str) -> dict[str, Any]:
    """The field's key in YAML, where it differs from the field's name."""
    return {"key": name}


def unwritten(name: str = "") -> dict[str, Any]:
    """For fields that no key of their own fills: the loader does, or the key `name` of this model."""
    return {"key": name, "unwritten": True}


def read_late(value: object) -> object:
    """`skip`, `send` and `skip after 2 days` → the parts of `Late`."""
    if not isinstance(value, str):
        return value
    action, _, after = value.partition(" after ")
    if action.strip() not in ("skip", "send") or (action.strip() == "send" and after):
        raise refused(f"`{value}` is no rule for being late", "write `skip`, `send` or `skip after 24 hours`")
    return {"action": action.strip()} | ({"after": after.strip()} if after else {})


class LateRule(Part):
    """What happens to a mail that our own downtime made late (S8)."""

    action: Literal["skip", "send"] = Field("skip", description="`skip` drops the late mail, `send` sends it anyway.")
    after: DurationText = Field("24 hours", description="How late is too late.")


Late = Annotated[
    LateRule,
    BeforeValidator(read_late),
    WithJsonSchema({"type": "string", "pattern": "^(skip|send|skip after .+)$"}),
]


def read_window(value: object) -> object:
    """`14:00-17:00` → hours of every day; `any time` → always."""
    if not isinstance(value, str):
        return value
    return {"hours": "00:00-24:00" if value.strip() == "any time" else value}


class WindowHours(Part):
    """When mails of a playbook or step may go out, in the reader's local time."""

    days: DaysText = Field("every day", description="`every day`, `monday to friday`, or names: `monday, thursday`.")
    hours: HoursText = Field(description="From and to, local time: `14:00-17:00`.")


Window = Annotated[
    WindowHours,
    BeforeValidator(read_window),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["hours"],
                    "properties": {"days": {"type": "string"}, "hours": {"type": "string"}},
                },
            ]
        }
    ),
]


class StepBase(Part):
    """What every step has."""

    id: str = Field("", description='The step\'s name in conditions such as `clicked("notice")`; unique per playbook.')
    when: ConditionText | None = Field(None, description="A condition; where it does not hold the step is skipped.")
    line: int = Field(0, description="The line of the file the step stands on.", json_schema_extra=unwritten())


class EmailStep(StepBase):
    """Sends a mail made from a template."""

    kind: Literal["email"] = "email"
    template: Name = Field(
        description="The template: `templates/emails/NAME.LOCALE.md`.", json_schema_extra=key("email")
    )
    to: Words = Field(
        (),
        description="A role, a list of roles (the first with somebody mailable), `all(role)`, `anyone` or `contact`.",
    )
    sender: Word = Field(
        "workspace",
        description="Who signs: `workspace`, `csm`, `csm.manager` or a role of ours.",
        json_schema_extra=key("from"),
    )
    review: Literal["csm", "none"] | None = Field(
        None, description="`csm`: the CSM reads the mail before it goes; default by touch model in workspace.yml."
    )
    window: Window | None = Field(None, description="When this mail may go out, within all other windows.")
    cap: Literal["exempt"] | None = Field(None, description="`exempt`: this mail ignores the caps of workspace.yml.")
    expires: DurationText | None = Field(
        None, description="How long the mail may wait before it is dropped; 3 days when not said."
    )
    late: Late | None = Field(None, description="What happens when our own downtime made it late.")
    on_unknown: Literal["resend_once"] | None = Field(
        None,
        description="`resend_once`: a mail of unknown fate is sent once more after an hour without evidence; it may arrive twice.",
    )


class HandoffStep(StepBase):
    """Calls a person of ours to act."""

    kind: Literal["handoff"] = "handoff"
    title: Text = Field(description="What the person is asked to do.", json_schema_extra=key("handoff"))
    category: Word = Field(
        "task",
        description="The kind of call: risk, opportunity, onboarding … your own word.",
        json_schema_extra=key("kind"),
    )
    urgency: Literal["low", "normal", "high"] = Field(
        "normal", description="`low` joins the owner's morning digest, `high` pings at once."
    )
    owner: Word | None = Field(
        None, description="A role of ours, `csm.manager`, `round_robin(team)` or a person's key; the CSM when not said."
    )
    due: DurationOrMoment | None = Field(
        None, description="`3 business days`, `today 17:00`: when it must be done, in the owner's working hours."
    )
    acknowledge_within: DurationText | None = Field(
        None, description="How soon the owner must react before it escalates."
    )
    escalate_to: Word | None = Field(None, description="Who is asked when nobody reacts.")
    brief: tuple[BriefItem, ...] = Field((), description="What the card shows about the customer.")
    prepare: Name | None = Field(
        None, description="An e-mail-assist template, rendered for this customer, to edit and send."
    )
    tasks: tuple[Text, ...] = Field((), description="The steps to tick off.")
    outcomes: tuple[Word, ...] = Field(
        (), description='The answers to choose from when closing; `outcome("id")` reads them.'
    )
    notify: Words = Field((), description='Who else is told: roles of ours, persons, `"#channel"`.')
    window: Literal["contact"] | None = Field(
        None, description="`contact`: ping only when the customer can be reached."
    )
    ask: dict[Word, Word] = Field(
        default_factory=dict,
        description="Answers that become facts: `{churn_reason: churn_reasons}`; kinds: text, number, yes_no, churn_reasons.",
    )


class WaitStep(StepBase):
    """Waits for a time, for a condition, or for a moment."""

    kind: Literal["wait"] = "wait"
    duration: DurationOrMoment | None = Field(
        None, description="`5 days`, `2 business days`, `09:00 next business day`.", json_schema_extra=key("wait")
    )
    until: ConditionText | None = Field(
        None,
        description="A condition, or a moment or date ± a duration: the wait is over when it holds or comes.",
        json_schema_extra=unwritten("until"),
    )
    until_moment: MomentOrAnchor | None = Field(
        None, description="A moment (`2027-09-09 15:00`) or a date ± a duration.", json_schema_extra=unwritten("until")
    )
    at_most: DurationText | None = Field(
        None, description="How long `until` may take; then `else` is walked.", json_schema_extra=unwritten("at_most")
    )
    then: tuple[Step, ...] = Field((), description="The steps when `until` held in time.")
    otherwise: tuple[Step, ...] = Field(
        (), description="The steps when `at_most` passed first.", json_schema_extra=key("else")
    )

    @model_validator(mode="after")
    def _one_form(self) -> WaitStep:
        forms = [form for form in (self.duration, self.until, self.until_moment) if form is not None]
        if len(forms) != 1:
            raise refused(
                "a wait needs exactly one of a duration or `until`",
                "write `wait: 5 days` or `wait: {until: …, at_most: 14 days}`",
            )
        if self.until is None and (self.at_most or self.then or self.otherwise):
            raise refused(
                "`at_most`, `then` and `else` only make sense beside `until:` with a condition",
                "write `wait: {until: CONDITION, at_most: 14 days}`",
            )
        return self


class IfStep(StepBase):
    """Chooses between two blocks."""

    kind: Literal["if"] = "if"
    condition: ConditionText = Field(description="The condition to decide by.", json_schema_extra=key("if"))
    then: tuple[Step, ...] = Field((), description="The steps where it holds.")
    otherwise: tuple[Step, ...] = Field((), description="The steps where it does not.", json_schema_extra=key("else"))


class Case(Part):
    """One arm of a branch."""

    when: ConditionText = Field(description="The condition of this case.")
    steps: tuple[Step, ...] = Field((), description="The steps of this case.")


class BranchStep(StepBase):
    """Chooses the first case that holds."""

    kind: Literal["branch"] = "branch"
    cases: tuple[Case, ...] = Field(
        min_length=1,
        description="The cases, first that holds wins; the last item may be `- else: […]`.",
        json_schema_extra=key("branch"),
    )
    otherwise: tuple[Step, ...] = Field((), description="The steps when no case holds.", json_schema_extra=key("else"))


class Arm(Part):
    """One arm of a split."""

    arm: Word = Field(description="The arm's name in reports.")
    weight: int = Field(ge=0, le=1_000_000, description="Its share, relative to the other arms.")
    steps: tuple[Step, ...] = Field((), description="The steps of this arm; none is a control group.")


class SplitStep(StepBase):
    """Divides customers by chance, stable per customer (S23)."""

    kind: Literal["split"] = "split"
    arms: tuple[Arm, ...] = Field(min_length=2, description="At least two arms.", json_schema_extra=key("split"))


class SetStep(StepBase):
    """Writes the customer's stage or attributes."""

    kind: Literal["set"] = "set"
    values: dict[Word, Scalar] = Field(
        min_length=1,
        description="`stage: adoption`, `attributes.x: today` … what to write.",
        json_schema_extra=key("set"),
    )


class LogStep(StepBase):
    """Writes one line to the customer's timeline."""

    kind: Literal["log"] = "log"
    text: Text = Field(description="The line.", json_schema_extra=key("log"))


class EnrollStep(StepBase):
    """Starts another playbook; this one goes on (S21)."""

    kind: Literal["enroll"] = "enroll"
    playbook: Name = Field(description="The other playbook.", json_schema_extra=key("enroll"))


class EndStep(StepBase):
    """Ends the walk."""

    kind: Literal["end"] = "end"
    outcome: Word = Field(description="The walk's outcome.", json_schema_extra=key("end"))


class SurveyStep(EmailStep):
    """Asks a survey of surveys.yml by mail, made from the template `survey_NAME`."""

    kind: Literal["survey"] = "survey"  # type: ignore[assignment]
    name: Name = Field(description="The survey's name.", json_schema_extra=key("survey"))
    template: Name = Field("", description="`survey_NAME`.", json_schema_extra=unwritten())
    to: Words = Field((), description="Who is asked, as in `email`.")
    sender: Word = Field("workspace", description="Who signs, as in `email`.", json_schema_extra=key("from"))
    window: Window | None = Field(None, description="When it may go out.")
    cap: Literal["exempt"] | None = Field(None, description="`exempt`: ignores the caps.")
    expires: DurationText | None = Field(None, description="How long it may wait before it is dropped.")
    late: Late | None = Field(None, description="What happens when our own downtime made it late.")

    @model_validator(mode="before")
    @classmethod
    def _name_template(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("name"), str):
            return {**values, "template": TEMPLATE + values["name"]}
        return values


class AssignStep(StepBase):
    """Assigns a curriculum of content.yml."""

    kind: Literal["assign"] = "assign"
    name: Name = Field(description="The curriculum.", json_schema_extra=key("assign"))
    to: Words = Field((), description="Who learns, as in `email`.")


class PlanStep(StepBase):
    """Opens a success plan of plans.yml."""

    kind: Literal["plan"] = "plan"
    name: Name = Field(description="The plan's kind.", json_schema_extra=key("plan"))
    owner: Word | None = Field(None, description="Who owns the plan; the CSM when not said.")


class WebhookStep(StepBase):
    """Calls another system, at least once (S22)."""

    kind: Literal["webhook"] = "webhook"
    url: Word = Field(
        description="An https address; workspace.yml allows its host (`webhooks: hosts:`).",
        json_schema_extra=key("webhook"),
    )
    body: dict[Word, Word] = Field(
        default_factory=dict, description='What is told beside customer and step: `{health: score("health")}`.'
    )


Step = Annotated[
    EmailStep | HandoffStep | WaitStep | IfStep | BranchStep | SplitStep | SetStep | LogStep | EnrollStep | EndStep
    | SurveyStep | AssignStep | PlanStep | WebhookStep,
    Field(discriminator="kind"),
]  # fmt: skip
_MODELS: tuple[type[StepBase], ...] = (
    EmailStep, SurveyStep, HandoffStep, WaitStep, IfStep, BranchStep, SplitStep, SetStep, LogStep, AssignStep, PlanStep,
    EnrollStep, WebhookStep, EndStep,
)  # fmt: skip
STEP_MODELS: dict[str, type[StepBase]] = {model.model_fields["kind"].default: model for model in _MODELS}

for _model in (WaitStep, IfStep, Case, BranchStep, Arm, SplitStep):
    _model.model_rebuild()


def blocks(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The lists of steps inside a step, in document order."""
    match step:
        case WaitStep() | IfStep():
            return (step.then, step.otherwise)
        case BranchStep():
            return (*(case.steps for case in step.cases), step.otherwise)
        case SplitStep():
            return tuple(arm.steps for arm in step.arms)
        case _:
            return ()


def walk_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Every step, those inside blocks included, in document order."""
    found: list[Step] = []
    for step in steps:
        found.append(step)
        for block in blocks(step):
            found.extend(walk_steps(block))
    return tuple(found)
