"""The company-wide definitions of a workspace: metrics, signals, stages, plans, content …, read from their files and published
with a deployment like the playbooks (semantics.md S34). A new kind of file is one field here and one line in `read_company`.
Checked by derived_findings and company_findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bot.authoring.model_file import load_model_file
from bot.authoring.named_file import load_named_file
from bot.authoring.placed import Source
from bot.errors import Finding
from bot.rules.catalogue import Catalogue, ContentFile
from bot.rules.churn import ChurnFile
from bot.rules.company_model import Feature, FeaturesFile, Metric, MetricsFile, Signal, SignalsFile
from bot.rules.field_types import Part
from bot.rules.plans import PlansFile, PlanTemplate
from bot.rules.products import Product, ProductsFile
from bot.rules.scorecards import Measure, ScorecardFile
from bot.rules.stages import Stage, StagesFile
from bot.rules.surveys import Survey, SurveysFile

Model = TypeVar("Model", bound=Part)

METRICS = "playbooks/metrics.yml"
FEATURES = "playbooks/features.yml"
SIGNALS = "playbooks/signals.yml"
SURVEYS = "playbooks/surveys.yml"
SCORECARD = "playbooks/scorecard.yml"
STAGES = "playbooks/stages.yml"
PLANS = "playbooks/plans.yml"
CONTENT = "playbooks/content.yml"
PRODUCTS = "playbooks/products.yml"
CHURN = "playbooks/churn.yml"


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
    catalogue: Catalogue = field(default_factory=Catalogue)
    products: Mapping[str, Product] = field(default_factory=dict)
    churn: ChurnFile = field(default_factory=ChurnFile)
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)

    def wishes(self) -> Iterator[tuple[str, str, str]]:
        """File, path and text of every `for:`: for whom content and products are."""
        for name, item in self.catalogue.items.items():
            if item.when is not None:
                yield CONTENT, f"items.{name}.for", item.when
        for name, product in self.products.items():
            if product.when is not None:
                yield PRODUCTS, f"{name}.for", product.when


def read_company(files: Mapping[str, str]) -> tuple[Company, list[Finding]]:
    """A file that cannot be read counts as empty, and its findings say so."""
    reader = _Reader(files=files)
    content = reader.whole(CONTENT, ContentFile)
    company = Company(
        metrics=reader.named(METRICS, MetricsFile).named,
        features=reader.named(FEATURES, FeaturesFile).named,
        signals=reader.named(SIGNALS, SignalsFile).named,
        surveys=reader.named(SURVEYS, SurveysFile).named,
        cards=reader.named(SCORECARD, ScorecardFile).named,
        stages=reader.named(STAGES, StagesFile).listed,
        plans=reader.named(PLANS, PlansFile).named,
        catalogue=Catalogue(items=content.items, curricula=content.curricula, characters=content.target.characters),
        products=reader.named(PRODUCTS, ProductsFile).named,
        churn=reader.whole(CHURN, ChurnFile),
        sources=reader.sources,
    )
    return company, reader.findings


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads one file after the other and keeps where everything stands and what must be repaired."""

    files: Mapping[str, str]
    sources: dict[str, Source] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def named(self, file: str, model: type[Model]) -> Model:
        """A file whose root is a mapping of names, or a list."""
        return self._kept(file, load_named_file(self._text(file), file, model, what=_short(file)))

    def whole(self, file: str, model: type[Model]) -> Model:
        """A file with keys of its own."""
        return self._kept(file, load_model_file(self._text(file), file, model, what=_short(file)))

    def _text(self, file: str) -> str:
        return self.files.get(file, "")

    def _kept(self, file: str, found: tuple[Model, Source, list[Finding]]) -> Model:
        model, self.sources[file], findings = found
        self.findings += findings
        return model


def _short(file: str) -> str:
    return file.rpartition("/")[2]
