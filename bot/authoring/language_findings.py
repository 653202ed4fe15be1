"""What `check` says about texts that lack a language of the workspace: titles, hand-offs, tasks, log lines, templates. A text
without any language is for everybody. Compares only; reads nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from bot.authoring.placed import ParsedPlaybook
from bot.authoring.template_source import name_and_locale
from bot.errors import Finding
from bot.rules.steps_model import HandoffStep, LogStep

PlacedWords = tuple[str, Mapping[str, str]]


def check_languages(
    parsed: Collection[ParsedPlaybook], template_paths: Iterable[str], workspace_locale: str
) -> list[Finding]:
    """Warnings: who reads another language gets the text all the same, in one that exists (S35)."""
    templates: dict[str, dict[str, str]] = {}
    for path in sorted(template_paths):
        if (found := name_and_locale(path)) is not None:
            templates.setdefault(found[0], {})[language_of(found[1])] = path
    texts = [(playbook, path, words) for playbook in parsed for path, words in _texts_of(playbook)]
    spoken = {language for versions in templates.values() for language in versions}
    spoken |= {language_of(locale) for _, _, words in texts for locale in words if locale}
    wanted = spoken | ({language_of(workspace_locale)} if spoken else set())
    findings = list(_missing_templates(templates, wanted))
    for playbook, path, words in texts:
        missing = wanted - {language_of(locale) for locale in words}
        if "" in words or not missing:
            continue
        message = f"This text is not there in {_listed(missing)}, which this workspace speaks"
        hint = f"write `{{{', '.join(f'{language}: …' for language in sorted(wanted))}}}`"
        findings.append(playbook.source.finding(path, "missing-language", message, hint, severity="warning"))
    return findings


def language_of(locale: str) -> str:
    """`pt-BR` → `pt`."""
    return locale.replace("_", "-").partition("-")[0].lower()


def _missing_templates(templates: Mapping[str, Mapping[str, str]], wanted: Collection[str]) -> Iterator[Finding]:
    for name, versions in templates.items():
        missing = set(wanted) - set(versions)
        if missing:
            first = versions[min(versions)]
            yield Finding(
                file=first,
                line=1,
                path="",
                rule="missing-language",
                severity="warning",
                message=f"The template `{name}` is not there in {_listed(missing)}, which this workspace speaks",
                hint=f"write {first.rpartition('/')[0]}/{name}.{min(missing)}.md",
            )


def _texts_of(parsed: ParsedPlaybook) -> Iterator[PlacedWords]:
    yield "title", parsed.playbook.title
    for placed in parsed.steps():
        step = placed.step
        if isinstance(step, HandoffStep):
            yield f"{placed.path}.handoff", step.title
            yield from ((f"{placed.path}.tasks[{number}]", words) for number, words in enumerate(step.tasks))
        elif isinstance(step, LogStep):
            yield f"{placed.path}.log", step.text


def _listed(languages: Iterable[str]) -> str:
    return ", ".join(f"`{language}`" for language in sorted(languages))
