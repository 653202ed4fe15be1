"""The items `health` and `stage_checks` of a hand-off's brief (S44): where the customer stands, what moved it, and which checks of
its stage still fail. Words only; health_views and stage_views read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from storage.health_views import HEALTH, TREND_DAYS, ScoreView, health_of
from storage.scores import ScoreState
from storage.stage_views import checks_of

Says = Callable[[str, str], str]
BANDS: Mapping[str, tuple[str, str]] = {
    "green": ("🟢 green", "🟢 緑"),
    "yellow": ("🟡 yellow", "🟡 黄"),
    "red": ("🔴 red", "🔴 赤"),
}
MARKS: Mapping[bool | None, str] = {True: "✓", False: "✗", None: "?"}
SURE = 0.75


def health_lines(
    connection: Connection, customer_id: int, now: datetime, says: Says, *, card: str = HEALTH
) -> Iterator[str]:
    """The card, then the measures that moved it in the last 30 days, or (where nothing moved) those that are not green."""
    found = health_of(connection, customer_id, now, card=card)
    if found is None or found.card.value is None:
        return
    yield _score_line(found.card, says) + _confidence(found.confidence, says)
    shown = found.moved or tuple(each for each in found.measures if each.band not in ("green", None))
    for measure in shown:
        yield f"{measure.name}: {_score_line(measure, says)}{_facts(measure.facts)}"


def _score_line(score: ScoreView, says: Says) -> str:
    if score.value is None:
        return says("no value yet", "値なし")
    band = says(*BANDS[score.band]) if score.band is not None else ""
    text = " ".join(part for part in (f"{score.value:g}", band) if part)
    if score.change:
        text += says(f" ({score.change:+g} in {TREND_DAYS} days)", f"（{TREND_DAYS}日で{score.change:+g}）")
    if score.state is ScoreState.KEPT:
        text += says(", last known", "・最終確認値")
    return text


def _confidence(confidence: float | None, says: Says) -> str:
    if confidence is None or confidence >= SURE:
        return ""
    return says(f", confidence {confidence:.0%}", f"・確度{confidence:.0%}")


def _facts(facts: Mapping[str, Any]) -> str:
    shown = [
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}" for name, value in facts.items()
    ]
    return f" [{', '.join(shown)}]" if shown else ""


def stage_check_lines(connection: Connection, customer_id: int) -> Iterator[str]:
    """What still fails first."""
    for check in checks_of(connection, customer_id):
        yield f"{MARKS[check.holds]} {check.name}"
