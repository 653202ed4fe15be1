"""The lists that an `ask:` of a hand-off may name: `churn_reasons` are those of churn.yml, in the order of the file. Reads the
texts of a deployment. A file that cannot be read offers nothing, so the question takes any text; `check` says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.authoring.yaml_source import Mapping as YamlMapping
from bot.authoring.yaml_source import Scalar, read_yaml

CHURN = "playbooks/churn.yml"
CHURN_REASONS = "churn_reasons"
YES_NO = "yes_no"
NUMBER = "number"
TEXT = "text"
#: What an `ask:` may ask for: any text, a number, yes or no, or a word of a list.
KINDS = (TEXT, YES_NO, NUMBER, CHURN_REASONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer: the word that is stored, and its text by locale."""

    word: str
    title: Mapping[str, str]


def answer_list(files: Mapping[str, str], name: str) -> tuple[Choice, ...]:
    """Empty for a list that is not there."""
    if name != CHURN_REASONS or CHURN not in files:
        return ()
    tree, _ = read_yaml(files[CHURN], CHURN)
    reasons = _entry(tree, "reasons")
    if not isinstance(reasons, YamlMapping):
        return ()
    return tuple(
        Choice(word=word, title=_texts(_entry(value, "title")) or {"en": word})
        for word, value in reasons.entries.items()
    )


def _entry(tree: object, name: str) -> object:
    return tree.entries.get(name) if isinstance(tree, YamlMapping) else None


def _texts(value: object) -> dict[str, str]:
    """A text, or texts by language."""
    if isinstance(value, Scalar):
        return {"en": value.text}
    if not isinstance(value, YamlMapping):
        return {}
    return {locale: text.text for locale, text in value.entries.items() if isinstance(text, Scalar)}
