"""Decides whether a text is one address that a mail can go to, and how its domain is written on the wire. Stricter than
RFC 5322 on purpose: no comments, quoted or non-ASCII local parts, no address literals, because providers refuse them.
Pure. Used by intake (refuse the row) and by deliver and the channels (never hand over anything else)."""

from __future__ import annotations

import re
from functools import lru_cache

import idna

MAX_ADDRESS = 254
MAX_LOCAL_PART = 64

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?=[A-Za-z0-9-]*[A-Za-z]){_LABEL}")


def is_mailable_address(text: str) -> bool:
    """Is `text` exactly one addr-spec (`name@domain`, nothing around it) that a provider takes?"""
    return wire_address(text) is not None


def wire_address(text: str) -> str | None:
    """The address with its domain in ASCII (`例え.jp` → `xn--r8jz45g.jp`), or None if it is not mailable."""
    local_part, at, domain = text.rpartition("@")
    if not at or len(text) > MAX_ADDRESS or len(local_part) > MAX_LOCAL_PART or not _LOCAL_PART.fullmatch(local_part):
        return None
    ascii_domain = _wire_domain(domain)
    if ascii_domain is None:
        return None
    address = f"{local_part}@{ascii_domain}"
    return address if len(address) <= MAX_ADDRESS else None


@lru_cache(maxsize=4096)
def _wire_domain(domain: str) -> str | None:
    """Kept: a customer's contacts share one, and all mails the sender's."""
    ascii_domain = domain if domain.isascii() else _idna(domain)
    return ascii_domain if ascii_domain is not None and _DOMAIN.fullmatch(ascii_domain) else None


def _idna(domain: str) -> str | None:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        return None
