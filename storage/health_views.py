"""Reading health: a customer's card with its measures, band, trend and what moved it, and whose colour changed since a day. For
cards, App Home, explain and reports; set-based where many customers are asked about. Never writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Date, RowMapping, Select, String, and_, bindparam, func, select

from storage.accounts import Customer
from storage.dialects import among_given
from storage.scores import BANDS, Score, ScoreState

HEALTH = "health"
TREND_DAYS = 30
#: The zone in which a day begins first.
FURTHEST_AHEAD = timedelta(hours=14)
#: Fewer points up or down than this is no trend.
STEADY = 3.0

SCORE = Score.__table__  # type: ignore[attr-defined]
CUSTOMER = Customer.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreView:
    """A card or a measure as it stands. `was` is its value (and `was_band` its band) when the time looked back at began;
    None: it had none. `facts` are what a measure was worked out from now, `was_facts` then."""

    name: str
    value: float | None
    band: str | None
    band_since: date | None
    state: ScoreState
    was: float | None
    was_band: str | None
    facts: Mapping[str, Any]
    was_facts: Mapping[str, Any]

    @property
    def change(self) -> float | None:
        """Points gained or lost."""
        return None if self.value is None or self.was is None else round(self.value - self.was, 1)

    @property
    def trend(self) -> str | None:
        """`up`, `down` or `steady`; None while there is nothing to compare with."""
        change = self.change
        if change is None:
            return None
        return "steady" if abs(change) < STEADY else "up" if change > 0 else "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One card of one customer. `confidence` is the weight of the measures that rest on fresh facts, 0 to 1; `since` the day
    the changes are counted from."""

    customer_id: int
    card: ScoreView
    confidence: float | None
    measures: tuple[ScoreView, ...]
    since: date

    @property
    def moved(self) -> tuple[ScoreView, ...]:
        """The measures whose value or band changed since, the ones that moved most first."""
        found = [each for each in self.measures if each.value != each.was or each.band != each.was_band]
        return tuple(sorted(found, key=lambda each: (-abs(each.change or 0.0), each.name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourChange:
    """A customer whose card came into another band on `on`; None on either side: it had, or has, no value."""

    customer: str
    customer_name: str
    csm: str | None
    card: str
    old: str | None
    new: str | None
    on: date
    value: float | None

    @property
    def is_worse(self) -> bool:
        return self.old in BANDS and self.new in BANDS and BANDS.index(self.new) < BANDS.index(self.old)


def health_of(
    connection: Connection, customer_id: int, now: datetime, *, card: str = HEALTH, days: int = TREND_DAYS
) -> Health | None:
    """The card as it stands, beside what it was `days` before; None while the customer has no such card."""
    return health_of_many(connection, [customer_id], now, card=card, days=days).get(customer_id)


def health_of_many(
    connection: Connection, customer_ids: Collection[int], now: datetime, *, card: str = HEALTH, days: int = TREND_DAYS
) -> dict[int, Health]:
    """The same for many customers by two statements; those without the card are left out."""
    today = (now + FURTHEST_AHEAD).date()  # scores stand under the customer's own day, which may be tomorrow here
    since = today - timedelta(days=days)
    standing, then = (_rows_on(connection, customer_ids, card, day) for day in (today, since))
    found: dict[int, Health] = {}
    for customer_id, rows in standing.items():
        if card not in rows:
            continue
        before = then.get(customer_id, {})
        views = {name: _view(row, before.get(name)) for name, row in rows.items()}
        measures = (view for name, view in views.items() if name != card and view.state is not ScoreState.OFF)
        found[customer_id] = Health(
            customer_id=customer_id,
            card=views[card],
            confidence=rows[card]["confidence"],
            measures=tuple(sorted(measures, key=lambda each: each.name)),
            since=since,
        )
    return found


def cards_of(connection: Connection, customer_id: int, now: datetime) -> list[Health]:
    """The customer's cards that have a value, by name; as of their latest day where that lies ahead of `now` (an example)."""
    newest = connection.scalar(select(func.max(SCORE.c.day)).where(SCORE.c.customer_id == customer_id))
    if newest is None:
        return []
    at = max(now, datetime.combine(newest, time(), now.tzinfo))
    latest = _LATEST.subquery()
    found = select(latest.c.name).where(latest.c.name == latest.c.card, latest.c.value.is_not(None))
    names = connection.scalars(found, {"keys": [customer_id], "day": (at + FURTHEST_AHEAD).date()})
    cards = (health_of(connection, customer_id, at, card=name) for name in sorted(names))
    return [card for card in cards if card is not None]


def colour_changes(
    connection: Connection, since: date, *, csm: str | None = None, card: str = HEALTH, limit: int | None = None
) -> list[ColourChange]:
    """Whose band is another one than when the day before `since` ended, the latest change first. `csm` "" asks for the
    customers without one."""
    other = SCORE.alias()
    same = (other.c.customer_id == CUSTOMER.c.id, other.c.name == card)
    latest = select(func.max(other.c.day)).where(*same).correlate(CUSTOMER).scalar_subquery()
    of_customer = and_(SCORE.c.customer_id == CUSTOMER.c.id, SCORE.c.name == card, SCORE.c.day == latest)
    before = select(other.c.band).where(*same, other.c.day < since).order_by(other.c.day.desc()).limit(1)
    old = before.correlate(CUSTOMER).scalar_subquery()
    asked = (
        select(
            CUSTOMER.c.key.label("customer"),
            CUSTOMER.c.name.label("customer_name"),
            CUSTOMER.c.csm,
            SCORE.c.card,
            old.label("old"),
            SCORE.c.band.label("new"),
            SCORE.c.band_since.label("on"),
            SCORE.c.value,
        )
        .select_from(CUSTOMER.join(SCORE, of_customer))
        .where(SCORE.c.band_since >= since, CUSTOMER.c.erased_at.is_(None), old.is_distinct_from(SCORE.c.band))
        .order_by(SCORE.c.band_since.desc(), CUSTOMER.c.key)
        .limit(limit)
    )
    if csm is not None:
        asked = asked.where(CUSTOMER.c.csm == csm if csm else CUSTOMER.c.csm.is_(None))
    return [ColourChange(**row._mapping) for row in connection.execute(asked)]


def _latest() -> Select[Any]:
    """The row of each score of the customers `keys` that stood when the `day` ended."""
    latest = (
        select(SCORE.c.customer_id, SCORE.c.name, func.max(SCORE.c.day).label("day"))
        .where(among_given(SCORE.c.customer_id), SCORE.c.day <= bindparam("day", type_=Date))
        .group_by(SCORE.c.customer_id, SCORE.c.name)
        .subquery()
    )
    same = and_(SCORE.c.customer_id == latest.c.customer_id, SCORE.c.name == latest.c.name, SCORE.c.day == latest.c.day)
    return select(SCORE).select_from(SCORE.join(latest, same))


_LATEST = _latest()
_LATEST_OF_CARD = _LATEST.where(SCORE.c.card == bindparam("of_card", type_=String))


def _rows_on(
    connection: Connection, customer_ids: Iterable[int], card: str, day: date
) -> dict[int, dict[str, RowMapping]]:
    found: dict[int, dict[str, RowMapping]] = defaultdict(dict)
    asked = {"keys": list(customer_ids), "day": day, "of_card": card}
    for row in connection.execute(_LATEST_OF_CARD, asked).mappings():
        found[row["customer_id"]][row["name"]] = row
    return found


def _view(row: RowMapping, before: RowMapping | None) -> ScoreView:
    return ScoreView(
        name=row["name"],
        value=row["value"],
        band=row["band"],
        band_since=row["band_since"],
        state=ScoreState(row["state"]),
        was=before["value"] if before else None,
        was_band=before["band"] if before else None,
        facts=row["facts"] or {},
        was_facts=(before["facts"] if before else None) or {},
    )
