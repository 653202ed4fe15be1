"""POST /api/v1/customers/{key}/notes and /meetings: what other programs add to a customer's timeline, with a token of
JOURNEYBOT_API_TOKEN. The same writes as the command line's; a call with an `id` that came before changes nothing."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, Table, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.app import App
from bot.console.request_body import body_of
from bot.errors import UsageError
from bot.insight.customer_keys import customer_id_of
from bot.pipeline.notes import note
from storage.accounts import Contact
from storage.written_facts import LONGEST_NOTE, add_meeting

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
SOURCE = "api"
MOST_BYTES = 100_000
Act = Callable[[Connection, int, dict[str, Any], datetime], bool]


def _instant(value: object) -> object:
    """ISO 8601 with an offset, or UTC without one."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) and found.tzinfo is None else found


Instant = Annotated[datetime, BeforeValidator(_instant)]
Key = Annotated[str, Field(min_length=1, max_length=200)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    id: Key | None = None


class NoteTold(_Told):
    """A note. `at`: now, unless said."""

    text: str = Field(min_length=1, max_length=LONGEST_NOTE)
    by: Key
    at: Instant | None = None


class MeetingTold(_Told):
    """A meeting, held or to come."""

    starts_at: Instant
    kind: Key | None = None
    summary: str | None = Field(None, max_length=LONGEST_NOTE)
    contacts: list[Key] = Field(default_factory=list, max_length=100)


def api_routes(app: App) -> list[Route]:
    """To be mounted by the console."""

    def taking(model: type[_Told], act: Act) -> Callable[[Request], Any]:
        async def take(request: Request) -> Response:
            return await _answer(app, request, model, act)

        return take

    return [
        Route("/api/v1/customers/{key}/notes", taking(NoteTold, _write_note), methods=["POST"]),
        Route("/api/v1/customers/{key}/meetings", taking(MeetingTold, _write_meeting), methods=["POST"]),
    ]


async def _answer(app: App, request: Request, model: type[_Told], act: Act) -> Response:
    tokens = app.settings.api_tokens
    if not tokens:
        return _refused(503, "JOURNEYBOT_API_TOKEN is not set, so nothing is taken")
    if not _is_known(request.headers.get("authorization", ""), tokens):
        return _refused(401, "send `Authorization: Bearer` with one of the tokens of JOURNEYBOT_API_TOKEN")
    body = await body_of(request, MOST_BYTES)
    if body is None:
        return _refused(413, f"the body is larger than {MOST_BYTES} bytes")
    try:
        is_new = await run_in_threadpool(_write, app, request.path_params["key"], _read(body, model), act)
    except ValueError as error:
        return _refused(400, f"{error}")
    except UsageError as error:
        return _refused(404, f"{error}")
    return _json({"written": is_new}, 201 if is_new else 200)


def _read(body: bytes, model: type[_Told]) -> dict[str, Any]:
    """Raises: ValueError with a sentence for the caller."""
    try:
        return model.model_validate(orjson.loads(body)).model_dump()
    except orjson.JSONDecodeError:
        raise ValueError("the body is no JSON") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"`{'.'.join(map(str, first['loc'])) or 'body'}`: {first['msg']}") from None


def _write(app: App, customer: str, told: dict[str, Any], act: Act) -> bool:
    with app.database.write() as connection:
        return act(connection, customer_id_of(connection, customer), told, app.clock.now())


def _write_note(connection: Connection, customer_id: int, told: dict[str, Any], now: datetime) -> bool:
    at = told["at"] or now
    return note(connection, customer_id, told["text"], by=told["by"], at=at, source=SOURCE, key=told["id"])


def _write_meeting(connection: Connection, customer_id: int, told: dict[str, Any], now: datetime) -> bool:
    """Raises: UsageError for a contact that the customer does not have."""
    mine = select(CONTACT.c.key, CONTACT.c.id).where(CONTACT.c.customer_id == customer_id)
    known = {row.key: row.id for row in connection.execute(mine.where(CONTACT.c.key.in_(told["contacts"])))}
    for key in told["contacts"]:
        if key not in known:
            raise UsageError(f"The customer has no contact `{key}`")
    return add_meeting(
        connection,
        customer_id,
        kind=told["kind"],
        starts_at=told["starts_at"],
        summary=told["summary"],
        contact_ids=known.values(),
        now=now,
        source=SOURCE,
        key=told["id"],
    )


def _is_known(authorization: str, tokens: Sequence[str]) -> bool:
    offered = authorization.removeprefix("Bearer ").encode("utf-8", "replace")
    return any(hmac.compare_digest(offered, token.encode()) for token in tokens)


def _refused(status: int, sentence: str) -> Response:
    return _json({"error": sentence}, status)


def _json(content: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
