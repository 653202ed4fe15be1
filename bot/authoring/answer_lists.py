"""The lists that an `ask:` of a hand-off may name: `churn_reasons` are those of churn.yml, in the order of the file. Reads the
texts of a deployment. A file that cannot be read offers nothing, so the question takes any text; `check` says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.authoring.company import CHURN
from bot.authoring.model_file import load_model_file
from bot.rules.churn import ChurnFile

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
    if name != CHURN_REASONS:
        return ()
    churn, _, _ = load_model_file(files.get(CHURN, ""), CHURN, ChurnFile, what="churn.yml")
    return tuple(Choice(word=word, title=reason.title) for word, reason in churn.reasons.items())
