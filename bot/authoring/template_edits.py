"""What a person changed of a draft, as passages of the template: fields instead of the customer's values, so that the same
change for two customers is the same passage and names nobody. Filling a gap is no change. Pure; kept by
sending_prepared, told by the report on edits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from bot.authoring.assist import gap_pattern
from bot.authoring.template_drafts import AssistDraft

SUBJECT = "subject: "
SHORTEST_VALUE = 2
MOST_PASSAGES = 60
LONGEST_PASSAGE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Lines of the template that were replaced; "" before: added, "" after: deleted."""

    before: str
    after: str


def passages_changed(draft: AssistDraft, subject: str, body_markdown: str) -> tuple[Passage, ...]:
    """In the order of the mail; empty: it was sent as it was."""
    plain = _lines(draft.subject, draft.body_markdown)
    pattern = _lines(draft.pattern_subject, draft.pattern_body)
    written = _with_gaps_open(plain, _lines(subject, body_markdown))
    if plain == written:
        return ()
    matcher = SequenceMatcher(None, plain, written, autojunk=False)
    changed = [
        Passage(
            before="\n".join(pattern[first:last])[:LONGEST_PASSAGE],
            after=_in_template_words("\n".join(written[start:end]), draft)[:LONGEST_PASSAGE],
        )
        for tag, first, last, start, end in matcher.get_opcodes()
        if tag != "equal"
    ]
    return tuple(changed[:MOST_PASSAGES])


def _lines(subject: str, body: str) -> list[str]:
    """Without empty lines and blanks at the ends, which nobody sees in the mail."""
    lines = [SUBJECT + " ".join(subject.split()), *body.replace("\r\n", "\n").split("\n")]
    return [line.strip() for line in lines if line.strip()]


def _with_gaps_open(plain: list[str], written: list[str]) -> list[str]:
    """Lines that differ from a line of the draft only in its gaps count as that line."""
    gapped = [(line, pattern) for line in plain if (pattern := gap_pattern(line)) is not None]
    known = set(plain)

    def opened(line: str) -> str:
        if line in known:
            return line
        return next((draft for draft, pattern in gapped if pattern.fullmatch(line)), line)

    return [opened(line) for line in written]


def _in_template_words(text: str, draft: AssistDraft) -> str:
    """The customer's values as the fields they came from, the longest first."""
    for field, value in sorted(draft.values, key=lambda pair: -len(pair[1])):
        if len(value) >= SHORTEST_VALUE and "{{" not in value:
            whole = rf"(?<!\w){re.escape(value)}(?!\w)" if value.isascii() else re.escape(value)
            text = re.sub(whole, f"{{{{ {field} }}}}".replace("\\", r"\\"), text)
    return text
