"""What a file of playbook tests may say (playbooks/tests/*.test.yml): cases, each with one invented customer, what happens to it,
and who must get what and who must not. Pure. Read by authoring.playbook_test_files; played by bot.trying."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field, model_validator

from bot.rules.field_types import ConditionText, DatedMoment, Name, Part, Word, Words, readable_by, refused
from bot.rules.steps_model import key

#: What a fact may be, and the kind of import that brings it.
KINDS = {
    "survey": "surveys",
    "event": "events",
    "usage": "usage",
    "ticket": "tickets",
    "meeting": "meetings",
    "note": "notes",
    "customer": "customers",
    "contact": "contacts",
    "subscription": "subscriptions",
}
#: What readers and colleagues do: to what they were sent, and with the customer.
DEEDS = ("opened", "clicked", "approved", "done", "dismissed", "enrolled")
#: The hand-offs that a success plan opens by itself, by their steps.
PLAN_CALLS = ("approve", "review")
PINS = ("score", "band", "metric", "feature", "opens", "closes")
EXPECTED = ("email", "survey", "review", "handoff", "enters", "leaves", "stage", "signal", "holds")


def parse_day(text: str) -> date:
    """`2027-04-01`. Raises: ValueError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is no day; write it like `2027-04-01`") from None


Day = Annotated[str, readable_by(parse_day)]
Columns = dict[str, Any]


def _one_of(part: Part, names: tuple[str, ...], what: str) -> str:
    """Which of these the part says. Raises what pydantic expects."""
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) == 1:
        return given[0]
    if not given:
        raise refused(f"{what} says nothing", f"add one of {', '.join(names)}")
    raise refused(f"{what} says several things: {' and '.join(given)}", "write one item for each")


class Fact(Part):
    """Something that happens to the customer on a day: a row as an import brings it, or what people do to what they got."""

    on: DatedMoment = Field(description="The day, or day and time; without a time it is ten in the morning.")
    until: Day | None = Field(None, description="For `usage` and `event`: the same again on every open day until then.")
    survey: Columns | None = Field(None, description="An answer: `{contact: mori, kind: nps, score: 2}`.")
    event: Columns | None = Field(None, description="A tracked event: `{event: scout_sent, contact: mori}`.")
    usage: Columns | None = Field(None, description="A day's total: `{event: login, count: 5, users: 3}`.")
    ticket: Columns | None = Field(None, description="A ticket: `{ticket: T1, priority: urgent}`; again to change it.")
    meeting: Columns | None = Field(
        None, description="A meeting: `{kind: ebr, contact: tanaka}`; `starts_at` for one to come."
    )
    note: Columns | None = Field(None, description="What one of us wrote: `{by: sato, text: …}`.")
    customer: Columns | None = Field(None, description="Columns of the customer that change: `{stage: churned}`.")
    contact: Columns | None = Field(
        None, description="A contact that comes or changes: `{contact: abe, roles: [admin]}`."
    )
    subscription: Columns | None = Field(
        None, description="What they pay for: `{subscription: s1, product: analytics}`."
    )
    opened: Name | None = Field(None, description="A mail that its reader opens: the step's id or the template.")
    clicked: Name | None = Field(None, description="A mail whose link its reader clicks.")
    approved: Name | None = Field(None, description="A mail held for review that its CSM lets go.")
    done: Word | None = Field(None, description="A hand-off that its owner closes: the step's id or the title.")
    dismissed: Word | None = Field(None, description="A hand-off that its owner says was not needed.")
    enrolled: Name | None = Field(None, description="A playbook that somebody of ours starts by hand for the customer.")
    outcome: Word | None = Field(None, description="How `done` ended; without it, the first outcome of the hand-off.")
    answers: Columns = Field(default_factory=dict, description="What `done` answers to the questions of `ask:`.")

    @property
    def what(self) -> str:
        return _one_of(self, (*KINDS, *DEEDS), "this fact")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Fact:
        if self.until is not None and self.what not in ("usage", "event"):
            raise refused("`until` repeats a `usage` or an `event`, and this is neither", "delete `until`")
        if self.what != "done" and (self.outcome or self.answers):
            raise refused("`outcome` and `answers` belong to `done`", "write `done:` with the hand-off that they end")
        return self


