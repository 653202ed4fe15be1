"""Tokens in links that we send: a payload and its signature, as base64 that fits into a URL. Each purpose signs differently, so that
a token of one link opens no other. Pure: no database, no web. Used by whatever makes and reads a kind of link."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKind:
    """`mac_bytes`: how much of the signature a token carries; 16 are beyond guessing, 32 are all of it."""

    purpose: bytes
    mac_bytes: int


def sign(kind: TokenKind, key: bytes, installation: str, payload: bytes) -> str:
    return _text(payload + _mac(kind, key, installation, payload))


def payload_of(kind: TokenKind, keys: Sequence[bytes], installation: str, token: str) -> bytes | None:
    """None unless one of our keys signed exactly this token for this installation. Every key is tried, and compared in constant
    time, so that neither the key nor the place of an error shows."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    payload, mac = raw[: -kind.mac_bytes], raw[-kind.mac_bytes :]
    matching = [hmac.compare_digest(mac, _mac(kind, key, installation, payload)) for key in keys]
    # Base64 may be written in several ways; only ours is a token.
    return payload if any(matching) and _text(raw) == token else None


def _mac(kind: TokenKind, key: bytes, installation: str, payload: bytes) -> bytes:
    signed = b"\0".join((kind.purpose, installation.encode(), payload))
    return hmac.new(key, signed, hashlib.sha256).digest()[: kind.mac_bytes]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
