"""What churn.yml may say: why customers leave, and which link of our own value chain each reason belongs to. Pure. Read by
authoring.company; hand-offs offer the reasons as answers, the report counts them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from bot.rules.field_types import Name, Part, Text, Word, Words
from bot.rules.steps_model import key

#: The link of a reason that is nobody's of ours.
NO_LINK = "none"


class Reason(Part):
    """One reason."""

    title: Text = Field(description="What people read where they choose it, and in the report.")
    link: Word = Field(description="The link of the value chain that could have prevented it, or `none`.")
    words: Words = Field((), description="Words by which a reason written in free text is known as this one.")


class ChurnFile(Part):
    """churn.yml."""

    chain: tuple[Name, ...] = Field(
        (), description="The links of our value chain, in their order.", json_schema_extra=key("value_chain")
    )
    reasons: dict[Name, Reason] = Field(default_factory=dict, description="The reasons by name.")


def reason_of(text: str, reasons: Mapping[str, Reason]) -> str | None:
    """The reason that a text means: by its name, by a title, else by the first whose word is in it; None: none of them."""
    wanted = _plain(text)
    for name, reason in reasons.items():
        if wanted in (_plain(name), *map(_plain, reason.title.values())):
            return name
    return next(
        (name for name, reason in reasons.items() if any(_plain(word) in wanted for word in reason.words)), None
    )


def _plain(text: str) -> str:
    return " ".join(text.replace("_", " ").lower().split())
