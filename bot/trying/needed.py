"""What of the company-wide definitions a case needs: what its journeys, its mails and its expectations ask, and what that asks in
turn. The rest is worked out by nobody, so a case costs as much as its own journeys, however many signals the workspace has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.authoring.company import Company
from bot.authoring.playbook_test_files import PlacedCase
from bot.authoring.workspace import Workspace
from bot.pipeline.derive import DERIVATIONS
from bot.rules.condition_tree import Call, every_node
from bot.rules.conditions import Condition, parse_condition, parse_value
from bot.rules.derived_names import Derived, asked_of, targets_of
from bot.rules.playbook import Playbook
from bot.rules.playbook_tests import Pin
from bot.rules.stages import Stage
from bot.rules.steps_model import EmailStep, HandoffStep, PlanStep, SetStep, walk_steps

Wanted = frozenset[Derived]
PINNED = {
    "score": "score",
    "band": "score",
    "metric": "metric",
    "feature": "feature",
    "opens": "signal",
    "closes": "signal",
}
#: What looks for content or a product that fits, by its `for:`.
FITTING = ("content", "unseen_content", "could_own")
#: Who listens to them, or sets the stage itself, lives in a world where stages move.
STAGE_EVENTS = ("stage.changed", "stage.completed")


def needed_by(placed: PlacedCase, workspace: Workspace) -> Wanted:
    """Everything that must be worked out while the case plays; what it pins is not."""
    company = workspace.company
    asking = {
        item.derived: asked_of(item.asks, company.metrics) for kind in DERIVATIONS for item in kind.items(company)
    }
    waiting = [*targets_of(asking, asked_of(_all_asked(placed, workspace), company.metrics))]
    waiting += [
        derived for derived in asking if derived.kind == "signal" and derived.name in _signals(placed, workspace)
    ]
    plans = _plans(placed, workspace)
    waiting += [derived for derived in asking if derived.kind == "plan" and derived.name in plans]
    if _moves_stages(placed, workspace):
        waiting += [derived for derived in asking if derived.kind == "stage"]
    found: set[Derived] = set()
    pinned = set(_pinned(placed.case.derived))
    while waiting:
        derived = waiting.pop()
        if derived not in found | pinned:
            found.add(derived)
            waiting += targets_of(asking, asking[derived])
    return frozenset(found)


def moves_with_time(placed: PlacedCase, workspace: Workspace, wanted: Wanted) -> bool:
    """Whether a new day alone may change an answer. Else only what is due and what happens needs a look."""
    items = (item for kind in DERIVATIONS for item in kind.items(workspace.company) if item.derived in wanted)
    asked = [*_all_asked(placed, workspace), *(condition for item in items for condition in item.asks)]
    has_dates = any(playbook.enter.at for playbook in _playbooks(placed, workspace))
    return has_dates or any(condition.moves_with_time for condition in asked)


def only(company: Company, wanted: Wanted) -> Company:
    """The company with these definitions alone. A card needs all its measures."""
    names = {
        kind: {derived.name for derived in wanted if derived.kind == kind}
        for kind in ("metric", "feature", "signal", "score", "plan")
    }
    scores = names["score"]
    cards = {
        name: card if name in scores else {each: measure for each, measure in card.items() if each in scores}
        for name, card in company.cards.items()
    }
    has_stages = any(derived.kind == "stage" for derived in wanted)
    named = company.stages if has_stages else tuple(_standing(stage) for stage in company.stages)
    return replace(
        company,
        metrics={name: each for name, each in company.metrics.items() if name in names["metric"]},
        features={name: each for name, each in company.features.items() if name in names["feature"]},
        signals={name: each for name, each in company.signals.items() if name in names["signal"]},
        plans={name: each for name, each in company.plans.items() if name in names["plan"]},
        cards={name: card for name, card in cards.items() if card},
        stages=named,
    )


def _standing(stage: Stage) -> Stage:
    """A stage from which nobody moves on; how long it should take is still asked."""
    return stage.model_copy(update={"complete_when": {}, "next": (), "final": True})


def _pinned(pins: Iterable[Pin]) -> Iterator[Derived]:
    for pin in pins:
        for name in getattr(pin, pin.what):
            yield Derived(PINNED[pin.what], name)  # type: ignore[arg-type]


def _playbooks(placed: PlacedCase, workspace: Workspace) -> Iterator[Playbook]:
    return (workspace.playbook(name) for name in placed.acting)


def _all_asked(placed: PlacedCase, workspace: Workspace) -> list[Condition]:
    """Also for whom content and products are, where something asks which of them fit."""
    asked = [*_asked(placed, workspace)]
    calls = (node for condition in asked for node in every_node(condition.tree) if isinstance(node, Call))
    if any(call.function in FITTING for call in calls):
        asked += [parse_condition(text) for _, _, text in workspace.company.wishes()]
    return asked


def _asked(placed: PlacedCase, workspace: Workspace) -> Iterator[Condition]:
    """Every condition and every value that is asked while the case plays."""
    settings = workspace.settings
    for name in placed.acting:
        yield from (parse_condition(found.text) for found in workspace.playbooks[name].source.conditions)
    for playbook in _playbooks(placed, workspace):
        yield from (parse_value(text) for text in _values_of(playbook, workspace))
    yield from (parse_condition(found.holds) for found in placed.case.expect if found.holds)
    texts = [window.when for window in settings.windows] + [found.when for found in settings.exit]
    yield from (parse_condition(text) for text in texts if text)


def _values_of(playbook: Playbook, workspace: Workspace) -> Iterator[str]:
    """What its mails print and its steps set."""
    for step in walk_steps(playbook.steps):
        template = (
            step.template if isinstance(step, EmailStep) else step.prepare if isinstance(step, HandoffStep) else None
        )
        for locale in workspace.templates.languages(template) if template else ():
            yield from workspace.templates.by_name[template or ""][locale].expressions
        if isinstance(step, SetStep):
            yield from (value for value in step.values.values() if isinstance(value, str) and "(" in value)


def _signals(placed: PlacedCase, workspace: Workspace) -> set[str]:
    started = {name for playbook in _playbooks(placed, workspace) for name in playbook.enter.signal}
    return started | {found.signal for found in placed.case.expect if found.signal}


def _plans(placed: PlacedCase, workspace: Workspace) -> set[str]:
    """The kinds of plan that its journeys open."""
    steps = (step for playbook in _playbooks(placed, workspace) for step in walk_steps(playbook.steps))
    return {step.name for step in steps if isinstance(step, PlanStep)}


def _moves_stages(placed: PlacedCase, workspace: Workspace) -> bool:
    listens = any(playbook.enter.on in STAGE_EVENTS for playbook in _playbooks(placed, workspace))
    return listens or any(found.stage for found in placed.case.expect)
