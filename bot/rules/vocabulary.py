"""Every name and function that a condition or a template may use, in one place: type, parameters, meaning, example, SQL.
The documentation page is generated from it, and the checker asks it for the nearest name. The topics are in vocabulary_*.py."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from bot.rules import (
    vocabulary_content,
    vocabulary_customer,
    vocabulary_features,
    vocabulary_health,
    vocabulary_machine,
    vocabulary_metrics,
    vocabulary_people,
    vocabulary_plans,
    vocabulary_signals,
    vocabulary_support,
    vocabulary_time,
    vocabulary_trend,
    vocabulary_usage,
)
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Entry, Parameter, Shape, Topic

#: Free fields: `document.key`, each with the type the other side asks for.
DOCUMENTS = ("attributes", "contact.attributes", "event")

_FREE: tuple[Entry, ...] = (
    Entry(
        name="attributes",
        type=ValueType.ANY,
        topic=Topic.CUSTOMER,
        meaning="A free field of the customer; it takes the type it is compared with, alone it is a yes or no.",
        example="attributes.was_paid == true",
    ),
    Entry(
        name="contact.attributes",
        type=ValueType.ANY,
        topic=Topic.CONTACT,
        meaning="A free field of the contact who walks.",
        example='contact.attributes.team == "sales"',
        needs_contact=True,
    ),
    Entry(
        name="event",
        type=ValueType.ANY,
        topic=Topic.MACHINE,
        meaning="A field of the event that started this walk, readable for the whole walk.",
        example='event.kind == "nps" and event.score <= 6',
    ),
    Entry(
        name="limit",
        type=ValueType.NUMBER,
        topic=Topic.CUSTOMER,
        meaning="A threshold: the customer's own, else the one of workspace.yml for customers like it.",
        example='tickets(days=30) >= limit("tickets_30_days")',
        is_function=True,
        parameters=(Parameter(name="name", shape=Shape.NAME, is_required=True),),
    ),
)
_TOPICS = (
    vocabulary_customer,
    vocabulary_time,
    vocabulary_usage,
    vocabulary_trend,
    vocabulary_support,
    vocabulary_people,
    vocabulary_machine,
    vocabulary_metrics,
    vocabulary_features,
    vocabulary_health,
    vocabulary_signals,
    vocabulary_plans,
    vocabulary_content,
)

VOCABULARY: Mapping[str, Entry] = MappingProxyType(
    {entry.name: entry for entry in (*_FREE, *(entry for topic in _TOPICS for entry in topic.ENTRIES))}
)


def names() -> frozenset[str]:
    """Bare names (`stage`, `contact.locale`)."""
    return frozenset(
        entry.name for entry in VOCABULARY.values() if not entry.is_function and entry.name not in DOCUMENTS
    )


def functions() -> frozenset[str]:
    return frozenset(entry.name for entry in VOCABULARY.values() if entry.is_function)


def nearest(name: str) -> str | None:
    """The known name most like this one."""
    found = difflib.get_close_matches(name, [*VOCABULARY], n=1, cutoff=0.65)
    return found[0] if found else None


def describe() -> list[Entry]:
    """All entries, by topic in reading order, for the generated page."""
    order = {topic: place for place, topic in enumerate(Topic)}
    return sorted(VOCABULARY.values(), key=lambda entry: order[entry.topic])
