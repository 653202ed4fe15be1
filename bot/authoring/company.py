"""The company-wide definitions of a workspace: metrics, features, signals, cards, stages, plans, read from their files and published
with a deployment like the playbooks (semantics.md S34). A new kind of file is one field here and one line in `read_company`.
Checked by derived_findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.authoring.named_file import load_named_file
from bot.authoring.placed import Source
from bot.errors import Finding
from bot.rules.company_model import Feature, FeaturesFile, Metric, MetricsFile, Signal, SignalsFile
from bot.rules.plans import PlansFile, PlanTemplate
from bot.rules.scorecards import Measure, ScorecardFile
from bot.rules.stages import Stage, StagesFile
from bot.rules.surveys import Survey, SurveysFile

METRICS = "playbooks/metrics.yml"
FEATURES = "playbooks/features.yml"
SIGNALS = "playbooks/signals.yml"
SURVEYS = "playbooks/surveys.yml"
SCORECARD = "playbooks/scorecard.yml"
STAGES = "playbooks/stages.yml"
PLANS = "playbooks/plans.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What all playbooks share, by name. `sources` say where in a file things stand, by path."""

    metrics: Mapping[str, Metric] = field(default_factory=dict)
    features: Mapping[str, Feature] = field(default_factory=dict)
    signals: Mapping[str, Signal] = field(default_factory=dict)
    surveys: Mapping[str, Survey] = field(default_factory=dict)
    cards: Mapping[str, Mapping[str, Measure]] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    plans: Mapping[str, PlanTemplate] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)


def read_company(files: Mapping[str, str]) -> tuple[Company, list[Finding]]:
    """A file that cannot be read counts as empty, and its findings say so."""
    metrics, metric_places, in_metrics = load_named_file(
        files.get(METRICS, ""), METRICS, MetricsFile, what="metrics.yml"
    )
    features, feature_places, in_features = load_named_file(
        files.get(FEATURES, ""), FEATURES, FeaturesFile, what="features.yml"
    )
    signals, signal_places, in_signals = load_named_file(
        files.get(SIGNALS, ""), SIGNALS, SignalsFile, what="signals.yml"
    )
    surveys, survey_places, in_surveys = load_named_file(
        files.get(SURVEYS, ""), SURVEYS, SurveysFile, what="surveys.yml"
    )
    cards, card_places, in_cards = load_named_file(
        files.get(SCORECARD, ""), SCORECARD, ScorecardFile, what="scorecard.yml"
    )
    stages, stage_places, in_stages = load_named_file(files.get(STAGES, ""), STAGES, StagesFile, what="stages.yml")
    plans, plan_places, in_plans = load_named_file(files.get(PLANS, ""), PLANS, PlansFile, what="plans.yml")
    company = Company(
        metrics=metrics.named,
        features=features.named,
        signals=signals.named,
        surveys=surveys.named,
        cards=cards.named,
        stages=stages.listed,
        plans=plans.named,
        sources={
            METRICS: metric_places,
            FEATURES: feature_places,
            SIGNALS: signal_places,
            SURVEYS: survey_places,
            SCORECARD: card_places,
            STAGES: stage_places,
            PLANS: plan_places,
        },
    )
    return company, [*in_metrics, *in_features, *in_signals, *in_surveys, *in_cards, *in_stages, *in_plans]
