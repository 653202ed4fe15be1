"""The people of Hanabi Cloud, the demo's invented company: who owns customers, who supports and sells, who leads.
Values only; the starter workspace (playbooks/workspace.yml) names the same keys in its teams."""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "hanabi.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """One of us. `key` is also the local part of the address."""

    key: str
    name: str
    team: str
    manager: str = "yamamoto"
    locale: str = "ja"
    timezone: str = "Asia/Tokyo"
    working_hours: str = "mon-fri 09:00-18:00"

    @property
    def email(self) -> str:
        return f"{self.key}@{DOMAIN}"


STAFF: tuple[Colleague, ...] = (
    Colleague(key="yamamoto", name="山本 智子", team="success", manager=""),
    Colleague(key="sato", name="佐藤 遥", team="success"),
    Colleague(key="kimura", name="木村 悠斗", team="success"),
    Colleague(key="tanaka", name="田中 美穂", team="success"),
    Colleague(key="emma", name="Emma Fairweather", team="success", locale="en", timezone="Europe/London"),
    Colleague(key="suzuki", name="鈴木 航", team="digital"),
    Colleague(key="hayashi", name="林 さくら", team="digital"),
    Colleague(key="mori", name="森 健一", team="support"),
    Colleague(key="ogawa", name="小川 理恵", team="support"),
    Colleague(key="nakamura", name="中村 亮", team="product"),
    Colleague(key="ito", name="伊藤 隆", team="sales"),
    Colleague(key="kobayashi", name="小林 奈々", team="sales"),
    Colleague(key="saito", name="斎藤 まり", team="onboarding"),
)

#: Who owns customers as their CSM, by touch model; tech touch has nobody, the team `digital` takes what comes up.
CSMS_BY_TOUCH: dict[str, tuple[str, ...]] = {"high": ("sato", "kimura"), "low": ("tanaka", "suzuki"), "tech": ()}
ENGLISH_CSM = "emma"
SUPPORT = ("mori", "ogawa")
SALES = ("ito", "kobayashi")
ONBOARDING = "saito"

#: On day 40 she goes on leave and he takes her first customers over.
LEAVING_CSM, TAKING_OVER_CSM = "tanaka", "kimura"
