"""Draws App Home: a pure function of a person's desk, within Slack's 100 blocks whatever stands on it (lists are paged). Buttons
carry ids only. Before it: bot.insight.desk reads; after it: home.py publishes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.insight.coming_mails import ComingMail
from bot.insight.desk import CHANGED_DAYS, HANDOFFS_ON_A_PAGE, MAILS_ON_A_PAGE, Desk
from bot.rules.reasons import sentence
from bot.slack.blocks import Block, actions, button, context, escaped, header, one_line, section
from bot.slack.cards import ACKNOWLEDGE, DISMISS, DONE, EDIT_SEND, REASSIGN, SNOOZE, flag_button
from bot.slack.command_answers import handoff_line
from bot.slack.home_words import band_words, home_phrase
from bot.slack.line_menu import line_menu
from bot.slack.people import Person
from bot.slack.plan_form_views import PLAN, plan_line
from bot.slack.wording import say, written_day, written_moment
from storage.handoff_views import HandoffRecord, reference_of
from storage.handoffs import HandoffState
from storage.health_views import ColourChange

HOLD, RELEASE, REVIEW = "home_hold", "home_release", "home_review"
PAGE_HANDOFFS, PAGE_MAILS, REFRESH, DIGEST = "home_handoffs_page", "home_mails_page", "home_refresh", "home_digest"
NAME = 80
FACES = {"green": "🟢", "yellow": "🟡", "red": "🔴", None: "⚪"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeView:
    """Whose App Home, as of when."""

    person: Person
    desk: Desk
    now: datetime


def draw_home(view: HomeView) -> dict[str, Any]:
    """The view for views.publish."""
    desk = view.desk
    pages = json.dumps({"handoffs": desk.pages.handoffs, "mails": desk.pages.mails})
    blocks = [*_head(view), *_handoffs(view), *_plans(view), *_changed(view), *_coming(view)]
    return {"type": "home", "private_metadata": pages, "blocks": blocks}


def draw_stranger(person: Person) -> dict[str, Any]:
    """For somebody whom we do not know."""
    told = home_phrase("unknown_person", person.locale, user=escaped(person.user, 40))
    return {"type": "home", "blocks": [section(told)]}


def _say(view: HomeView, word: str, **parts: str) -> str:
    return home_phrase(word, view.person.locale, **parts)


def _head(view: HomeView) -> Iterator[Block]:
    wanted = view.desk.wants_digest
    at = written_moment(view.now, view.person.timezone, view.person.locale)
    yield context([_say(view, "as_of", at=at)])
    yield actions(
        "home_head",
        [
            button(REFRESH, _say(view, "refresh"), "now"),
            button(DIGEST, _say(view, "digest_on" if wanted else "digest_off"), "off" if wanted else "on"),
        ],
    )


def _handoffs(view: HomeView) -> Iterator[Block]:
    desk = view.desk
    yield header(_say(view, "your_handoffs"))
    if not desk.open:
        yield section(_say(view, "no_handoffs"))
        return
    yield context([_say(view, "counts", open=str(desk.open), late=str(desk.late))])
    for handoff in desk.handoffs:
        yield section(handoff_line(handoff, view.person, view.now))
        yield actions(f"home_handoff_{handoff.id}", list(_buttons(view, handoff)))
    first = desk.pages.handoffs * HANDOFFS_ON_A_PAGE
    has_more = first + len(desk.handoffs) < desk.open
    shown = _say(view, "page", first=str(first + 1), last=str(first + len(desk.handoffs)), count=str(desk.open))
    yield from _pager(view, PAGE_HANDOFFS, desk.pages.handoffs, has_more=has_more, shown=shown)


def _buttons(view: HomeView, handoff: HandoffRecord) -> Iterator[Block]:
    """All that the card has, the rarer ones in a menu; what they ask for is asked by the card's own modals."""
    locale, reference = view.person.locale, reference_of(view.desk.installation, handoff.id)
    if handoff.state is HandoffState.OPEN:
        yield button(ACKNOWLEDGE, say("acknowledge", locale), reference, style="primary")
    if handoff.prepare is not None:
        yield button(EDIT_SEND, say("edit_send", locale), reference)
    yield button(DONE, say("done", locale), reference)
    yield button(SNOOZE, say("snooze", locale), reference)
    rarer = [(REASSIGN, say("reassign", locale), reference), (DISMISS, say("dismiss", locale), reference)]
    yield line_menu([*rarer, flag_button(reference, locale, is_flagged=handoff.flagged_at is not None)])


