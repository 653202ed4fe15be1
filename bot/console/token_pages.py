"""A page behind a link with a token: GET shows, POST acts on a form. The unguessable token is the whole permission: nothing rides
on the browser's identity, so there is nothing a forged request (CSRF) could borrow. Used by the pages of the console, which
work in a thread of their own."""

from __future__ import annotations

from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from typing import Protocol
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.console.request_body import body_of

MOST_FIELDS = 20

Form = dict[str, list[str]]


class TokenDesk(Protocol):
    """One request: what its token names, and what is answered."""

    def show(self) -> Response:
        """Changes nothing: scanners fetch links."""

    def act(self, form: Form) -> Response:
        """What the form asks for."""

    def too_large(self) -> Response:
        """For more than any form of ours."""


def token_routes(path: str, desk_of: Callable[[Request], TokenDesk], most_bytes: int) -> list[Route]:
    """`path` without the token."""

    async def page(request: Request) -> Response:
        return await run_in_threadpool(desk_of(request).show)

    async def act(request: Request) -> Response:
        body = await body_of(request, most_bytes)
        desk = desk_of(request)
        if body is None:
            return desk.too_large()
        form = form_of(body, request.headers.get("content-type", ""))
        return await run_in_threadpool(desk.act, form)

    place = path + "{token}"
    return [Route(place, page, methods=["GET"]), Route(place, act, methods=["POST"])]


def form_of(body: bytes, content_type: str) -> Form:
    """The fields of a form in either encoding that RFC 8058 allows; empty for anything else. Never raises."""
    if content_type.lower().startswith("multipart/form-data"):
        return _multipart(body, content_type)
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}


def _multipart(body: bytes, content_type: str) -> Form:
    head = b"Content-Type: " + content_type.encode("latin-1", "replace").replace(b"\n", b" ").replace(b"\r", b" ")
    parsed = BytesParser(policy=HTTP).parsebytes(head + b"\r\n\r\n" + body)
    fields: Form = {}
    for part in parsed.walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str) and not part.is_multipart() and len(fields) < MOST_FIELDS:
            payload = part.get_payload(decode=True)
            text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
            fields.setdefault(name, []).append(text.strip())
    return fields
