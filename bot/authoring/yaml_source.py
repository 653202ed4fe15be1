"""Reads YAML that a person wrote as plain trees with a line for every value, each scalar as the author's own text
(`NO`, `1.10` and `09:00` stay text). Never builds objects, follows an alias, or lets ruamel's or Python's errors out:
a file is one tree, or exactly one finding. Before playbook_files and workspace_file; limits keep any file under a second."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from bot.authoring.yaml_syntax import Spot, explain_syntax
from bot.authoring.yaml_traps import Trap, alias_trap, anchor_trap, empty_value_trap, short, tag_trap
from bot.errors import Finding

MOST_BYTES = 256 * 1024
MOST_DEPTH = 40
MOST_VALUES = 5_000
# Longer lines make the explaining patterns slow, and nobody reads them.
LONGEST_LINE = 4_000
# What YAML 1.2 calls printable, without the line breaks that only some programs count as such (U+0085, U+2028).
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value as written. `plain`: without quotes; `tail`: the comment that follows on the same line."""

    text: str
    line: int
    plain: bool
    tail: str = ""

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")

    def typed(self) -> str | int | float | bool | None:
        """The value JSON would see: true, false, null, JSON's plain numbers; everything else stays the text."""
        if not self.plain:
            return self.text
        if self.text.lower() in _WORDS:
            return _WORDS[self.text.lower()]
        if number := _JSON_NUMBER.fullmatch(self.text):
            return float(self.text) if number[2] else int(self.text)
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A list; `line` is its first."""

    line: int
    items: list[Value] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Keys with values, in the file's order; `keys` holds each key's line."""

    line: int
    entries: dict[str, Value] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)


Value = Scalar | Sequence | Mapping


class _Refused(Exception):
    def __init__(self, line: int, trap: Trap) -> None:
        super().__init__(trap.message)
        self.line = line
        self.trap = trap


def read_yaml(source: str | bytes, file: str) -> tuple[Mapping | Sequence | Scalar | None, list[Finding]]:
    """The file's tree, or None and one finding. An empty file is a finding too."""
    try:
        text = _decoded(source).replace("\r\n", "\n").replace("\r", "\n")
        _check_limits(text)
        return _tree(text), []
    except _Refused as refusal:
        trap = refusal.trap
        finding = Finding(
            file=file,
            line=refusal.line,
            path="",
            rule=trap.rule,
            severity="error",
            message=trap.message,
            hint=trap.hint,
        )
        return None, [finding]


def _decoded(source: str | bytes) -> str:
    if len(source) > MOST_BYTES:
        size = f"{len(source) // 1024} KB"
        raise _Refused(
            1, Trap("too-large", f"The file is too large: {size} of at most 256 KB", "split it into several")
        )
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _Refused(1, Trap("not-utf8", "The file is UTF-16, not UTF-8", "save it as UTF-8 in your editor"))
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        message = f"The file is not UTF-8: byte {error.start + 1} fits no character"
        raise _Refused(line, Trap("not-utf8", message, "save it as UTF-8 in your editor")) from None


def _check_limits(text: str) -> None:
    """What must be refused before the parser sees it."""
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        name = f"U+{ord(found[0]):04X}"
        trap = Trap("control-character", f"An invisible control character ({name}) stands in this line", "delete it")
        raise _Refused(line, trap)
    begun = False
    for number, line_text in enumerate(text.split("\n"), start=1):
        if line_text.startswith("%") and not begun:
            raise _Refused(number, Trap("yaml-syntax", "YAML directives (`%…`) are not read", "delete the line"))
        begun = begun or (not line_text.startswith(("#", "%")) and bool(line_text.strip()))
        if len(line_text) > LONGEST_LINE:
            message = f"The line has {len(line_text)} characters; at most {LONGEST_LINE} are read"
            raise _Refused(number, Trap("too-large", message, "break the text into several lines with `>-`"))


def _events(text: str) -> Iterator[Event]:
    """The parser's events; its errors come out in our words."""
    lines = text.split("\n")
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        first = error.context_mark.line + 1 if error.context_mark else 1
        line = mark.line + 1 if mark else 1
        column = mark.column if mark else 0
        spot = Spot(problem=error.problem or "", column=column, line=line, first=first, lines=lines)
        raise _Refused(*explain_syntax(spot)) from None
    except (YAMLError, ValueError, RecursionError, AssertionError, LookupError, TypeError, AttributeError) as error:
        # The parser itself stumbled, seen for odd directives; whatever it was, the author gets one sentence.
        trap = Trap("yaml-syntax", "This cannot be read as YAML", f"the reader stopped with {type(error).__name__}")
        raise _Refused(1, trap) from None


