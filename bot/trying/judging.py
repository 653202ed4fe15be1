"""Compares what came of a case with what was expected: each failure says what was expected, what came instead, and why, in the
sentences of `explain`. Decides nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from bot.authoring.playbook_test_files import PlacedCase
from bot.insight.explain import explain_customer
from bot.insight.explanation import Line
from bot.pipeline.scopes import CUSTOMER
from bot.rules.conditions import leaves, parse_condition
from bot.rules.playbook import Playbook
from bot.rules.playbook_tests import Expectation
from bot.rules.steps_model import EmailStep, HandoffStep, SurveyStep, walk_steps
from bot.rules.surveys import TEMPLATE
from bot.rules.zones import to_local
from bot.trying.came import Came, what_came
from bot.trying.facts import key_of
from bot.trying.playing import Played
from bot.trying.stage import Stage

MOST_LINES = 4
WORDS = {"email": "mail", "review": "mail for review", "handoff": "hand-off", "holds": "holds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that is not as the case says. `line` is of the test file; `why`: lines of `explain`, oldest first."""

    line: int
    expected: str
    instead: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    hint: str = ""


def judge(stage: Stage, placed: PlacedCase, played: Played) -> tuple[tuple[Came, ...], list[Failure]]:
    """Everything that came, and what is wrong with it."""
    with stage.database.read() as connection:
        came = what_came(connection, stage.zone, played.asked)
    judge_ = _Judge(stage, placed, played, came)
    return came, list(judge_.failures())


class _Judge:
    def __init__(self, stage: Stage, placed: PlacedCase, played: Played, came: Sequence[Came]) -> None:
        self._stage = stage
        self._placed = placed
        self._played = played
        self._came = came

    def failures(self) -> Iterator[Failure]:
        case, taken = self._placed.case, set[int]()
        for number, expected in enumerate(case.expect):
            line = self._placed.line_of(f"expect[{number}]")
            if expected.what == "holds":
                if self._played.held.get(number) is not True:
                    yield Failure(
                        line=line, expected=_said(expected), instead=tuple(self._leaves(expected.holds or ""))
                    )
                continue
            fits = (place for place, each in enumerate(self._came) if place not in taken and _is(each, expected))
            place = next(fits, None)
            if place is None:
                yield self._missing(expected, line)
            else:
                taken.add(place)
        for number, name in enumerate(case.never):
            line = self._placed.line_of(f"never[{number}]")
            yield from self._unwanted(
                line, f"never `{name}`", [each for each in self._came if _is_touch(each) and name in each.names]
            )
        if case.quiet:
            line = self._placed.line_of("quiet")
            yield from self._unwanted(
                line, "nobody is written to or asked", [each for each in self._came if _is_touch(each)]
            )

    def _missing(self, expected: Expectation, line: int) -> Failure:
        wanted, name = date.fromisoformat(expected.on), getattr(expected, expected.what)
        same = [each for each in self._came if each.what == expected.what and name in each.names]
        that_day = [each for each in self._came if each.day == wanted and _is_touch(each)]
        instead = tuple(map(str, same or that_day)) or ("nothing came that day",)
        return Failure(line=line, expected=_said(expected), instead=instead, why=tuple(self._why(expected)))

    def _unwanted(self, line: int, expected: str, found: list[Came]) -> Iterator[Failure]:
        for came in found[:1]:
            lines = [each for each in self._history(came.playbook) if each.step == came.step]
            yield Failure(
                line=line, expected=expected, instead=(str(came),), why=tuple(map(self._shown, lines[:MOST_LINES]))
            )

    def _why(self, expected: Expectation) -> Iterator[str]:
        """What the machine says of the steps that would have done it; where it never came so far, of the playbook."""
        name = getattr(expected, expected.what)
        for playbook, steps in self._doers(expected.what, name):
            history = list(self._history(playbook))
            mine = [line for line in history if line.step in steps] or [
                line for line in history if line.reason != "deployed"
            ]
            for line in mine[-MOST_LINES:]:
                yield self._shown(line)
            for line in self._now(playbook) if not mine else ():
                yield self._shown(line)
                yield from (f"    {_mark(leaf.holds)} {leaf.text}   (is {_value(leaf.value)})" for leaf in line.leaves)
            for signal in self._stage.workspace.playbook(playbook).enter.signal if not mine else ():
                yield from self._signal(signal)
        if expected.what == "signal":
            yield from self._signal(name)

    def _signal(self, name: str) -> Iterator[str]:
        """How its condition stands at the end of the case."""
        yield f"signal {name}:"
        yield from (f"    {line}" for line in self._leaves(self._stage.workspace.company.signals[name].when))

    def _doers(self, what: str, name: str) -> Iterator[tuple[str, set[str]]]:
        """The acting playbooks that could have done it, with the steps by which."""
        for each in self._placed.acting:
            playbook = self._stage.workspace.playbook(each)
            steps = set(_steps_that(playbook, what, name))
            if steps or name == each:
                yield each, steps

    def _history(self, playbook: str) -> Iterable[Line]:
        return self._explained(playbook)[0]

    def _now(self, playbook: str) -> Iterable[Line]:
        return self._explained(playbook)[1]

    def _explained(self, playbook: str) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
        if playbook not in self._placed.acting:
            return (), ()
        published, now = self._stage.published(), self._stage.clock.now()
        with self._stage.database.read() as connection:
            found = explain_customer(connection, published, now, key_of(self._placed), playbook)
        return found.history, found.now

    def _shown(self, line: Line) -> str:
        step = f" → {line.step}" if line.step else ""
        return f"{to_local(line.at, self._stage.zone):%Y-%m-%d %H:%M} {line.playbook}{step}: {line.sentence}"

    def _leaves(self, text: str) -> Iterator[str]:
        """How the parts of a condition stand at the end of the case."""
        ground = self._stage.ground()
        found = leaves(parse_condition(text), ground.scope())
        with self._stage.database.read() as connection:
            for leaf in found:
                asked = select(leaf.value, leaf.holds).where(CUSTOMER.c.key == key_of(self._placed))
                row = connection.execute(asked).one()
                yield f"{_mark(row[1])} {leaf.text}   (is {_value(row[0])} at the end of the case)"


