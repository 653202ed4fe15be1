"""The chapter about conditions: the grammar, what empty and unknown mean (S1–S3), and every name of the vocabulary."""

from __future__ import annotations

from itertools import groupby

from bot.cli.pages.markdown import code, table
from bot.rules.vocabulary import describe
from bot.rules.vocabulary_entry import Entry, Silence

SILENCES = {
    Silence.NONE: "",
    Silence.ZERO: "A zero is unknown while the feed is stale or the customer is younger than the window.",
    Silence.WHOLE: "Unknown while the feed is stale or the customer is younger than the window.",
}

GRAMMAR = """## Conditions

Conditions are written in the expression grammar of Jinja: `and or not`, `== != < <= > >=`, `in`, `is none`, `+ - * /`, texts in
quotes, numbers, `true`, `false`, `none`, lists. They are checked when loaded and run in the database.

- **Empty values.** `==`, `!=` and `in` treat empty as nothing, so `stage != "churned"` holds for a customer without a stage.
  `<`, `<=`, `>`, `>=` and arithmetic with an empty value are unknown and do not match, nor does their `not`: for those who
  never answered write `nps is none or nps > 6`.
- **A silent feed is not a silent customer.** "Nothing happened" is unknown while nobody's facts of that kind have come in
  (`feeds:` in workspace.yml), and while the customer is younger than the window.
- `journeybot explain CUSTOMER PLAYBOOK` shows every part of a condition with its value: ✓ holds, ✗ does not, ? unknown.
"""


def conditions() -> str:
    """The chapter."""
    parts = [GRAMMAR]
    for topic, entries in groupby(describe(), key=lambda entry: entry.topic):
        parts += [f"### {topic.value}\n", table(("name", "is", "meaning", "example"), map(_row, entries))]
    return "\n".join(parts)


def _row(entry: Entry) -> tuple[str, str, str, str]:
    notes = [SILENCES[entry.silence]]
    if entry.needs_walk:
        notes.append("Only inside a walk.")
    if entry.needs_contact:
        notes.append("Only where contacts walk.")
    kind = "yes or no" if entry.type.value == "bool" else entry.type.value
    return code(entry.signature), kind, " ".join(filter(None, (entry.meaning, *notes))), code(entry.example)
