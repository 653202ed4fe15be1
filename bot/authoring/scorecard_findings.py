"""What `check` says about scorecard.yml, and about conditions that ask for a score nobody keeps: names that stand twice, values
that are no number, bands that cannot be told apart. Reads nothing; company.py parsed the file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from bot.authoring.nearest import suggestion
from bot.authoring.placed import PlacedText, Source
from bot.errors import ConditionError, Finding, Severity
from bot.rules.condition_checks import check_condition
from bot.rules.condition_tree import Call, every_node
from bot.rules.conditions import parse_value
from bot.rules.scorecards import OVERALL, Measure, bands_of, card_of, threshold_of

Cards = Mapping[str, Mapping[str, Measure]]
ASK_SCORES = frozenset(("score", "band", "band_days", "worsened", "improved", "score_change"))


def check_scorecard(cards: Cards, source: Source) -> Iterator[Finding]:
    """Findings of the file itself."""
    yield from _names(cards, source)
    for name, entries in cards.items():
        if not card_of(name, entries).measures:
            message = f"The card `{name}` has no measure"
            yield source.finding(name, "missing-key", message, "add one: `adoption: {value: 100 * license_use}`")
        for measure_name, measure in entries.items():
            path = f"{name}.{measure_name}"
            if measure_name == OVERALL:
                yield from _overall(measure, source, path)
            else:
                yield from _has_value(measure, source, path)
            yield from _conditions(measure, source, path)


def score_names(cards: Cards) -> set[str]:
    """Everything that `score(…)` and `band(…)` may ask."""
    return {*cards, *(name for entries in cards.values() for name in entries if name != OVERALL)}


def check_asked_scores(conditions: Iterable[tuple[Source, PlacedText, Severity]], cards: Cards) -> Iterator[Finding]:
    """Scores that conditions ask for and scorecard.yml does not have: they are empty for everybody."""
    known = score_names(cards)
    for source, found, severity in conditions:
        for function, name in _asked(found.text):
            if name in known:
                continue
            message = f'scorecard.yml has no card or measure `{name}`, so `{function}("{name}")` is always empty'
            hint = suggestion(name, known) or (
                f"it has {', '.join(sorted(known))}" if known else "write playbooks/scorecard.yml"
            )
            yield Finding(
                file=source.file,
                line=found.line,
                path=found.path,
                rule="unknown-score",
                severity=severity,
                message=message,
                hint=hint,
            )


def _asked(text: str) -> list[tuple[str, str]]:
    try:
        nodes = every_node(parse_value(text).tree)
        return [
            (node.function, str(node.arguments[0][1]))
            for node in nodes
            if isinstance(node, Call) and node.function in ASK_SCORES
        ]
    except ConditionError:
        return []  # said already, at the condition itself


def _names(cards: Cards, source: Source) -> Iterator[Finding]:
    """Cards and measures share their names, as conditions ask for both alike."""
    places: dict[str, list[str]] = defaultdict(list)
    for name, entries in cards.items():
        is_one = card_of(name, entries).is_measure
        places[name].append(name)
        for measure in entries:
            if measure != OVERALL and not (is_one and measure == name):
                places[measure].append(f"{name}.{measure}")
    for name, paths in places.items():
        for path in paths[1:]:
            message = f'`{name}` is a name of scorecard.yml already, and `band("{name}")` could mean either'
            yield source.finding(
                path, "duplicate-name", message, f"call it another name, such as `{path.replace('.', '_')}`"
            )


def _overall(measure: Measure, source: Source, path: str) -> Iterator[Finding]:
    for key, value in (("value", measure.formula), ("when", measure.when)):
        if value is not None:
            message = f"`{OVERALL}` speaks of the card itself: its number is the weighted mean of its measures"
            yield source.finding(f"{path}.{key}", "wrong-value", message, "give it `title` and bands only")


def _has_value(measure: Measure, source: Source, path: str) -> Iterator[Finding]:
    bands = measure.bands
    if measure.formula is not None:
        return
    if not bands:
        hint = "add `value: 100 * license_use`, or bands that are conditions"
        yield source.finding(path, "missing-key", "The measure has neither a value nor bands", hint)
    elif any(threshold_of(text) for text in bands.values()):
        band = next(band for band, text in bands.items() if threshold_of(text))
        message = f"`{band}` compares a value, and the measure has none"
        yield source.finding(f"{path}.{band}", "missing-key", message, "add `value:`, or write a whole condition")
    elif len(bands) == 1:
        message = "One band alone says too little about who is in the other two"
        yield source.finding(path, "missing-key", message, "give at least two of green, yellow and red")


def _conditions(measure: Measure, source: Source, path: str) -> Iterator[Finding]:
    texts: list[tuple[str, str, bool]] = []
    texts += [("value", measure.formula, True)] if measure.formula else []
    texts += [("when", measure.when, False)] if measure.when else []
    for key, text, is_value in texts:
        yield from _problems(text, source, f"{path}.{key}", is_value=is_value)
    if measure.formula and _type_of(measure.formula) not in ("number", "any", None):
        message = f"`{measure.formula}` is no number"
        hint = f"write `100 * ({measure.formula})`: a yes counts 1, a no 0"
        yield source.finding(f"{path}.value", "type", message, hint)
    for band, text in (bands_of(measure) if measure.formula else measure.bands).items():
        yield from _problems(_bound_of(text), source, f"{path}.{band}", is_value=_bound_of(text) != text)


def _bound_of(text: str) -> str:
    """`>= 70` → `70`; a whole condition stays."""
    return text.strip().lstrip("<>").removeprefix("=").strip() if text.strip()[:1] in ("<", ">") else text


def _type_of(text: str) -> str | None:
    try:
        return parse_value(text).type
    except ConditionError:
        return None


def _problems(text: str, source: Source, path: str, *, is_value: bool) -> Iterator[Finding]:
    for problem in check_condition(
        text, walks="customer", steps=(), has_event=False, has_walk=False, is_value=is_value
    ):
        yield source.finding(path, problem.rule, problem.message, problem.hint)
