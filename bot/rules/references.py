"""How a mail of ours is named to the outside: `installation-number`, opaque and without personal data. Providers send it back
with every event, readers' mail programs in the address they answer to. Pure; used by deliver, webhooks and absorb."""

from __future__ import annotations

import re

#: The name under which SendGrid keeps it (`custom_args`).
REFERENCE_ARGUMENT = "journeybot_message"
_REFERENCE = re.compile(r"(?:([0-9a-z]{1,32})-)?([1-9][0-9]{0,17})")


def reference_of(installation: str, message_id: int) -> str:
    return f"{installation}-{message_id}" if installation else str(message_id)


def message_of(reference: str, installation: str) -> int | None:
    """The number of the mail, if the reference is this installation's."""
    found = _REFERENCE.fullmatch(reference)
    if found is None or (found[1] or "") != installation:
        return None
    return int(found[2])


def is_reference(text: str) -> bool:
    """Whether it is written like one, of whatever installation."""
    return _REFERENCE.fullmatch(text) is not None


def answer_address(address: str, reference: str) -> str:
    """`reply@in.example` → `reply+3f2a-12@in.example`: whoever answers names the mail."""
    name, _, domain = address.rpartition("@")
    return f"{name}+{reference}@{domain}"


def answered_reference(address: str) -> str | None:
    """The other way round; mail programs may have changed the case."""
    name = address.rpartition("@")[0].lower()
    tag = name.partition("+")[2]
    return tag if is_reference(tag) else None
