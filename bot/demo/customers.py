"""One invented customer of the demo with its contacts, made from a seed and a number: name, size, touch model, owners,
dates. The same seed and number give the same customer, whenever and in whatever order it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from bot.demo.chance import Chance
from bot.demo.names import (
    ENGLISH_FIRST_PARTS,
    ENGLISH_GIVEN,
    ENGLISH_LAST,
    JAPANESE_FIRST_PARTS,
    JAPANESE_GIVEN,
    JAPANESE_LAST,
    TRADES,
    Spelled,
    Trade,
)
from bot.demo.personas import HABITS, Persona
from bot.demo.staff import CSMS_BY_TOUCH, ENGLISH_CSM, ONBOARDING, SALES, SUPPORT
from bot.rules.schedules import add_months

Touch = Literal["high", "low", "tech"]

ABROAD: dict[str, tuple[str, ...]] = {
    "US": ("America/New_York", "America/Chicago"),
    "GB": ("Europe/London",),
    "AU": ("Australia/Sydney",),
}
SHARE_ABROAD = 0.2
#: Some want the mails about their contract and no others.
NO_NEWSLETTER_SHARE = 0.08
ONLY_THE_NEEDED = "lifecycle;survey"
LICENCES: dict[Touch, tuple[int, int]] = {"high": (120, 400), "low": (30, 110), "tech": (5, 28)}
TOUCH_WEIGHTS: dict[Touch, float] = {"high": 0.15, "low": 0.4, "tech": 0.45}
YEN_A_LICENCE = {"standard": 14_400, "pro": 24_000, "enterprise": 36_000}
ROLES: dict[int, tuple[str, ...]] = {
    1: ("decision_maker;champion;admin",),
    2: ("decision_maker", "champion;admin"),
    3: ("decision_maker*", "champion*;user", "admin"),
    4: ("decision_maker*", "champion*", "admin*;user", "admin;user"),
}
TITLES = {
    "decision_maker": ("代表", "Owner"),
    "champion": ("店長", "Manager"),
    "admin": ("システム担当", "Administrator"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoContact:
    """A person at a customer. `key` is unique within the customer; an empty `consent` means the workspace's default."""

    key: str
    name: str
    email: str
    roles: str
    title: str
    consent: str = ""

    def has_role(self, role: str) -> bool:
        return role in self.roles.replace("*", "").split(";")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCustomer:
    """A company as it stands when we first hear of it. `owners` maps a role of ours to a colleague's key."""

    key: str
    name: str
    persona: Persona
    stage: str
    tier: str
    arr: int
    industry: str
    region: str
    locale: str
    timezone: str
    touch: Touch
    csm: str
    started_on: date
    renewal_date: date
    licenses_purchased: int
    licenses_active: int
    open_days: str
    shops: int
    usage_talk_ok: bool
    owners: dict[str, str]
    contacts: tuple[DemoContact, ...]

    @property
    def tags(self) -> str:
        """As the CRM has them; those big ones who use it best sit on the advisory board."""
        is_adviser = self.touch == "high" and self.stage == "adoption" and self.persona is Persona.CHAMPION
        tags = {"multi_shop": self.shops > 1, "advisory_board": is_adviser}
        return ";".join(tag for tag, is_on in tags.items() if is_on)

    @property
    def speaks_english(self) -> bool:
        return self.locale == "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """Where a customer is, what it does and how it is called."""

    key: str
    name: str
    region: str
    timezone: str
    trade: Trade

    @property
    def locale(self) -> str:
        return "ja" if self.region == "JP" else "en"


def build_customer(
    seed: int,
    number: int,
    *,
    persona: Persona,
    stage: str,
    started_on: date,
    today: date,
    given_touch: Touch | None = None,
) -> DemoCustomer:
    """Customer `number` of the world `seed`. The renewal date is the first anniversary of the start after `today`."""
    chance = Chance(seed, "customer", number)
    origin = _origin(seed, number)
    drawn: Touch = chance.weighted(TOUCH_WEIGHTS, "touch")
    touch = given_touch or drawn
    purchased = chance.whole(*LICENCES[touch], "licences")
    low, high = HABITS[persona].licence_share
    tier = {"high": "enterprise", "low": "pro", "tech": "standard"}[touch]
    return DemoCustomer(
        key=origin.key,
        name=origin.name,
        persona=persona,
        stage=stage,
        tier=tier,
        arr=purchased * YEN_A_LICENCE[tier],
        industry=origin.trade.industry,
        region=origin.region,
        locale=origin.locale,
        timezone=origin.timezone,
        touch=touch,
        csm=_csm(chance, touch, origin.region),
        started_on=started_on,
        renewal_date=next_anniversary(started_on, today),
        licenses_purchased=purchased,
        licenses_active=max(1, round(purchased * (low + (high - low) * chance.number("share")))),
        open_days=origin.trade.open_days,
        shops=max(1, purchased // 12),
        usage_talk_ok=not chance.happens(0.06, "usage talk"),
        owners={
            "sales": chance.pick(SALES, "sales"),
            "support": chance.pick(SUPPORT, "support"),
            "onboarding": ONBOARDING,
        },
        contacts=_contacts(chance, origin, touch),
    )


def next_anniversary(started_on: date, today: date) -> date:
    """The first whole year after the start that is later than `today`; contracts run for a year."""
    years = 1
    while add_months(started_on, 12 * years) <= today:
        years += 1
    return add_months(started_on, 12 * years)


def days_before(day: date, days: int) -> date:
    return day - timedelta(days=days)


@lru_cache(maxsize=8)
def _japanese_names(seed: int) -> tuple[tuple[Trade, Spelled], ...]:
    """Every name that can be made, each once, in this world's order: key and name cannot collide."""
    made = [
        (trade, (f"{first[0]}{second[0]}", f"{first[1]}-{second[1]}"))
        for first in JAPANESE_FIRST_PARTS
        for trade in TRADES
        for second in trade.japanese
    ]
    return tuple(Chance(seed).shuffled(made, "japanese names"))


