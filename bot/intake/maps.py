"""Column maps (`--map FILE`): which file feeds which kinds, and how its columns become ours. The grammar (all but `into` optional):
`source: NAME`; `derive: [arr, renewal_date]`; `files: {STEM: [{into: KIND, columns: {ours: theirs}, constants: {ours: value},
values: {ours: {theirs: ours}}, choose: {ours: [{when: {theirs: value}, is: value}, {is: value}]}, when: {theirs: value},
filled: [theirs], rest: keep or ignore}]}`. maps/ravenstack.yml is a worked example. Comes before files.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bot.authoring import yaml_source as yaml
from bot.errors import ImportRefused, UsageError
from bot.intake.columns import EXTRA, SHEETS, Kind, our_name
from bot.intake.values import nearest

SHIPPED = Path(__file__).parent / "maps"
MAP_KEYS = ("source", "files", "derive")
FILE_KEYS = ("into", "columns", "constants", "values", "choose", "when", "filled", "rest")
DERIVED = ("arr", "renewal_date")

T = TypeVar("T")

#: Their column → the values (as text) that hold.
Test = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value, where the test holds (an empty one always does)."""

    when: Test
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMap:
    """How one file becomes rows of one kind. `columns` maps ours to theirs; `when` and `filled` say which rows count;
    `keeps_rest`: their columns that are not named are kept under their own names."""

    kind: Kind
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    choose: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)
    when: Test = field(default_factory=dict)
    filled: tuple[str, ...] = ()
    keeps_rest: bool = True

    def their_columns(self) -> set[str]:
        """Every column of theirs that the map names: all must be in the header."""
        named = {*self.columns.values(), *self.when, *self.filled}
        return named.union(*(choice.when for choices in self.choose.values() for choice in choices))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportMap:
    """A whole map. `files`: the stem of a file → what it feeds."""

    files: Mapping[str, tuple[FileMap, ...]]
    source: str = ""
    derive: tuple[str, ...] = ()


def load_map(name: str) -> ImportMap:
    """`name` is a file's path or the name of a shipped map. Raises: ImportRefused."""
    path = Path(name)
    if not path.is_file():
        shipped = {found.stem: found for found in SHIPPED.glob("*.yml")}
        if name not in shipped:
            raise UsageError(f"There is no map `{name}`", hint=f"give a file, or one of: {', '.join(shipped)}")
        path = shipped[name]
    return MapReader(path.name).read_map(read_tree(path))


def read_tree(path: Path, name: str = "") -> yaml.Value | None:
    """`name`: what a complaint calls the file. Raises: ImportRefused for what is no YAML."""
    tree, findings = yaml.read_yaml(path.read_bytes(), name or path.name)
    if findings:
        first = findings[0]
        raise ImportRefused(first.message, where=f"{first.file}:{first.line}", hint=first.hint)
    return tree


