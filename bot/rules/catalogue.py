"""What content.yml may say: the catalogue of what customers can read and watch, how much of it is aimed at, and the curricula:
which item by when. Pure. Read by authoring.company; conditions, templates, the step `assign` and reports use it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from bot.rules.field_types import ConditionText, Name, Part, Text, Word, read_text, readable_by, refused, say
from bot.rules.steps_model import key

#: The event by which a product or a help site tells of a view: `content_viewed {content, minutes}` (semantics.md S40).
VIEWED = "content_viewed"
#: Ours: a reader opened a mail that names an item, so they know of it.
NOTICED = "content.noticed"
#: The function that finds an item, and what a mail may print of it: `content("setup_video").url`.
CONTENT = "content"
ITEM_PARTS = ("title", "url", "kind", "minutes", "characters", "analysis", "action", "result")
#: One statement names every item, and SQLite joins no more than 500 parts.
MOST_ITEMS = 400
#: What no longer belongs to an address: a blank, a bracket, or a mark that ends a sentence.
_END_OF_ADDRESS = r"""(?=$|[\s<>()\[\]"'、。）」]|[.,;:!?](?:\s|$))"""
_WITHIN = re.compile(r"(\d{1,4}) (day|week)s?")


def days_of(text: str) -> int:
    """`3 days`, `2 weeks` → days. Raises: ValueError."""
    found = _WITHIN.fullmatch(text.strip())
    if found is None or not int(found[1]):
        raise ValueError(f"`{text}` is no time to learn; write days or weeks, such as `7 days`")
    return int(found[1]) * (7 if found[2] == "week" else 1)


def _read_addresses(value: object) -> object:
    texts = read_text(value)
    for text in texts.values() if isinstance(texts, dict) else ():
        if not re.fullmatch(r"https?://[^\s/?#]+\S*", str(text)):
            raise refused(f"`{text}` is no web address", "write it whole, such as `https://help.example.com/setup`")
    return texts


def _few(value: Any) -> Any:
    if isinstance(value, dict) and len(value) > MOST_ITEMS:
        raise refused(f"the catalogue has {len(value)} items; {MOST_ITEMS} is the most", "leave out what nobody needs")
    return value


DaysOrWeeks = Annotated[str, readable_by(days_of)]
Addresses = Annotated[Text, BeforeValidator(_read_addresses)]


class Item(Part):
    """Something to read or to watch."""

    title: Text = Field(description="What readers are told it is called.")
    kind: Word = Field(description="Your own word for what it is: `video`, `guide`, `case_study`, `framework`.")
    url: Addresses = Field(description="Where it is; one address, or one per language.")
    minutes: float = Field(0, ge=0, le=1440, description="How long it takes, for views that do not say their minutes.")
    characters: int = Field(0, ge=0, description="How much it is, for the volume that was made.")
    stage: Word | None = Field(None, description="Only for customers in this stage.")
    feature: Word | None = Field(None, description="The feature of features.yml that it teaches.")
    when: ConditionText | None = Field(
        None, description="Only for customers for whom this holds.", json_schema_extra=key("for")
    )
    analysis: Text | None = Field(None, description="Of a success case as a framework: what to look at.")
    action: Text | None = Field(None, description="What to do about it.")
    result: Text | None = Field(None, description="What it brought.")


class Lesson(Part):
    """One item of a curriculum."""

    item: Name = Field(description="The item of the catalogue.")
    within: DaysOrWeeks = Field(description="How long after the curriculum was assigned: `7 days`, `2 weeks`.")

    @property
    def days(self) -> int:
        return days_of(self.within)


class Target(Part):
    """What is aimed at."""

    characters: int | None = Field(None, ge=1, description="How many characters of content there shall be.")


class ContentFile(Part):
    """content.yml."""

    target: Target = Field(default_factory=Target, description="How much there shall be.")
    items: Annotated[dict[Name, Item], BeforeValidator(_few)] = Field(
        default_factory=dict, description="The catalogue: everything there is, by name, the most important first."
    )
    curricula: dict[Name, tuple[Lesson, ...]] = Field(
        default_factory=dict, description="Which item by when; a curriculum is assigned by the step `assign`."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The content a condition may ask for. `items` in the order of the file."""

    items: Mapping[str, Item] = field(default_factory=dict)
    curricula: Mapping[str, tuple[Lesson, ...]] = field(default_factory=dict)
    characters: int | None = None

    def for_everybody(self) -> Catalogue:
        """The same without the conditions of its items."""
        open_items = {name: item.model_copy(update={"when": None}) for name, item in self.items.items()}
        return replace(self, items=open_items)

    def pages(self) -> dict[str, str]:
        """The digest of each address → the item that is there; the first, where two have the same."""
        found: dict[str, str] = {}
        for name, item in self.items.items():
            for address in item.url.values():
                found.setdefault(digest_of_page(address), name)
        return found

    def named_in(self, text: str) -> list[str]:
        """The items whose address stands in a text as a whole: not where a longer one begins with it."""
        return [
            name
            for name, item in self.items.items()
            if any(re.search(re.escape(address) + _END_OF_ADDRESS, text) for address in item.url.values())
        ]

    def with_parts(self, values: Mapping[str, Any], locale: str) -> dict[str, Any]:
        """The computed values of a mail with the parts of every item that a `content(…)` found, in the mail's language. Nothing
        found, nothing to print: the mail is held."""
        filled = dict(values)
        for text, name in values.items():
            item = self.items.get(name) if text.startswith(f"{CONTENT}(") and isinstance(name, str) else None
            if item is not None:
                filled |= {part_of(text, part): _said(getattr(item, part), locale) for part in ITEM_PARTS}
        return filled


def digest_of_page(address: str) -> str:
    """Tells one page from another without keeping the address."""
    return hashlib.sha256(address.strip().encode("utf-8", "replace")).hexdigest()[:32]


def part_of(call: str, part: str) -> str:
    """What the part of an item is called among the values of a mail."""
    return f"{call}.{part}"


def _said(value: Any, locale: str) -> Any:
    """A text in the language; a whole number without its point."""
    if isinstance(value, Mapping):
        return say(value, locale)
    return int(value) if isinstance(value, float) and value.is_integer() else value
