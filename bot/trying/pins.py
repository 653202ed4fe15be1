"""Puts what a case pins (`derived:`) where the derivations would have put it, with the marks they leave, so that everybody who asks
finds it in the same tick. Called before the tick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, update

from bot.authoring.company import Company
from bot.errors import UsageError
from bot.rules.playbook_tests import Pin
from bot.rules.scorecards import Band, bands_of, card_of, left_over, threshold_of
from storage.health import FeatureBand, MetricValue, SignalEpisode
from storage.marks import mark_changed
from storage.scores import Score, ScoreState
from storage.upserts import How, upsert_rows

SCORE: Table = Score.__table__  # type: ignore[attr-defined]
METRIC: Table = MetricValue.__table__  # type: ignore[attr-defined]
FEATURE: Table = FeatureBand.__table__  # type: ignore[attr-defined]
EPISODE: Table = SignalEpisode.__table__  # type: ignore[attr-defined]
COMPARE = {">=": float.__ge__, "<=": float.__le__, ">": float.__gt__, "<": float.__lt__}
#: A band's value where a case names the band alone.
MIDDLE: dict[str, float] = {"green": 85.0, "yellow": 55.0, "red": 20.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose things are pinned, and when."""

    connection: Connection
    company: Company
    customer_id: int
    now: datetime
    day: date


def put(holder: Holder, pin: Pin) -> None:
    """Raises: UsageError for a score whose band no number gives."""
    match pin.what:
        case "score":
            for name, value in (pin.score or {}).items():
                _put_score(holder, name, value, _band_of(holder.company, _card_of(holder.company, name), name, value))
        case "band":
            for name, band in (pin.band or {}).items():
                _put_score(holder, name, MIDDLE.get(band), band)
        case "metric":
            for name, value in (pin.metric or {}).items():
                _put(holder, METRIC, {"metric": name, "day": holder.day, "value": value, "changed_at": holder.now})
        case "feature":
            for name, band in (pin.feature or {}).items():
                _put(holder, FEATURE, {"feature": name, "band": band, "since": holder.day, "changed_at": holder.now})
        case "opens":
            _open(holder, pin.opens or ())
        case "closes":
            _close(holder, pin.closes or ())
    mark_changed(holder.connection, [holder.customer_id])


def _put(holder: Holder, table: Table, values: Mapping[str, Any]) -> None:
    """The row, in place of the one under the same key."""
    row = {"customer_id": holder.customer_id, **values}
    changes: dict[str, How] = {name: "set" for name in row if not table.c[name].primary_key}
    upsert_rows(holder.connection, table, tuple(row), [tuple(row.values())], changes)


def _put_score(holder: Holder, name: str, value: float | None, band: str | None) -> None:
    mine = (SCORE.c.customer_id == holder.customer_id, SCORE.c.name == name)
    before = holder.connection.execute(SCORE.select().where(*mine).order_by(SCORE.c.day.desc()).limit(1)).one_or_none()
    stands = before is not None and before.band == band
    values = {
        "name": name,
        "day": holder.day,
        "card": _card_of(holder.company, name),
        "value": value,
        "band": band,
        "state": ScoreState.FRESH.value,
        "confidence": 1.0,
        "band_since": before.band_since if before is not None and stands else holder.day,
        "before_value": before.value if before is not None else None,
        "before_band": before.band if before is not None else None,
        "before_since": before.band_since if before is not None else None,
        "noted_at": holder.now,
    }
    _put(holder, SCORE, values)


def _card_of(company: Company, name: str) -> str:
    if name in company.cards:
        return name
    return next(card for card, measures in company.cards.items() if name in measures)


def _band_of(company: Company, card: str, name: str, value: float) -> Band | None:
    """By the bands of scorecard.yml, where they compare the value. Raises: UsageError where they do not."""
    whole = card_of(card, company.cards[card])
    bands = (
        whole.bands
        if name == card and whole.bands
        else bands_of(whole.measures.get(name) or next(iter(whole.measures.values())))
    )
    for band, text in bands.items():
        threshold = threshold_of(text)
        try:
            bound = float(text.strip(" <>=")) if threshold else None
        except ValueError:
            bound = None
        if threshold is None or bound is None:
            raise UsageError(
                f"the {band} band of `{name}` is a condition, so no number gives it",
                hint=f"pin the band: `{{band: {{{name}: {band}}}}}`",
            )
        if COMPARE[threshold.operator](value, bound):
            return band
    return left_over(bands)


def _open(holder: Holder, names: Iterable[str]) -> None:
    now = holder.now
    began = {"customer_id": holder.customer_id, "held_since": now, "opened_at": now, "is_new": True, "changed_at": now}
    holder.connection.execute(insert(EPISODE), [{"signal": name, **began} for name in names])


def _close(holder: Holder, names: Iterable[str]) -> None:
    is_mine = (EPISODE.c.customer_id == holder.customer_id, EPISODE.c.signal.in_(sorted(names)))
    ending = {"closed_at": holder.now, "changed_at": holder.now, "is_new": False}
    holder.connection.execute(update(EPISODE).where(*is_mine, EPISODE.c.closed_at.is_(None)).values(ending))
