"""One template and what it renders to. Runs Jinja within bounds over plain data; never parses, never inlines.
Before: template_build; after: the outbox stores what `render` returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from types import CodeType
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.runtime import Context

from bot.authoring.template_source import Category
from bot.errors import MissingField, RenderFailed, TemplateRefused
from storage.skeletons import Outline, Skeleton, html_of

LARGEST_MAIL = 200_000
LONGEST_SUBJECT = 250
PIECES_AT_ONCE = 50


@dataclass(slots=True, kw_only=True)
class RenderedMail:
    """One mail as the reader gets it. `subject` is a single line; the preheader stands in the HTML, which is an outline where a
    template put it together: few of those who handle the mail need the whole."""

    subject: str
    document: str | Outline
    text: str

    @property
    def html(self) -> str:
        return html_of(self.document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A mail for a person to edit before it goes: the body is Markdown without Jinja."""

    subject: str
    body_markdown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSources:
    """The Jinja sources a template compiles to, styles inlined."""

    subject: str
    preheader: str
    html: str
    text: str
    draft: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateParts:
    """What a template compiles to."""

    fields: frozenset[str]
    expressions: frozenset[str]
    sources: MailSources
    subject: Template
    html: Template
    text: Template
    draft: Template
    skeleton: Skeleton


@dataclass(frozen=True, kw_only=True)
class CompiledTemplate:
    """One template in one language. `assist`: the situation in which a person sends it; `has_gaps`: it leaves something to that
    person (`[[…]]`). It compiles when it is first asked for more: most commands need none of a hundred templates, and each takes
    ten milliseconds."""

    name: str
    locale: str
    category: Category
    path: str
    digest: str
    compile: Callable[[], TemplateParts] = field(repr=False, compare=False)
    assist: str = ""
    has_gaps: bool = False

    @cached_property
    def refusal(self) -> TemplateRefused | None:
        """Why it does not compile. `check` and `deploy` ask; what was published by an older journeybot may be refused later."""
        try:
            _ = self.parts
        except TemplateRefused as refused:
            return refused
        return None

    @cached_property
    def parts(self) -> TemplateParts:
        """Raises: TemplateRefused."""
        return self.compile()

    @property
    def fields(self) -> frozenset[str]:
        """What it prints (`customer.name`)."""
        return self.parts.fields

    @property
    def expressions(self) -> frozenset[str]:
        """What the caller computes into `values`."""
        return self.parts.expressions

    @property
    def sources(self) -> MailSources:
        return self.parts.sources

    def render(self, context: Mapping[str, Any]) -> RenderedMail:
        """Raises: MissingField when a printed value is absent, None or ""; RenderFailed for anything else."""
        values, parts = dict(context), self.parts
        return RenderedMail(
            subject=one_line(run_template(parts.subject, values, self.path)),
            document=parts.skeleton.outline(pieces_of(parts.html, values, self.path)),
            text=run_template(parts.text, values, self.path).rstrip() + "\n",
        )

    def draft(self, context: Mapping[str, Any]) -> Draft:
        """Raises: as `render`."""
        values, parts = dict(context), self.parts
        subject = one_line(run_template(parts.subject, values, self.path))
        return Draft(subject=subject, body_markdown=tidy(run_template(parts.draft, values, self.path)))


def run_template(template: Template, values: dict[str, Any], path: str) -> str:
    """Renders within bounds."""
    return "".join(pieces_of(template, values, path))


def pieces_of(template: Template, values: dict[str, Any], path: str) -> list[str]:
    """Renders within bounds. The context is plain data and there are no globals, so nothing is copied into a new one."""
    try:
        context = Context(template.environment, values, template.name, template.blocks)
        return _bounded(template.root_render_func(context))
    except (MissingField, RenderFailed) as error:
        error.where = error.where or path
        raise
    except (
        TemplateError,
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        raise RenderFailed(f"The mail cannot be rendered: {error}", where=path) from error


def _bounded(pieces: Iterator[str]) -> list[str]:
    """Taken some at a time, since a mail has dozens; no piece is longer than its template or one value."""
    found: list[str] = []
    size, is_more = 0, True
    while is_more:
        some = list(islice(pieces, PIECES_AT_ONCE))
        is_more = len(some) == PIECES_AT_ONCE
        found += some
        size += sum(map(len, some))
        if size > LARGEST_MAIL:
            raise RenderFailed(f"The mail is larger than {LARGEST_MAIL // 1000} KB", rule="too-long")
    return found


def fixed_texts(template: Template) -> Iterator[str]:
    """The texts that the compiled template writes as they stand (among a few words of its own): what its mails share."""
    return _texts_of(template.root_render_func.__code__)


def _texts_of(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _texts_of(constant)


def tidy(markdown: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", markdown).strip() + "\n"


def one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + "…"
