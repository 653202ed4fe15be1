"""Writes a hand-off as a plain mail, for owners whom Slack does not reach: the same facts as the card, in the reader's language,
and how to act without Slack. Pure. Before it: card_views.py reads the view; after it: bot.pipeline.staff_mail sends."""

from __future__ import annotations

from collections.abc import Sequence

from bot.insight.handoff_brief import written_arr
from bot.pipeline.staff_mail import StaffLetter
from bot.slack.blocks import one_line
from bot.slack.cards import CardView
from bot.slack.wording import say, written_moment

MOST_TEXT = 2000


def write_card(view: CardView, handoff_id: int) -> StaffLetter:
    """One hand-off."""
    lines = [*_facts(view), "", f"{say('why', view.locale)}:", view.reason]
    for line in view.brief:
        lines += ["", f"{line.label}:", line.text[:MOST_TEXT]]
    if view.tasks:
        lines += ["", f"{say('tasks', view.locale)}:", *(f"- {one_line(task)}" for task in view.tasks)]
    lines += ["", say("act_by_command", view.locale, number=str(handoff_id))]
    return StaffLetter(subject=_headline(view), text="\n".join(lines), locale=view.locale)


def write_cards(views: Sequence[tuple[int, CardView]]) -> StaffLetter:
    """Several of one owner, a line each."""
    locale = views[0][1].locale
    lines = [f"- {number}: {_headline(view)} ({say('due', locale)}: {_due(view)})" for number, view in views]
    count = str(len(views))
    text = "\n".join([say("list_title", locale, number=count), "", *lines, "", say("act_by_command_list", locale)])
    return StaffLetter(subject=say("list_title", locale, number=count), text=text, locale=locale)


def _headline(view: CardView) -> str:
    urgent = f"{say('urgent', view.locale)}: " if view.urgency == "high" else ""
    whose = f" · {one_line(view.customer_name)}" if view.customer_name else ""
    return f"{urgent}{one_line(view.title)}{whose}"


def _due(view: CardView) -> str:
    if view.due_at is None:
        return say("no_due", view.locale)
    late = f" ({say('overdue', view.locale)})" if view.due_at < view.drawn_at else ""
    return written_moment(view.due_at, view.timezone, view.locale) + late


def _facts(view: CardView) -> list[str]:
    told = {
        "customer": one_line(view.customer_name),
        "arr": written_arr(view.arr, view.currency, view.locale) or "",
        "stage": one_line(view.stage or ""),
        "due": _due(view),
        "contact": one_line(view.contact or ""),
    }
    return [f"{say(word, view.locale)}: {text}" for word, text in told.items() if text]
