"""Hides Jinja tags behind plain words while Markdown and CSS are worked on, and puts them back afterwards, each in
the form its place needs (text, start of a link, inside a link). Never evaluates anything. Before: template_source;
after: template_guard checks what comes out once more."""

from __future__ import annotations

import re
from typing import Literal

from bot.errors import TemplateRefused

Kind = Literal["e", "s"]
"""An expression `{{ }}` or a statement `{% %}`."""

OPENERS, MIDDLES, CLOSERS = frozenset({"if", "for"}), frozenset({"else", "elif"}), frozenset({"endif", "endfor"})
MOST_TAGS = 500
"""Compiling costs about a millisecond for each tag of the mail's five sources."""

_STRING = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
_TAG = re.compile(
    rf"\{{\{{(?:[^\"'}}]|{_STRING}|\}}(?!\}}))*\}}\}}|\{{%(?:[^\"'%]|{_STRING}|%(?!\}}))*%\}}|\{{#.*?#\}}", re.DOTALL
)
_START = re.compile(r"\{[{%#]")
_BARE_BRACE = re.compile(r"\{(?=[{%#])")
_SAFE_START = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)


class Masks:
    """The tags of one mail (layout and body share it). A mask is `jb…` + kind + number + `z`: letters and digits only,
    so that Markdown, URLs and HTML leave it alone; kinds e, s, and after `in_url` l (whole link) or p (part of one)."""

    def __init__(self, *texts: str) -> None:
        self.prefix = "jbx"
        while any(self.prefix in text.lower() for text in texts):
            self.prefix += "x"
        self.tags: list[str] = []
        self.any_mask = re.compile(rf"{self.prefix}([elps])(\d+)z")
        self.statement = re.compile(rf"(?:<!--|&lt;!--)?{self.prefix}s(\d+)z(?:-->|--&gt;)?")
        self.only_statements = re.compile(rf"\s*(?:{self.prefix}s\d+z\s*)+")

    def hide(self, text: str, *, first_line: int = 1, as_comments: bool = False, keep_control: bool = False) -> str:
        """The text with every tag masked and every comment gone. `as_comments`: statements become HTML comments, which
        no HTML parser moves out of tables. Raises: TemplateRefused for a tag that does not end."""
        parts: list[str] = []
        at = 0
        while (start := _START.search(text, at)) is not None:
            tag = _TAG.match(text, start.start())
            if tag is None:
                line = first_line + text.count("\n", 0, start.start())
                raise TemplateRefused(
                    f"The tag `{text[start.start() : start.start() + 30].splitlines()[0]}` is not closed",
                    line=line,
                    rule="syntax",
                    hint="close it with }}, %} or #}",
                )
            parts += [text[at : start.start()], self._mask(tag[0], as_comments, keep_control)]
            at = tag.end() + _leftover_line_end(text, start.start(), tag)
        return "".join([*parts, text[at:]])

    def _mask(self, tag: str, as_comments: bool, keep_control: bool) -> str:
        if tag.startswith("{#"):
            return ""
        if len(self.tags) >= MOST_TAGS:
            raise TemplateRefused(f"The template has more than {MOST_TAGS} tags", rule="too-long")
        # Blank lines belong to Markdown, so the marks that eat them (`{%-`) mean nothing in a Markdown body.
        self.tags.append(tag if keep_control else re.sub(r"^(\{[{%])[-+]|[-+]([}%]\})$", r"\1\2", tag))
        mask = f"{self.prefix}{'s' if tag.startswith('{%') else 'e'}{len(self.tags) - 1}z"
        return f"<!--{mask}-->" if as_comments and tag.startswith("{%") else mask

    def keyword(self, number: int) -> str:
        """`if`, `for`, `endif` … of a statement, "" when there is none."""
        found = re.match(r"\{%[-+]?\s*(\w+)", self.tags[number])
        return found[1] if found else ""

    def in_url(self, url: str) -> str:
        """A link's target with its masks marked as whole or part. Raises: TemplateRefused unless it must come out as
        http(s) or mailto."""
        if not self.any_mask.search(url):
            return url
        if self.statement.search(url):
            raise TemplateRefused(
                "A link's target holds a statement `{% %}`", rule="link", hint="put the `if` around the link"
            )
        first = self.any_mask.search(url)
        literal = url[: first.start()] if first else url
        if literal and not _SAFE_START.match(literal):
            raise TemplateRefused(
                f"A link's target begins with `{literal[:30]}`", rule="link", hint="begin it with https:// or mailto:"
            )
        whole = not literal
        return self.any_mask.sub(lambda mask: self._url_mask(mask, whole and mask.start() == 0), url)

    def _url_mask(self, mask: re.Match[str], whole: bool) -> str:
        return f"{self.prefix}{'l' if whole else 'p'}{mask[2]}z"

    def show(self, text: str) -> str:
        """The tags back in their places. Braces that stood in plain text stay plain text."""
        text = _BARE_BRACE.sub("{{ '{' }}", text)
        text = self.statement.sub(lambda mask: self.tags[int(mask[1])], text)
        return self.any_mask.sub(self._expression, text)

    def _expression(self, mask: re.Match[str]) -> str:
        tag = self.tags[int(mask[2])]
        if mask[1] not in "lp":
            return tag
        return "{{ (" + tag[2:-2].strip().strip("-+").strip() + ")|" + ("_link" if mask[1] == "l" else "_part") + " }}"


def _leftover_line_end(text: str, start: int, tag: re.Match[str]) -> int:
    """1 when a comment had its lines to itself, so that no empty line remains of it."""
    is_alone = (start == 0 or text[start - 1] == "\n") and text[tag.end() : tag.end() + 1] == "\n"
    return int(is_alone and tag[0].startswith("{#"))
