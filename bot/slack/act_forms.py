"""The buttons that ask something first: Snooze (until when, why), Reassign (to whom), Done (outcome, note, answers), Dismiss
(why). A light modal opens at once and is filled when the database has answered; what is sent back is recorded once
(recording.py). Whoever may not act, or comes too late, reads why in the modal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from slack_bolt import App
from sqlalchemy import Connection

from bot.pipeline import handoff_acts
from bot.pipeline.handoff_acts import Actor
from bot.pipeline.handoff_questions import Question
from bot.slack import form_views
from bot.slack.card_views import names_of
from bot.slack.cards import DISMISS, DONE, REASSIGN, SNOOZE
from bot.slack.clicks import action_of
from bot.slack.context import Body, Listener, Mistakes, SlackContext, channel_of
from bot.slack.form_blocks import filled, memory_of
from bot.slack.form_views import Asked, FormReader
from bot.slack.people import Person
from bot.slack.recording import UNKNOWN, USER, Act, Press, Recorder, actor_of, explanation, found_handoff, over
from bot.slack.wording import say
from storage.handoff_answers import Answer
from storage.handoff_deeds import Move
from storage.handoff_views import HandoffRecord
from storage.handoffs import DISMISSALS

View: TypeAlias = Mapping[str, Any]
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One of the four. `check` finds what is wrong with what was filled in, without the database; `act` does it."""

    action: str
    word: str
    draw: Callable[[Asked], dict[str, Any]]
    check: Callable[[SlackContext, View, str], Mistakes]
    act: Callable[[SlackContext, View], Act]

    @property
    def callback_id(self) -> str:
        return f"{self.action}_form"


def register(bolt: App, context: SlackContext) -> None:
    desk = FormDesk(context)
    for action, listener in listeners(context).items():
        bolt.action(action)(listener)
    for form in FORMS:
        bolt.view(form.callback_id)(context.submitted(desk.checking(form), desk.sending(form)))


def listeners(context: SlackContext) -> dict[str, Listener]:
    """What opens the forms, by the button's action id."""
    desk = FormDesk(context)
    return {form.action: context.with_modal(desk.opening(form), desk.filling(form)) for form in FORMS}


