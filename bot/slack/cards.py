"""Draws a hand-off as a Slack card: a pure function of a `CardView`. A finished hand-off shrinks to one line. Buttons
carry an opaque reference, never personal data. Before it: card_views.py reads the view; after it: bot.channels.slack posts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.channels.slack import Card
from bot.insight.handoff_brief import BriefLine, written_arr
from bot.rules.reasons import sentence as sentence_of
from bot.slack.blocks import (
    FALLBACK_TEXT,
    SECTION_TEXT,
    Block,
    actions,
    button,
    context,
    escaped,
    fields,
    header,
    labelled,
    message,
    one_line,
    section,
    select,
)
from bot.slack.wording import WORDS, say, written_moment
from storage.handoffs import HandoffState

ACKNOWLEDGE = "handoff_acknowledge"
SNOOZE = "handoff_snooze"
DONE = "handoff_done"
BLOCK_ID = "handoff_buttons"
OUTCOME_MARK = "#"

NAME = 80
TITLE = 200
BRIEF_TEXT = 900
MOST_TASKS = 20
LATEST_ACTS = 3
FINISHED = (HandoffState.DONE, HandoffState.DISMISSED, HandoffState.WITHDRAWN)
_SLACK_USER = re.compile(r"slack:([UW][A-Z0-9]{2,20})")
_FACES = {"done": "✅", "dismissed": "⚪", "withdrawn": "↩️"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActLine:
    """Who did what and when. `by` is a name, or `slack:U…` for a Slack user whom we do not know."""

    act: str
    by: str
    at: datetime
    details: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """All that a card shows, unescaped, in the reader's language where it is text. `acts` from the oldest."""

    reference: str
    locale: str
    timezone: str
    drawn_at: datetime
    state: HandoffState
    title: str
    urgency: str
    customer_name: str
    arr: float | None
    currency: str | None
    stage: str | None
    owner: str | None
    contact: str | None
    due_at: datetime | None
    reason: str
    brief: tuple[BriefLine, ...]
    tasks: tuple[str, ...]
    outcomes: tuple[str, ...]
    outcome: str | None
    acts: tuple[ActLine, ...]


def draw_card(view: CardView) -> Card:
    """The card as it should stand now."""
    if view.state in FINISHED:
        line = _finished_line(view)
        return Card(blocks=[section(line)], text=line[:FALLBACK_TEXT])
    return Card(blocks=message(_open_blocks(view)), text=_summary(view))


def draw_moved_card(view: CardView) -> Card:
    """What is left of a card when a newer one asks somebody else, or asks again."""
    owner = person(view.owner) if view.owner else say("nobody_short", view.locale)
    moved = say("moved_to", view.locale, owner=owner) if view.owner else say("moved", view.locale)
    line = f"↪️ {_headline(view)} · {moved}"
    return Card(blocks=[section(line)], text=line)


def outcome_value(reference: str, number: int) -> str:
    return f"{reference}{OUTCOME_MARK}{number}"


def person(name: str) -> str:
    """A name as markup; a Slack user whom we do not know is mentioned by id, anything like it is text."""
    unknown = _SLACK_USER.fullmatch(name)
    return f"<@{unknown[1]}>" if unknown else escaped(one_line(name), NAME)


def act_line(view: CardView, line: ActLine) -> str:
    """One act as a sentence of markup."""
    parts = {
        "by": person(line.by),
        "at": written_moment(line.at, view.timezone, view.locale),
        "owner": person(str(line.details.get("owner") or say("nobody_short", view.locale))),
        "reason": _why(view, line),
        "until": _until(view, line),
        "act": escaped(line.act, NAME),
        "to": escaped(one_line(str(line.details.get("to") or "–")), NAME),
        "why": escaped(sentence_of("not_sent", str(line.details.get("why") or ""), locale=view.locale), TITLE),
    }
    word = f"act_{line.act}"
    if line.act in TO_SOMEBODY and not line.details.get("owner"):
        word = f"{word}_to_all"
    sentence = say(word if word in _ACT_WORDS else "act_other", view.locale, **parts)
    outcome = line.details.get("outcome")
    if not outcome:
        return sentence
    return f"{sentence} · {say('outcome', view.locale, outcome=escaped(one_line(str(outcome)), NAME))}"


