"""What `check` says about content.yml, products.yml and churn.yml themselves: conditions that cannot be asked, lessons without an
item, links that are no links. Who names what they do not have is named_content_findings'. Reads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.authoring.company import CHURN, CONTENT, PRODUCTS, Company
from bot.authoring.nearest import suggestion
from bot.authoring.placed import Source
from bot.errors import ConditionError, Finding
from bot.rules.catalogue import Item, Lesson
from bot.rules.churn import NO_LINK, ChurnFile
from bot.rules.condition_checks import check_condition
from bot.rules.conditions import parse_condition

#: What a `for:` may not ask, because it would ask itself.
OF_CONTENT = frozenset({"content", "unseen_content"})
OF_PRODUCTS = frozenset({"could_own"})


def check_content(company: Company) -> list[Finding]:
    """Findings of the three files."""
    content, products = company.sources[CONTENT], company.sources[PRODUCTS]
    findings: list[Finding] = []
    for name, item in company.catalogue.items.items():
        findings += _wish(item.when, content, f"items.{name}.for", OF_CONTENT)
        findings += _places(item, company, content, f"items.{name}")
    findings += _same_address(company.catalogue.items, content)
    for name, lessons in company.catalogue.curricula.items():
        findings += _lessons(lessons, company, content, f"curricula.{name}")
    for name, product in company.products.items():
        findings += _wish(product.when, products, f"{name}.for", OF_PRODUCTS)
    return [*findings, *_churn(company.churn, company.sources[CHURN])]


def _wish(text: str | None, source: Source, path: str, itself: frozenset[str]) -> Iterator[Finding]:
    """`for:` asks about the customer."""
    if text is None:
        return
    for problem in check_condition(text, walks="customer", steps=(), has_event=False, has_walk=False):
        yield source.finding(path, problem.rule, problem.message, problem.hint)
    try:
        names = parse_condition(text).names
    except ConditionError:
        return  # said already
    for name in sorted(names & itself):
        message = f"`{name}` inside a `for:` asks for what the `for:` decides"
        yield source.finding(path, "ring", message, 'ask `viewed("…")`, `owns("…")` or about the customer')


def _places(item: Item, company: Company, source: Source, path: str) -> Iterator[Finding]:
    """The stage and the feature, where there are such files."""
    stages = [stage.stage for stage in company.stages]
    if item.stage is not None and stages and item.stage not in stages:
        message = f"stages.yml has no stage `{item.stage}`, so this content fits nobody"
        yield source.finding(f"{path}.stage", "unknown-stage", message, suggestion(item.stage, stages))
    if item.feature is not None and company.features and item.feature not in company.features:
        message = f"features.yml has no feature `{item.feature}`"
        yield source.finding(f"{path}.feature", "unknown-name", message, suggestion(item.feature, company.features))


def _same_address(items: Mapping[str, Item], source: Source) -> Iterator[Finding]:
    """A click tells an address only, so it can mean one item only."""
    first: dict[str, str] = {}
    for name, item in items.items():
        for address in sorted(set(item.url.values())):
            other = first.setdefault(address, name)
            if other != name:
                message = f"`{name}` has the address of `{other}`, so a click would count for both"
                yield source.finding(
                    f"items.{name}.url", "same-address", message, "give each its own", severity="warning"
                )


def _lessons(lessons: Sequence[Lesson], company: Company, source: Source, path: str) -> Iterator[Finding]:
    items = company.catalogue.items
    if not lessons:
        yield source.finding(
            path, "wrong-value", "A curriculum without lessons is done before it begins", "add a lesson"
        )
    for number, lesson in enumerate(lessons):
        place = f"{path}[{number}].item"
        if lesson.item not in items:
            message = f"The catalogue has no item `{lesson.item}`"
            yield source.finding(
                place, "unknown-name", message, suggestion(lesson.item, items) or "add it under `items:`"
            )
        if lesson.item in [earlier.item for earlier in lessons[:number]]:
            message = f"`{lesson.item}` is a lesson twice; one view would do both"
            yield source.finding(place, "duplicate-key", message, "delete one of them")


def _churn(churn: ChurnFile, source: Source) -> Iterator[Finding]:
    for number, link in enumerate(churn.chain):
        if link in churn.chain[:number]:
            path = f"value_chain[{number}]"
            yield source.finding(path, "duplicate-key", f"The link `{link}` is written twice", "delete one of them")
    told: dict[str, str] = {}
    for name, reason in churn.reasons.items():
        if reason.link not in (*churn.chain, NO_LINK):
            message = f"The value chain has no link `{reason.link}`"
            hint = suggestion(reason.link, churn.chain) or f"add it under `value_chain:`, or write `{NO_LINK}`"
            yield source.finding(f"reasons.{name}.link", "unknown-name", message, hint)
        for word in reason.words:
            other = told.setdefault(word, name)
            if other != name:
                message = f"`{word}` is a word of `{other}` already, which comes first and gets every text with it"
                yield source.finding(
                    f"reasons.{name}.words", "no-effect", message, "delete it in one of them", severity="warning"
                )
