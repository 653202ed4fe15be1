"""The bounds above which nothing happens until a person says so (semantics.md S38): an audience that jumps, a playbook that
suddenly sends much more, mails that bounce or are called spam. Pure numbers; bot.pipeline counts, asks and waits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor
from typing import Annotated

from pydantic import Field

from bot.rules.field_types import Part, readable_by

#: Below so many customers nobody needs a fuse; nor does a playbook that sends fewer mails a day.
FROM_CUSTOMERS = 50
FROM_MAILS = 50
#: An average needs so many days on which something was sent.
FROM_DAYS = 5
#: A rate over a handful of mails says nothing: so many mails must have bounced, or so many have been sent.
FROM_BOUNCES = 5
FROM_MAILS_COMPLAINED_OF = 100


class FuseKind(StrEnum):
    """What a fuse measures."""

    AUDIENCE = "audience"  #: more customers would enter a playbook today than usual
    SENDING = "sending"  #: more mails would leave today than usual
    BOUNCES = "bounces"  #: too many of the last mails came back
    COMPLAINTS = "complaints"  #: too many of the last mails were called spam
    STAGES = "stages"  #: more customers would move on from a stage today than usual

    @property
    def holds_mails(self) -> bool:
        """Whether mails stand still while it is blown; the others hold customers back before anything happens to them."""
        return self not in (FuseKind.AUDIENCE, FuseKind.STAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateBound:
    """At most this share of the last so many mails."""

    share: float
    mails: int


def check_enter_fuse(text: str) -> str:
    """Raises: ValueError."""
    if not re.fullmatch(r"\d{1,3}(\.\d+)?\s*%( of customers)?( (per|a) day)?|off", text):
        raise ValueError(f"`{text}` is no fuse for entering; write `20% of customers per day` or `off`")
    return text


def check_send_fuse(text: str) -> str:
    """Raises: ValueError."""
    if not re.fullmatch(r"\d{1,3}(\.\d+)?\s*x( the average of the last \d{1,2} weeks)?|off", text):
        raise ValueError(f"`{text}` is no fuse for sending; write `3 x the average of the last 4 weeks` or `off`")
    return text


def check_sender_fuse(text: str) -> str:
    """Raises: ValueError."""
    if not re.fullmatch(r"[1-9]\d{0,8}( mails)?( (per|a) day)?|off", text):
        raise ValueError(f"`{text}` is no bound for all mails together; write `5000 mails per day` or `off`")
    return text


def check_rate_fuse(text: str) -> str:
    """Raises: ValueError."""
    if not re.fullmatch(r"\d{1,2}(\.\d+)?\s*%( of the last [1-9]\d{1,4} mails)?|off", text):
        raise ValueError(f"`{text}` is no rate; write `5% of the last 500 mails` or `off`")
    return text


class Fuses(Part):
    """Bounds above which a person is asked before anything happens (S38)."""

    enter: Annotated[str, readable_by(check_enter_fuse)] = Field(
        "20% of customers per day",
        description="`20% of customers per day`, per playbook, and per stage that stages.yml leads out of; `off`.",
    )
    send: Annotated[str, readable_by(check_send_fuse)] = Field(
        "3 x the average of the last 4 weeks",
        description="`3 x the average of the last 4 weeks`: what a playbook may send a day; `off`.",
    )
    sender: Annotated[str, readable_by(check_sender_fuse)] = Field(
        "off", description="`5000 mails per day`: what all playbooks together may send; `off`."
    )
    bounces: Annotated[str, readable_by(check_rate_fuse)] = Field(
        "5% of the last 500 mails", description="Mails that came back, per playbook and of all; `off`."
    )
    complaints: Annotated[str, readable_by(check_rate_fuse)] = Field(
        "0.1% of the last 500 mails", description="Mails that were called spam, per playbook and of all; `off`."
    )

    @property
    def enter_share(self) -> float | None:
        """The share of customers that may enter a playbook in a day; None: no bound."""
        return None if self.enter == "off" else float(self.enter.split("%")[0]) / 100

    @property
    def send_factor(self) -> float | None:
        """How many times the usual number of mails may go; None: no bound."""
        return None if self.send == "off" else float(self.send.split("x")[0])

    @property
    def send_weeks(self) -> int:
        """Over how many weeks the usual number is taken."""
        found = re.search(r"last (\d+) weeks", self.send)
        return int(found[1]) if found else 4

    @property
    def sender_mails(self) -> int | None:
        """How many mails may go a day in all; None: no bound."""
        return None if self.sender == "off" else int(self.sender.split()[0])

    def rate_bound(self, kind: FuseKind) -> RateBound | None:
        """Of bounces or complaints; None: no bound."""
        text = self.bounces if kind is FuseKind.BOUNCES else self.complaints
        if text == "off":
            return None
        mails = re.search(r"last (\d+) mails", text)
        return RateBound(share=float(text.split("%")[0]) / 100, mails=int(mails[1]) if mails else 500)


def audience_bound(share: float, customers: int, usual: int = 0) -> int:
    """How many customers may enter a playbook in a day without anybody being asked. `usual`: the size of an audience that
    a person released before for a playbook that comes again and again."""
    return usual + floor(share * customers + 1e-9)


def sending_bound(factor: float, days: Sequence[int]) -> int | None:
    """How many mails a playbook may send in a day, by those it sent on each of its sending days; None: too few days to
    know what is usual."""
    busy = [number for number in days if number > 0]
    if len(busy) < FROM_DAYS:
        return None
    return max(FROM_MAILS, ceil(factor * sum(busy) / len(busy) - 1e-9))


def is_rate_too_high(kind: FuseKind, bad: int, mails: int, bound: RateBound) -> bool:
    """Whether so many bad ones among the last mails blow the fuse."""
    if not mails or bad / mails < bound.share:
        return False
    if kind is FuseKind.BOUNCES:
        return bad >= FROM_BOUNCES
    return bad > 1 or (bad == 1 and mails >= FROM_MAILS_COMPLAINED_OF)
