"""Hand-offs follow their people: when a customer gets another CSM, what the former one had goes to the new one; what somebody
had who has left us goes to others; what waits for somebody who is away goes to the cover. Each once, recorded, with a card for
the new owner. After unanswered, so that what went up to an absent person goes on too; before the cards are posted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, RowMapping, Table, and_, or_, select

from bot.pipeline.batch import Whereabouts
from bot.pipeline.owners import Owners
from bot.pipeline.published import Published, calendar_for
from bot.pipeline.unanswered import acknowledge_time
from storage import handoff_moves
from storage.accounts import Csm, Customer, has_left
from storage.database import Database
from storage.facts import Event
from storage.handoff_views import UNFINISHED
from storage.handoffs import Handoff, HandoffState

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
CSM_CHANGED = "customer.csm_changed"
BATCH = 500


_IS_UNFINISHED = HANDOFF.c.state.in_([state.value for state in UNFINISHED])
#: Hand-offs of somebody who was the customer's CSM when they were opened and is not any more, with the event (storage.asking).
OF_FORMER_CSMS = (
    select(
        *(HANDOFF.c[name] for name in ("id", "owner", "acknowledge_within")),
        CUSTOMER.c.csm,
        CUSTOMER.c.owners,
        EVENT.c.id.label("event"),
        EVENT.c.properties,
    )
    .select_from(
        HANDOFF.join(CUSTOMER, CUSTOMER.c.id == HANDOFF.c.customer_id).join(
            EVENT,
            and_(
                EVENT.c.customer_id == HANDOFF.c.customer_id,
                EVENT.c.name == CSM_CHANGED,
                EVENT.c.at >= HANDOFF.c.opened_at,
            ),
        )
    )
    .where(_IS_UNFINISHED, HANDOFF.c.owner.is_not(None), HANDOFF.c.owner.is_distinct_from(CUSTOMER.c.csm))
)
#: Unfinished hand-offs of people who have left. Whoever csms.csv never had is a question for `doctor`.
OF_THE_LEFT = (
    select(
        *(HANDOFF.c[name] for name in ("id", "owner", "acknowledge_within")),
        CSM.c.manager,
        CUSTOMER.c.csm,
        CUSTOMER.c.owners,
    )
    .select_from(
        HANDOFF.join(CSM, CSM.c.key == HANDOFF.c.owner).outerjoin(CUSTOMER, CUSTOMER.c.id == HANDOFF.c.customer_id)
    )
    .where(_IS_UNFINISHED, has_left(CSM))
)


def move_owners(database: Database, published: Published, now: datetime) -> int:
    """How many hand-offs went to another person."""
    with database.write() as connection:
        owners = Owners(connection, published.settings, now)
        followed = sum(_follow(connection, published, owners, row, now) for row in _of_former_csms(connection))
        left = sum(_leave(connection, published, owners, row, now) for row in _of_the_left(connection))
        return followed + left + sum(_covered(connection, published, owners, now))


def _of_former_csms(connection: Connection) -> list[RowMapping]:
    rows = connection.execute(OF_FORMER_CSMS.order_by(HANDOFF.c.id, EVENT.c.id).limit(BATCH)).mappings()
    return [row for row in rows if row["properties"].get("old") == row["owner"]]


def _follow(connection: Connection, published: Published, owners: Owners, row: RowMapping, now: datetime) -> bool:
    settings = published.settings
    place = Whereabouts(
        zone=settings.timezone, region=None, csm=row["csm"], owners=row["owners"] or {}, key="", bucket=0
    )
    owner = owners.resolve("csm", place)
    if owner is None or owner == row["owner"]:
        return False
    until = acknowledge_time(
        connection, row["acknowledge_within"], owner, now, calendar_for(settings, None), settings.timezone
    )
    key = f"followed-{row['event']}"
    move = handoff_moves.follow_customer(connection, row["id"], at=now, key=key, owner=owner, acknowledge_by=until)
    return move.is_done and move.reason == "done"


def _of_the_left(connection: Connection) -> list[RowMapping]:
    return list(connection.execute(OF_THE_LEFT.order_by(HANDOFF.c.id).limit(BATCH)).mappings())


def _leave(connection: Connection, published: Published, owners: Owners, row: RowMapping, now: datetime) -> bool:
    """To the customer's CSM of today, else the cover, else the manager, else the workspace's default, else the channel."""
    settings = published.settings
    place = Whereabouts(
        zone=settings.timezone, region=None, csm=row["csm"], owners=row["owners"] or {}, key="", bucket=0
    )
    owner = owners.named("csm", place) or owners.cover_of(row["owner"])
    owner = owner or (owners.named(row["manager"], place) if row["manager"] else None) or owners.default()
    until = acknowledge_time(
        connection, row["acknowledge_within"], owner, now, calendar_for(settings, None), settings.timezone
    )
    key = f"left-{row['owner']}-{now.isoformat()}"
    move = handoff_moves.leave(connection, row["id"], at=now, key=key, owner=owner, acknowledge_by=until)
    return move.is_done and move.reason == "done"


def _covered(connection: Connection, published: Published, owners: Owners, now: datetime) -> Iterator[bool]:
    away = owners.away()
    if not away:
        return
    settings = published.settings
    waiting = select(HANDOFF.c.id, HANDOFF.c.owner, HANDOFF.c.acknowledge_within).where(
        HANDOFF.c.owner.in_(sorted(away)),
        HANDOFF.c.state == HandoffState.OPEN.value,
        or_(HANDOFF.c.snoozed_until.is_(None), HANDOFF.c.snoozed_until <= now),
    )
    for row in connection.execute(waiting.order_by(HANDOFF.c.id).limit(BATCH)).all():
        owner, first = away[row.owner]
        until = acknowledge_time(
            connection, row.acknowledge_within, owner, now, calendar_for(settings, None), settings.timezone
        )
        key = f"covered-{row.owner}-{first.isoformat()}"
        move = handoff_moves.cover(connection, row.id, at=now, key=key, owner=owner, acknowledge_by=until)
        yield move.is_done and move.reason == "done"
