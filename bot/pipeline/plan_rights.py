"""Who may act on a success plan in Slack: as with a hand-off its owners, those who own one of its objectives, their managers, and
whoever covers for them today; what nobody owns is anybody's of ours. Reads only; plan_acts does what they ask for."""

from __future__ import annotations

from sqlalchemy import select

from bot.pipeline.handoff_acts import Actor, who_may_act
from bot.pipeline.owners import Owners
from bot.pipeline.plan_cards import places_of
from bot.pipeline.plan_news import OBJECTIVE
from storage.plan_views import PlanView, customer_of
from storage.plans import ObjectiveState


def may_act_on(actor: Actor, plan: PlanView) -> bool:
    """`actor.by` is a CSM's key; nobody else may."""
    connection = actor.connection
    owners = Owners(connection, actor.settings, actor.at)
    if owners.person(actor.by) is None:
        return False
    customer_id = customer_of(connection, plan.id)
    place = places_of(connection, actor.settings, [customer_id])[customer_id]
    mine = (OBJECTIVE.c.plan_id == plan.id, OBJECTIVE.c.state != ObjectiveState.DROPPED.value)
    helpers = connection.scalars(select(OBJECTIVE.c.owner).where(*mine, OBJECTIVE.c.owner.is_not(None)))
    people = {person for rule in (*plan.owners, *helpers) for person in owners.people_of(rule, place)}
    answering = people or {found for found in (owners.default(),) if found}
    return not answering or any(actor.by in who_may_act(actor, person) for person in sorted(answering))
