"""The plain-text part of a mail, written from the same Markdown tokens as the HTML: links as `text: url`, lists with
dashes, no HTML. Works on masked text, never on values. Before: template_markdown; after: templates.py compiles it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

from markdown_it.token import Token

from bot.authoring.template_masks import Masks

RULE = "-" * 24
_BLOCK_TAGS = frozenset(
    [
        "p",
        "div",
        "table",
        "tr",
        "h1",
        "h2",
        "h3",
        "h4",
        "ul",
        "ol",
        "li",
        "blockquote",
        "hr",
        "section",
        "center",
        "header",
        "footer",
    ]
)


def text_of(tokens: Sequence[Token], masks: Masks, locale: str) -> str:
    """Text with masks; a blank line between blocks."""
    return _TextWriter(masks, japanese=locale.startswith("ja")).blocks(tokens, "").strip("\n") + "\n"


class _TextWriter:
    def __init__(self, masks: Masks, *, japanese: bool) -> None:
        self.masks = masks
        self.bullet = "・" if japanese else "- "
        self.heading = "■ " if japanese else ""

    def blocks(self, tokens: Sequence[Token], indent: str) -> str:
        written: list[str] = []
        at = 0
        while at < len(tokens):
            end = _end_of_block(tokens, at)
            written.append(self._block(tokens[at:end], indent))
            at = end
        return "".join(written)

    def _block(self, block: Sequence[Token], indent: str) -> str:
        kind = block[0].type
        if kind == "jinja":
            return block[0].content
        if kind in ("bullet_list_open", "ordered_list_open"):
            return self._list(block, indent)
        if kind == "blockquote_open":
            return self.blocks(block[1:-1], indent + "> ")
        if kind == "table_open":
            return self._table(block[1:-1], indent)
        return self._leaf(block, indent) + ("\n" if block[0].hidden else "\n\n")

    def _leaf(self, block: Sequence[Token], indent: str) -> str:
        if block[0].type == "hr":
            return indent + RULE
        if block[0].type in ("fence", "code_block"):
            return _indented(block[0].content.rstrip("\n"), indent + "  ")
        mark = self.heading if block[0].type == "heading_open" else ""
        return _indented(
            mark + "".join(self.inline(token.children or []) for token in block if token.type == "inline"), indent
        )

    def _list(self, block: Sequence[Token], indent: str) -> str:
        items = _siblings(block[1:-1])
        tight = any(token.hidden for token in block)
        counts = not any(item[0].type == "jinja" for item in items)
        number = int(block[0].attrGet("start") or 1)
        written: list[str] = []
        for item in items:
            if item[0].type == "jinja":
                written.append(item[0].content)
                continue
            mark = self.bullet
            if block[0].type == "ordered_list_open" and counts:
                mark, number = f"{number}. ", number + 1
            inner = indent + "  "
            content = self.blocks(item[1:-1], inner).replace(inner, indent + mark, 1)
            written.append(re.sub(r"\n{2,}$", "\n", content) if tight else content)
        return "".join(written) + ("\n" if tight else "")

    def _table(self, inside: Sequence[Token], indent: str) -> str:
        rows: list[list[str]] = []
        for token in inside:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(self.inline(token.children or []))
        return "".join(f"{indent}{' | '.join(row)}\n" for row in rows) + "\n"

    def inline(self, children: Sequence[Token]) -> str:
        written: list[str] = []
        target = ""
        for child in children:
            if child.type == "link_open":
                target = "" if child.markup == "autolink" else self.masks.in_url(str(child.attrGet("href") or ""))
            elif child.type == "link_close":
                written.append(f": {target}" if target else "")
            elif child.type in ("softbreak", "hardbreak"):
                written.append("\n")
            elif child.type == "image":
                written.append(child.content)
            else:
                written.append(child.content if child.nesting == 0 else "")
        return "".join(written)


def _siblings(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    found: list[Sequence[Token]] = []
    at = 0
    while at < len(tokens):
        end = _end_of_block(tokens, at)
        found.append(tokens[at:end])
        at = end
    return found


def _end_of_block(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for at in range(start, len(tokens)):
        depth += tokens[at].nesting
        if depth == 0:
            return at + 1
    return len(tokens)


def _indented(text: str, indent: str) -> str:
    return "\n".join(indent + line for line in text.split("\n"))


class _HtmlReader(HTMLParser):
    """Collects the readable text of an HTML source; statements (comments) keep their places."""

    def __init__(self, masks: Masks) -> None:
        super().__init__(convert_charrefs=True)
        self.masks, self.parts, self.targets, self.silent = masks, [], [], 0

    parts: list[str]
    targets: list[str]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("style", "title", "head")
        if tag == "br" or tag in _BLOCK_TAGS:
            self.parts.append("\n" if tag in ("br", "li", "tr") else "\n\n")
        if tag == "li":
            self.parts.append("- ")
        if tag == "a":
            self.targets.append(self.masks.in_url(dict(attrs).get("href") or ""))
        if tag == "img":
            self.parts.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("style", "title", "head")
        if tag == "a" and self.targets and (target := self.targets.pop()):
            self.parts.append(f": {target}")
        if tag in _BLOCK_TAGS and tag not in ("li", "tr"):
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.parts.append(re.sub(r"\s+", " ", data))

    def handle_comment(self, data: str) -> None:
        if self.masks.statement.fullmatch(data):
            self.parts.append(data)


def text_of_html(masked: str, masks: Masks) -> str:
    """The text part of an `.html` source."""
    reader = _HtmlReader(masks)
    reader.feed(masked)
    reader.close()
    lines = [line.strip() for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"