def _plans(view: HomeView) -> Iterator[Block]:
    """Nothing where nobody plans."""
    desk, locale = view.desk, view.person.locale
    if not desk.open_plans:
        return
    yield header(_say(view, "your_plans"))
    yield context([_say(view, "plan_count", open=str(desk.open_plans), shown=str(len(desk.plans)))])
    for plan in desk.plans:
        line = section(f"*{escaped(one_line(plan.customer_name), NAME)}* · {plan_line(plan, locale)}")
        line["accessory"] = button(PLAN, say("plan", locale), reference_of(desk.installation, plan.id))
        yield line


def _changed(view: HomeView) -> Iterator[Block]:
    yield header(_say(view, "changed"))
    if not view.desk.changed:
        yield section(_say(view, "no_change", days=str(CHANGED_DAYS)))
        return
    yield context([_say(view, "changed_since", days=str(CHANGED_DAYS))])
    yield section("\n".join(change_line(each, view.person) for each in view.desk.changed))


def change_line(change: ColourChange, person: Person) -> str:
    """One customer whose colour is another now, as markup."""
    return home_phrase(
        "change",
        person.locale,
        face=FACES.get(change.new, FACES[None]),
        customer=escaped(one_line(change.customer_name), NAME),
        old=band_words(change.old, person.locale),
        new=band_words(change.new, person.locale),
        value="–" if change.value is None else f"{change.value:g}",
        day=written_day(change.on, person.locale),
    )


def _coming(view: HomeView) -> Iterator[Block]:
    desk = view.desk
    yield header(_say(view, "coming"))
    yield context([_say(view, "coming_truth")])
    if not desk.mails:
        yield section(_say(view, "no_mails"))
    for mail in desk.mails:
        yield section(mail_line(mail, view.person))
        yield actions(f"home_mail_{mail.enrollment_id or 0}_{mail.message_id or 0}", list(_mail_buttons(view, mail)))
    first = desk.pages.mails * MAILS_ON_A_PAGE
    shown = f"{first + 1}–{first + len(desk.mails)}" if desk.mails else "–"
    yield from _pager(view, PAGE_MAILS, desk.pages.mails, has_more=desk.has_more_mails, shown=shown)


def mail_line(mail: ComingMail, person: Person) -> str:
    """One coming mail: to whom, what, from when, and whether it is sure."""
    locale = person.locale
    contact = escaped(one_line(mail.contact_name or mail.contact or ""), NAME)
    names = home_phrase("or", locale).join(escaped(one_line(name), NAME) for name in mail.templates[:3])
    what = escaped(one_line(mail.subject), 150) if mail.subject else names
    when = home_phrase("from_time", locale, at=written_moment(mail.at, person.timezone, locale))
    marks = [when, *_marks(mail, locale)]
    return home_phrase(
        "mail",
        locale,
        customer=escaped(one_line(mail.customer_name), NAME),
        contact=f" ({contact})" if contact else "",
        what=what,
        when=" · ".join(marks),
        playbook=escaped(one_line(mail.playbook), NAME),
    )


def _marks(mail: ComingMail, locale: str) -> Iterator[str]:
    if not mail.is_sure:
        yield home_phrase("perhaps", locale)
    if mail.is_held:
        yield home_phrase("is_held", locale)
    elif mail.waits_for_review:
        yield home_phrase("waits_for_you", locale)
    elif mail.state == "held":
        reason = sentence("held", mail.reason or "", {"template": mail.templates[0]}, locale, of_many=True)
        yield home_phrase("waits", locale, reason=escaped(one_line(reason), 200))


def _mail_buttons(view: HomeView, mail: ComingMail) -> Iterator[Block]:
    if mail.enrollment_id is not None:
        word, action = ("release", RELEASE) if mail.is_held else ("hold", HOLD)
        yield button(action, _say(view, word), hold_value(mail))
    yield button(REVIEW, _say(view, "review"), review_value(mail))


def hold_value(mail: ComingMail) -> str:
    return json.dumps([mail.enrollment_id, *mail.steps[:10]])


def review_value(mail: ComingMail) -> str:
    """Which mail is meant: a mail of the outbox, else the walk and the template that it is most likely made from."""
    if mail.message_id is not None:
        return json.dumps({"message": mail.message_id})
    return json.dumps({"walk": mail.enrollment_id, "template": mail.templates[0], "sender": mail.sender})


def _pager(view: HomeView, action: str, page: int, *, has_more: bool, shown: str) -> Iterator[Block]:
    buttons = [button(f"{action}_back", _say(view, "earlier"), str(page - 1))] if page else []
    if has_more:
        buttons.append(button(f"{action}_on", _say(view, "later"), str(page + 1)))
    if buttons:
        yield context([shown])
        yield actions(action, buttons)