def _tree(text: str) -> Value:
    root: list[Value] = []
    open_parts: list[_Open] = []
    lines = text.split("\n")
    for count, event in enumerate(_events(text)):
        if count > MOST_VALUES:
            message = f"The file has more than {MOST_VALUES} keys and values"
            raise _Refused(_line(event), Trap("too-large", message, "split it into several files"))
        _check_event(event, lines, already_read=bool(root) and not open_parts)
        if isinstance(event, CollectionEndEvent):
            open_parts.pop()
        elif isinstance(event, (ScalarEvent, CollectionStartEvent)):
            value = _value(event, lines)
            if not open_parts:
                root.append(value)
            else:
                open_parts[-1].add(value, event, lines)
            if isinstance(event, CollectionStartEvent):
                _check_depth(event, len(open_parts))
                open_parts.append(_Open(value))
    if not root:
        raise _Refused(
            1, Trap("empty", "The file holds nothing but comments", "write the playbook, or delete the file")
        )
    return root[0]


class _Open:
    """A list or mapping whose end has not been read yet."""

    def __init__(self, part: Value) -> None:
        self.part = part
        self.key: Scalar | None = None

    def add(self, value: Value, event: Event, lines: list[str]) -> None:
        if isinstance(self.part, Sequence):
            self.part.items.append(value)
        elif isinstance(self.part, Mapping) and self.key is None:
            self.key = self._checked_key(self.part, value)
        elif isinstance(self.part, Mapping) and self.key is not None:
            self._check_empty(self.part, self.key, value, event, lines)
            self.part.entries[self.key.text] = value
            self.part.keys[self.key.text] = self.key.line
            self.key = None

    @staticmethod
    def _check_empty(part: Mapping, key: Scalar, value: Value, event: Event, lines: list[str]) -> None:
        if not (isinstance(value, Scalar) and value.is_null and not value.text):
            return
        left = next(reversed(part.entries.items()), None)
        before = (left[0], left[1].text) if left and isinstance(left[1], Scalar) else None
        column = event.start_mark.column if event.start_mark.line == key.line - 1 else LONGEST_LINE
        if trap := empty_value_trap(key.text, lines[key.line - 1], column, before):
            raise _Refused(key.line, trap)

    @staticmethod
    def _checked_key(part: Mapping, key: Value) -> Scalar:
        if not isinstance(key, Scalar):
            hint = "put quotes around a text that begins with { or ["
            raise _Refused(key.line, Trap("yaml-syntax", "A key must be one word, not a list or a mapping", hint))
        if key.is_null:
            raise _Refused(key.line, Trap("yaml-syntax", "A key is empty", "write a word before the colon"))
        if key.plain and key.text == "<<":
            raise _Refused(key.line, Trap("yaml-alias", "Merge keys (`<<`) are not read", "write the keys out"))
        if key.text in part.entries:
            message = f"`{short(key.text)}` is written twice here, first in line {part.keys[key.text]}"
            raise _Refused(key.line, Trap("duplicate-key", message, "delete one of them"))
        return key


def _value(event: Event, lines: list[str]) -> Value:
    if isinstance(event, ScalarEvent):
        if found := _UNPRINTABLE.search(event.value):
            message = f"An escape in this text makes an invisible control character (U+{ord(found[0]):04X})"
            raise _Refused(_line(event), Trap("control-character", message, "delete it"))
        plain = event.style is None or event.style == ""
        tail = _tail(lines, event.end_mark.line, event.end_mark.column) if event.style not in ("|", ">") else ""
        return Scalar(text=event.value, line=_line(event), plain=plain, tail=tail)
    return Mapping(line=_line(event)) if isinstance(event, MappingStartEvent) else Sequence(line=_line(event))


def _tail(lines: list[str], line: int, column: int) -> str:
    """The comment after a value, `#` included; an empty value's mark may lie in a later line, so it has none."""
    rest = lines[line][column:].strip() if line < len(lines) else ""
    return rest if rest.startswith("#") and column > 0 else ""


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1


def _check_depth(event: Event, depth: int) -> None:
    if depth >= MOST_DEPTH:
        message = f"Lists and mappings lie more than {MOST_DEPTH} levels deep here"
        raise _Refused(
            _line(event), Trap("too-deep", message, "move inner steps to a playbook of their own (`enroll`)")
        )


def _check_event(event: Event, lines: list[str], *, already_read: bool) -> None:
    """Refuses what the language leaves out of YAML: aliases, anchors, tags, directives, a second document."""
    if isinstance(event, DocumentStartEvent):
        if already_read:
            hint = "delete the line `---`, or make it two files"
            raise _Refused(_line(event), Trap("yaml-syntax", "The file holds two documents", hint))
        if event.version or event.tags:
            raise _Refused(1, Trap("yaml-syntax", "YAML directives (`%…`) are not read", "delete the line"))
    if isinstance(event, AliasEvent):
        raise _Refused(_line(event), alias_trap(event.anchor, lines[_line(event) - 1]))
    if isinstance(event, NodeEvent) and event.anchor is not None:
        raise _Refused(_line(event), anchor_trap(event.anchor))
    if isinstance(event, (ScalarEvent, CollectionStartEvent)) and event.tag is not None:
        raise _Refused(_line(event), tag_trap(lines[_line(event) - 1], event.start_mark.column))
