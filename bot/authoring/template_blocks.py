"""Makes `{% if %}` and `{% for %}` lines live with Markdown's blocks: inside a paragraph they join its lines, around
list items they stay inside one list. Works on masked text and on tokens, never on values. Called by template_markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

from bot.authoring.template_masks import CLOSERS, OPENERS, Masks

_NOT_PLAIN = re.compile(r"\s*(?:[-*+]\s|\d{1,9}[.)]\s|#{1,6}\s|>|\||```|~~~|(?:[-*_]\s*){3,}$)")


def arrange_statements(masked: str, masks: Masks) -> str:
    """Statement lines that touch the lines of one paragraph move to the line's start or end, because alone on a line
    they would split the paragraph in two."""
    lines = masked.split("\n")
    keywords = [_only_keyword(line, masks) for line in lines]
    moved: dict[int, tuple[int, bool]] = {}
    for first, last in _groups(keywords):
        if first in moved or not all(keywords[at] or _is_plain(lines[at]) for at in range(first, last + 1)):
            continue
        goes_on = last + 1 < len(lines) and _is_plain(lines[last + 1]) and not keywords[last + 1]
        comes_from = first > 0 and _is_plain(lines[first - 1]) and not keywords[first - 1]
        if (
            _is_closed(lines, first - 1, comes_from)
            and _is_closed(lines, last + 1, goes_on)
            and (goes_on or comes_from)
        ):
            moved |= {at: (at + 1 if goes_on else at - 1, goes_on) for at in range(first, last + 1) if keywords[at]}
    return "\n".join(_join_moved(lines, moved))


def _only_keyword(line: str, masks: Masks) -> str:
    """The keyword of a line that is exactly one statement, else ""."""
    if not masks.only_statements.fullmatch(line):
        return ""
    found = masks.statement.findall(line)
    return masks.keyword(int(found[0])) if len(found) == 1 else ""


def _groups(keywords: Sequence[str]) -> list[tuple[int, int]]:
    """First and last line of each `if … endif`, outer ones first."""
    opened: list[int] = []
    groups: list[tuple[int, int]] = []
    for at, keyword in enumerate(keywords):
        if keyword in OPENERS:
            opened.append(at)
        elif keyword in CLOSERS and opened:
            groups.append((opened.pop(), at))
    return sorted(groups)


def _is_plain(line: str) -> bool:
    return bool(line.strip()) and _NOT_PLAIN.match(line) is None


def _is_closed(lines: Sequence[str], at: int, is_paragraph: bool) -> bool:
    """The neighbour is the same paragraph, or nothing at all."""
    return is_paragraph or not 0 <= at < len(lines) or not lines[at].strip()


def _join_moved(lines: list[str], moved: dict[int, tuple[int, bool]]) -> list[str]:
    before: list[str] = []
    done: list[str] = []
    for at, line in enumerate(lines):
        if at not in moved:
            done.append("".join(before) + line)
            before = []
        elif moved[at][1]:
            before.append(line.strip())
        else:
            done[-1] += line.strip()
    return done


def merge_lists(tokens: Sequence[Token]) -> list[Token]:
    """Lists that only statements part become one list again; a `for` around items puts its list outside the loop."""
    blocks = _blocks(tokens)
    merged: list[Token] = []
    at = 0
    while at < len(blocks):
        end, mergeable = _run(blocks, at)
        if mergeable:
            merged += _one_list(blocks[at:end])
            at = end
            continue
        merged += blocks[at]
        at += 1
    return merged


def _blocks(tokens: Sequence[Token]) -> list[list[Token]]:
    """The siblings of this level, each with its whole inside (which is merged already)."""
    blocks: list[list[Token]] = []
    current: list[Token] = []
    depth = 0
    for token in tokens:
        current.append(token)
        depth += token.nesting
        if depth == 0:
            inside = current[1:-1]
            blocks.append([current[0], *merge_lists(inside), current[-1]] if len(current) > 2 else current)
            current = []
    return blocks


def _list_kind(block: Sequence[Token]) -> str:
    return block[0].type if block[0].type in ("bullet_list_open", "ordered_list_open") else ""


def _run(blocks: Sequence[Sequence[Token]], start: int) -> tuple[int, bool]:
    """Where the run of one list's parts that begins here ends, and whether it has to be merged."""
    kind = ""
    depth, end = 0, start
    for at in range(start, len(blocks)):
        own = _list_kind(blocks[at])
        depth += _step(blocks[at])
        if depth < 0 or not (_is_statement(blocks[at]) or (own and own == (kind or own))):
            break
        kind = kind or own
        if depth == 0:
            end = at + 1
    run = blocks[start:end]
    has_statement = any(_is_statement(block) for block in run)
    return end, bool(kind and has_statement and _is_one_list(run))


def _is_statement(block: Sequence[Token]) -> bool:
    return block[0].type == "jinja"


def _step(block: Sequence[Token]) -> int:
    """How a block changes the depth of open `if` and `for`."""
    return (block[0].info in OPENERS) - (block[0].info in CLOSERS) if _is_statement(block) else 0


def _is_one_list(run: Sequence[Sequence[Token]]) -> bool:
    """A lone `if` around a list keeps its list inside, so that nothing remains when it does not hold."""
    if not any(_list_kind(block) for block in run):
        return False
    if _list_kind(run[0]) or any(block[0].info == "for" for block in run):
        return True
    depth, tops = 0, 0
    for block in run:
        depth += _step(block)
        tops += depth == 0
    return tops > 1


def _one_list(run: Sequence[Sequence[Token]]) -> list[Token]:
    lists = [block for block in run if _list_kind(block)]
    inside: list[Token] = []
    for block in run:
        inside += block[1:-1] if _list_kind(block) else block
    return [lists[0][0], *inside, lists[-1][-1]]
