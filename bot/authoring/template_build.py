"""Turns one template file into a CompiledTemplate; when that is asked: guard what was written, mask, Markdown, layout, CSS, guard
what came out, compile. Each text is built once per process. Before: template_source; after: template_mail renders."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache, partial

from jinja2 import Template, TemplateError

from bot.authoring.assist import gaps_in
from bot.authoring.template_guard import Guard, Mode
from bot.authoring.template_html import (
    PLAIN_LAYOUT,
    PLAIN_TEXT_LAYOUT,
    fill_layout,
    inline_styles,
    inspect_html,
    is_whole_document,
)
from bot.authoring.template_mail import LARGEST_MAIL, CompiledTemplate, MailSources, TemplateParts, fixed_texts
from bot.authoring.template_markdown import draft_of, html_of, parse_markdown
from bot.authoring.template_masks import Masks
from bot.authoring.template_names import Names
from bot.authoring.template_runtime import HTML, PLAIN
from bot.authoring.template_source import TemplateSource, read_source
from bot.authoring.template_text import text_of, text_of_html
from bot.errors import Finding, Severity, TemplateRefused
from storage.skeletons import Skeleton

COMPILER = "1"
"""Part of every digest: raise it when the same source compiles to another mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What stands around every mail."""

    html: str = PLAIN_LAYOUT
    text: str = PLAIN_TEXT_LAYOUT


@lru_cache(maxsize=1024)
def template_of(
    path: str, text: str, layout: Layout, vocabulary: Names
) -> tuple[CompiledTemplate | None, tuple[Finding, ...]]:
    """Cached: a redeployed workspace compiles only what changed (7-10 ms a template)."""
    source, findings = read_source(path, text)
    if source is None:
        return None, tuple(findings)
    template = CompiledTemplate(
        name=source.name,
        locale=source.locale,
        category=source.category,
        path=source.path,
        digest=digest_of([source.path, text, layout.html, layout.text, sorted(vocabulary.names)]),
        compile=partial(_compiled, source, layout, vocabulary),
        assist=source.assist,
        has_gaps=bool(gaps_in(source.subject.text, source.preheader.text, source.body.text)),
    )
    return template, tuple(findings)


def _compiled(source: TemplateSource, layout: Layout, vocabulary: Names) -> TemplateParts:
    """Raises: TemplateRefused, whatever is wrong."""
    try:
        _check_pieces(source, vocabulary)
        return _compile(source, layout, vocabulary)
    except (TemplateError, RecursionError, ValueError, SyntaxError) as error:
        hint = "simplify it: shorter tags, fewer blocks inside one another"
        broken = f"The template cannot be compiled ({type(error).__name__})"
        raise TemplateRefused(broken, rule="syntax", hint=hint) from error


def _check_pieces(source: TemplateSource, vocabulary: Names) -> None:
    """Guards each piece as it was written, so that a refusal names the line of the file."""
    for piece in (source.subject, source.preheader, source.body):
        Guard(names=vocabulary, mode="text").rewrite(piece.text, first_line=piece.line)


def _compile(source: TemplateSource, layout: Layout, vocabulary: Names) -> TemplateParts:
    sources = _sources(source, layout)
    if len(sources.html) > LARGEST_MAIL:
        raise TemplateRefused("The mail would be larger than 200 KB", rule="too-long", hint="shorten the text")
    guards: list[Guard] = []

    def compiled(jinja: str, mode: Mode) -> Template:
        guard = Guard(names=vocabulary, mode=mode, locale=source.locale, inner=True)
        guards.append(guard)
        environment = HTML if mode == "html" else PLAIN
        return environment.from_string(guard.rewrite(jinja))

    subject, html = compiled(sources.subject, "line"), compiled(sources.html, "html")
    text, draft = compiled(sources.text, "text"), compiled(sources.draft, "draft")
    return TemplateParts(
        fields=frozenset().union(*(guard.fields for guard in guards)),
        expressions=frozenset().union(*(guard.expressions for guard in guards)),
        sources=sources,
        subject=subject,
        html=html,
        text=text,
        draft=draft,
        skeleton=Skeleton.of(fixed_texts(html)),
    )


def _sources(source: TemplateSource, layout: Layout) -> MailSources:
    masks = Masks(source.subject.text, source.preheader.text, source.body.text, layout.html, layout.text)
    subject, preheader = masks.hide(source.subject.text), masks.hide(source.preheader.text)
    if source.syntax == "md":
        body = masks.hide(source.body.text, first_line=source.body.line)
        tokens = parse_markdown(body, masks)
        html, text = html_of(tokens, masks), text_of(tokens, masks, source.locale)
        draft = draft_of(body, masks)
    else:
        html = masks.hide(source.body.text, first_line=source.body.line, as_comments=True)
        inspect_html(html, masks, first_line=source.body.line)
        draft = text = text_of_html(html, masks)
    parts = {"subject": subject, "preheader": preheader, "content": html}
    document = html if is_whole_document(html) else fill_layout(layout.html, masks, parts)
    return MailSources(
        subject=masks.show(subject),
        preheader=masks.show(preheader),
        html=masks.show(inline_styles(document, masks)),
        text=masks.show(fill_layout(layout.text, masks, {**parts, "content": text.rstrip("\n")}, text=True)),
        draft=masks.show(draft),
    )


def finding_of(path: str, refused: TemplateRefused, *, severity: Severity = "error") -> Finding:
    rule = f"template-{refused.rule}" if refused.rule != "template" else "template"
    return Finding(
        file=path, line=refused.line, path="", rule=rule, severity=severity, message=refused.sentence, hint=refused.hint
    )


def digest_of(value: object) -> str:
    return hashlib.sha256(json.dumps([COMPILER, value], ensure_ascii=False).encode("utf-8", "replace")).hexdigest()
