"""What SendGrid posts: the vendor's literal events under tests/wire/ about a mail of ours, signed with a key of the test's own."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.rules.references import REFERENCE_ARGUMENT
from bot.webhooks.sendgrid import SIGNATURE_HEADER, TIMESTAMP_HEADER

WIRE = Path(__file__).parents[1] / "wire"
KEY = ec.derive_private_key(20270301, ec.SECP256R1())
BOUNDARY = "xYzZY"
FORM = f'multipart/form-data; boundary="{BOUNDARY}"'


def public_key(key: ec.EllipticCurvePrivateKey = KEY) -> str:
    """As SendGrid shows it."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def signed(body: bytes, *, timestamp: str = "1803861600", key: ec.EllipticCurvePrivateKey = KEY) -> dict[str, str]:
    signature = key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: timestamp}


def wire_events(reference: str) -> list[dict[str, Any]]:
    """One literal event of every kind about this mail."""
    return [{**event, REFERENCE_ARGUMENT: reference} for event in _literal_events()]


@cache
def _literal_events() -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads((WIRE / "sendgrid_events.json").read_text(encoding="utf-8"))
    assert all(event[REFERENCE_ARGUMENT] == "@REFERENCE@" for event in events)
    return events


def wire_event(reference: str, kind: str, **changes: Any) -> dict[str, Any]:
    """The last of its kind, with fields changed (None: left out)."""
    event = [event for event in wire_events(reference) if event["event"] == kind][-1]
    return {name: value for name, value in {**event, **changes}.items() if value is not None}


def wire_reply(name: str, *, reference: str, provider: str = "none") -> bytes:
    """A literal inbound-parse post (`sendgrid_inbound_parse`, `sendgrid_inbound_raw`); its content type is FORM."""
    body = (WIRE / f"{name}.bin").read_bytes()
    return body.replace(b"@REFERENCE@", reference.encode()).replace(b"@PROVIDER@", provider.encode())
