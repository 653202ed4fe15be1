"""The bytes of a post of the tracking API: unpacked without a bomb, parsed, and fit for every database (no NUL, no half of an
emoji, no infinity). And the form in which read calls wait to be taken in. Pure."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from bot.intake.tracking.calls import Call, Reading, Refused

MOST_BODY_BYTES = 4_000_000
_ESCAPED_NUL = b"\\u0000"
_GZIP = 16 + zlib.MAX_WBITS


class BodyError(Exception):
    """Why a whole post cannot be read; `status` answers it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def unpacked(body: bytes, encoding: str) -> bytes:
    """Raises: BodyError, as soon as the content is larger than the limit."""
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _inflated(body)
        case other:
            raise BodyError(400, f"content-encoding {other[:30]} is not read; send gzip or none")


def _inflated(body: bytes) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    try:
        found = inflater.decompress(body, MOST_BODY_BYTES + 1)
    except zlib.error:
        raise BodyError(400, "the body is no gzip") from None
    if len(found) > MOST_BODY_BYTES:
        raise BodyError(413, f"unpacked the body is larger than {MOST_BODY_BYTES} bytes")
    if not inflater.eof:
        raise BodyError(400, "the gzip body is cut off")
    return found


def parsed(body: bytes) -> dict[str, Any]:
    """A post is one JSON object. Raises: BodyError."""
    try:
        found = orjson.loads(body)
        if _ESCAPED_NUL in body:
            found = _clean(found)
    except orjson.JSONDecodeError:
        found = _parsed_slowly(body)
    except RecursionError:
        raise BodyError(400, "nested too deeply") from None
    if not isinstance(found, dict):
        raise BodyError(400, "the body is no JSON object")
    return found


def _parsed_slowly(body: bytes) -> Any:
    """orjson refuses a whole post for half of an emoji in one text; the standard library does not."""
    try:
        return _clean(json.loads(body))
    except RecursionError:
        raise BodyError(400, "nested too deeply") from None
    except (ValueError, UnicodeDecodeError):
        raise BodyError(400, "the body is no JSON") from None


def _clean(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
        case list():
            return [_clean(item) for item in value]
        case dict():
            return {_clean(name): _clean(inner) for name, inner in value.items()}
        case float() if not math.isfinite(value):
            return None
        case int() if not -(2**63) <= value < 2**63:
            return float(value) if abs(value) < 10**300 else None
        case _:
            return value


def packed(reading: Reading, counts: Mapping[str, int]) -> bytes:
    """As they wait: read once, so that taking them in costs no second look at the spec."""
    return orjson.dumps(
        {
            "calls": [tuple(call) for call in reading.calls],
            "refused": [asdict(refused) for refused in reading.refused],
            "counts": {**reading.oddities, **counts},
        }
    )


def waiting(body: bytes) -> tuple[list[Call], list[Refused], dict[str, int]]:
    """The opposite of `packed`."""
    found = orjson.loads(body)
    return (
        [call_of(values) for values in found["calls"]],
        [Refused(**values) for values in found["refused"]],
        found["counts"],
    )


def call_of(values: list[Any]) -> Call:
    """A call from what a document holds of it."""
    kind, key, at, *rest = values
    return Call(kind, key, datetime.fromisoformat(at), *rest)