class MapReader:
    """Turns the tree of a map file, or of sources.yml, into values; every complaint carries file:line."""

    def __init__(self, file: str) -> None:
        self._file = file

    def read_map(self, tree: yaml.Value | None) -> ImportMap:
        top = self.mapping(tree, "A map", MAP_KEYS)
        files = {}
        for stem, value in self.entries(top.entries.get("files")).items():
            entries = value.items if isinstance(value, yaml.Sequence) else [value]
            files[stem] = tuple(self.file_map(entry) for entry in entries)
        source = top.entries.get("source")
        return ImportMap(
            files=files,
            source=self.text(source) if source else "",
            derive=tuple(
                self.one_of(item, DERIVED, "derived column") for item in self.items(top.entries.get("derive"))
            ),
        )

    def file_map(self, value: yaml.Value, *, also: tuple[str, ...] = ()) -> FileMap:
        """`also`: keys of the entry that somebody else reads."""
        entry = self.mapping(value, "An entry", (*FILE_KEYS, *also))
        if "into" not in entry.entries:
            raise self.refusal("The entry does not say `into`", entry.line, "into: customers")
        parts = entry.entries
        kind = Kind(self.one_of(parts["into"], [kind.value for kind in Kind], "kind"))
        rest = self.one_of(parts["rest"], ("keep", "ignore"), "`rest`") if "rest" in parts else "keep"
        return FileMap(
            kind=kind,
            columns=self._ours(kind, parts.get("columns"), self.text),
            constants=self._ours(kind, parts.get("constants"), self.text),
            values=self._ours(kind, parts.get("values"), self.texts),
            choose=self._ours(kind, parts.get("choose"), self._choices),
            when=self._test(parts.get("when")),
            filled=tuple(self.text(item) for item in self.items(parts.get("filled"))),
            keeps_rest=rest == "keep",
        )

    def _ours(self, kind: Kind, value: yaml.Value | None, read: Callable[[yaml.Value], T]) -> dict[str, T]:
        """A mapping whose keys are our columns."""
        found = {}
        sheet = SHEETS[kind]
        for name, inner in self.entries(value).items():
            ours = our_name(name, sheet)
            if ours.startswith(EXTRA) and not sheet.extras:
                line = value.keys[name] if isinstance(value, yaml.Mapping) else 0
                meant = nearest(name, sheet.columns)
                hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(sheet.columns)}"
                raise self.refusal(f"{kind.value} have no column `{name}`", line, hint)
            found[ours] = read(inner)
        return found

    def _choices(self, value: yaml.Value) -> tuple[Choice, ...]:
        choices = []
        for item in self.items(value):
            entry = self.mapping(item, "A choice", ("when", "is"))
            if "is" not in entry.entries:
                raise self.refusal(
                    "The choice does not say `is`", entry.line, "{when: {is_trial: true}, is: onboarding}"
                )
            when = self._test(entry.entries.get("when"))
            choices.append(Choice(when=when, value=self.text(entry.entries["is"])))
        return tuple(choices)

    def _test(self, value: yaml.Value | None) -> Test:
        tests = {}
        for name, inner in self.entries(value).items():
            items = inner.items if isinstance(inner, yaml.Sequence) else [inner]
            tests[name] = frozenset(self.text(item).casefold() for item in items)
        return tests

    def texts(self, value: yaml.Value) -> dict[str, str]:
        return {name: self.text(inner) for name, inner in self.entries(value).items()}

    def entries(self, value: yaml.Value | None) -> Mapping[str, yaml.Value]:
        return {} if value is None else self.mapping(value, "This").entries

    def items(self, value: yaml.Value | None) -> list[yaml.Value]:
        if value is None:
            return []
        if not isinstance(value, yaml.Sequence):
            raise self.refusal("A list belongs here", value.line, "write [one, two]")
        return value.items

    def mapping(self, value: yaml.Value | None, what: str, known: tuple[str, ...] = ()) -> yaml.Mapping:
        if not isinstance(value, yaml.Mapping):
            raise self.refusal(f"{what} has to be keys with values", value.line if value else 1, "write key: value")
        for name in value.entries:
            if known and name not in known:
                meant = nearest(name, known)
                hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(known)}"
                raise self.refusal(f"`{name}` is no key here", value.keys[name], hint)
        return value

    def text(self, value: yaml.Value) -> str:
        if not isinstance(value, yaml.Scalar):
            raise self.refusal("One value belongs here", value.line, "write one text or number")
        return value.text

    def one_of(self, value: yaml.Value, known: Iterable[str], what: str) -> str:
        text = self.text(value)
        names = list(known)
        if text not in names:
            meant = nearest(text, names)
            hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(names)}"
            raise self.refusal(f"`{text}` is no {what}", value.line, hint)
        return text

    def refusal(self, sentence: str, line: int, hint: str) -> ImportRefused:
        return ImportRefused(sentence, where=f"{self._file}:{line}", hint=hint)
