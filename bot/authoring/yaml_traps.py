"""Names the traps that YAML sets with values it reads differently than they look: tags, aliases, comments, commas.
Each answer is a rule, a sentence and the spelling that works. Takes texts and columns only; never parses. yaml_source
asks it for refused features, yaml_syntax for what the parser could not read."""

from __future__ import annotations

import re
from dataclasses import dataclass

CONDITION_KEYS = frozenset({"when", "if", "until", "goal"})
KEY_BEFORE = re.compile(r"(?P<key>[\w.]+)[\"']?\s*:\s*$")


@dataclass(frozen=True, slots=True)
class Trap:
    """A stable rule name, what is wrong, and what to write instead."""

    rule: str
    message: str
    hint: str


def short(text: str, most: int = 60) -> str:
    """The text on one line, cut to a readable length."""
    joined = " ".join(text.split())
    return joined if len(joined) <= most else f"{joined[: most - 1]}…"


def quoted(text: str) -> str:
    """The text as a YAML scalar in quotes."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def tag_trap(text: str, column: int) -> Trap:
    """For a value that begins with `!` at `column`."""
    value = text[column:].strip()
    key = KEY_BEFORE.search(text[:column])
    name = key["key"] if key else ""
    if value.startswith(("!!", "!<")):
        return Trap("yaml-tag", f"YAML tags are not read: `{short(value)}`", "delete it and keep the plain value")
    message = f"`{short(value)}` begins with `!`, which YAML reads as a tag"
    if name in CONDITION_KEYS:
        hint = f"write `{name}: not {short(value.removeprefix('!').strip())}`"
        return Trap("yaml-tag", f"{message}; it does not mean `not`", hint)
    return Trap("yaml-tag", message, f"put it in quotes: `{name or 'key'}: {quoted(short(value))}`")


def alias_trap(name: str, text: str) -> Trap:
    """For `*name`."""
    hint = "write the value out; a text that begins with * needs quotes"
    return Trap("yaml-alias", f"Aliases are not read: `*{short(name)}` in `{short(text)}`", hint)


def anchor_trap(name: str) -> Trap:
    """For `&name`."""
    hint = "write the value out; in a condition write `and`, and put a text that begins with & in quotes"
    return Trap("yaml-alias", f"Anchors are not read: `&{short(name)}`", hint)


def empty_value_trap(key: str, text: str, end_column: int, before: tuple[str, str] | None) -> Trap | None:
    """For a key without a value: `{en: Renewal, 90 days out}` and `to: #channel`. `text` is the key's line,
    `end_column` where the value would stand, `before` the key and the value to its left."""
    if found := re.search(rf"{re.escape(key)}[\"']?\s*:\s+(#[^\s#].*)$", text):
        value = found[1].strip()
        message = f"`{short(key)}` has no value: YAML reads `{short(value)}` as a comment"
        return Trap("yaml-comment", message, f"put it in quotes: `{short(key)}: {quoted(short(value))}`")
    left = text[:end_column].rstrip()
    if left.endswith(":") or not left.endswith(key[-10:]):
        return None
    message = f"`{short(key)}` is read as a key of its own, because a comma outside quotes ends the text before it"
    if before is not None and re.fullmatch(r"[0-9]{3}", key) and before[1][-1:].isdigit():
        message = f"The comma in a number ends the text before it: `{short(before[1])},{key}…`"
        return Trap("yaml-comma", message, "write numbers without commas, such as `1000000`")
    if before is None:
        return Trap("yaml-comma", message, "put quotes around the whole text, or write `key: value`")
    whole = quoted(f"{short(before[1])}, {short(key)}")
    return Trap("yaml-comma", message, f"put quotes around the whole text: `{{{short(before[0])}: {whole}}}`")


def comment_trap(key: str, text: str, tail: str) -> Trap | None:
    """For `handoff: Call about #42`: a text whose tail YAML drops as a comment. A comment with a space after its `#`
    is one."""
    if not re.match(r"#[^\s#]", tail):
        return None
    message = f"The text ends at `{short(text)}`: YAML reads `{short(tail)}` as a comment"
    lead = f"{key}: " if key else ""
    whole = quoted(f"{short(text)} {short(tail)}")
    return Trap("yaml-comment", message, f"put it in quotes: `{lead}{whole}`; a real comment has a space after its #")
