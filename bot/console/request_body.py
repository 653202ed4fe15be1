"""Reads the body of a request piece by piece, and no more of it than is allowed."""

from __future__ import annotations

from starlette.requests import Request


async def body_of(request: Request, limit: int) -> bytes | None:
    """The bytes as they came, whatever their encoding; None: more than the limit, and the rest is not read."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and len(announced) < 20 and int(announced) > limit:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)
