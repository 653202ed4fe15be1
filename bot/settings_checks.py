"""What a setting must never be, one function per rule; each raises a SettingsError that names the variable, says why it is
unsafe or unusable, and how to repair it. Must never quote a secret. Before it: settings.py has read the values."""

from __future__ import annotations

import base64
import binascii
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import SettingsError

SHORTEST_SECRET: Final = 16
SHORTEST_SECRET_KEY: Final = 32
MAKE_A_SECRET: Final = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
POSTGRESQL: Final = ("postgresql", "postgres")
DATABASE_FORMS: Final = (
    "write sqlite:///path/to/file.db or postgresql://user:password@host/name; percent-encode @ : / # %"
)


def refuse(variable: str, why: str, repair: str) -> SettingsError:
    return SettingsError(f"{variable} {why}", where="environment or .env", hint=repair)


def is_this_machine(host: str | None) -> bool:
    """Whether a host name or address is a loopback one."""
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_database_url(given: str, workspace: Path) -> str:
    """The URL with a SQLite file's path made absolute (from the workspace) and PostgreSQL's short name written out.

    Raises: SettingsError.
    """
    variable = "JOURNEYBOT_DATABASE_URL"
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise refuse(variable, "is not a database URL", DATABASE_FORMS) from None
    backend = url.drivername.partition("+")[0]
    if backend == "sqlite":
        return _sqlite_url(url, workspace)
    if backend not in POSTGRESQL:
        raise refuse(variable, f"asks for {backend}, which journeybot does not speak", DATABASE_FORMS)
    if not url.database:
        raise refuse(variable, "does not say which database on the PostgreSQL server", DATABASE_FORMS)
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _sqlite_url(url: URL, workspace: Path) -> str:
    database = url.database or ""
    if database in ("", ":memory:") or database.startswith("file:"):
        raise refuse(
            "JOURNEYBOT_DATABASE_URL",
            "names no file, and a database in memory would forget whom it wrote to",
            "write sqlite:///path/to/file.db, or leave it out for .journeybot/journeybot.db in the workspace",
        )
    return url.set(drivername="sqlite", database=str(workspace / database)).render_as_string(hide_password=False)


def checked_vendor_url(variable: str, given: str) -> str:
    """A vendor's base URL. Raises: SettingsError where it would carry the key in clear text over a network."""
    parts = _web_url(variable, given)
    if parts.scheme == "http" and not is_this_machine(parts.hostname):
        raise refuse(variable, "is http://, so keys and mails would travel unencrypted", "use https://")
    return given


def checked_public_url(given: str) -> str:
    """The address under which customers and vendors reach us, without a slash at the end. Raises: SettingsError."""
    variable = "JOURNEYBOT_PUBLIC_URL"
    parts = _web_url(variable, given)
    if parts.scheme == "http" and not is_this_machine(parts.hostname):
        raise refuse(
            variable,
            "is http://, and mail providers accept one-click unsubscribe over https only",
            "use https://; http:// is for localhost only",
        )
    return given.rstrip("/")


def _web_url(variable: str, given: str) -> SplitResult:
    repair = "write it as https://host or https://host/path"
    try:
        parts = urlsplit(given)
        parts.port  # noqa: B018 (reading it is the check)
    except ValueError:
        raise refuse(variable, "is not a URL", repair) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise refuse(variable, "is no http:// or https:// URL with a host", repair)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise refuse(variable, "holds more than scheme, host, port and path", repair)
    return parts


def check_smtp_url(given: str) -> None:
    """Only the scheme: the channel reads the rest, and says what is wrong with it. Raises: SettingsError."""
    if not given.startswith(("smtp://", "smtps://")):
        raise refuse(
            "JOURNEYBOT_SMTP_URL",
            "is no smtp:// or smtps:// URL",
            "write smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465",
        )


def check_secret(variable: str, given: str, shortest: int = SHORTEST_SECRET) -> None:
    """Raises: SettingsError for a secret of ours that can be guessed."""
    if len(given) < shortest:
        raise refuse(variable, f"is shorter than {shortest} characters and can be guessed", MAKE_A_SECRET)


def read_webhook_key(variable: str, given: str) -> bytes:
    """The bytes behind `whsec_…`, as Standard Webhooks writes its secrets. Raises: SettingsError."""
    try:
        key = base64.b64decode(given.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not given.startswith("whsec_") or not 24 <= len(key) <= 64:
        hint = "make one: python -c \"import base64,secrets; print('whsec_'+base64.b64encode(secrets.token_bytes(32)).decode())\""
        raise refuse(variable, "is no secret of Standard Webhooks (`whsec_` and 24 to 64 bytes in base64)", hint)
    return key


def check_slack_token(variable: str, given: str, kind: str, others: tuple[str, ...]) -> None:
    """Raises: SettingsError where one of Slack's other tokens was pasted."""
    if given.startswith(others):
        raise refuse(
            variable, f"is another kind of Slack token ({given[:4]}…)", f"paste the one that starts with {kind}"
        )
