"""What `check` says about stages.yml, scorecard.yml, plans.yml, content.yml, products.yml and churn.yml together with the playbooks
that name what they define. Joins their findings with the places of every condition; reads nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bot.authoring.asked_names import check_asked_names
from bot.authoring.company import FEATURES, METRICS, PLANS, SCORECARD, SIGNALS, STAGES, Company
from bot.authoring.content_findings import check_content
from bot.authoring.named_content_findings import check_named_content
from bot.authoring.people_findings import NOBODY_ASKED, KnownPeople
from bot.authoring.placed import ParsedPlaybook, PlacedText, Source
from bot.authoring.plan_findings import check_named_plans, check_plans
from bot.authoring.scorecard_findings import check_asked_scores, check_scorecard
from bot.authoring.stage_findings import check_named_stages, check_set_stages, check_stages
from bot.authoring.templates import Templates
from bot.authoring.workspace_file import WorkspaceSettings
from bot.errors import Finding, Severity
from bot.rules.scorecards import OVERALL


def check_company(
    company: Company,
    parsed: Collection[ParsedPlaybook],
    settings: WorkspaceSettings,
    templates: Templates,
    known: KnownPeople = NOBODY_ASKED,
) -> list[Finding]:
    """Findings of the files, and of whoever asks for what they do not have."""
    ours = [*_of_company(company)]
    conditions = [*_of_playbooks(parsed), *ours]
    crm_leads = settings.stage_from == "import"
    return [
        *check_scorecard(company.cards, company.sources.get(SCORECARD, Source(file=SCORECARD))),
        *check_stages(company.stages, company.sources.get(STAGES, Source(file=STAGES))),
        *check_asked_scores(conditions, company.cards),
        *check_named_stages(conditions, company.stages),
        *check_plans(company.plans, company.sources.get(PLANS, Source(file=PLANS)), settings, known),
        *check_named_plans(parsed, conditions, company.plans),
        *check_asked_names(ours, conditions, company, settings.limits),
        *check_set_stages(parsed, company.stages, crm_leads=crm_leads),
        *check_content(company),
        *check_named_content(company, parsed, templates, conditions),
    ]


def _of_playbooks(parsed: Collection[ParsedPlaybook]) -> Iterator[tuple[Source, PlacedText, Severity]]:
    for playbook in parsed:
        severity: Severity = "error" if playbook.playbook.state in ("live", "paused") else "warning"
        yield from ((playbook.source, found, severity) for found in playbook.source.conditions)


def _of_company(company: Company) -> Iterator[tuple[Source, PlacedText, Severity]]:
    for file, path, text in _texts(company):
        source = company.sources.get(file, Source(file=file))
        yield source, PlacedText(path=path, line=source.line_of(path), text=text), "error"


def _texts(company: Company) -> Iterator[tuple[str, str, str]]:
    """File, path and text of every condition of the company-wide files."""
    for name, metric in company.metrics.items():
        yield METRICS, f"{name}.value", metric.formula
    for name, feature in company.features.items():
        for key, given in (("value", feature.formula), ("green", feature.green), ("yellow", feature.yellow)):
            if given is not None:
                yield FEATURES, f"{name}.{key}", given
    for name, signal in company.signals.items():
        yield SIGNALS, f"{name}.when", signal.when
    for name, entries in company.cards.items():
        for each, measure in entries.items():
            parts: dict[str, str | None] = {"value": measure.formula, "when": measure.when}
            parts |= {str(band): text for band, text in measure.bands.items()}
            wanted = {key: text for key, text in parts.items() if text and (each != OVERALL or key != "value")}
            yield from ((SCORECARD, f"{name}.{each}.{key}", text) for key, text in wanted.items())
    yield from _texts_of_ways(company)


def _texts_of_ways(company: Company) -> Iterator[tuple[str, str, str]]:
    """Of stages and plans."""
    for number, stage in enumerate(company.stages):
        for check, text in stage.complete_when.items():
            yield STAGES, f"[{number}].complete_when.{check}", text
        for place, way in enumerate(stage.next):
            if way.when is not None:
                yield STAGES, f"[{number}].next[{place}].when", way.when
    for kind, template in company.plans.items():
        for number, objective in enumerate(template.objectives):
            if objective.target is not None:
                yield PLANS, f"{kind}.objectives[{number}].target", objective.target
    yield from company.wishes()
