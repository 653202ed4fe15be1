"""What a playbook is: who enters, when they leave, and the steps. Conditions stay text here (bot.rules.conditions
compiles them); durations are checked. It never reads YAML (bot.authoring.playbook_files) and never runs anything."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from bot.rules.durations import parse_schedule
from bot.rules.field_types import (
    AnchorText,
    ConditionText,
    DatedMoment,
    DurationText,
    Name,
    Part,
    ScheduleText,
    Text,
    Word,
    Words,
    refused,
)
from bot.rules.step_ids import map_steps, with_ids
from bot.rules.steps_model import Late, LateRule, Step, Window, key, unwritten

Trigger = Literal["when", "signal", "on", "at", "every", "once", "after", "manual"]
TRIGGERS: tuple[Trigger, ...] = ("signal", "on", "at", "every", "once", "after", "manual", "when")


def read_after(value: object) -> object:
    """`after: other` → any outcome of the playbook `other`."""
    return {"playbook": value} if isinstance(value, str) else value


class AfterPlaybook(Part):
    """Another playbook's end as a trigger."""

    playbook: Name = Field(description="The other playbook.")
    outcome: Words = Field((), description="Its outcome, or a list of them; any when not said.")


After = Annotated[AfterPlaybook, BeforeValidator(read_after, json_schema_input_type=str | AfterPlaybook)]


class Enter(Part):
    """Who enters: exactly one trigger; `when` beside it filters."""

    when: ConditionText | None = Field(
        None, description="Enters when this condition becomes true; beside another trigger it filters."
    )
    signal: Words = Field((), description="A signal, or a list (any): once for each time it opens.")
    on: Word | None = Field(None, description="An event: a tracked one or a built-in one such as `survey.answered`.")
    at: AnchorText | None = Field(None, description="A date ± a duration: `renewal_date - 90 days`.")
    every: ScheduleText | None = Field(
        None, description="A schedule: `monday 09:00`, `day 1 10:00`, `3 months` with `from:`."
    )
    from_: DatedMoment | None = Field(None, description="The first moment of `every`.", json_schema_extra=key("from"))
    once: DatedMoment | None = Field(None, description="One moment: `2027-09-09 10:00`.")
    after: After | None = Field(None, description="Another playbook's end, or only some outcomes of it.")
    manual: bool = Field(False, description="By hand: CLI, console, Slack.")
    existing: Literal["skip", "enter"] = Field(
        "skip", description="For `when` and `signal`: who matched before it went live."
    )
    within: DurationText | None = Field(None, description="How late one may still enter.")

    @property
    def trigger(self) -> Trigger:
        """The one trigger."""
        return self._given()[0]

    def _given(self) -> list[Trigger]:
        given: list[Trigger] = [name for name in TRIGGERS if name != "when" and getattr(self, name)]
        return given or (["when"] if self.when else [])

    @model_validator(mode="after")
    def _one_trigger(self) -> Enter:
        given = self._given()
        if not given:
            raise refused(
                "`enter` has no trigger, so nobody would ever enter",
                "add one of when, on, at, every, once, after, manual: true",
            )
        if len(given) > 1:
            names = " and ".join(f"`{name}`" for name in given)
            raise refused(f"`enter` has several triggers: {names}", "keep one; only `when` may stand beside a trigger")
        if self.from_ and not self.every:
            raise refused(
                "`from` only makes sense beside `every`", "write `every: 3 months` and `from: 2027-04-01 09:00`"
            )
        if self.every and parse_schedule(self.every).needs_start and not self.from_:
            raise refused(f"`every: {self.every}` has no start to count from", "add `from: 2027-04-01 09:00` beside it")
        return self


def read_again(value: object) -> object:
    """`never`, `always`, `after 90 days`, `at most 3 times`, or the last two joined by a comma."""
    if not isinstance(value, str):
        return value
    parts: dict[str, Any] = {}
    for phrase in (piece.strip() for piece in value.split(",")):
        if phrase in ("always", "never"):
            parts["kind"] = phrase
        elif phrase.startswith("after "):
            parts |= {"kind": "after", "after": phrase.removeprefix("after ").strip()}
        elif match := re.fullmatch(r"at most (\d{1,4}) times?", phrase):
            parts["times"] = int(match[1])
        else:
            raise refused(
                f"`{value}` is no rule for entering again",
                "write `never`, `always`, `after 90 days` or `at most 3 times`",
            )
    return parts


