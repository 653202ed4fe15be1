"""Why a provider dropped a mail, by its words: is the address to blame, its reader, or our message? Pure; used by absorb, which
suppresses accordingly."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """What stands against mailing an address again."""

    BOUNCED = "bounced"  #: it does not work
    COMPLAINED = "complained"  #: its reader called us spam
    UNSUBSCRIBED = "unsubscribed"  #: its reader wants nothing more
    LEFT_GROUP = "left_group"  #: its reader wants no more of this kind


#: SendGrid's words (docs: Event Webhook Reference, Drops), in lower case. None: our message or account is to blame.
CAUSES: dict[str, Cause | None] = {
    "unsubscribed address": Cause.UNSUBSCRIBED,
    "spam reporting address": Cause.COMPLAINED,
    "bounced address": Cause.BOUNCED,
    "invalid": Cause.BOUNCED,
    "invalid address": Cause.BOUNCED,
    "spam content": None,
    "invalid smtpapi header": None,
    "duplicate message": None,
    "recipient list over package quota": None,
}


def cause_of_drop(reason: str) -> Cause | None:
    """An unknown word stands against the address: better one mail too few."""
    said = reason.strip().lower()
    if said in CAUSES:
        return CAUSES[said]
    blameless = (word for word, cause in CAUSES.items() if cause is None and said.startswith(word))
    return None if any(blameless) else Cause.BOUNCED