class Pin(Part):
    """Something derived that is held fixed: from `on` on it is this, whatever the facts say (S42)."""

    on: DatedMoment = Field(description="From when.")
    score: dict[Name, float] | None = Field(None, description="`{health: 30}`: a card or measure; its bands follow.")
    band: dict[Name, Name] | None = Field(None, description="`{health: red}`, where the number does not matter.")
    metric: dict[Name, float] | None = Field(None, description="`{login_rate: 0.4}`")
    feature: dict[Name, Name] | None = Field(None, description="`{reports: red}`")
    opens: Words | None = Field(None, description="Signals that open.")
    closes: Words | None = Field(None, description="Signals that close.")

    @property
    def what(self) -> str:
        return _one_of(self, PINS, "this pin")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Pin:
        _one_of(self, PINS, "this pin")
        return self


class Expectation(Part):
    """What must happen on a day (the workspace's time zone)."""

    on: Day = Field(description="The day.")
    email: Name | None = Field(None, description="A template that is sent.")
    survey: Name | None = Field(None, description="A survey that is sent.")
    review: Name | None = Field(None, description="A template that waits for the CSM to read it first.")
    handoff: Word | None = Field(None, description="A hand-off that is opened: its title in any language, or its id.")
    enters: Name | None = Field(None, description="A playbook that begins.")
    leaves: Name | None = Field(None, description="A playbook that ends; see `outcome`.")
    stage: Name | None = Field(None, description="The stage into which the customer comes.")
    signal: Name | None = Field(None, description="A signal that opens.")
    holds: ConditionText | None = Field(None, description="A condition that is true at the end of the day.")
    to: Name | None = Field(None, description="The contact who gets the mail.")
    owner: Name | None = Field(None, description="Who is asked.")
    urgency: Name | None = Field(None, description="How urgent the hand-off is.")
    outcome: Word | None = Field(None, description="How the playbook ended: `goal`, `completed`, or its own word.")

    @property
    def what(self) -> str:
        return _one_of(self, EXPECTED, "this expectation")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Expectation:
        beside = {
            "to": ("email", "survey", "review"),
            "owner": ("handoff",),
            "urgency": ("handoff",),
            "outcome": ("leaves",),
        }
        for name, kinds in beside.items():
            if getattr(self, name) is not None and self.what not in kinds:
                raise refused(f"`{name}` belongs to {' or '.join(kinds)}", "delete it, or say what it belongs to")
        return self


class PlaybookCase(Part):
    """One case: a customer, what happens, what must come of it."""

    name: Word = Field(description="A sentence: who gets what, or who does not.")
    playbooks: Words = Field(
        (), description="Which journeys act; by default the one that the file is called after, and those it enrolls."
    )
    begins: DatedMoment | None = Field(
        None, description="When the customer comes to us; by default the first day that the case names."
    )
    ends: Day | None = Field(
        None, description="The last day; by default a week after the last one that the case names."
    )
    customer: Columns = Field(default_factory=dict, description="Its columns, as in customers.csv.")
    contacts: tuple[Columns, ...] = Field((), description="Its people, as in contacts.csv.")
    facts: tuple[Fact, ...] = Field((), description="What happens.")
    derived: tuple[Pin, ...] = Field((), description="Scores and signals that are held fixed instead of worked out.")
    expect: tuple[Expectation, ...] = Field((), description="What must happen.")
    never: Words = Field((), description="Templates and hand-offs (title or id) that must not come.")
    quiet: bool = Field(False, description="Nobody is written to, and nobody is asked.")

    @model_validator(mode="after")
    def _can_fail(self) -> PlaybookCase:
        if not (self.expect or self.never or self.quiet):
            raise refused("the case expects nothing, so it cannot fail", "add `expect:`, `never:` or `quiet: true`")
        if self.quiet and any(found.what in ("email", "survey", "handoff", "review") for found in self.expect):
            raise refused("`quiet` and an expected mail or hand-off contradict each other", "delete one of them")
        return self


class CasesFile(Part):
    """One file of playbook tests."""

    listed: tuple[PlaybookCase, ...] = Field((), description="The cases.", json_schema_extra=key("cases"))
