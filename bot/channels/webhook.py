"""Calls another system over HTTP, signed as Standard Webhooks says (`webhook-id`, `webhook-timestamp`, `webhook-signature`). Private
addresses are refused unless their host was named for it, and the address that was looked at is the one that is called. Answers
are values, never exceptions. Follows no redirects. Before it: the pipeline's calling has claimed the call; after it records."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from bot.clock import Clock

SECONDS = 10.0
MOST_ANSWER = 16_384
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswer:
    """`is_yes`: a 2xx. `is_final`: it wants no more (410). `is_silent`: no answer at all, so the host may be down. `fault` says what
    went wrong without the other side's words."""

    is_yes: bool = False
    is_final: bool = False
    is_silent: bool = False
    fault: str | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCaller:
    """`keys`: the secrets that sign, all of them. `private`: hosts that may be at private addresses, and speak plain http."""

    keys: Sequence[bytes] = field(repr=False)
    private: frozenset[str]
    clock: Clock

    def call(self, url: str, call_id: str, body: bytes) -> CallAnswer:
        """One try."""
        place = urlsplit(url)
        host = (place.hostname or "").lower()
        is_private = host in self.private
        if place.scheme != "https" and not (place.scheme == "http" and is_private):
            return CallAnswer(fault="the address is not https")
        port = place.port or (443 if place.scheme == "https" else 80)
        try:
            address = _address_of(host, port, is_private=is_private)
        except OSError:
            return CallAnswer(is_silent=True, fault="the host is not known")
        if address is None:
            return CallAnswer(fault="the host is at a private address")
        connection = _Connection(host, port, address, is_secure=place.scheme == "https")
        target = (place.path or "/") + (f"?{place.query}" if place.query else "")
        try:
            connection.request("POST", target, body=body, headers=self._headers(call_id, body))
            answer = connection.getresponse()
            answer.read(MOST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            return CallAnswer(is_silent=True, fault=_said(error))
        finally:
            connection.close()
        return self._read(answer.status, answer.headers.get("Retry-After"))

    def _read(self, status: int, retry_after: str | None) -> CallAnswer:
        if 200 <= status < 300:
            return CallAnswer(is_yes=True)
        return CallAnswer(
            is_final=status == GONE,
            fault=f"answered {status}",
            retry_after_seconds=_seconds(retry_after, self.clock.now().timestamp()),
        )

    def _headers(self, call_id: str, body: bytes) -> Mapping[str, str]:
        stamp = str(int(self.clock.now().timestamp()))
        return {
            "Content-Type": "application/json",
            "User-Agent": "journeybot",
            "webhook-id": call_id,
            "webhook-timestamp": stamp,
            "webhook-signature": " ".join(f"v1,{signature_of(key, call_id, stamp, body)}" for key in self.keys),
        }


def signature_of(key: bytes, call_id: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 over id, time and body, in base64 (standardwebhooks.com)."""
    signed = f"{call_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _address_of(host: str, port: int, *, is_private: bool) -> str | None:
    """Where to connect; None where any of its addresses is private and nobody allowed that. Raises: OSError."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not is_private and any(not ipaddress.ip_address(each.partition("%")[0]).is_global for each in found):
        return None
    return found[0]


def _said(error: Exception) -> str:
    """Without the words of whoever answered."""
    match error:
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLError():
            return "no secure connection (certificate)"
        case _:
            return "the connection broke"


def _seconds(retry_after: str | None, now: float) -> float | None:
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except (ValueError, TypeError):
        return None


class _Connection(http.client.HTTPConnection):
    """To one address, whatever the name says by then; certificates are checked against the name."""

    def __init__(self, host: str, port: int, address: str, *, is_secure: bool) -> None:
        super().__init__(host, port, timeout=SECONDS)
        self._address = address
        self._is_secure = is_secure

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=self.host) if self._is_secure else plain
        )
