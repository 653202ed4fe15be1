"""Draws a hand-off as a Slack card: a pure function of a `CardView`. A finished hand-off shrinks to one line. Buttons
carry an opaque reference, never personal data. Before it: card_views.py reads the view; after it: bot.channels.slack posts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.channels.slack import Card
from bot.insight.handoff_brief import BriefLine, written_arr
from bot.rules.reasons import sentence as sentence_of
from bot.slack.blocks import (
    BOXES,
    FALLBACK_TEXT,
    Block,
    actions,
    button,
    checkboxes,
    context,
    escaped,
    fields,
    header,
    labelled,
    message,
    one_line,
    section,
)
from bot.slack.wording import WORDS, say, written_moment
from storage.handoffs import HandoffState

ACKNOWLEDGE = "handoff_acknowledge"
EDIT_SEND = "handoff_edit_send"
SNOOZE = "handoff_snooze"
REASSIGN = "handoff_reassign"
DONE = "handoff_done"
DISMISS = "handoff_dismiss"
FLAG = "handoff_flag"
PLAN = "plan_open"
TASKS = "handoff_tasks"
BLOCK_ID = "handoff_buttons"
PLACE_MARK = "#"

NAME = 80
TITLE = 200
BRIEF_TEXT = 900
MOST_BRIEF = 14
REASON_TEXT = 1500
MOST_TASKS = 2 * BOXES
LATEST_ACTS = 3
FINISHED = (HandoffState.DONE, HandoffState.DISMISSED, HandoffState.WITHDRAWN)
_SLACK_USER = re.compile(r"slack:([UW][A-Z0-9]{2,20})")
_LINK = re.compile(r"https://[^\s<>|]{1,1000}")
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
    """All that a card shows, unescaped, in the reader's language where it is text. `acts` from the oldest; `link`: the message in
    Slack that it was made of; `plan` names the success plan whose own hand-off it is."""

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
    health: str | None = None
    evidence: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    ticked: frozenset[int] = frozenset()
    has_mail: bool = False
    is_flagged: bool = False
    link: str | None = None
    plan: str | None = None


def draw_card(view: CardView) -> Card:
    """The card as it should stand now."""
    if view.state in FINISHED:
        line = finished_line(view)
        return Card(blocks=[section(line)], text=line[:FALLBACK_TEXT])
    return Card(blocks=message(_open_blocks(view)), text=_summary(view))


def draw_copy(view: CardView) -> Card:
    """The card for those who are only told: nothing on it can be pressed. It stays as it is until the hand-off is over."""
    if view.state in FINISHED:
        return draw_card(view)
    tasks = "\n".join(f"• {one_line(task)}" for task in view.tasks[:MOST_TASKS])
    blocks = [*_told_blocks(view)]
    if tasks:
        blocks.append(section(labelled(say("tasks", view.locale), tasks, REASON_TEXT)))
    return Card(blocks=message([*blocks, context([say("copy", view.locale)])]), text=_summary(view))


def draw_moved_card(view: CardView) -> Card:
    """What is left of a card when a newer one asks somebody else, or asks again."""
    owner = person(view.owner) if view.owner else say("nobody_short", view.locale)
    moved = say("moved_to", view.locale, owner=owner) if view.owner else say("moved", view.locale)
    line = f"↪️ {_headline(view)} · {moved}"
    return Card(blocks=[section(line)], text=line)


def tasks_block_id(reference: str, first: int, ticked: Iterable[int]) -> str:
    """Names the hand-off and the ticks that the card showed. A press tells all that is ticked then, so only this tells what the
    person changed; and Slack forgets what it kept of a block when its id is another one."""
    return f"{TASKS}:{reference}:{first}:{','.join(map(str, sorted(ticked)))}"


def shown_tasks(block_id: str) -> tuple[str, frozenset[int]] | None:
    """The reference and the ticks that a card showed; None for any other block."""
    name, *parts = block_id.split(":")
    if name != TASKS or len(parts) != 3:
        return None
    return parts[0], places_of(parts[2].split(","))


def places_of(listed: Iterable[str]) -> frozenset[int]:
    """The numbers among these."""
    return frozenset(int(place[:6]) for place in listed if place.isascii() and place.isdigit())


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
        "done": str(line.details.get("done", "–")),
        "of": str(line.details.get("of", "–")),
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
        "ticked",
        "flagged",
        "unflagged",
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


def snooze_words(view: CardView) -> str | None:
    """Until when it is put off; None: it is not."""
    newest = view.acts[-1] if view.acts else None
    if newest is None or newest.act != "snoozed":
        return None
    return say("snoozed_until", view.locale, until=_until(view, newest))


def _until(view: CardView, line: ActLine) -> str:
    until = line.details.get("until")
    return written_moment(datetime.fromisoformat(until), view.timezone, view.locale) if until else "–"


def _open_blocks(view: CardView) -> Iterator[Block]:
    yield from _told_blocks(view)
    yield from _tasks(view)
    if view.acts:
        yield context([act_line(view, line) for line in view.acts[-LATEST_ACTS:]])
    yield actions(BLOCK_ID, list(_buttons(view)))


def _told_blocks(view: CardView) -> Iterator[Block]:
    """What it is about, for whoever reads it."""
    urgent = f"{say('urgent', view.locale)}: " if view.urgency == "high" else ""
    yield header(f"{urgent}{view.title}")
    yield fields(_facts(view))
    yield section(labelled(say("why", view.locale), view.reason, REASON_TEXT))
    if view.evidence:
        yield section(labelled(say("evidence", view.locale), "\n".join(view.evidence), REASON_TEXT))
    if view.sent:
        yield section(labelled(say("sent", view.locale), "\n".join(view.sent), BRIEF_TEXT))
    for line in view.brief[:MOST_BRIEF]:
        yield section(labelled(line.label, line.text, BRIEF_TEXT))
    if view.link and _LINK.fullmatch(view.link):
        yield context([f"<{view.link}|{say('message_link', view.locale)}>"])


def _facts(view: CardView) -> Iterator[tuple[str, str]]:
    if view.customer_name:
        yield say("customer", view.locale), one_line(view.customer_name)
    money = written_arr(view.arr, view.currency, view.locale)
    if money:
        yield say("arr", view.locale), money
    if view.stage:
        yield say("stage", view.locale), one_line(view.stage)
    if view.health:
        yield say("health", view.locale), one_line(view.health)
    yield say("due", view.locale), _due(view)
    yield say("owner", view.locale), one_line(view.owner or say("nobody", view.locale))
    if view.contact:
        yield say("contact", view.locale), one_line(view.contact)


def _due(view: CardView) -> str:
    if view.due_at is None:
        return say("no_due", view.locale)
    late = f" ({say('overdue', view.locale)})" if view.due_at < view.drawn_at else ""
    return written_moment(view.due_at, view.timezone, view.locale) + late


def _tasks(view: CardView) -> Iterator[Block]:
    if not view.tasks:
        return
    yield section(f"*{say('tasks', view.locale)}*")
    for first in range(0, min(len(view.tasks), MOST_TASKS), BOXES):
        places = range(first, min(first + BOXES, len(view.tasks)))
        boxes = [(str(place), view.tasks[place], place in view.ticked) for place in places]
        block_id = tasks_block_id(view.reference, first, view.ticked & set(places))
        yield actions(block_id, [checkboxes(TASKS, boxes)])
    if len(view.tasks) > MOST_TASKS:
        yield context([say("more_tasks", view.locale, n=str(len(view.tasks) - MOST_TASKS))])


def _buttons(view: CardView) -> Iterator[Block]:
    if view.state is HandoffState.OPEN:
        yield button(ACKNOWLEDGE, say("acknowledge", view.locale), view.reference, style="primary")
    if view.plan is not None:
        yield button(PLAN, say("plan", view.locale), view.plan)
    if view.has_mail:
        yield button(EDIT_SEND, say("edit_send", view.locale), view.reference)
    yield button(SNOOZE, say("snooze", view.locale), view.reference)
    yield button(REASSIGN, say("reassign", view.locale), view.reference)
    yield button(DONE, say("done", view.locale), view.reference)
    yield button(DISMISS, say("dismiss", view.locale), view.reference)
    yield button(*flag_button(view.reference, view.locale, is_flagged=view.is_flagged))


def flag_button(reference: str, locale: str, *, is_flagged: bool) -> tuple[str, str, str]:
    """Action id, text and value: what is flagged can only be unflagged."""
    return FLAG, say("unflag" if is_flagged else "flag", locale), f"{reference}{PLACE_MARK}{0 if is_flagged else 1}"


def _headline(view: CardView) -> str:
    whose = f" · {escaped(one_line(view.customer_name), NAME)}" if view.customer_name else ""
    return f"*{escaped(one_line(view.title), TITLE)}*{whose}"


def _summary(view: CardView) -> str:
    """The notification."""
    urgent = f"{say('urgent', view.locale)}: " if view.urgency == "high" else ""
    title = escaped(one_line(view.title), TITLE)
    whose = f" · {escaped(one_line(view.customer_name), NAME)}" if view.customer_name else ""
    return f"{urgent}{title}{whose} · {due_words(view, _due(view))}"


def due_words(view: CardView, due: str) -> str:
    """`Due: Wed, 3 Mar 2027, 18:00`, or that there is no due date."""
    return say("named", view.locale, name=say("due", view.locale), value=due) if view.due_at else due


def finished_line(view: CardView) -> str:
    closing = [line for line in view.acts if line.act in _FACES]
    told = act_line(view, closing[-1]) if closing else say(f"state_{view.state.value}", view.locale)
    return f"{_FACES[view.state.value]} {_headline(view)} · {told}"
