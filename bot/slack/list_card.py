"""Draws several hand-offs of one owner as one message: a numbered line each, with a menu that opens the card or acts at once, and one
button for all. Pure. Before it: card_views.py reads the views; after it: bot.channels.slack posts. lists.py hears the buttons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.channels.slack import Card
from bot.slack.blocks import FALLBACK_TEXT, Block, actions, button, context, escaped, header, message, one_line, section
from bot.slack.cards import (
    ACKNOWLEDGE,
    DISMISS,
    DONE,
    FINISHED,
    NAME,
    SNOOZE,
    TITLE,
    CardView,
    due_words,
    finished_line,
    person,
    snooze_words,
)
from bot.slack.line_menu import line_menu
from bot.slack.wording import say, written_moment
from storage.handoffs import HandoffState

OPEN = "handoff_open_card"
ACKNOWLEDGE_ALL = "handoff_acknowledge_all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLine:
    """One hand-off of the message. `has_own_card`: its newest card stands elsewhere."""

    view: CardView
    has_own_card: bool

    @property
    def can_be_acted_on(self) -> bool:
        return not self.has_own_card and self.view.state not in FINISHED


def draw_list_card(lines: Sequence[ListLine], digest: Card | None = None) -> Card:
    """The message as it should stand now, below the owner's digest if it comes with one."""
    locale = lines[0].view.locale if lines else "en"
    title = say("list_title" if len(lines) > 1 else "list_title_one", locale, number=str(len(lines)))
    head, told = (digest.blocks, [digest.text]) if digest is not None else ((), [])
    blocks = message([*map(dict, head), header(title), *list_blocks(lines)])
    return Card(blocks=blocks, text=escaped(" · ".join([*told, title]), FALLBACK_TEXT))


def list_blocks(lines: Sequence[ListLine]) -> Iterator[Block]:
    """The lines, and below them what concerns all."""
    for number, line in enumerate(lines, 1):
        view = line.view
        text = finished_line(view) if view.state in FINISHED else _line(view, has_own_card=line.has_own_card)
        told = section(f"{number}. {text}")
        if line.can_be_acted_on:
            told["accessory"] = line_menu(_entries(view))
        yield told
    standing = [line.view for line in lines if line.can_be_acted_on]
    if standing:
        yield context([say("list_hint", standing[0].locale)])
    untaken = [view for view in standing if view.state is HandoffState.OPEN]
    if untaken:
        text = say("acknowledge_all", untaken[0].locale)
        yield actions("handoff_list", [button(ACKNOWLEDGE_ALL, text, untaken[0].reference, style="primary")])


def _entries(view: CardView) -> Iterator[tuple[str, str, str]]:
    """What the whole card has besides is found there."""
    yield OPEN, say("open_card", view.locale), view.reference
    if view.state is HandoffState.OPEN:
        yield ACKNOWLEDGE, say("acknowledge", view.locale), view.reference
    for action_id, word in ((DONE, "done"), (SNOOZE, "snooze"), (DISMISS, "dismiss")):
        yield action_id, say(word, view.locale), view.reference


def _line(view: CardView, *, has_own_card: bool) -> str:
    """`*Call them* · Acme` and below it due time, who is on it, or where its card is."""
    whose = f" · {escaped(one_line(view.customer_name), NAME)}" if view.customer_name else ""
    due = written_moment(view.due_at, view.timezone, view.locale) if view.due_at else say("no_due", view.locale)
    parts = [due_words(view, due)]
    if view.owner:
        parts.append(say("named", view.locale, name=say("owner", view.locale), value=person(view.owner)))
    if view.state is HandoffState.ACKNOWLEDGED:
        parts.append(say("state_acknowledged", view.locale))
    if put_off := snooze_words(view):
        parts.append(put_off)
    if has_own_card:
        parts.append(say("has_own_card", view.locale))
    return f"*{escaped(one_line(view.title), TITLE)}*{whose}\n" + " · ".join(parts)
