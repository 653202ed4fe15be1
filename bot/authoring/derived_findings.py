"""What `check` says about metrics, features, signals and the targets of plans: definitions that cannot be read, names nobody
defined, signals without a play, rings of definitions (semantics.md S31). Joins the company-wide files with the playbooks;
reads nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from bot.authoring.company import FEATURES, METRICS, PLANS, SCORECARD, SIGNALS, Company
from bot.authoring.nearest import suggestion
from bot.authoring.placed import ParsedPlaybook, Source
from bot.errors import ConditionError, Finding
from bot.rules.condition_checks import check_condition
from bot.rules.conditions import Condition, parse_condition, parse_value
from bot.rules.derived_names import ALL, Derived, Kind, asked_of, rings
from bot.rules.scorecards import card_of

_FILES: Mapping[Kind, str] = {"metric": METRICS, "feature": FEATURES, "signal": SIGNALS}


def check_derived(company: Company, parsed: Collection[ParsedPlaybook]) -> list[Finding]:
    """Errors where something would never work; a signal without a play and a ring are warnings."""
    findings = [*_definitions(company), *_names_in_playbooks(company, parsed)]
    findings += _unknown_signals(company, parsed)
    findings += _signals_without_play(company, parsed)
    return [*findings, *_rings(company)]


def _texts(company: Company) -> Iterator[tuple[Source, str, str, bool, Derived]]:
    """Every condition of the files: its place, text, whether it is a value, and whose it is."""
    for name, metric in company.metrics.items():
        yield company.sources[METRICS], f"{name}.value", metric.formula, True, Derived("metric", name)
    for name, feature in company.features.items():
        source, derived = company.sources[FEATURES], Derived("feature", name)
        yield source, f"{name}.value", feature.formula, True, derived
        for key, band in (("green", feature.green), ("yellow", feature.yellow)):
            if band is not None:
                yield source, f"{name}.{key}", feature.condition_of(band), False, derived
    for name, signal in company.signals.items():
        yield company.sources[SIGNALS], f"{name}.when", signal.when, False, Derived("signal", name)
    for kind, plan in company.plans.items():
        for number, objective in enumerate(plan.objectives):
            if objective.target is not None:
                path = f"{kind}.objectives[{number}].target"
                yield company.sources[PLANS], path, objective.target, False, Derived("plan", kind)


def _definitions(company: Company) -> Iterator[Finding]:
    for source, path, text, is_value, derived in _texts(company):
        problems = check_condition(
            text,
            walks="customer",
            steps=(),
            has_event=False,
            has_walk=False,
            is_value=is_value,
            of_plan=derived.kind == "plan",
        )
        for problem in problems:
            yield source.finding(path, problem.rule, problem.message, problem.hint)
        condition = _read(text, is_value=is_value)
        if condition is None or problems:
            continue
        if is_value and condition.type not in ("number", "bool", "any"):
            message = f"The {derived.kind} `{derived.name}` is a number, and this is {condition.type}"
            yield source.finding(path, "wrong-type", message, "count, add or divide something")
        for unknown, hint in _unknown(condition, company):
            yield source.finding(path, "unknown-name", f"There is no {unknown.kind} `{unknown.name}`", hint)


def _names_in_playbooks(company: Company, parsed: Iterable[ParsedPlaybook]) -> Iterator[Finding]:
    for playbook in parsed:
        acts = playbook.playbook.state in ("live", "paused")
        for found in playbook.source.conditions:
            condition = _read(found.text)
            for unknown, hint in _unknown(condition, company) if condition else ():
                yield Finding(
                    file=playbook.source.file,
                    line=found.line,
                    path=found.path,
                    rule="unknown-name",
                    severity="error" if acts else "warning",
                    message=f"There is no {unknown.kind} `{unknown.name}`",
                    hint=hint,
                )


def _unknown(condition: Condition, company: Company) -> Iterator[tuple[Derived, str]]:
    known: Mapping[Kind, Collection[str]] = {
        "metric": company.metrics,
        "feature": company.features,
        "signal": company.signals,
    }
    for derived in sorted(asked_of([condition], company.metrics)):
        names = known.get(derived.kind)
        if names is not None and derived.name != ALL and derived.name not in names:
            yield derived, suggestion(derived.name, names) or f"define it in {_FILES[derived.kind]}"


def _unknown_signals(company: Company, parsed: Iterable[ParsedPlaybook]) -> Iterator[Finding]:
    for playbook in parsed:
        for name in playbook.playbook.enter.signal:
            if name not in company.signals:
                hint = suggestion(name, company.signals) or f"define it in {SIGNALS}"
                message = f"There is no signal `{name}`, so nobody would ever enter by it"
                yield playbook.source.finding("enter.signal", "unknown-name", message, hint)


def _signals_without_play(company: Company, parsed: Collection[ParsedPlaybook]) -> Iterator[Finding]:
    """A signal that starts nothing and that nothing asks is looked at by nobody."""
    started = {name for playbook in parsed for name in playbook.playbook.enter.signal}
    texts = [(found.text, False) for playbook in parsed for found in playbook.source.conditions]
    texts += [(text, is_value) for _, _, text, is_value, _ in _texts(company)]
    read = [condition for text, is_value in texts if (condition := _read(text, is_value=is_value))]
    asked = {derived.name for derived in asked_of(read, company.metrics) if derived.kind == "signal"}
    for name in company.signals:
        if name not in started | asked:
            message = f"The signal `{name}` has no play: it opens and nothing happens"
            hint = f'write a journey with `enter: {{signal: {name}}}`, or ask `signal("{name}")` in one'
            yield company.sources[SIGNALS].finding(name, "signal-without-play", message, hint, severity="warning")


def _rings(company: Company) -> Iterator[Finding]:
    asking: dict[Derived, frozenset[Derived]] = {}
    places: dict[Derived, tuple[Source, str]] = {}
    for source, path, text, is_value, derived in _texts(company):
        condition = _read(text, is_value=is_value)
        asked = asked_of([condition] if condition else (), company.metrics)
        asking[derived] = asking.get(derived, frozenset()) | asked
        places.setdefault(derived, (source, path))
    for derived, path, asked in _scores(company):
        asking[derived] = asking.get(derived, frozenset()) | asked
        places.setdefault(derived, (company.sources[SCORECARD], path))
    for ring in rings(asking):
        source, path = places[ring[0]]
        way = " → ".join(map(str, [*ring, ring[0]]))
        message = f"These ask each other in a ring: {way}"
        hint = "one of them then reads what the other was at the tick before; take one of the questions out"
        yield source.finding(path, "ring", message, hint, severity="warning")


def _scores(company: Company) -> Iterator[tuple[Derived, str, frozenset[Derived]]]:
    """Each measure and card: where it stands and what it asks."""
    for name, entries in company.cards.items():
        card = card_of(name, entries)
        for each, measure in card.measures.items():
            texts = [
                (measure.formula, True),
                (measure.when, False),
                *((text, False) for text in measure.bands.values()),
            ]
            read = [found for text, is_value in texts if text and (found := _read(text, is_value=is_value))]
            yield Derived("score", each), f"{name}.{each}", asked_of(read, company.metrics)
        if not card.is_measure:
            yield Derived("score", name), name, frozenset(Derived("score", each) for each in card.measures)


def _read(text: str, *, is_value: bool = False) -> Condition | None:
    """None for what cannot be read: that is said at its place."""
    try:
        return parse_value(text) if is_value else parse_condition(text)
    except ConditionError:
        return None
