"""Where everything stands: YAML path → line, and the conditions of a file with their places. Collected while a tree is
shaped; later checks point with it. Values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bot.authoring.yaml_traps import short
from bot.errors import Finding, Severity
from bot.rules.playbook import Playbook
from bot.rules.steps_model import BranchStep, IfStep, SplitStep, Step, WaitStep

MOST_FINDINGS = 50
Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedText:
    """A text of the file (a condition) with its place."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The places of one file. `lines` maps paths such as `steps[2].wait.until` to lines, from 1."""

    file: str
    lines: Mapping[str, int] = field(default_factory=dict)
    conditions: tuple[PlacedText, ...] = ()
    paths: Mapping[Location, str] = field(default_factory=dict)

    def line_of(self, path: str) -> int:
        """The line of the path, else of the nearest thing around it; 1 when nothing is known."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return 1

    def finding(self, path: str, rule: str, message: str, hint: str = "", *, severity: Severity = "error") -> Finding:
        """A finding at a path."""
        line = self.line_of(path)
        return Finding(file=self.file, line=line, path=path, rule=rule, severity=severity, message=message, hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedStep:
    """A step with its YAML path, such as `steps[1].then[0]`."""

    path: str
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedPlaybook:
    """A playbook and where everything of it stands in its file."""

    playbook: Playbook
    source: Source

    def steps(self) -> tuple[PlacedStep, ...]:
        """Every step, those inside blocks included, in document order."""
        return tuple(
            PlacedStep(path=self.source.paths.get(location, ""), step=step)
            for block, steps in self.blocks()
            for location, step in ((((*block, number)), step) for number, step in enumerate(steps))
        )

    def blocks(self) -> Iterator[tuple[Location, tuple[Step, ...]]]:
        """Every list of steps with its location, outermost first."""
        return _blocks(("steps",), self.playbook.steps)


def _blocks(location: Location, steps: tuple[Step, ...]) -> Iterator[tuple[Location, tuple[Step, ...]]]:
    yield location, steps
    for number, step in enumerate(steps):
        for name, inner in _inner_blocks(step):
            yield from _blocks((*location, number, *name), inner)


def _inner_blocks(step: Step) -> list[tuple[Location, tuple[Step, ...]]]:
    match step:
        case WaitStep() | IfStep():
            return [(("then",), step.then), (("otherwise",), step.otherwise)]
        case BranchStep():
            cases = [(("cases", number, "steps"), case.steps) for number, case in enumerate(step.cases)]
            return [*cases, (("otherwise",), step.otherwise)]
        case SplitStep():
            return [(("arms", number, "steps"), arm.steps) for number, arm in enumerate(step.arms)]
        case _:
            return []


@dataclass(slots=True, kw_only=True)
class Places:
    """The places of a file while it is being read: of YAML paths, and of the model's locations."""

    file: str
    lines: dict[str, int] = field(default_factory=dict)
    locations: dict[Location, str] = field(default_factory=dict)
    conditions: list[PlacedText] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    # Locations whose author was told already; what pydantic says of them or below them is only a consequence.
    told: set[Location] = field(default_factory=set)
    # Lists from which an item was left out, and parts with a key nobody knows: that they are too short or lack something
    # is only a consequence, too.
    thinned: set[Location] = field(default_factory=set)

    def note(self, path: str, location: Location, line: int) -> None:
        self.lines.setdefault(path, line)
        self.locations[location] = path

    @property
    def is_full(self) -> bool:
        """Whether so much was told that nobody reads on."""
        return len(self.findings) >= MOST_FINDINGS

    def tell(self, path: str, line: int, rule: str, message: str, hint: str = "") -> None:
        if self.is_full:
            return
        finding = Finding(
            file=self.file,
            line=line,
            path=short(path, 120),
            rule=rule,
            severity="error",
            message=short(message, 300),
            hint=short(hint, 300),
        )
        self.findings.append(finding)

    def source(self) -> Source:
        return Source(file=self.file, lines=self.lines, conditions=tuple(self.conditions), paths=self.locations)
