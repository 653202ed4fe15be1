"""The link that opens one hand-off's mail in the console: a signed token for one person and one hand-off that ends after a day.
Whoever has the link may send as that person, so it is shown to that person only, and never in a channel. Pure. Made by the
Slack modal; read by the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.webhooks.signed_tokens import TokenKind, payload_of, sign
from bot.webhooks.unsubscribe import MailLinks

PATH = "/drafts/"
LIFETIME = timedelta(hours=24)

DRAFT_TOKEN = TokenKind(purpose=b"journeybot draft 1", mac_bytes=32)
_HEAD_BYTES = 12  # the hand-off's number (8), the last moment in seconds (4: until 2106)
_MOST_PERSON_BYTES = 200
_TOKEN = re.compile(r"[A-Za-z0-9_-]{59,330}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPass:
    """What a token lets somebody do: write the mail of this hand-off as `by`, until then."""

    handoff_id: int
    by: str
    until: datetime


def make_draft_token(key: bytes, installation: str, given: DraftPass) -> str:
    """Raises: ValueError for a person whose key is longer than any of ours."""
    person = given.by.encode()
    if not 0 < len(person) <= _MOST_PERSON_BYTES:
        raise ValueError("a person's key has 1 to 200 bytes")
    payload = given.handoff_id.to_bytes(8, "big") + int(given.until.timestamp()).to_bytes(4, "big") + person
    return sign(DRAFT_TOKEN, key, installation, payload)


def read_draft_token(keys: Sequence[bytes], installation: str, token: str, now: datetime) -> DraftPass | None:
    """None unless one of our keys signed exactly this token for this installation, and its time is not over."""
    payload = payload_of(DRAFT_TOKEN, keys, installation, token) if _TOKEN.fullmatch(token) else None
    if payload is None or len(payload) <= _HEAD_BYTES:
        return None
    until = datetime.fromtimestamp(int.from_bytes(payload[8:_HEAD_BYTES], "big"), UTC)
    if until <= now:
        return None
    return DraftPass(
        handoff_id=int.from_bytes(payload[:8], "big"), by=payload[_HEAD_BYTES:].decode("utf-8", "replace"), until=until
    )


def draft_url(links: MailLinks, handoff_id: int, by: str, now: datetime) -> str | None:
    """None where we have no address or no key to sign with."""
    if not links.keys or not links.public_url:
        return None
    given = DraftPass(handoff_id=handoff_id, by=by, until=now + LIFETIME)
    return links.public_url + PATH + make_draft_token(links.keys[0], links.installation, given)
