"""A plan's own hand-offs: who must agree on it, and who goes through it at its review. They belong to the plan, not to the walk
that opened it, so the end of a walk leaves them standing. Opened in the caller's transaction; escalate posts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, or_, select, update

from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.batch import Whereabouts
from bot.pipeline.owners import Owners
from bot.pipeline.plan_news import APPROVE, PLAN, REVIEW, card_key
from bot.pipeline.published import calendar_for
from bot.pipeline.scopes import CUSTOMER
from bot.rules.calendar import add_working_time, parse_working_hours
from bot.rules.durations import parse_duration
from bot.rules.field_types import say
from storage import handoff_moves
from storage.dialects import among
from storage.handoffs import HandoffState
from storage.new_handoffs import HANDOFF, NewHandoff, open_handoffs
from storage.plans import PlanState

PLAYBOOK = "success plan"
KIND = "plan"
DUE = "2 business days"
TITLES: Mapping[str, tuple[str, str]] = {
    APPROVE: ("Agree on the plan: {title}", "プランの承認：{title}"),
    REVIEW: ("Go through the plan: {title}", "プランの見直し：{title}"),
}
OUTCOMES: Mapping[str, tuple[str, ...]] = {APPROVE: (PlanState.APPROVED.value, "declined"), REVIEW: ()}
BRIEFS: Mapping[str, tuple[str, ...]] = {
    APPROVE: ("plan", "health", "open_tickets", "renewal"),
    REVIEW: ("plan", "health", "last_activities"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCard:
    """What is asked of whom about which plan. `owners`: rules; the first gets the hand-off, the others are told."""

    plan_id: int
    customer_id: int
    title: Mapping[str, str]
    owners: Sequence[str]
    occurrence: str


def open_cards(
    connection: Connection, settings: WorkspaceSettings, step: str, cards: Sequence[PlanCard], now: datetime
) -> dict[int, str | None]:
    """Plan → whom its hand-off was given to."""
    owners = Owners(connection, settings, now)
    places = places_of(connection, settings, [card.customer_id for card in cards])
    opened: list[NewHandoff] = []
    given: dict[int, str | None] = {}
    for card in cards:
        place = places[card.customer_id]
        owner = given[card.plan_id] = owners.resolve(card.owners[0], place)
        told = (owners.named(rule, place) or rule for rule in card.owners[1:])
        person = owners.person(owner)
        hours = parse_working_hours(person.working_hours if person else "")
        zone = person.zone if person else settings.timezone
        new = NewHandoff(
            customer_id=card.customer_id,
            playbook=PLAYBOOK,
            step=step,
            occurrence=card.occurrence,
            title={
                locale: text.format(title=say(card.title, locale))
                for locale, text in zip(("en", "ja"), TITLES[step], strict=True)
            },
            kind=KIND,
            owner=owner,
            opened_at=now,
            due_at=add_working_time(now, parse_duration(DUE), hours, zone, calendar_for(settings, None)),
            brief=BRIEFS[step],
            outcomes=OUTCOMES[step],
            notify=[word for word in dict.fromkeys(told) if word != owner],
        )
        opened.append(new)
    open_handoffs(connection, opened)
    return given


def withdraw_cards(connection: Connection, plan_ids: Select[tuple[int]], *, reason: str, at: datetime) -> None:
    """The plans' own hand-offs that nobody took are withdrawn: what they ask for is over."""
    plans = select(PLAN.c.id, PLAN.c.customer_id).where(PLAN.c.id.in_(plan_ids)).subquery("over")
    name = card_key(plans.c.id)
    standing = (
        select(HANDOFF.c.id)
        .select_from(HANDOFF.join(plans, plans.c.customer_id == HANDOFF.c.customer_id))
        .where(
            HANDOFF.c.playbook == PLAYBOOK,
            HANDOFF.c.state == HandoffState.OPEN.value,
            or_(HANDOFF.c.occurrence == name, HANDOFF.c.occurrence.startswith(name + ":")),
        )
    )
    ids = list(connection.scalars(standing))
    if ids:
        handoff_moves.withdraw(connection, ids, reason=reason, at=at)


def plan_of_card(occurrence: str) -> int | None:
    """The plan whose own hand-off has this occurrence; None: it is no plan's."""
    number = occurrence.partition(":")[0].removeprefix("plan-")
    return int(number) if number != occurrence.partition(":")[0] and number.isdigit() else None


def redraw_cards(connection: Connection, plan_id: int) -> list[int]:
    """The plan's own hand-offs that stand in Slack are to be drawn anew; their ids."""
    name = f"plan-{plan_id}"
    of_customer = select(PLAN.c.customer_id).where(PLAN.c.id == plan_id).scalar_subquery()
    standing = (
        HANDOFF.c.customer_id == of_customer,
        HANDOFF.c.playbook == PLAYBOOK,
        HANDOFF.c.state.in_((HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value)),
        HANDOFF.c.posting.in_(("posted", "stale")),
        or_(HANDOFF.c.occurrence == name, HANDOFF.c.occurrence.startswith(name + ":")),
    )
    ids = list(connection.scalars(select(HANDOFF.c.id).where(*standing).order_by(HANDOFF.c.id)))
    if ids:
        connection.execute(
            update(HANDOFF)
            .where(among(HANDOFF.c.id, ids))
            .values(posting="stale", post_attempts=0, post_not_before=None)
        )
    return ids


def places_of(
    connection: Connection, settings: WorkspaceSettings, customer_ids: Sequence[int]
) -> dict[int, Whereabouts]:
    """Where customers are and who of ours is theirs, as far as owners need it."""
    columns = (CUSTOMER.c.id, CUSTOMER.c.csm, CUSTOMER.c.owners, CUSTOMER.c.region, CUSTOMER.c.key, CUSTOMER.c.bucket)
    return {
        row.id: Whereabouts(
            zone=settings.timezone,
            region=row.region,
            csm=row.csm,
            owners=row.owners or {},
            key=row.key,
            bucket=row.bucket,
        )
        for row in connection.execute(select(*columns).where(among(CUSTOMER.c.id, customer_ids)))
    }