class FormDesk:
    """Opens, fills, checks and takes in the forms. Threads may share it."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._recorder = Recorder(context)
        self._reader = FormReader(calendar=context.settings.calendar, timezone=context.settings.timezone)

    def opening(self, form: Form) -> Callable[[Body], dict[str, Any]]:
        return lambda _body: form_views.waiting(form.word, self._context.settings.locale)

    def filling(self, form: Form) -> Callable[[Body, str], None]:
        def fill(body: Body, view_id: str) -> None:
            user = str((body.get("user") or {}).get("id", ""))
            action = action_of(body) or {}
            reference = str(action.get("value") or "")
            place = {"channel": channel_of(body), "ts": str((body.get("container") or {}).get("message_ts", ""))}
            with self._context.database.write() as connection:
                view = self._view(connection, form, user, {"reference": reference, **place})
            self._context.show_modal(view_id, view)

        return fill

    def _view(self, connection: Connection, form: Form, user: str, about: Mapping[str, str]) -> dict[str, Any]:
        """In a write transaction, because the question who may act locks the row; nothing is written."""
        who = self._context.person(connection, user)
        handoff = found_handoff(connection, about["reference"])
        refusal = UNKNOWN if handoff is None else self._refusal(connection, handoff, who)
        if handoff is None or refusal is not None:
            move = refusal or UNKNOWN
            first = names_of(connection, {move.by}).get(move.by, move.by) if move.by else ""
            return form_views.refused(form.word, who.locale, explanation(move, who, first))
        asked = self._reader.read(connection, handoff, who, now=self._context.clock.now())
        return form.draw(replace(asked, about=about, callback_id=form.callback_id))

    def _refusal(self, connection: Connection, handoff: HandoffRecord, who: Person) -> Move | None:
        if handoff.is_finished:
            return over(handoff)
        return handoff_acts.refusal(actor_of(self._context, connection, who, "form"), handoff.id)

    def checking(self, form: Form) -> Callable[[Body], Mistakes]:
        return lambda body: form.check(self._context, body.get("view") or {}, self._context.settings.locale)

    def sending(self, form: Form) -> Callable[[Body], None]:
        def send(body: Body) -> None:
            view = body.get("view") or {}
            about = memory_of(view)
            user = str((body.get("user") or {}).get("id", ""))
            if not USER.fullmatch(user) or not isinstance(about.get("reference"), str):
                self._context.on_error(ValueError("a Slack payload was no form of a hand-off"))
                return
            press = Press(
                reference=about["reference"],
                user=user,
                channel=str(about.get("channel", "")),
                ts=str(about.get("ts", "")),
                key=f"{view.get('id', '')}-{user}",
            )
            self._recorder.do(press, form.act(self._context, view))

        return send


def _check_snooze(context: SlackContext, view: View, locale: str) -> Mistakes:
    wanted = filled(view, form_views.UNTIL)
    locale = str(memory_of(view).get("locale") or locale)
    mistakes = {} if filled(view, form_views.WHY) else {form_views.WHY: say("form_say_why", locale)}
    if not wanted.isdigit() or not context.clock.now() < _moment(wanted):
        mistakes[form_views.UNTIL] = say("form_past", locale)
    return mistakes


def _snoozed(_context: SlackContext, view: View) -> Act:
    def act(actor: Actor, handoff: HandoffRecord) -> Move:
        until, reason = _moment(filled(view, form_views.UNTIL)), filled(view, form_views.WHY)
        return handoff_acts.snooze(actor, handoff.id, until=until, reason=reason)

    return act


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(min(int(seconds[:12]), int(LATEST.timestamp())), UTC)


def _check_person(_context: SlackContext, view: View, locale: str) -> Mistakes:
    locale = str(memory_of(view).get("locale") or locale)
    chosen = filled(view, form_views.WHOM)
    return {} if USER.fullmatch(chosen) else {form_views.WHOM: say("form_choose", locale)}


def _reassigned(context: SlackContext, view: View) -> Act:
    def act(actor: Actor, handoff: HandoffRecord) -> Move:
        whom = context.person(actor.connection, filled(view, form_views.WHOM))
        return handoff_acts.reassign(actor, handoff.id, owner=whom.by)

    return act


def _check_done(_context: SlackContext, view: View, locale: str) -> Mistakes:
    locale = str(memory_of(view).get("locale") or locale)
    return {
        block: say("form_number", locale)
        for block, question in form_views.questions_in(view)
        if filled(view, block) and _answer(question, filled(view, block)) is None
    }


def _answer(question: Question, text: str) -> Answer | None:
    try:
        return question.read(text)
    except ValueError:
        return None


def _done(_context: SlackContext, view: View) -> Act:
    def act(actor: Actor, handoff: HandoffRecord) -> Move:
        number = filled(view, form_views.OUTCOME)
        is_listed = number.isdigit() and int(number) < len(handoff.outcomes)
        answers = {
            question.name: answer
            for block, question in form_views.questions_in(view)
            if (text := filled(view, block)) and (answer := _answer(question, text)) is not None
        }
        outcome = handoff.outcomes[int(number)] if is_listed else None
        note = filled(view, form_views.NOTE) or None
        return handoff_acts.done(actor, handoff.id, outcome=outcome, note=note, answers=answers)

    return act


def _check_dismissal(_context: SlackContext, view: View, locale: str) -> Mistakes:
    locale = str(memory_of(view).get("locale") or locale)
    cause = filled(view, form_views.CAUSE)
    if cause not in DISMISSALS:
        return {form_views.CAUSE: say("form_choose", locale)}
    is_told = cause != DISMISSALS[-1] or filled(view, form_views.WHY)
    return {} if is_told else {form_views.WHY: say("form_say_why", locale)}


def _dismissed(_context: SlackContext, view: View) -> Act:
    def act(actor: Actor, handoff: HandoffRecord) -> Move:
        cause = filled(view, form_views.CAUSE)
        locale = str(memory_of(view).get("locale") or "en")
        reason = filled(view, form_views.WHY) or say(f"cause_{cause}", locale)
        return handoff_acts.dismiss(actor, handoff.id, reason=reason, cause=cause)

    return act


FORMS = (
    Form(action=SNOOZE, word="snooze", draw=form_views.draw_snooze, check=_check_snooze, act=_snoozed),
    Form(action=REASSIGN, word="reassign", draw=form_views.draw_reassign, check=_check_person, act=_reassigned),
    Form(action=DONE, word="done", draw=form_views.draw_done, check=_check_done, act=_done),
    Form(action=DISMISS, word="dismiss", draw=form_views.draw_dismiss, check=_check_dismissal, act=_dismissed),
)
