"""The way out of every mail (RFC 8058, RFC 2919): the signed token in its link, and the headers List-Unsubscribe,
List-Unsubscribe-Post and List-Id. A token says which mail, never who, and does not expire. Pure: no database, no web.
Used by deliver when a mail leaves, and by the page that the link opens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from bot.rules.addresses import wire_address
from bot.rules.references import EPOCH, MailName
from bot.webhooks.signed_tokens import TokenKind, payload_of, sign
from storage.consent import TRANSACTIONAL

PATH = "/u/"
SURVEY_PATH = "/s/"
ONE_CLICK = ("List-Unsubscribe", "One-Click")
#: Instead of a message's name, in mails that nobody owes: `send-test`.
TRIAL = MailName(0, EPOCH)
#: The category of mails that ask.
SURVEY = "survey"

UNSUBSCRIBE_TOKEN = TokenKind(purpose=b"journeybot unsubscribe 1", mac_bytes=16)
SURVEY_TOKEN = TokenKind(purpose=b"journeybot survey 1", mac_bytes=16)
_MOMENT_BYTES, _MOST_ID_BYTES = 7, 8
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,42}")


def make_token(key: bytes, installation: str, mail: MailName, kind: TokenKind = UNSUBSCRIBE_TOKEN) -> str:
    """About 34 characters: the moment at which the mail's row was made, its number, and the signature of both."""
    number = mail.number.to_bytes(max(1, (mail.number.bit_length() + 7) // 8), "big")
    return sign(kind, key, installation, mail.microseconds.to_bytes(_MOMENT_BYTES, "big") + number)


def read_token(
    keys: tuple[bytes, ...], installation: str, token: str, kind: TokenKind = UNSUBSCRIBE_TOKEN
) -> MailName | None:
    """The mail's name; None unless one of our keys signed exactly this token for this installation."""
    payload = payload_of(kind, keys, installation, token) if _TOKEN.fullmatch(token) else None
    if payload is None or not _MOMENT_BYTES < len(payload) <= _MOMENT_BYTES + _MOST_ID_BYTES:
        return None
    moment, number = payload[:_MOMENT_BYTES], payload[_MOMENT_BYTES:]
    return MailName.of(int.from_bytes(number, "big"), int.from_bytes(moment, "big"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLinks:
    """How readers of our mails reach us. `keys`: the first signs, all are believed. `is_required`: mails really leave, so
    none but transactional ones may leave without a way out of them."""

    public_url: str | None = None
    keys: tuple[bytes, ...] = ()
    installation: str = ""
    is_required: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether mails can carry a link that works: over https, as RFC 8058 and the big mailbox providers ask."""
        return bool(self.keys) and (self.public_url or "").startswith("https://")

    def may_leave(self, category: str) -> bool:
        return category == TRANSACTIONAL or self.is_complete or not self.is_required

    def url(self, mail: MailName) -> str | None:
        """The page of this mail; None where we have no address or no key."""
        if not self.keys or not self.public_url:
            return None
        return self.public_url + PATH + make_token(self.keys[0], self.installation, mail)

    def survey_url(self, mail: MailName) -> str | None:
        """The page on which the reader of this mail answers its survey."""
        if not self.keys or not self.public_url:
            return None
        return self.public_url + SURVEY_PATH + make_token(self.keys[0], self.installation, mail, SURVEY_TOKEN)

    def context(self, mail: MailName, category: str) -> dict[str, str]:
        """What templates read as `mail.…`. Transactional mails have no link: there is nothing to unsubscribe from."""
        url = None if category == TRANSACTIONAL else self.url(mail)
        if url is None:
            return {}
        answer = self.survey_url(mail) if category == SURVEY else None
        return {"unsubscribe_url": url, "preferences_url": url, **({"survey_url": answer} if answer else {})}

    def headers(self, mail: MailName, category: str, sender: str) -> dict[str, str]:
        """What the mail's head must carry. Providers sign (DKIM) these headers with the rest; without https no one-click."""
        if category == TRANSACTIONAL:
            return {}
        found = {}
        url = self.url(mail)
        if url is not None:
            found["List-Unsubscribe"] = f"<{url}>"
            if self.is_complete:
                found["List-Unsubscribe-Post"] = "=".join(ONE_CLICK)
        list_id = list_id_of(category, sender)
        if list_id is not None:
            found["List-Id"] = list_id
        return found

    def read_survey(self, token: str) -> MailName | None:
        """The message of a survey's token; None for one that is not ours."""
        return read_token(self.keys, self.installation, token, SURVEY_TOKEN)

    def read(self, token: str) -> MailName | None:
        """The message of a token; None for one that is not ours."""
        return read_token(self.keys, self.installation, token)


NO_LINKS = MailLinks()


@lru_cache(maxsize=256)
def list_id_of(category: str, sender: str) -> str | None:
    """`<newsletter.example.com>`: stable for a category and the workspace's domain, whoever signs the mail. Only what a
    host name may hold, so nothing of ours or theirs can open a header."""
    address = wire_address(sender)
    if address is None or not re.fullmatch(r"[a-z]+", category):
        return None
    domain = address.rpartition("@")[2].lower()
    return f"<{category}.{domain}>" if re.fullmatch(r"[a-z0-9.-]+", domain) else None
