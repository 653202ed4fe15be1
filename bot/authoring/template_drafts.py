"""A template filled for one customer as a draft for a person: what has no value becomes a visible gap instead of an error, and
every value remembers its field, so that what people change can be said in the template's own words. Same guard, same
bounds as a mail. Before: template_build; after: the pipeline shows the draft, template_edits compares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Template

from bot.authoring.assist import gap, gaps_in
from bot.authoring.template_filters import shown_in_line, shown_in_link, shown_in_markdown, shown_link
from bot.authoring.template_guard import Guard, Mode
from bot.authoring.template_mail import CompiledTemplate, one_line, run_template, tidy
from bot.authoring.template_names import Names
from bot.authoring.template_runtime import MailEnvironment
from bot.errors import MissingField

# Noncharacters of Unicode: no text holds them, and none is let in.
_OPEN, _MIDDLE, _CLOSE = "\ufdd0", "\ufdd1", "\ufdd2"
_VALUE = re.compile(f"{_OPEN}([^{_MIDDLE}]*){_MIDDLE}([^{_CLOSE}]*){_CLOSE}")
_MARKS = re.compile(f"[{_OPEN}{_MIDDLE}{_CLOSE}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistDraft:
    """A mail for a person to finish. `pattern_…`: the same lines with `{{ field }}` where a value stands; `values`: what
    was written for which field; `missing`: the fields without a value."""

    subject: str
    body_markdown: str
    pattern_subject: str
    pattern_body: str
    values: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]

    @property
    def gaps(self) -> tuple[str, ...]:
        """All that has to be filled: fields without a value, and what the template leaves to its sender."""
        return gaps_in(self.subject, self.body_markdown)


def draft_of_template(template: CompiledTemplate, names: Names, context: Mapping[str, Any]) -> AssistDraft:
    """Raises: RenderFailed for a value that cannot be written."""
    values = dict(context)
    subject = run_template(_gapped(template.sources.subject, "line", template.locale, names), values, template.path)
    body = tidy(run_template(_gapped(template.sources.draft, "draft", template.locale, names), values, template.path))
    found = [(label, written) for text in (subject, body) for label, written in _VALUE.findall(text)]
    return AssistDraft(
        subject=one_line(_plain(subject)),
        body_markdown=_plain(body),
        pattern_subject=one_line(_pattern(subject)),
        pattern_body=_pattern(body),
        values=tuple(dict.fromkeys(pair for pair in found if pair[1] != gap(pair[0]))),
        missing=tuple(dict.fromkeys(label for label, written in found if written == gap(label))),
    )


def _plain(marked: str) -> str:
    return _VALUE.sub(lambda value: value[2], marked)


def _pattern(marked: str) -> str:
    return _VALUE.sub(lambda value: f"{{{{ {value[1]} }}}}", marked)


@lru_cache(maxsize=256)
def _gapped(source: str, mode: Mode, locale: str, names: Names) -> Template:
    """Compiled once more, because a compiled template is bound to its filters; a few milliseconds, kept."""
    return _GAPPED.from_string(Guard(names=names, mode=mode, locale=locale, inner=True).rewrite(source))


def _remembering(written: Callable[[Any, str], str]) -> Callable[[Any, str], str]:
    def marked(value: Any, field: str) -> str:
        try:
            text = _MARKS.sub("", written(value, field))
        except MissingField:
            text = gap(field)
        return f"{_OPEN}{field}{_MIDDLE}{text}{_CLOSE}"

    return marked


def _environment() -> MailEnvironment:
    found = MailEnvironment(autoescape=False)
    ways = {"_line": shown_in_line, "_draft": shown_in_markdown, "_link": shown_link, "_part": shown_in_link}
    found.filters = {**found.filters, **{name: _remembering(way) for name, way in ways.items()}}
    return found


_GAPPED = _environment()
