"""How a mail of ours is named to the outside: `installation-number-moment`, opaque and without personal data. Providers send it
back with every event, readers' mail programs in the address they answer to. A database restored from a backup gives numbers
a second time; the moment at which a mail's row was made tells the lost mail from the new one. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

#: The name under which SendGrid keeps it (`custom_args`).
REFERENCE_ARGUMENT = "journeybot_message"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_REFERENCE = re.compile(r"(?:([0-9a-z]{1,32})-)?([1-9][0-9]{0,17})-([0-9a-z]{1,11})")


class MailName(NamedTuple):
    """Names one mail for ever: its number, and when its row was made, to the microsecond."""

    number: int
    made_at: datetime

    @property
    def microseconds(self) -> int:
        return (self.made_at - EPOCH) // MICROSECOND

    @classmethod
    def of(cls, number: int, microseconds: int) -> MailName | None:
        """None for a moment beyond all times."""
        try:
            return cls(number, EPOCH + timedelta(microseconds=microseconds))
        except OverflowError:
            return None


def reference_of(installation: str, name: MailName) -> str:
    of_database = f"{name.number}-{_written(name.microseconds)}"
    return f"{installation}-{of_database}" if installation else of_database


def name_of(reference: str, installation: str) -> MailName | None:
    """The mail, if the reference is this installation's."""
    found = _REFERENCE.fullmatch(reference)
    if found is None or (found[1] or "") != installation:
        return None
    return MailName.of(int(found[2]), int(found[3], 36))


def is_reference(text: str) -> bool:
    """Whether it is written like one, of whatever installation."""
    return _REFERENCE.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _written(number: int) -> str:
    """In base 36: short, and the same in lower case, to which mail programs turn addresses. Kept: mails are made many at once."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def answer_address(address: str, reference: str) -> str:
    """`reply@in.example` → `reply+3f2a-12-gk1x0@in.example`: whoever answers names the mail."""
    name, _, domain = address.rpartition("@")
    return f"{name}+{reference}@{domain}"


def answered_reference(address: str) -> str | None:
    """The other way round; mail programs may have changed the case."""
    name = address.rpartition("@")[0].lower()
    tag = name.partition("+")[2]
    return tag if is_reference(tag) else None
