"""POST /v1/identify, group, track, page, screen, alias, batch: a drop-in target for Segment's, RudderStack's and Dittofeed's
clients. Lets in who knows a write key, reads the calls, keeps them durably, and answers which were refused. Absorb makes facts
of them. What is wrong is counted for `doctor`."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.app import App
from bot.console.post_box import PostBox
from bot.console.request_body import body_of
from bot.intake.tracking.bodies import MOST_BODY_BYTES, BodyError, packed, parsed, unpacked
from bot.intake.tracking.calls import KINDS, MOST_EVENT_BYTES, Reading, Refused, read_calls
from bot.logs import fault_of
from bot.metrics import Metrics
from storage.posts import TRACKED, TRACKING, Post

#: Short forms are what analytics.js posts to; the last folder is Dittofeed's.
SHORT = {"i": "identify", "g": "group", "t": "track", "p": "page", "s": "screen", "a": "alias", "b": "batch"}
BATCH = ("batch", "import")
FOLDERS = ("/v1/", "/api/public/apps/", "/beacon/v1/")
#: So many seconds' worth may come at once.
BURST_SECONDS = 10.0
#: What was wrong is written with the next post, or alone at most so often.
COUNTS_EVERY = timedelta(seconds=5)

log = structlog.get_logger("journeybot.tracking")


def tracking_routes(app: App, metrics: Metrics) -> list[Route]:
    """To be mounted by the console."""
    desk = _Desk(app=app, box=PostBox(app.database, TRACKING), rate=float(app.settings.tracking_rate))

    async def take(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_cors(request))
        answer = await desk.answer(request, request.path_params["call"])
        metrics.count_webhook_posts(TRACKED, answer.status_code)
        answer.headers.update(_cors(request))
        return answer

    return [Route(folder + "{call}", take, methods=["POST", "OPTIONS"]) for folder in FOLDERS]


def _cors(request: Request) -> dict[str, str]:
    """Browsers of every site may post; nothing rides on cookies."""
    wanted = request.headers.get("access-control-request-headers", "")
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": wanted[:500] or "authorization, content-type, content-encoding",
        "Access-Control-Max-Age": "86400",
    }


class _Refusal(Exception):
    """A whole post that is not taken. `reason` is counted."""

    def __init__(self, status: int, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason
        self.sentence = sentence


@dataclass(slots=True, kw_only=True)
class _Desk:
    """Used from the event loop of one server."""

    app: App
    box: PostBox
    rate: float
    counts: Counter[str] = field(default_factory=Counter)
    counted_at: datetime | None = None
    buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    async def answer(self, request: Request, call: str) -> Response:
        now = self.app.clock.now()
        try:
            reading = await self._read(request, SHORT.get(call, call), now)
            await self._keep(reading, now)
        except _Refusal as refusal:
            await self._count(refusal.reason, now)
            headers = {"Retry-After": "1"} if refusal.status in (429, 503) else {}
            return _json({"success": False, "error": refusal.sentence}, refusal.status, headers)
        return _json({"success": True, "rejected": [_told(refused) for refused in reading.refused]}, 200)

    async def _read(self, request: Request, call: str, now: datetime) -> Reading:
        if call not in (*KINDS, *BATCH):
            raise _Refusal(
                404, "unknown_call", f"there is no /v1/{call[:30]}; there are {', '.join((*KINDS, 'batch'))}"
            )
        keys = self.app.settings.write_keys
        if not keys:
            raise _Refusal(503, "no_key_configured", "JOURNEYBOT_WRITE_KEY is not set, so nothing is taken")
        key = _key_among(keys, _offered(request))
        if key is None and request.headers.get("authorization"):
            raise _Refusal(401, "wrong_key", "the write key is not valid")
        body = await body_of(request, MOST_BODY_BYTES)
        if body is None:
            raise _Refusal(413, "too_large", f"the body is larger than {MOST_BODY_BYTES} bytes")
        try:
            body = unpacked(body, request.headers.get("content-encoding", ""))
            document = parsed(body)
        except BodyError as error:
            raise _Refusal(error.status, "too_large" if error.status == 413 else "unparsable", str(error)) from None
        key = key or _key_among(keys, [document.get("writeKey")])
        if key is None:
            raise _Refusal(401, "wrong_key", "no valid write key: send it as Basic auth's user, or as writeKey")
        return self._calls(document, call, len(body), key, now)

    def _calls(self, document: dict[str, Any], call: str, size: int, key: str, now: datetime) -> Reading:
        if call in BATCH:
            raws = document.get("batch")
            if not isinstance(raws, list):
                raise _Refusal(400, "unparsable", "`batch` is no list of events")
            kind, sent_at = None, document.get("sentAt")
        else:
            if size > MOST_EVENT_BYTES:
                raise _Refusal(413, "too_large", f"the event has {size} bytes; at most {MOST_EVENT_BYTES} are taken")
            raws, kind, sent_at = [document], call, None
            document.pop("writeKey", None)
        self._pace(key, len(raws))
        _inherit_context(document, raws, call)
        return read_calls(raws, now, kind=kind, sent_at=sent_at, is_large=size > MOST_EVENT_BYTES)

    def _pace(self, key: str, number: int) -> None:
        """A bucket per key, which a large batch may overdraw; so no batch is too large for ever."""
        if not self.rate:
            return
        now = self.app.clock.monotonic()
        most = self.rate * BURST_SECONDS
        room, at = self.buckets.get(key, (most, now))
        room = min(most, room + (now - at) * self.rate)
        if room <= 0:
            self.buckets[key] = (room, now)
            raise _Refusal(429, "too_many", f"more than {self.rate:g} events a second for this key; come again")
        self.buckets[key] = (room - number, now)

    async def _keep(self, reading: Reading, now: datetime) -> None:
        if not (reading.calls or reading.refused or reading.oddities):
            return
        counts, self.counts = self.counts, Counter()
        post = Post(source=TRACKED, content_type="", received_at=now, body=packed(reading, counts))
        try:
            await self.box.keep(post)
        except Exception as error:
            self.counts += counts
            log.error("post_not_kept", kind=TRACKED, fault=fault_of(error))
            raise _Refusal(503, "not_kept", "not kept: come again") from error
        self.counted_at = now

    async def _count(self, reason: str, now: datetime) -> None:
        self.counts[f"post_{reason}"] += 1
        if reason == "not_kept" or (self.counted_at is not None and now - self.counted_at < COUNTS_EVERY):
            return
        self.counted_at = now
        counts, self.counts = self.counts, Counter()
        post = Post(source=TRACKED, content_type="", received_at=now, body=packed(Reading(), counts))
        try:
            await self.box.keep(post)
        except Exception as error:  # noqa: BLE001  a number is lost, and the log has it
            self.counts += counts
            log.error("post_not_kept", kind=TRACKED, fault=fault_of(error))


def _inherit_context(document: dict[str, Any], raws: Sequence[Any], call: str) -> None:
    """A batch's own context is that of its events, where they say nothing else."""
    context = document.get("context")
    if call not in BATCH or not isinstance(context, dict) or not context:
        return
    for raw in raws:
        if isinstance(raw, dict):
            own = raw.get("context")
            raw["context"] = {**context, **own} if isinstance(own, dict) else context


def _offered(request: Request) -> list[str]:
    """What may be the key: Basic auth's user (Segment, RudderStack), or the header as it stands (Dittofeed's keys are one)."""
    header = request.headers.get("authorization", "")
    scheme, _, rest = header.partition(" ")
    offered = [header, rest.strip(), request.query_params.get("writeKey", "")]
    if scheme.lower() == "basic":
        try:
            user_and_password = base64.b64decode(rest.strip(), validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            return offered
        offered += [user_and_password.partition(":")[0], user_and_password]
    return offered


def _key_among(keys: Sequence[str], offered: Sequence[Any]) -> str | None:
    """Compared in constant time; every key is tried."""
    found = None
    for text in offered:
        given = text.encode("utf-8", "replace") if isinstance(text, str) and text else b""
        for key in keys:
            if given and hmac.compare_digest(given, key.encode()):
                found = key
    return found


def _told(refused: Refused) -> dict[str, Any]:
    return {"index": refused.index, "messageId": refused.message_id, "error": refused.sentence}


def _json(content: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status_code=status, headers=headers, media_type="application/json")
