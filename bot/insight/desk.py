"""A CSM's desk: their hand-offs by due date, their customers that changed colour, what the machine sends to their customers.
A few set-based statements for one page of each, whatever there is in all. Read-only; App Home and the daily digest draw it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.insight.coming_mails import ComingMail, coming_mails
from bot.pipeline.owners import Owners
from bot.pipeline.published import Published
from bot.rules.zones import local_date
from storage.desk import wants_digest
from storage.handoff_views import HandoffRecord, count_open, installation_of, list_open
from storage.health_views import ColourChange, colour_changes
from storage.plan_views import PlanView, plans_of_person

CHANGED_DAYS = 14
MOST_CHANGED = 10
HANDOFFS_ON_A_PAGE = 12
MAILS_ON_A_PAGE = 10
MOST_PLANS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Which page of each list is looked at, from 0."""

    handoffs: int = 0
    mails: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What stands on it; `plans` are the furthest behind of `open_plans`.
    `has_more_mails`: a further page. `pages` as they are, which may be nearer than asked for."""

    installation: str
    handoffs: tuple[HandoffRecord, ...]
    open: int
    late: int
    plans: tuple[PlanView, ...]
    open_plans: int
    changed: tuple[ColourChange, ...]
    mails: tuple[ComingMail, ...]
    has_more_mails: bool
    wants_digest: bool
    pages: Pages


def read_desk(
    connection: Connection, published: Published | None, csm: str, now: datetime, zone: str, pages: Pages
) -> Desk:
    """`zone` is the reader's."""
    number = count_open(connection, csm)
    last = max(0, (number - 1) // HANDOFFS_ON_A_PAGE)
    handoff_page = min(max(pages.handoffs, 0), last)
    mail_page = max(pages.mails, 0)
    mails = coming_mails(connection, published, csm, now, limit=MAILS_ON_A_PAGE + 1, offset=mail_page * MAILS_ON_A_PAGE)
    plans, open_plans = _plans(connection, published, csm, now)
    since = local_date(now, zone) - timedelta(days=CHANGED_DAYS)
    return Desk(
        installation=installation_of(connection),
        handoffs=tuple(
            list_open(connection, owner=csm, limit=HANDOFFS_ON_A_PAGE, offset=handoff_page * HANDOFFS_ON_A_PAGE)
        ),
        open=number,
        late=count_open(connection, csm, due_before=now),
        plans=tuple(plans),
        open_plans=open_plans,
        changed=tuple(colour_changes(connection, since, csm=csm, limit=MOST_CHANGED)),
        mails=tuple(mails[:MAILS_ON_A_PAGE]),
        has_more_mails=len(mails) > MAILS_ON_A_PAGE,
        wants_digest=wants_digest(connection, csm),
        pages=Pages(handoffs=handoff_page, mails=mail_page),
    )


def _plans(connection: Connection, published: Published | None, csm: str, now: datetime) -> tuple[list[PlanView], int]:
    if published is None or not published.company.plans:
        return [], 0
    teams = Owners(connection, published.settings, now).teams_of(csm)
    roles = published.settings.owners.roles
    return plans_of_person(connection, csm, roles=roles, teams=teams, limit=MOST_PLANS)
