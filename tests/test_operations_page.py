"""docs/operations.md names every setting, metric and complaint, as the code says them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bot.insight
from bot.metrics import MetricDescription, describe_metrics
from bot.settings import SettingDescription, describe_settings

PAGE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
ROWS = PAGE.splitlines()


@pytest.mark.parametrize("setting", describe_settings(), ids=lambda setting: setting.variable)
def test_every_setting_is_documented_as_it_is(setting: SettingDescription) -> None:
    default = f"`{setting.default}`" if setting.default else ""
    assert f"| `{setting.variable}` | {default} | {setting.says} |" in ROWS


@pytest.mark.parametrize("metric", describe_metrics(), ids=lambda metric: metric.name)
def test_every_metric_is_documented_as_it_is(metric: MetricDescription) -> None:
    assert f"| `{metric.name}` | {metric.kind} | {metric.says} |" in ROWS


def test_nothing_is_documented_that_does_not_exist() -> None:
    known = {setting.variable for setting in describe_settings()} | {"JOURNEYBOT_DEBUG"}
    assert set(re.findall(r"\b(?:JOURNEYBOT|SENDGRID|SLACK)_[A-Z_]*[A-Z]\b", PAGE)) <= known
    metrics = {metric.name for metric in describe_metrics()}
    assert set(re.findall(r"\bjourneybot_[a-z_]+", PAGE)) <= metrics


def test_every_complaint_of_doctor_is_documented() -> None:
    """The names are literals in the doctor's modules; states come from the outbox."""
    sources = "".join(path.read_text() for path in Path(bot.insight.__path__[0]).glob("doctor*.py"))
    names = set(re.findall(r'name="([a-z_]+)"', sources)) | set(re.findall(r'_broken\("([a-z_]+)"', sources))
    assert len(names) > 30
    table = PAGE[PAGE.index("## When doctor complains") :]
    missing = {name for name in names if f"`{name}`" not in table}
    assert not missing


def test_every_link_inside_the_page_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", row.lstrip("# ").lower()).replace(" ", "-") for row in ROWS if row[:1] == "#"
    }
    links = set(re.findall(r"\]\(#([a-z0-9-]+)\)", PAGE))
    assert len(links) >= 10
    assert links <= headings
