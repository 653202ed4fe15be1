"""Reads `smtp://user:password@host:587` and `smtps://…` into values. Must never show the password. Before it: settings;
after it: smtp.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from bot.errors import SettingsError

_HINT = "write smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465; percent-encode @ : / # %"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where and how to submit. `needs_tls` is false only for a server on this machine (a mail catcher, a local relay)."""

    host: str
    port: int
    implicit_tls: bool
    needs_tls: bool
    user: str | None
    password: str | None = field(repr=False)


def read_smtp_url(url: str) -> SmtpServer:
    """Raises: SettingsError, which never quotes the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refusal("is not a URL") from error
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise _refusal("is no smtp:// or smtps:// URL with a host")
    if (parts.username is None) != (parts.password is None):
        raise _refusal("has a user without password, or a password without user")
    implicit_tls = parts.scheme == "smtps"
    return SmtpServer(
        host=parts.hostname,
        port=port or (465 if implicit_tls else 587),
        implicit_tls=implicit_tls,
        needs_tls=implicit_tls or not _is_this_machine(parts.hostname),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def _refusal(what: str) -> SettingsError:
    return SettingsError(f"JOURNEYBOT_SMTP_URL {what}", where="JOURNEYBOT_SMTP_URL", hint=_HINT)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
