"""The provider talks back: posts of SendGrid's literal events about mails of a `world`, as the web route would keep them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Table, select

from bot.pipeline.absorb import absorb
from bot.rules.references import reference_of
from storage.accounts import Contact, Suppression
from storage.facts import Event
from storage.inbound import Reply, StrayEvent
from storage.outbox import DeliveryEvent
from storage.outbox_moves import MESSAGE
from storage.posts import Post, keep_posts
from tests.fakes.sendgrid_webhook import FORM, wire_event
from tests.pipeline.scenes import mail_id, mail_name
from tests.world import World

SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]
STRAY: Table = StrayEvent.__table__  # type: ignore[attr-defined]
REPLY: Table = Reply.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]


def posted(world: World, *events: Any) -> None:
    """One post with these events; nothing is taken in yet."""
    keep(world, "sendgrid", json.dumps(events).encode())


def keep(world: World, source: str, body: bytes) -> None:
    content_type = FORM if source == "inbound" else "application/json"
    keep_posts(world.database, [Post(source=source, content_type=content_type, received_at=world.now, body=body)])


def heard(world: World, *events: Any) -> None:
    """One post, taken in at once."""
    posted(world, *events)
    take_in(world)


def take_in(world: World) -> int:
    return absorb(world.database, world.app.require_published(), world.now, installation=world.app.installation)


def said(world: World, kind: str, *, step: str = "hello", key: str = "sakura", **changes: Any) -> dict[str, Any]:
    """The vendor's literal event of a kind about a customer's mail; it happens now unless `timestamp` is given."""
    reference = reference_of(world.app.installation, mail_name(world, step, key))
    given = {"timestamp": int(world.now.timestamp()), "sg_event_id": f"{kind}-{reference}", **changes}
    return wire_event(reference, kind, **given)


def message(world: World, step: str = "hello", key: str = "sakura") -> Row[Any]:
    return rows(world, select(MESSAGE).where(MESSAGE.c.id == mail_id(world, step, key)))[0]


def suppressed(world: World) -> list[tuple[str, str, str]]:
    """Address, category and reason of every suppression that came since the cast was there."""
    found = rows(world, select(SUPPRESSION).order_by(SUPPRESSION.c.address, SUPPRESSION.c.category))
    return [(row.address, row.category, row.reason) for row in found if "opted-out" not in row.address]


def strays(world: World) -> list[str]:
    return [row.reason for row in rows(world, select(STRAY).order_by(STRAY.c.id))]


def facts(world: World) -> list[str]:
    return [row.name for row in rows(world, select(EVENT).order_by(EVENT.c.id))]


def rows(world: World, statement: Any) -> Sequence[Row[Any]]:
    with world.database.read() as connection:
        return connection.execute(statement).all()