#: What may also go to nobody: to the channel, where whoever acknowledges it becomes the owner.
TO_SOMEBODY = ("escalated", "left")
_ACT_WORDS = frozenset(
    f"act_{act}"
    for act in (
        "acknowledged",
        "mailed",
        "wrote_myself",
        "unsent",
        "snoozed",
        "done",
        "dismissed",
        "reassigned",
        "escalated",
        "escalated_to_all",
        "left_to_all",
        "followed",
        "covered",
        "left",
        "nudged",
        "reminded",
        "late",
        "woken",
        "merged",
        "raised",
        "cause_ended",
        "noted",
        "outlived",
        "withdrawn",
    )
)


def _why(view: CardView, line: ActLine) -> str:
    """The machine's own endings in the reader's language, people's words as they are."""
    reason = str(line.details.get("reason") or "–")
    word = f"ended_{reason}"
    return say(word, view.locale) if word in WORDS else escaped(one_line(reason), NAME)


def remark(view: CardView) -> str | None:
    """What the card's thread is told, so that whoever is on it sees it; None: nothing that was not told yet."""
    untold = [line for line in view.acts if line.act == "outlived" and not line.details.get("is_told")]
    return act_line(view, untold[-1]) if untold and view.state is HandoffState.ACKNOWLEDGED else None


def _until(view: CardView, line: ActLine) -> str:
    until = line.details.get("until")
    return written_moment(datetime.fromisoformat(until), view.timezone, view.locale) if until else "–"


def _open_blocks(view: CardView) -> Iterator[Block]:
    urgent = f"{say('urgent', view.locale)}: " if view.urgency == "high" else ""
    yield header(f"{urgent}{view.title}")
    yield fields(_facts(view))
    yield section(labelled(say("why", view.locale), view.reason, SECTION_TEXT))
    for line in view.brief:
        yield section(labelled(line.label, line.text, BRIEF_TEXT))
    if view.tasks:
        tasks = "\n".join(f"☐ {one_line(task)}" for task in view.tasks[:MOST_TASKS])
        yield section(labelled(say("tasks", view.locale), tasks, SECTION_TEXT))
    if view.acts:
        yield context([act_line(view, line) for line in view.acts[-LATEST_ACTS:]])
    yield actions(BLOCK_ID, list(_buttons(view)))


def _facts(view: CardView) -> Iterator[tuple[str, str]]:
    if view.customer_name:
        yield say("customer", view.locale), one_line(view.customer_name)
    money = written_arr(view.arr, view.currency, view.locale)
    if money:
        yield say("arr", view.locale), money
    if view.stage:
        yield say("stage", view.locale), one_line(view.stage)
    yield say("due", view.locale), _due(view)
    yield say("owner", view.locale), one_line(view.owner or say("nobody", view.locale))
    if view.contact:
        yield say("contact", view.locale), one_line(view.contact)


def _due(view: CardView) -> str:
    if view.due_at is None:
        return say("no_due", view.locale)
    late = f" ({say('overdue', view.locale)})" if view.due_at < view.drawn_at else ""
    return written_moment(view.due_at, view.timezone, view.locale) + late


def _buttons(view: CardView) -> Iterator[Block]:
    if view.state is HandoffState.OPEN:
        yield button(ACKNOWLEDGE, say("acknowledge", view.locale), view.reference, style="primary")
    yield button(SNOOZE, say("snooze", view.locale), view.reference)
    if view.outcomes:
        # Numbered, because an outcome may be longer than an option's value; the list of a hand-off never changes.
        listed = [(text, outcome_value(view.reference, number)) for number, text in enumerate(view.outcomes)]
        yield select(DONE, say("done_with", view.locale), listed)
    else:
        yield button(DONE, say("done", view.locale), view.reference)


def _headline(view: CardView) -> str:
    whose = f" · {escaped(one_line(view.customer_name), NAME)}" if view.customer_name else ""
    return f"*{escaped(one_line(view.title), TITLE)}*{whose}"


def _summary(view: CardView) -> str:
    """The notification."""
    urgent = f"{say('urgent', view.locale)}: " if view.urgency == "high" else ""
    title = escaped(one_line(view.title), TITLE)
    whose = f" · {escaped(one_line(view.customer_name), NAME)}" if view.customer_name else ""
    return f"{urgent}{title}{whose} · {say('due', view.locale)}: {_due(view)}"


def _finished_line(view: CardView) -> str:
    closing = [line for line in view.acts if line.act in _FACES]
    told = act_line(view, closing[-1]) if closing else say(f"state_{view.state.value}", view.locale)
    return f"{_FACES[view.state.value]} {_headline(view)} · {told}"