@lru_cache(maxsize=8)
def _english_names(seed: int) -> tuple[tuple[Trade, Spelled], ...]:
    made = [
        (trade, (f"{first} {second}", f"{first}-{second}".lower().replace(" ", "-")))
        for first in ENGLISH_FIRST_PARTS
        for trade in TRADES
        for second in trade.english
    ]
    return tuple(Chance(seed).shuffled(made, "english names"))


def _origin(seed: int, number: int) -> _Origin:
    chance = Chance(seed, "customer", number)
    if chance.happens(SHARE_ABROAD, "abroad"):
        region = chance.pick(tuple(ABROAD), "region")
        names, zone = _english_names(seed), chance.pick(ABROAD[region], "zone")
    else:
        region, names, zone = "JP", _japanese_names(seed), "Asia/Tokyo"
    lap, place = divmod(number, len(names))
    trade, (name, key) = names[place]
    if lap:  # more customers than names: the second round gets a number
        key, name = f"{key}-{lap + 1}", f"{name} {lap + 1}"
    return _Origin(key=key, name=name, region=region, timezone=zone, trade=trade)


def _csm(chance: Chance, touch: Touch, region: str) -> str:
    candidates = CSMS_BY_TOUCH[touch]
    if not candidates:
        return ""
    return chance.pick(candidates, "csm") if region == "JP" else ENGLISH_CSM


def _contacts(chance: Chance, origin: _Origin, touch: Touch) -> tuple[DemoContact, ...]:
    low, high = {"high": (3, 4), "low": (2, 3), "tech": (1, 2)}[touch]
    number = chance.whole(low, high, "contacts")
    return tuple(
        _contact(chance.about("contact", place), origin, roles, lasts)
        for place, (roles, lasts) in enumerate(zip(ROLES[number], _last_names(chance, origin), strict=False))
    )


def _last_names(chance: Chance, origin: _Origin) -> list[tuple[str, str]]:
    """Four different ones, as written and in ASCII."""
    if origin.region == "JP":
        return chance.shuffled(JAPANESE_LAST, "last names")[:4]
    return [(name, name.lower()) for name in chance.shuffled(ENGLISH_LAST, "last names")[:4]]


def _contact(chance: Chance, origin: _Origin, roles: str, last: tuple[str, str]) -> DemoContact:
    written, ascii_name = last
    is_japanese = origin.region == "JP"
    given = chance.pick(JAPANESE_GIVEN if is_japanese else ENGLISH_GIVEN, "given name")
    first_role = roles.replace("*", "").split(";")[0]
    return DemoContact(
        key=ascii_name,
        name=f"{written} {given}" if is_japanese else f"{given} {written}",
        email=f"{ascii_name}@{origin.key}.example",
        roles=roles,
        title=TITLES[first_role][0 if is_japanese else 1],
        consent=ONLY_THE_NEEDED if chance.happens(NO_NEWSLETTER_SHARE, "consent") else "",
    )