class AgainRule(Part):
    """Whether one who walked before may enter again (S5)."""

    kind: Literal["default", "always", "never", "after"] = Field(
        "default", description="`default` follows the trigger."
    )
    after: DurationText | None = Field(None, description="How long after the last entry.")
    times: int | None = Field(None, ge=1, description="At most so many walks.")


Again = Annotated[AgainRule, BeforeValidator(read_again), WithJsonSchema({"type": "string"})]


class Exit(Part):
    """Another ending than the goal."""

    when: ConditionText = Field(description="Who meets this leaves.")
    outcome: Word = Field("left", description="The walk's outcome.")
    keep_handoffs: bool = Field(False, description="`true`: open hand-offs stay open (S13).")


def read_share(value: object) -> object:
    """`10%` or `0.1` → 0.1."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)\s*(%?)", value.strip())
    share = float(match[1]) / (100 if match[2] else 1) if match else 1.0
    if share >= 1:
        raise refused(f"`{value}` is no share of customers", "write a percentage below 100, such as `10%`")
    return share


Share = Annotated[float, BeforeValidator(read_share), Field(ge=0, lt=1), WithJsonSchema({"type": ["string", "number"]})]


class Playbook(Part):
    """One journey."""

    name: Name = Field(description="The file's stem.", json_schema_extra=unwritten())
    title: Text = Field(description="What people read in reports and cards.")
    state: Literal["draft", "live", "paused", "retired"] = Field("draft", description="Only `live` playbooks act.")
    walks: Literal["customer", "contact"] = Field(description="Who walks: the company, or a person there.")
    enter: Enter = Field(description="Who enters, and when.")
    again: Again = Field(
        default_factory=AgainRule,
        description="`never`, `always`, `after 90 days`, `at most 3 times`; the default depends on the trigger.",
    )
    goal: ConditionText | None = Field(None, description="Success: ends the walk with outcome `goal`.")
    goal_within: DurationText = Field(
        "30 days", description="How long after the walk's end the goal still counts (S43)."
    )
    exit: tuple[Exit, ...] = Field((), description="Other endings.")
    exit_on_churn: bool = Field(True, description="`false`: the exits of workspace.yml do not apply.")
    priority: int = Field(50, ge=0, le=100, description="Who goes first when caps bind; 0 to 100.")
    exclusive: Word | None = Field(None, description="A group: at most one active walk of it per customer (S14).")
    preempt: bool = Field(False, description="`true`: ends a running walk of the group with a lower priority.")
    holdout: Share = Field(0.0, description="A stable share that walks silently, for measuring lift: `10%`.")
    late: Late = Field(default_factory=LateRule, description="What happens to mails that our own downtime made late.")
    on_resume: Literal["shift", "catch_up", "expire"] = Field("shift", description="What a pause does to due times.")
    versions: Literal["follow", "pin"] = Field(
        "follow", description="`pin`: people inside stay on the version they entered."
    )
    was: Name | None = Field(None, description="The playbook's former name, after renaming the file (S36).")
    smooth: DurationText | None = Field(None, description="Spreads its mails over so long: `2 h`.")
    window: Window | None = Field(None, description="When its mails may go out, within the workspace's windows.")
    owner: Word | None = Field(None, description="Who answers for this playbook, and is asked when a fuse blows.")
    steps: tuple[Step, ...] = Field(min_length=1, description="What happens, from top to bottom.")

    @field_validator("steps")
    @classmethod
    def _complete(cls, steps: tuple[Step, ...], info: ValidationInfo) -> tuple[Step, ...]:
        """Fills what a step leaves out: its id, and whom a mail goes to."""
        default_to = ("contact",) if info.data.get("walks") == "contact" else ("anyone",)

        def addressed(step: Step) -> Step:
            if step.kind in ("email", "survey", "assign") and not step.to:
                return step.model_copy(update={"to": default_to})
            return step

        return with_ids(map_steps(steps, addressed))


def canonical_json(playbook: Playbook) -> str:
    """The playbook's meaning as JSON: sorted keys, no line numbers, so that comments and blank lines change nothing."""
    unplaced = map_steps(playbook.steps, lambda step: step.model_copy(update={"line": 0}))
    plain = playbook.model_copy(update={"steps": unplaced}).model_dump(mode="json")
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def playbook_digest(playbook: Playbook | str) -> str:
    """sha256 of the canonical JSON, 64 hex digits; takes a playbook or its stored JSON."""
    model = Playbook.model_validate_json(playbook) if isinstance(playbook, str) else playbook
    return hashlib.sha256(canonical_json(model).encode()).hexdigest()
