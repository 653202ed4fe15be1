"""A help desk's webhook: signed, idempotent, checked like an import; who is unknown waits, and what is no fact is counted."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Table, select

from bot.app import App
from bot.clock import FixedClock
from bot.console.web import create_web_app
from bot.insight.doctor import examine
from bot.settings import Settings
from storage.database import Database
from storage.facts import Event, Ticket
from tests.cast import customer
from tests.world import BEGINNING, World

TICKET: Table = Ticket.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
SECRET = "what-the-help-desk-knows"
ZENDESK = {
    "account_id": 22129848, "id": "cbe4028c-7239-495d-b020-f22348516046", "subject": "zen:ticket:35436",
    "time": "2027-02-27T10:20:00Z", "type": "zen:event-type:ticket.status_changed", "zendesk_event_version": "2022-11-06",
    "event": {"current": "SOLVED", "previous": "OPEN"},
    "detail": {
        "id": "35436", "organization_id": "4112492", "requester_id": "8447388090494", "subject": "Help, I need help!",
        "type": "PROBLEM", "priority": "HIGH", "status": "SOLVED", "created_at": "2027-02-20T10:00:00Z",
        "updated_at": "2027-02-27T10:20:00Z",
    },
}  # fmt: skip
OURS = {"ticket": 7, "customer": "acme", "kind": "bug", "priority": "urgent", "opened_at": "2027-02-27T09:00:00Z"}


@pytest.fixture
def app(database: Database, world: World) -> Iterator[App]:
    world.deploy()
    settings = Settings(workspace=world.folder, tickets_secret=f"older-secret-of-ours,{SECRET}")
    with App.open(settings, clock=world.clock, database=database) as opened:
        yield opened


def bearer(secret: str = SECRET) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    stamp = "2027-02-27T10:20:01Z"
    digest = base64.b64encode(hmac.digest(secret.encode(), stamp.encode() + body, hashlib.sha256)).decode()
    return {"x-zendesk-webhook-signature": digest, "x-zendesk-webhook-signature-timestamp": stamp}


def post(app: App, told: Any, headers: dict[str, str] | None = None) -> int:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_web_app(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return await client.post(
                "/webhooks/tickets", content=body, headers=signed(body) if headers is None else headers
            )

    return asyncio.run(ask()).status_code


def stored(app: App, *columns: str) -> list[tuple[Any, ...]]:
    with app.database.read() as connection:
        found = connection.execute(select(*(TICKET.c[name] for name in columns)).order_by(TICKET.c.key))
        return [tuple(row) for row in found]


def test_a_ticket_of_zendesk_becomes_a_fact_once_however_often_it_is_posted(app: App, world: World) -> None:
    customer(app.database, "4112492", world.now)
    opened = {**ZENDESK, "detail": {**ZENDESK["detail"], "status": "OPEN"}}  # type: ignore[dict-item]
    assert [post(app, opened), post(app, ZENDESK), post(app, ZENDESK)] == [204, 204, 204]
    app.tick()
    assert stored(app, "key", "kind", "priority", "status") == [("35436", "problem", "high", "closed")]
    post(app, ZENDESK)
    app.tick()
    with app.database.read() as connection:
        names = list(connection.scalars(select(EVENT.c.name).where(EVENT.c.name.like("ticket.%")).order_by(EVENT.c.id)))
    assert names == ["ticket.opened", "ticket.closed"]


def test_any_help_desk_may_post_our_columns_with_the_secret_as_its_token(app: App, world: World) -> None:
    customer(app.database, "acme", world.now)
    assert post(app, OURS, bearer("older-secret-of-ours")) == 204
    app.tick()
    assert stored(app, "key", "kind", "status") == [("7", "bug", "open")]


@pytest.mark.parametrize(
    ("told", "headers", "status"),
    [
        (OURS, {}, 401),
        (OURS, bearer("another-secret-altogether"), 401),
        (OURS, signed(b"another body"), 401),
        (OURS, {"authorization": "Bearer "}, 401),
        (b"{", bearer(), 400),
        ([OURS], bearer(), 400),
        ({"customer": "acme"}, bearer(), 400),
        ({**OURS, "title": "x" * 300_000}, bearer(), 413),
    ],
)
def test_what_is_not_theirs_or_no_ticket_is_refused(app: App, told: Any, headers: dict[str, str], status: int) -> None:
    assert post(app, told, headers) == status
    app.tick()
    assert stored(app, "key") == []


def test_without_a_secret_nothing_is_taken(database: Database, tmp_path: Path) -> None:
    with App.open(Settings(workspace=tmp_path), clock=FixedClock(BEGINNING), database=database) as app:
        assert post(app, OURS, {}) == 503


def test_a_ticket_of_an_unknown_customer_waits_and_what_contradicts_itself_is_counted(app: App, world: World) -> None:
    customer(app.database, "acme", world.now)
    closed_early = {**OURS, "ticket": 8, "closed_at": "2027-02-26T09:00:00Z"}
    for told in ({**OURS, "customer": "late"}, closed_early, {**OURS, "ticket": 9, "opened_at": "2027-02-31"}):
        assert post(app, told) == 204
    app.tick()
    assert stored(app, "key") == []
    found = {each.name: each for each in examine(app.database, app.published(), world.now, app.settings)}
    assert (found["sync_waiting"].count, found["sync_waiting"].examples) == (1, ("late",))
    assert (found["tickets_refused"].count, set(found["tickets_refused"].examples)) == (
        2,
        {"closed_at: 1", "opened_at: 1"},
    )
    customer(app.database, "late", world.now)
    world.clock.move_to(world.now + timedelta(minutes=1))
    app.tick()
    assert stored(app, "key") == [("7",)]