def _is(came: Came, expected: Expectation) -> bool:
    asked = {"to": expected.to, "owner": expected.owner}
    who = next((each for each in asked.values() if each is not None), None)
    more = expected.urgency or expected.outcome
    return (
        came.what == expected.what
        and getattr(expected, expected.what) in came.names
        and came.day == date.fromisoformat(expected.on)
        and (who is None or came.who == who)
        and (more is None or came.more == more)
    )


def _is_touch(came: Came) -> bool:
    """Somebody is written to or asked; a mail that still waits for review is neither."""
    return came.what in ("email", "survey", "handoff")


def _said(expected: Expectation) -> str:
    beside = {"to": expected.to, "asking": expected.owner, "urgency": expected.urgency, "outcome": expected.outcome}
    more = "".join(f" {word} {value}" for word, value in beside.items() if value is not None)
    return f"{expected.on} {WORDS.get(expected.what, expected.what)} `{getattr(expected, expected.what)}`{more}"


def _steps_that(playbook: Playbook, what: str, name: str) -> Iterator[str]:
    for step in walk_steps(playbook.steps):
        match step:
            case EmailStep() if what in ("email", "review") and step.template == name:
                yield step.id
            case SurveyStep() if what in ("survey", "review") and name in (step.name, TEMPLATE + step.name):
                yield step.id
            case HandoffStep() if what == "handoff" and name in (step.id, *step.title.values()):
                yield step.id
            case _:
                pass


def _mark(holds: bool | None) -> str:
    return "?" if holds is None else "✓" if holds else "✗"


def _value(value: object) -> str:
    return "empty" if value is None else str(value)
