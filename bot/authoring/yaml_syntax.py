"""Turns the YAML parser's errors into our words: what stands in the line, which trap it is, how to write it instead.
Takes texts, lines and columns only; never parses. yaml_source asks it when the parser stops."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bot.authoring.yaml_traps import KEY_BEFORE, Trap, quoted, short

_QUOTED_START = re.compile(
    r"(?:(?P<key>[\w.]+)\s*:\s+|-\s+|[\[,]\s*)"
    r"(?P<value>(?P<start>(?P<quote>[\"'])[^\"']*(?P=quote))(?P<tail>\s*[^\s,}\]#:].*))$"
)
_BRACKET_START = re.compile(r"(?P<key>[\w.]+)\s*:\s+(?P<value>(\[[^\]]*\]|\{[^}]*\})\s*[^\s#,\]}].*)$")
_TWO_COLONS = re.compile(r"(?P<key>[\w.]+)\s*:\s+(?P<value>[^\s\"'].*)$")
_NO_SPACE = re.compile(r"^\s*(?:-\s+)?(?P<key>[A-Za-z_][\w.]*):(?P<value>[^\s/].*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where the parser stopped: its words, the column from 0, the line from 1, the line where the unfinished thing
    began, and all lines."""

    problem: str
    column: int
    line: int
    first: int
    lines: list[str]

    @property
    def text(self) -> str:
        return self.line_at(self.line)

    def line_at(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


Explanation = tuple[int, Trap]


def explain_syntax(spot: Spot) -> Explanation:
    """The line to point to, and the trap."""
    for explain in _EXPLANATIONS:
        if found := explain(spot):
            return found
    hint = f"look at column {spot.column + 1}; put quotes around a text that holds `: ` or ` #`, or begins with a sign"
    return spot.line, Trap("yaml-syntax", f"This line cannot be read as YAML: `{short(spot.text)}`", hint)


def _tab(spot: Spot) -> Explanation | None:
    indent = spot.text[: len(spot.text) - len(spot.text.lstrip())]
    if "\t" not in indent and "\\t" not in spot.problem:
        return None
    hint = "indent with spaces (two per level); most editors can convert tabs"
    return spot.line, Trap("yaml-tab", "A tab stands where YAML wants spaces", hint)


def _reserved_sign(spot: Spot) -> Explanation | None:
    if "cannot start any token" not in spot.problem:
        return None
    sign = spot.text[spot.column : spot.column + 1]
    value = re.split(r"\s+#|[,\]}]", spot.text[spot.column :])[0].strip()
    key = KEY_BEFORE.search(spot.text[: spot.column])
    lead = f"{key['key']}: " if key else ""
    hint = f"put it in quotes: `{lead}{quoted(short(value))}`"
    if sign == "@":
        hint = f"write the key without @: `{lead}{short(value.removeprefix('@'))}`, or put it in quotes"
    return spot.line, Trap("yaml-reserved", f"A value cannot begin with `{sign}` in YAML: `{short(value)}`", hint)


def _quoted_start(spot: Spot) -> Explanation | None:
    if not spot.problem.startswith(("expected <block end>", "expected ','")):
        return None
    found = _QUOTED_START.search(spot.text)
    if found is None:
        return None
    value = found["value"].rstrip()
    if "','" in spot.problem:  # inside brackets the value ends at the next key or at the bracket
        value = re.sub(r"(\s*[}\]]+|,\s*[\w.]+\s*:\s.*)\s*$", "", value)
    lead = f"{found['key']}: " if found["key"] else ""
    message = f"The value begins with a quote, so YAML reads only `{short(found['start'])}` and cannot place the rest"
    if found["quote"] == "'" and found["tail"][:1].isalpha():
        whole = value.strip("'").replace("''", "'")
        return spot.line, Trap("yaml-quote", message, f'use double quotes around it: `{lead}"{short(whole)}"`')
    return spot.line, Trap("yaml-quote", message, f"put single quotes around the whole: `{lead}{quoted(short(value))}`")


def _bracket_start(spot: Spot) -> Explanation | None:
    found = _BRACKET_START.search(spot.text)
    if found is None or "expected <block end>" not in spot.problem:
        return None
    message = f"A value that begins with `{found['value'][0]}` is a list or mapping; the text behind it has no place"
    hint = f"put the whole in quotes: `{found['key']}: {quoted(short(found['value']))}`"
    return spot.line, Trap("yaml-quote", message, hint)


def _open_bracket(spot: Spot) -> Explanation | None:
    found = re.match(r"expected ',' or '(?P<close>[\]}])'", spot.problem)
    if found is None:
        return None
    close = found["close"]
    opening = spot.line_at(spot.first)
    if comment := re.search(r"\s(#[^\s,\]}]+)", opening):
        rest = short(comment[1])
        message = f"The `{close}` is missing, because YAML reads everything from `{rest}` on as a comment"
        before = re.split(r"[,:{\[]", opening[: comment.start()])[-1]
        whole = quoted(f"{short(before)} {rest}".strip())
        return spot.first, Trap("yaml-comment", message, f"put the text in quotes: `{whole}`")
    kind = "list" if close == "]" else "mapping"
    message = f"The {kind} that begins in this line is not closed, or a comma is missing in it"
    return spot.first, Trap("yaml-bracket", message, f"end it with `{close}`, with commas between its parts")


def _second_colon(spot: Spot) -> Explanation | None:
    if "mapping values are not allowed" not in spot.problem:
        return None
    found = _TWO_COLONS.search(spot.text[: spot.column])
    if found:
        whole = re.sub(r"\s+#.*$", "", spot.text[found.start("value") :]).rstrip()
        hint = f"put the whole in quotes: `{found['key']}: {quoted(short(whole))}`"
        return spot.line, Trap("yaml-colon", "A colon and a space inside a text begin a new key in YAML", hint)
    if spot.line == 1:
        message = "The second colon of this line begins a new key in YAML"
        return spot.line, Trap("yaml-colon", message, "put the text after the first colon in quotes")
    above = spot.line - 1
    while above > 1 and not spot.line_at(above).strip():
        above -= 1
    if glued := _NO_SPACE.match(spot.line_at(above)):
        hint = f"write `{glued['key']}: {short(glued['value'])}`"
        return above, Trap("yaml-colon", f"The colon after `{glued['key']}` needs a space behind it", hint)
    if not re.search(r":(\s|$)|^\s*-\s", spot.line_at(above)):
        hint = "a key needs a colon and a space; a list item begins with `- `"
        message = f"This is neither `key: value` nor a list item: `{short(spot.line_at(above))}`"
        return above, Trap("yaml-syntax", message, hint)
    message = "This line is indented as if it belonged to the value of the line above"
    return spot.line, Trap("yaml-indent", message, "begin keys of one mapping in the same column")


def _misfit(spot: Spot) -> Explanation | None:
    if not spot.problem.startswith("expected <block end>"):
        return None
    hint = "begin the keys of one mapping, and the dashes of one list, in the same column"
    return spot.line, Trap("yaml-indent", "The indentation of this line fits none of the lines above", hint)


def _by_words(spot: Spot) -> Explanation | None:
    """The errors that the parser's own words name well enough."""
    for words, begins_earlier, rule, message, hint in _BY_WORDS:
        if words in spot.problem:
            line = spot.first if begins_earlier else spot.line
            return line, Trap(rule, message.replace("VALUE", short(spot.line_at(line))), hint)
    return None


# The parser's words, whether to point to where the unfinished thing began, our rule, message and hint.
_BY_WORDS: tuple[tuple[str, bool, str, str, str], ...] = (
    (
        "unexpected end of stream",
        True,
        "yaml-quote",
        "A quote that opens here is never closed: `VALUE`",
        "close it, or put the whole text in the other kind of quotes",
    ),
    (
        "unexpected document separator",
        True,
        "yaml-quote",
        "A quote that opens here is not closed before `---`: `VALUE`",
        "close it, or put the whole text in the other kind of quotes",
    ),
    (
        "could not find expected ':'",
        True,
        "yaml-syntax",
        "This is neither `key: value` nor a list item: `VALUE`",
        "a key needs a colon and a space; a list item begins with `- `",
    ),
    (
        "expected a comment or a line break",
        False,
        "yaml-quote",
        "A value that begins with `>` or `|` starts a block of text: `VALUE`",
        "put the whole value in quotes",
    ),
    (
        "chomping or indentation indicators",
        False,
        "yaml-quote",
        "A value that begins with `>` or `|` starts a block of text: `VALUE`",
        "put the whole value in quotes",
    ),
    (
        "escape",
        False,
        "yaml-quote",
        "A backslash in double quotes must name a known character: `VALUE`",
        "use single quotes, or write the backslash twice",
    ),
    (
        "hexadecimal numbers",
        False,
        "yaml-quote",
        "A backslash in double quotes must name a known character: `VALUE`",
        "use single quotes, or write the backslash twice",
    ),
    (
        "sequence entries are not allowed",
        False,
        "yaml-indent",
        "A list cannot begin behind its key: `VALUE`",
        "put `- …` on the next line, or put quotes around a text that begins with a dash",
    ),
    (
        "expected the node content",
        False,
        "yaml-syntax",
        "A value is missing, or begins with a sign that YAML keeps for itself: `VALUE`",
        "put quotes around a text that begins with a sign",
    ),
    (
        "tag handle",
        False,
        "yaml-tag",
        "A value begins with `!`, which YAML reads as a tag: `VALUE`",
        "write `not` in a condition; put other texts in quotes",
    ),
    (
        "expected alphabetic or numeric character",
        False,
        "yaml-alias",
        "A value cannot begin with `&` or `*` in YAML: `VALUE`",
        "write `and` for &&, or put the value in quotes",
    ),
    ("directive", False, "yaml-syntax", "YAML directives (`%…`) are not read: `VALUE`", "delete the line"),
    (
        "document start",
        False,
        "yaml-syntax",
        "The file goes on after its end: `VALUE`",
        "a file is one mapping; remove what stands outside it, or put a text that begins with a quote in quotes",
    ),
)

_EXPLANATIONS: tuple[Callable[[Spot], Explanation | None], ...] = (
    _tab,
    _reserved_sign,
    _quoted_start,
    _bracket_start,
    _open_bracket,
    _second_colon,
    _by_words,
    _misfit,
)
