"""Compiles the workspace's mail templates, each once at most, and renders them over plain data: subject, HTML and text. Whatever
is wrong with a file is a Finding; never reads files, clock or database. Before: the workspace loader; after: the outbox
picks a language and renders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.authoring.template_build import Layout, finding_of, template_of
from bot.authoring.template_guard import Guard, Mode
from bot.authoring.template_html import fill_layout, inline_styles, inspect_html
from bot.authoring.template_mail import CompiledTemplate, Draft, RenderedMail, one_line, run_template
from bot.authoring.template_markdown import html_of, parse_markdown
from bot.authoring.template_masks import Masks
from bot.authoring.template_names import Names
from bot.authoring.template_runtime import HTML, PLAIN
from bot.authoring.template_source import FOLDER, is_template
from bot.authoring.template_text import text_of
from bot.errors import Finding, TemplateRefused, UsageError

__all__ = [
    "CompiledTemplate",
    "Draft",
    "RenderedMail",
    "Templates",
    "compile_templates",
    "read_templates",
    "wrap_draft",
]


MOST_PICKED = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """All templates of one workspace version."""

    by_name: Mapping[str, Mapping[str, CompiledTemplate]]
    layout: Layout
    vocabulary: Names
    #: What was picked before, by name and chain: a million readers have a few dozen chains.
    _picked: dict[tuple[str, tuple[str, ...]], CompiledTemplate] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.by_name)

    def languages(self, name: str) -> frozenset[str]:
        return frozenset(self.by_name.get(name, {}))

    def pick(self, name: str, wanted: Sequence[str]) -> CompiledTemplate:
        """The template in the first language of the chain that exists, exact before language, else any (S35).

        Raises: UsageError when there is no such template."""
        key = (name, tuple(wanted))
        found = self._picked.get(key)
        if found is None:
            if len(self._picked) >= MOST_PICKED:
                self._picked.clear()
            found = self._picked[key] = self._pick(name, wanted)
        return found

    def _pick(self, name: str, wanted: Sequence[str]) -> CompiledTemplate:
        versions = self.by_name.get(name)
        if not versions:
            raise UsageError(f"There is no template `{name}`", hint="have: " + ", ".join(sorted(self.by_name)))
        for locale in wanted:
            found = _closest(versions, locale)
            if found is not None:
                return found
        return versions["en"] if "en" in versions else versions[min(versions)]


def _closest(versions: Mapping[str, CompiledTemplate], locale: str) -> CompiledTemplate | None:
    asked = locale.replace("_", "-").lower()
    by_key = {key.lower(): version for key, version in sorted(versions.items())}
    language = asked.split("-")[0]
    same_language = next((version for key, version in by_key.items() if key.split("-")[0] == language), None)
    return by_key.get(asked) or by_key.get(language) or same_language


def compile_templates(
    files: Mapping[str, str], *, names: Collection[str], functions: Collection[str]
) -> tuple[Templates, list[Finding]]:
    """As `read_templates`, and compiles every one. A file with an error is left out and reported; it never stops the others."""
    templates, findings = read_templates(files, names=names, functions=functions)
    by_name: dict[str, dict[str, CompiledTemplate]] = {}
    for versions in templates.by_name.values():
        for template in versions.values():
            if template.refusal is None:
                by_name.setdefault(template.name, {})[template.locale] = template
            else:
                findings.append(finding_of(template.path, template.refusal))
    return replace(templates, by_name=by_name), findings


def read_templates(
    files: Mapping[str, str], *, names: Collection[str], functions: Collection[str]
) -> tuple[Templates, list[Finding]]:
    """Every template among `files` (workspace-relative path → text, layouts included), to be compiled when it is needed. A file
    that is no template is left out and reported."""
    vocabulary = Names(names=frozenset(names), functions=frozenset(functions))
    layout, findings = _read_layout(files, vocabulary)
    by_name: dict[str, dict[str, CompiledTemplate]] = {}
    for path in sorted(filter(is_template, files)):
        template, problems = template_of(path, files[path], layout, vocabulary)
        findings += problems
        if template is None:
            continue
        versions = by_name.setdefault(template.name, {})
        if template.locale in versions:
            message = f"`{template.name}` exists twice in `{template.locale}`: also {versions[template.locale].path}"
            findings.append(finding_of(path, TemplateRefused(message, rule="twice", hint="keep one of the two files")))
            continue
        versions[template.locale] = template
    return Templates(by_name=by_name, layout=layout, vocabulary=vocabulary), findings


def _read_layout(files: Mapping[str, str], vocabulary: Names) -> tuple[Layout, list[Finding]]:
    """The layouts that pass; a missing or refused one is replaced by a bare one and reported."""
    found: dict[str, str] = {}
    findings: list[Finding] = []
    for kind, mode in (("html", "html"), ("txt", "text")):
        path = f"{FOLDER}_layout.{kind}"
        try:
            text = files[path].removeprefix("\ufeff").replace("\r\n", "\n")
            _check_layout(text, vocabulary, "html" if mode == "html" else "text")
            found[mode] = text
        except KeyError:
            hint = "run `journeybot init` in an empty folder and copy its layout"
            findings.append(
                finding_of(path, TemplateRefused("The layout is missing", rule="layout", hint=hint), severity="warning")
            )
        except TemplateRefused as refused:
            findings.append(finding_of(path, refused))
    return Layout(**found), findings


def _check_layout(text: str, vocabulary: Names, mode: Mode) -> None:
    masks = Masks(text)
    masked = fill_layout(text, masks, {"content": "", "preheader": "", "subject": ""}, text=mode == "text")
    if masked == masks.hide(text, as_comments=mode == "html", keep_control=mode == "text"):
        raise TemplateRefused(
            "The layout has no place for the mail", rule="layout", hint="write {{ content }} where it goes"
        )
    if mode == "html":
        inspect_html(masked, masks)
    Guard(names=vocabulary, mode=mode).rewrite(masks.show(masked))


def wrap_draft(
    templates: Templates, subject: str, body_markdown: str, context: Mapping[str, Any], locale: str
) -> RenderedMail:
    """A mail from what a person edited. Nothing in it is Jinja any more: braces are sent as they stand.

    Raises: TemplateRefused when the text is longer than a template may be, RenderFailed."""
    masks = Masks(subject, body_markdown, templates.layout.html, templates.layout.text)
    tokens = parse_markdown(body_markdown.replace("\r\n", "\n"), masks)
    html, text = html_of(tokens, masks), text_of(tokens, masks, locale)
    line = one_line(subject)
    preheader = " ".join(text.split())[:90]
    parts = {"subject": line, "preheader": preheader, "content": html}
    document = masks.show(inline_styles(fill_layout(templates.layout.html, masks, parts), masks))
    plain = masks.show(fill_layout(templates.layout.text, masks, {**parts, "content": text.rstrip("\n")}, text=True))
    rendered = {}
    for mode, jinja in (("html", document), ("text", plain)):
        guard = Guard(names=templates.vocabulary, mode="html" if mode == "html" else "text", locale=locale, inner=True)
        environment = HTML if mode == "html" else PLAIN
        rendered[mode] = run_template(environment.from_string(guard.rewrite(jinja)), dict(context), "draft")
    return RenderedMail(subject=line, document=rendered["html"], text=rendered["text"].rstrip() + "\n")
