"""SendGrid's event webhook: is a post signed, and what do its events say in our words. Pure: bytes in, values out. One event
that nobody can read never loses the others. The route keeps the post as it came; absorb reads it here."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from bot.logs import masked
from bot.rules.catalogue import digest_of_page
from bot.rules.references import REFERENCE_ARGUMENT

SOURCE = "sendgrid"
SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"
MAX_ID = 200
MAX_ADDRESS = 254
MAX_WORD = 60
#: Outside of these a time is a mistake, not a time: 2001 to 2100.
EARLIEST, LATEST = 978_307_200, 4_102_444_800

#: The vendor's word → ours (docs: Event Webhook Reference). A bounce of type `blocked` is no bounce: the address is good.
KINDS: Mapping[str, str] = {
    "processed": "processed",
    "deferred": "deferred",
    "delivered": "delivered",
    "open": "opened",
    "click": "clicked",
    "bounce": "bounced",
    "dropped": "dropped",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "group_unsubscribed",
    "group_resubscribe": "resubscribed",
}
HARD = ("", "bounce")
#: Who opens and clicks for others: mail gateways and link checkers, by what they call themselves (in lower case).
SCANNERS = (
    *("barracuda", "mimecast", "proofpoint", "symantec", "messagelabs", "fireeye", "trendmicro", "trend micro"),
    *("forcepoint", "sophos", "ironport", "safelinks", "bitdefender", "zscaler", "checkpoint", "avanan", "bingpreview"),
    *("googlesecurity", "headlesschrome", "phantomjs", "python-requests", "python-urllib", "aiohttp", "go-http-client"),
    *("apache-httpclient", "java/", "libwww", "wget", "curl/", "crawler", "spider", "linkcheck", "link check"),
    *("urlscan", "virustotal"),
)
#: `Googlebot/2.1`, and not the telephones called Cubot.
_BOT = re.compile(r"(?<!cu)bot\b")


class SignatureKeyError(ValueError):
    """A text that is no public key of SendGrid's; it is public, so it may be shown."""


def read_public_keys(text: str) -> tuple[ec.EllipticCurvePublicKey, ...]:
    """One or more keys separated by commas, all valid (so that a key can be changed), bare or as PEM.

    Raises: SignatureKeyError.
    """
    return tuple(_public_key(part) for part in text.split(",") if part.strip())


def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    bare = "".join(re.sub(r"-----[A-Z ]+-----", "", text).split())
    try:
        key = load_der_public_key(base64.b64decode(bare, validate=True))
    except (ValueError, binascii.Error) as error:
        raise SignatureKeyError(f"`{bare[:20]}…` is no public key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SignatureKeyError(f"`{bare[:20]}…` is a key of another kind")
    return key


def is_signed(body: bytes, headers: Mapping[str, str], keys: Sequence[ec.EllipticCurvePublicKey]) -> bool:
    """Whether SendGrid sent exactly these bytes, whenever that was. Header names in lower case; never raises.

    The age of a post is not asked: SendGrid retries for 24 hours and does not say whether it signs anew, and our clock may
    be wrong by a day. A post that comes again changes nothing, because every event is taken in once.
    """
    timestamp = headers.get(TIMESTAMP_HEADER, "")
    try:
        # The official helper decodes loosely, raises on bad base64, and wants the body as text (sendgrid 6.12).
        signature = base64.b64decode(headers.get(SIGNATURE_HEADER, ""), validate=True)
        signed = timestamp.encode("ascii") + body
    except (ValueError, binascii.Error):
        return False
    return bool(timestamp and signature) and any(_verifies(key, signature, signed) for key in keys)


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """One event in our words. `address` is for finding the mail only and is not kept; `details` hold no personal data. `link`
    tells the links of a mail apart, `page` says (as a digest) where one leads."""

    key: str
    kind: str
    at: datetime
    is_machine: bool
    reference: str
    provider_message_id: str
    address: str
    link: str | None
    page: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableEvent:
    """One that says nothing to us; `reason` is a machine word."""

    key: str
    reason: str
    kind: str | None = None


def read_batch(body: bytes) -> list[Any]:
    """The events as they came; a single one may stand without a list.

    Raises: ValueError for what is no JSON, or no list of events.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = _read_slowly(body)
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        raise ValueError("no list of events")
    return found


def _read_slowly(body: bytes) -> Any:
    """orjson refuses a whole batch for half of an emoji in one user agent; the standard library does not."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def translate(event: Any) -> ProviderEvent | UnreadableEvent:
    """Never raises for what a vendor may write."""
    if not isinstance(event, dict):
        return UnreadableEvent(key=_digest(event), reason="no_object")
    given = _text(event.get("sg_event_id"), MAX_ID)
    key = f"{SOURCE}:{given or _digest(event)}"
    word = _text(event.get("event"), MAX_WORD).lower()
    kind = KINDS.get(word)
    if kind is None:
        return UnreadableEvent(key=key, reason="unknown_kind" if word else "no_kind", kind=word or None)
    at = _instant(event.get("timestamp"))
    if at is None:
        return UnreadableEvent(key=key, reason="no_time", kind=kind)
    type_ = _text(event.get("type"), MAX_WORD).lower()
    if kind == "bounced" and type_ not in HARD:
        kind = "blocked"
    provider_message_id = _text(event.get("sg_message_id"), MAX_ID).partition(".")[0]
    return ProviderEvent(
        key=key,
        kind=kind,
        at=at,
        is_machine=_is_machine(event, kind),
        reference=_text(event.get(REFERENCE_ARGUMENT), MAX_ID),
        provider_message_id=provider_message_id,
        address=_text(event.get("email"), MAX_ADDRESS).strip().lower(),
        link=_link(event) if kind == "clicked" else None,
        page=digest_of_page(_text(event.get("url"), 4000)) if kind == "clicked" and event.get("url") else None,
        details=_details(event, type_, provider_message_id),
    )


def _is_machine(event: Mapping[str, Any], kind: str) -> bool:
    """Apple's and others' prefetching is marked by SendGrid; scanners name themselves."""
    if kind not in ("opened", "clicked"):
        return False
    marked = event.get("sg_machine_open")
    if marked is True or marked == 1 or _text(marked, MAX_WORD).lower() in ("true", "1"):
        return True
    agent = _text(event.get("useragent"), 1000).lower()
    return any(name in agent for name in SCANNERS) or _BOT.search(agent) is not None


def _details(event: Mapping[str, Any], type_: str, provider_message_id: str) -> dict[str, Any]:
    """What a person asks when a mail did not arrive. A server's answer often quotes the address, so it is masked."""
    reason = _text(event.get("reason"), 2000) or _text(event.get("response"), 2000)
    found = {
        "type": type_,
        "status": _text(event.get("status"), 20),
        "reason": masked(reason),
        "provider_message_id": provider_message_id,
    }
    return {name: value for name, value in found.items() if value}


def _link(event: Mapping[str, Any]) -> str:
    """Tells links apart without keeping one: a query may hold an address. The same link twice in a mail is two places."""
    place = event.get("url_offset")
    return _digest([_text(event.get("url"), 4000), place if isinstance(place, dict) else None])


def _instant(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return datetime.fromtimestamp(int(seconds), UTC) if EARLIEST <= seconds <= LATEST else None


def _text(value: Any, limit: int) -> str:
    """A text that every database takes: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str):
        return ""
    return value[:limit].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _digest(value: Any) -> str:
    try:
        written = json.dumps(value, sort_keys=True, default=str).encode()
    except (ValueError, RecursionError):
        written = repr(type(value)).encode()
    return hashlib.sha256(written).hexdigest()[:32]
