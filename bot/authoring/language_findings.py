"""What `check` says about texts that lack a language of the workspace: titles, hand-offs, tasks, log lines, templates, and all that
people read of the company's files. A text without any language is for everybody. Compares only; reads nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from bot.authoring.company import (
    CHURN,
    CONTENT,
    FEATURES,
    METRICS,
    PLANS,
    PRODUCTS,
    SCORECARD,
    SIGNALS,
    STAGES,
    SURVEYS,
    Company,
)
from bot.authoring.placed import ParsedPlaybook
from bot.authoring.template_source import name_and_locale
from bot.errors import Finding
from bot.rules.steps_model import HandoffStep, LogStep

PlacedWords = tuple[str, Mapping[str, str]]
#: Of an item of content.yml and of a survey, beside the title.
ITEM_TEXTS = ("title", "analysis", "action", "result")
SURVEY_TEXTS = ("question", "lowest", "highest", "follow_up", "thanks")


def check_languages(
    parsed: Collection[ParsedPlaybook], company: Company, template_paths: Iterable[str], workspace_locale: str
) -> list[Finding]:
    """Warnings: who reads another language gets the text all the same, in one that exists (S35)."""
    templates: dict[str, dict[str, str]] = {}
    for path in sorted(template_paths):
        if (found := name_and_locale(path)) is not None:
            templates.setdefault(found[0], {})[language_of(found[1])] = path
    texts = [(playbook.source, path, words) for playbook in parsed for path, words in _texts_of(playbook)]
    texts += [(company.sources[file], path, words) for file, path, words in _texts_of_company(company)]
    spoken = {language for versions in templates.values() for language in versions}
    spoken |= {language_of(locale) for _, _, words in texts for locale in words if locale}
    wanted = spoken | ({language_of(workspace_locale)} if spoken else set())
    findings = list(_missing_templates(templates, wanted))
    for source, path, words in texts:
        missing = wanted - {language_of(locale) for locale in words}
        if "" in words or not missing:
            continue
        message = f"This text is not there in {_listed(missing)}, which this workspace speaks"
        hint = f"write `{{{', '.join(f'{language}: …' for language in sorted(wanted))}}}`"
        findings.append(source.finding(path, "missing-language", message, hint, severity="warning"))
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


def _texts_of_company(company: Company) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """File, path and words; what has no text of its own is left out."""
    named = (
        (METRICS, company.metrics),
        (FEATURES, company.features),
        (SIGNALS, company.signals),
        (PRODUCTS, company.products),
    )
    for file, things in named:
        yield from _of_each(file, "", things, ("title",))
    yield from _of_each(SURVEYS, "", company.surveys, SURVEY_TEXTS)
    yield from _of_each(CONTENT, "items.", company.catalogue.items, ITEM_TEXTS)
    yield from _of_each(CHURN, "reasons.", company.churn.reasons, ("title",))
    for name, measures in company.cards.items():
        yield from _of_each(SCORECARD, f"{name}.", measures, ("title",))
    for number, stage in enumerate(company.stages):
        yield STAGES, f"[{number}].title", stage.title
    yield from _of_each(PLANS, "", company.plans, ("title",))
    for kind, plan in company.plans.items():
        for number, objective in enumerate(plan.objectives):
            place = f"{kind}.objectives[{number}]"
            yield PLANS, f"{place}.title", objective.title
            yield from ((PLANS, f"{place}.tasks[{task}]", words) for task, words in enumerate(objective.tasks))


def _of_each(
    file: str, prefix: str, things: Mapping[str, Any], names: Iterable[str]
) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    for name, thing in things.items():
        for text in names:
            if words := getattr(thing, text):
                yield file, f"{prefix}{name}.{text}", words


def _listed(languages: Iterable[str]) -> str:
    return ", ".join(f"`{language}`" for language in sorted(languages))
