"""Playbook tests → cases with their places, and what `check` says about them: names that nobody has, mails that no acting journey
sends (such a `never` could not fail). Reads texts, never files. Before it yaml_source; after it bot.trying plays the cases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from bot.authoring.company import Company
from bot.authoring.named_file import load_named_file
from bot.authoring.nearest import suggestion
from bot.authoring.placed import Source
from bot.errors import Finding
from bot.rules.condition_checks import check_condition
from bot.rules.playbook import Playbook
from bot.rules.playbook_tests import PLAN_CALLS, CasesFile, Expectation, Fact, Pin, PlaybookCase
from bot.rules.steps_model import EmailStep, EnrollStep, HandoffStep, PlanStep, Step, SurveyStep, walk_steps
from bot.rules.surveys import TEMPLATE

TESTS = "playbooks/tests/"
ENDING = ".test.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedCase:
    """A case, its file and where it stands in it. `acting`: the playbooks that let people in, by name."""

    case: PlaybookCase
    source: Source
    path: str
    acting: tuple[str, ...]

    @property
    def file(self) -> str:
        return self.source.file

    @property
    def line(self) -> int:
        return self.source.line_of(self.path)

    def line_of(self, part: str) -> int:
        """The line of `expect[2]`, `facts[0]` …"""
        return self.source.line_of(f"{self.path}.{part}")


def is_test_file(path: str) -> bool:
    return path.startswith(TESTS)


def read_cases(
    files: Mapping[str, str], playbooks: Mapping[str, Playbook], company: Company
) -> tuple[tuple[PlacedCase, ...], list[Finding]]:
    """Every case of the workspace that can be played, and what must be repaired in the others."""
    cases: list[PlacedCase] = []
    findings: list[Finding] = []
    for path in sorted(filter(is_test_file, files)):
        read, source, found = load_named_file(files[path], path, CasesFile, what=PurePosixPath(path).name)
        findings += found
        if not path.endswith(ENDING):
            hint = f"call it after a playbook: {PurePosixPath(path).stem}{ENDING}"
            findings.append(source.finding("", "test-name", f"a file of playbook tests ends with `{ENDING}`", hint))
            continue
        for number, case in enumerate(read.listed):
            placed = PlacedCase(case=case, source=source, path=f"[{number}]", acting=_acting(case, path, playbooks))
            wrong = list(_Check(placed, playbooks, company).findings())
            findings += wrong
            cases += [] if wrong else [placed]
    return tuple(cases), findings


def _acting(case: PlaybookCase, path: str, playbooks: Mapping[str, Playbook]) -> tuple[str, ...]:
    """Those that the case names (`all`: every one), else the one the file is called after; with all that they enroll."""
    named = case.playbooks or (PurePosixPath(path).name.removesuffix(ENDING),)
    waiting = list(playbooks) if named == ("all",) else list(named)
    found: dict[str, None] = {}
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            steps = walk_steps(playbooks[name].steps) if name in playbooks else ()
            waiting += [step.playbook for step in steps if isinstance(step, EnrollStep)]
    return tuple(found)


class _Check:
    """What is wrong with one case."""

    def __init__(self, placed: PlacedCase, playbooks: Mapping[str, Playbook], company: Company) -> None:
        self._placed = placed
        self._playbooks = playbooks
        self._company = company

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        acting = (self._playbooks[name] for name in self._placed.acting)
        return tuple(step for playbook in acting for step in walk_steps(playbook.steps))

    @cached_property
    def _mails(self) -> set[str]:
        mails = {step.template for step in self._steps if isinstance(step, EmailStep)}
        return mails | {TEMPLATE + step.name for step in self._steps if isinstance(step, SurveyStep)}

    @cached_property
    def _calls(self) -> set[str]:
        """The ids and titles of all hand-offs."""
        calls = [step for step in self._steps if isinstance(step, HandoffStep)]
        of_plans = PLAN_CALLS if any(isinstance(step, PlanStep) for step in self._steps) else ()
        return {step.id for step in calls} | {text for step in calls for text in step.title.values()} | set(of_plans)

    @cached_property
    def _sent_by(self) -> set[str]:
        """What a mail can be called: its template or its step."""
        steps = {step.id for step in self._steps if isinstance(step, EmailStep | SurveyStep)}
        prepared = {step.id for step in self._steps if isinstance(step, HandoffStep) and step.prepare}
        return steps | self._mails | prepared

    def findings(self) -> Iterator[Finding]:
        unknown = [name for name in self._placed.acting if name not in self._playbooks]
        for name in unknown:
            message = f"There is no playbook `{name}`"
            hint = suggestion(name, self._playbooks) or "call the file after a playbook, or name it in `playbooks:`"
            yield self._finding("playbooks" if self._placed.case.playbooks else "", message, hint)
        if unknown:
            return
        case = self._placed.case
        for number, fact in enumerate(case.facts):
            yield from self._fact(fact, f"facts[{number}]")
        for number, pin in enumerate(case.derived):
            yield from self._pin(pin, f"derived[{number}]")
        for number, expectation in enumerate(case.expect):
            yield from self._expectation(expectation, f"expect[{number}]")
        for number, name in enumerate(case.never):
            yield from self._known(name, self._mails | self._calls, f"never[{number}]", "mail or hand-off")

    def _fact(self, fact: Fact, path: str) -> Iterator[Finding]:
        what = fact.what
        if what in ("opened", "clicked", "approved"):
            yield from self._known(getattr(fact, what), self._sent_by, f"{path}.{what}", "mail")
        elif what in ("done", "dismissed"):
            yield from self._known(getattr(fact, what), self._calls, f"{path}.{what}", "hand-off")
        elif what == "enrolled":
            yield from self._known(fact.enrolled or "", self._placed.acting, f"{path}.enrolled", "acting playbook")
        elif what not in ("contact", "customer"):
            who = getattr(fact, what).get("contact")
            if isinstance(who, str):
                yield from self._is_contact(who, f"{path}.{what}.contact")

    def _pin(self, pin: Pin, path: str) -> Iterator[Finding]:
        company = self._company
        known: Mapping[str, Collection[str]] = {
            "score": {*company.cards, *(name for card in company.cards.values() for name in card)},
            "band": {*company.cards, *(name for card in company.cards.values() for name in card)},
            "metric": company.metrics,
            "feature": company.features,
            "opens": company.signals,
            "closes": company.signals,
        }
        what = "signal" if pin.what in ("opens", "closes") else "score" if pin.what == "band" else pin.what
        for name in getattr(pin, pin.what):
            yield from self._known(name, known[pin.what], f"{path}.{pin.what}", what)

    def _expectation(self, expected: Expectation, path: str) -> Iterator[Finding]:
        what = expected.what
        name = getattr(expected, what)
        match what:
            case "email" | "review":
                yield from self._known(name, self._mails, f"{path}.{what}", "mail")
            case "survey":
                yield from self._known(TEMPLATE + name, self._mails, f"{path}.survey", "survey")
            case "handoff":
                yield from self._known(name, self._calls, f"{path}.handoff", "hand-off")
            case "enters" | "leaves":
                yield from self._known(name, self._placed.acting, f"{path}.{what}", "acting playbook")
            case "stage":
                stages = [stage.stage for stage in self._company.stages]
                yield from self._known(name, stages or [name], f"{path}.stage", "stage")
            case "signal":
                yield from self._known(name, self._company.signals, f"{path}.signal", "signal")
            case "holds":
                for problem in check_condition(name, walks="customer", steps=(), has_event=False, has_walk=False):
                    yield self._finding(f"{path}.holds", problem.message, problem.hint)
        if expected.to is not None:
            yield from self._is_contact(expected.to, f"{path}.to")

    def _is_contact(self, key: str, path: str) -> Iterator[Finding]:
        case = self._placed.case
        columns = [*case.contacts, *(fact.contact for fact in case.facts if fact.contact is not None)]
        keys = {str(found.get("contact") or found.get("email")) for found in columns}
        return self._known(key, keys, path, "contact in this case")

    def _known(self, name: str, known: Collection[str], path: str, what: str) -> Iterator[Finding]:
        if name in known:
            return
        acting = ", ".join(self._placed.acting)
        where = f" in {acting}" if what in ("mail", "hand-off", "mail or hand-off") else ""
        yield self._finding(path, f"There is no {what} `{name}`{where}", suggestion(name, known))

    def _finding(self, path: str, message: str, hint: str) -> Finding:
        whole = f"{self._placed.path}.{path}" if path else self._placed.path
        return self._placed.source.finding(whole, "test-name", message, hint)
