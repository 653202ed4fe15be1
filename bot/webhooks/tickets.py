"""What a help desk posts when a ticket changes: who signed it, and which ticket it tells of in our columns. Zendesk's words are
translated by one table; a body that has our columns already passes as it is. Pure: bytes in, values out. After it, intake."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

SOURCE = "tickets"
#: Zendesk signs timestamp + body (developer.zendesk.com, "Verifying webhook authenticity").
SIGNATURE, STAMP = "x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"
#: Our column → where Zendesk's ticket events say it, below `detail`.
ZENDESK: Mapping[str, tuple[str, ...]] = {
    "ticket": ("id",),
    "customer": ("organization_id",),
    "contact": ("requester_id",),
    "title": ("subject",),
    "url": ("url",),
    "kind": ("type",),
    "priority": ("priority",),
    "status": ("status",),
    "opened_at": ("created_at",),
}
OURS = (*ZENDESK, "closed_at")
CLOSED = ("solved", "closed")
#: Zendesk writes them in capitals.
IN_CAPITALS = ("kind", "priority", "status")


def is_from_help_desk(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
    """Signed as Zendesk signs, or with one of the secrets as its bearer token."""
    token = headers.get("authorization", "").removeprefix("Bearer ").encode("utf-8", "replace")
    signature = headers.get(SIGNATURE, "").encode("utf-8", "replace")
    signed = headers.get(STAMP, "").encode("utf-8", "replace") + body
    for secret in secrets:
        digest = base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256))
        if hmac.compare_digest(digest, signature) or hmac.compare_digest(secret.encode(), token):
            return True
    return False


def read_ticket(body: bytes) -> dict[str, Any]:
    """The ticket in our columns, empty ones left out. Raises: ValueError for what is no JSON object or tells of no ticket."""
    told = orjson.loads(body)  # its error is a ValueError
    if not isinstance(told, dict):
        raise ValueError("not a JSON object")
    detail = told.get("detail")
    found = _of_zendesk(told, detail) if isinstance(detail, dict) else {name: told.get(name) for name in OURS}
    plain = {name: _plain(value) for name, value in found.items() if not isinstance(value, dict | list)}
    ticket = {name: value for name, value in plain.items() if value not in (None, "")}
    if "ticket" not in ticket:
        raise ValueError("it names no ticket")
    return ticket


def _of_zendesk(told: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    found = {ours: next((detail[name] for name in names if detail.get(name)), None) for ours, names in ZENDESK.items()}
    found |= {name: str(found[name]).lower() for name in IN_CAPITALS if found[name]}
    is_closed = found["status"] in CLOSED
    return {**found, "closed_at": (told.get("time") or detail.get("updated_at")) if is_closed else None}


def _plain(value: Any) -> Any:
    """One line, fit for every database."""
    return " ".join(value.replace("\x00", "").split()) if isinstance(value, str) else value
