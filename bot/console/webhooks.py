"""POST /webhooks/sendgrid, /webhooks/inbound/{secret} and /webhooks/tickets: lets in what is signed (or knows the secret), keeps
it durably as it came, and answers. It draws no conclusion: absorb does, within a tick. Never reads more than the limit into
memory, never unpacks anything."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.app import App
from bot.console.post_box import PostBox
from bot.console.request_body import body_of
from bot.errors import SettingsError
from bot.logs import fault_of
from bot.metrics import Metrics
from bot.settings import Settings
from bot.webhooks import inbound, sendgrid, tickets
from storage.posts import Post

EVENTS_PATH = "/webhooks/sendgrid"
REPLIES_PATH = "/webhooks/inbound/{secret}"
TICKETS_PATH = "/webhooks/tickets"
MOST_EVENT_BYTES = 1_000_000
MOST_TICKET_BYTES = 256_000
#: SendGrid's inbound parse takes mails of up to 30 MB, attachments included.
MOST_REPLY_BYTES = 31_000_000

log = structlog.get_logger("journeybot.webhooks")


def webhook_routes(app: App, metrics: Metrics) -> list[Route]:
    """Raises: SettingsError for a public key that is none."""
    keys = public_keys(app.settings)
    secret = app.settings.inbound_secret
    box = PostBox(app.database)

    async def sendgrid_events(request: Request) -> Response:
        answer = await _take_events(app, box, keys, request)
        metrics.count_webhook_posts(sendgrid.SOURCE, answer.status_code)
        return answer

    async def inbound_mail(request: Request) -> Response:
        answer = await _take_reply(app, box, secret.get_secret_value() if secret else "", request)
        metrics.count_webhook_posts(inbound.SOURCE, answer.status_code)
        return answer

    async def ticket(request: Request) -> Response:
        answer = await _take_ticket(app, box, request)
        metrics.count_webhook_posts(tickets.SOURCE, answer.status_code)
        return answer

    return [
        Route(TICKETS_PATH, ticket, methods=["POST"]),
        Route(EVENTS_PATH, sendgrid_events, methods=["POST"]),
        Route(REPLIES_PATH, inbound_mail, methods=["POST"]),
    ]


def public_keys(settings: Settings) -> tuple[EllipticCurvePublicKey, ...]:
    """Raises: SettingsError."""
    try:
        return sendgrid.read_public_keys(settings.sendgrid_webhook_public_key or "")
    except sendgrid.SignatureKeyError as error:
        raise SettingsError(
            f"SENDGRID_WEBHOOK_PUBLIC_KEY: {error}",
            where="SENDGRID_WEBHOOK_PUBLIC_KEY",
            hint="copy the *Verification Key* of the event webhook's security features; several are separated by commas",
        ) from error


async def _take_events(app: App, box: PostBox, keys: Sequence[EllipticCurvePublicKey], request: Request) -> Response:
    if not keys:
        return _refused("no public key is configured", 503)
    body = await body_of(request, MOST_EVENT_BYTES)
    if body is None:
        return _refused("too large", 413)
    if not sendgrid.is_signed(body, request.headers, keys):
        return _refused("not signed by SendGrid", 401)
    try:
        sendgrid.read_batch(body)
    except ValueError:
        return _refused("not JSON events", 400)
    return await _keep(app, box, sendgrid.SOURCE, body, request)


async def _take_reply(app: App, box: PostBox, secret: str, request: Request) -> Response:
    if not secret:
        return _refused("no secret is configured", 503)
    if not hmac.compare_digest(request.path_params["secret"].encode("utf-8", "replace"), secret.encode()):
        return _refused("not the secret address", 401)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return _refused("not a form", 400)
    body = await body_of(request, MOST_REPLY_BYTES)
    return _refused("too large", 413) if body is None else await _keep(app, box, inbound.SOURCE, body, request)


async def _take_ticket(app: App, box: PostBox, request: Request) -> Response:
    secrets = app.settings.tickets_secrets
    if not secrets:
        return _refused("no secret is configured", 503)
    body = await body_of(request, MOST_TICKET_BYTES)
    if body is None:
        return _refused("too large", 413)
    if not tickets.is_from_help_desk(body, request.headers, secrets):
        return _refused("neither signed nor with the token", 401)
    try:
        tickets.read_ticket(body)
    except ValueError as error:
        return _refused(f"no ticket: {error}", 400)
    return await _keep(app, box, tickets.SOURCE, body, request)


async def _keep(app: App, box: PostBox, source: str, body: bytes, request: Request) -> Response:
    """204 once it is durable; until then it is the vendor's, who comes again after a 503."""
    content_type = request.headers.get("content-type", "")[:500]
    post = Post(source=source, content_type=content_type, received_at=app.clock.now(), body=body)
    try:
        await box.keep(post)
    except Exception as error:  # noqa: BLE001  whatever the database says, the vendor must hear that we do not have it
        log.error("post_not_kept", kind=source, fault=fault_of(error))
        return _refused("not kept: come again", 503)
    return Response(status_code=204)


def _refused(why: str, status: int) -> Response:
    return PlainTextResponse(f"{why}\n", status_code=status)
