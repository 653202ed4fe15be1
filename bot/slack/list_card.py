"""Draws several hand-offs of one owner as one message: a line each, with a button that brings the whole card. Pure. Before it:
card_views.py reads the views; after it: bot.channels.slack posts. lists.py hears the button."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.channels.slack import Card
from bot.slack.blocks import FALLBACK_TEXT, Block, button, escaped, header, message, one_line, section
from bot.slack.cards import FINISHED, NAME, TITLE, CardView, draw_card, person
from bot.slack.wording import say, written_moment
from storage.handoffs import HandoffState

OPEN = "handoff_open_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLine:
    """One hand-off of the message. `has_own_card`: its newest card stands elsewhere."""

    view: CardView
    has_own_card: bool


def draw_list_card(lines: Sequence[ListLine]) -> Card:
    """The message as it should stand now."""
    locale = lines[0].view.locale if lines else "en"
    title = say("list_title", locale, number=str(len(lines)))
    return Card(blocks=message([header(title), *_blocks(lines)]), text=escaped(title, FALLBACK_TEXT))


def _blocks(lines: Sequence[ListLine]) -> Iterator[Block]:
    for line in lines:
        view = line.view
        if view.state in FINISHED:
            yield from (dict(block) for block in draw_card(view).blocks)
            continue
        told = section(_line(view, has_own_card=line.has_own_card))
        if not line.has_own_card:
            told["accessory"] = button(OPEN, say("open_card", view.locale), view.reference)
        yield told


def _line(view: CardView, *, has_own_card: bool) -> str:
    """`*Call them* · Acme` and below it due time, who is on it, or where its card is."""
    whose = f" · {escaped(one_line(view.customer_name), NAME)}" if view.customer_name else ""
    due = written_moment(view.due_at, view.timezone, view.locale) if view.due_at else say("no_due", view.locale)
    parts = [f"{say('due', view.locale)}: {due}"]
    if view.owner:
        parts.append(f"{say('owner', view.locale)}: {person(view.owner)}")
    if view.state is HandoffState.ACKNOWLEDGED:
        parts.append(say("state_acknowledged", view.locale))
    if has_own_card:
        parts.append(say("has_own_card", view.locale))
    return f"*{escaped(one_line(view.title), TITLE)}*{whose}\n" + " · ".join(parts)
