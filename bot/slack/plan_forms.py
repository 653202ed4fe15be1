"""A success plan in Slack: the button *Plan* (on the plan's own hand-offs, in App Home) opens it as a form; what is changed there is
recorded once, by the rules of plan_acts, for those whom plan_rights lets act. Everybody else reads why not."""

from __future__ import annotations

from dataclasses import dataclass

from slack_bolt import App
from sqlalchemy import Connection

from bot.errors import UsageError
from bot.pipeline.escalate import post_handoff
from bot.pipeline.plan_acts import Doing, settle
from bot.pipeline.plan_cards import redraw_cards
from bot.pipeline.plan_rights import may_act_on
from bot.slack import form_views
from bot.slack.clicks import action_of
from bot.slack.context import Body, Listener, Mistakes, SlackContext
from bot.slack.form_blocks import filled, memory_of
from bot.slack.people import Person
from bot.slack.plan_form_views import CALLBACK, PLAN, WHY, changes_in, draw_plan, keeps_one, takes_out
from bot.slack.recording import USER, actor_of
from bot.slack.wording import say
from storage.handoff_views import handoff_id_of, installation_of
from storage.plan_views import PlanView, plan_of


def register(bolt: App, context: SlackContext) -> None:
    desk = PlanDesk(context)
    for action, listener in listeners(context).items():
        bolt.action(action)(listener)
    bolt.view(CALLBACK)(context.submitted(desk.check, desk.save))


def listeners(context: SlackContext) -> dict[str, Listener]:
    """What opens the form, by the button's action id."""
    desk = PlanDesk(context)
    return {PLAN: context.with_modal(desk.waiting, desk.fill)}


@dataclass(frozen=True, slots=True)
class PlanDesk:
    """Opens, checks and takes in the form. Threads may share it."""

    context: SlackContext

    def waiting(self, _body: Body) -> dict[str, object]:
        return form_views.waiting("plan", self.context.settings.locale)

    def fill(self, body: Body, view_id: str) -> None:
        reference = str((action_of(body) or {}).get("value") or "")
        with self.context.database.read() as connection:
            who = self.context.person(connection, _user(body))
            plan = _plan(connection, reference)
            refused = self._refusal(connection, plan, who)
        if plan is None or refused is not None:
            view = form_views.refused("plan", who.locale, refused or say("told_plan_unknown", who.locale))
        else:
            view = draw_plan(plan, reference, who.locale)
        self.context.show_modal(view_id, view)

    def check(self, body: Body) -> Mistakes:
        view = body.get("view") or {}
        about = memory_of(view)
        locale = str(about.get("locale") or self.context.settings.locale)
        if not takes_out(view):
            return {}
        if not keeps_one(view):
            return {WHY: say("plan_last", locale, plan=str(about.get("plan")))}
        return {} if filled(view, WHY) else {WHY: say("form_say_why", locale)}

    def save(self, body: Body) -> None:
        view = body.get("view") or {}
        reference, user = str(memory_of(view).get("reference") or ""), _user(body)
        wanted = changes_in(view)
        if not USER.fullmatch(user) or not wanted:
            return
        told, cards = None, list[int]()
        with self.context.database.write() as connection:
            who = self.context.person(connection, user)
            plan = _plan(connection, reference)
            told = self._refusal(connection, plan, who)
            if plan is not None and told is None:
                at = self.context.clock.now()
                try:
                    with connection.begin_nested():
                        doing = Doing(connection=connection, plan_id=plan.id, by=who.by, at=at)
                        settle(doing, wanted, filled(view, WHY))
                except UsageError:
                    told = say("told_plan_stale", who.locale)
                cards = redraw_cards(connection, plan.id)
        if told is not None:
            self.context.tell(body, told)
        for card in cards:
            post_handoff(self.context.poster, card)

    def _refusal(self, connection: Connection, plan: PlanView | None, who: Person) -> str | None:
        """Why this person may not act on it now; None: they may."""
        if plan is None:
            return say("told_plan_unknown", who.locale)
        if plan.ended_at is not None:
            return say("told_plan_over", who.locale, state=say(f"plan_state_{plan.state}", who.locale))
        is_theirs = who.csm is not None and may_act_on(actor_of(self.context, connection, who, "plan"), plan)
        return None if is_theirs else say("told_plan_not_yours", who.locale)


def _user(body: Body) -> str:
    return str((body.get("user") or {}).get("id") or "")


def _plan(connection: Connection, reference: str) -> PlanView | None:
    """None: unknown, or another installation's."""
    plan_id = handoff_id_of(installation_of(connection), reference)
    return None if plan_id is None else plan_of(connection, plan_id)
