"""The API: notes and meetings from other programs, with a token, each once, with an answer that says what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from bot.app import App
from bot.clock import FixedClock
from bot.console.web import create_web_app
from bot.insight.timeline import tell
from bot.settings import Settings
from storage.database import Database
from storage.facts import MeetingAttendee, Note
from storage.handoff_views import list_handoffs
from tests.cast import csm, customer, person
from tests.world import BEGINNING

TOKEN = "a-token-of-some-length"
NOTES, MEETINGS = "/api/v1/customers/acme/notes", "/api/v1/customers/acme/meetings"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> Iterator[App]:
    settings = Settings(workspace=tmp_path, api_token=f"older-token-of-ours,{TOKEN}")
    customer(database, "acme", BEGINNING, name="Acme")
    person(database, "acme", "tanaka", BEGINNING)
    with App.open(settings, clock=FixedClock(BEGINNING), database=database) as opened:
        yield opened


def post(app: App, path: str, told: Any, token: str = TOKEN) -> tuple[int, dict[str, Any]]:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_web_app(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return await client.post(path, content=body, headers={"authorization": f"Bearer {token}"})

    answer = asyncio.run(ask())
    return answer.status_code, answer.json()


def test_a_note_is_written_once_and_asks_whom_it_mentions(app: App) -> None:
    csm(app.database, "mori", slack_user_id="U0MORI")
    csm(app.database, "gone", active=False)
    told = {"id": "n-1", "text": "They grow. @Mori, @gone and @nobody: <@U0MORI>", "by": "sato"}
    assert post(app, NOTES, told) == (201, {"written": True})
    assert post(app, NOTES, told, "older-token-of-ours") == (200, {"written": False})
    with app.database.read() as connection:
        assert [(row.by, row.at, row.source) for row in connection.execute(select(Note.__table__))] == [  # type: ignore[attr-defined]
            ("sato", BEGINNING, "api")
        ]
        assert [(found.kind, found.owner) for found in list_handoffs(connection)] == [("mention", "mori")]


def test_a_meeting_stands_on_the_timeline_with_its_people(app: App) -> None:
    told = {
        "id": "m-1",
        "starts_at": "2027-02-26T10:00:00+09:00",
        "kind": "ebr",
        "contacts": ["tanaka"],
        "summary": "Good.",
    }
    assert post(app, MEETINGS, told) == (201, {"written": True})
    assert post(app, MEETINGS, told) == (200, {"written": False})
    with app.database.read() as connection:
        assert [line.kind for line in tell(connection, 1)] == ["meeting"]
        assert len(connection.execute(select(MeetingAttendee.__table__)).all()) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "told", "token", "status", "why"),
    [
        (NOTES, {"text": "x", "by": "sato"}, "", 401, "Authorization: Bearer"),
        (NOTES, {"text": "x", "by": "sato"}, "another-token-altogether", 401, "Authorization: Bearer"),
        (NOTES, b"{", TOKEN, 400, "no JSON"),
        (NOTES, {"text": " ", "by": "sato"}, TOKEN, 400, "`text`"),
        (NOTES, {"text": "x", "by": "sato", "txt": "y"}, TOKEN, 400, "`txt`"),
        (NOTES, {"text": "x" * 200_000, "by": "sato"}, TOKEN, 413, "100000 bytes"),
        (NOTES.replace("acme", "acne"), {"text": "x", "by": "sato"}, TOKEN, 404, "did you mean `acme`?"),
        (MEETINGS, {"starts_at": "2027-02-31"}, TOKEN, 400, "`starts_at`"),
        (MEETINGS, {"starts_at": "2027-02-26T10:00", "contacts": ["nobody"]}, TOKEN, 404, "no contact `nobody`"),
    ],
)
def test_what_cannot_be_taken_is_answered_with_the_reason(
    app: App, path: str, told: Any, token: str, status: int, why: str
) -> None:
    answer = post(app, path, told, token)
    assert (answer[0], why in answer[1]["error"]) == (status, True), answer
