"""Scores of scorecard.yml, kept day by day: a row where a measure or a card is another than before. A silent feed leaves the
last value standing and lowers the confidence of the card, not its score (semantics.md S2). One statement per measure over the
customers with news, one per card over those whose measures moved. A derivation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Insert,
    String,
    Subquery,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)

from bot.authoring.company import Company
from bot.pipeline.asked_once import asked_once
from bot.pipeline.derived import Changed, Derivation, Item, Look
from bot.pipeline.scopes import CUSTOMER
from bot.rules.condition_doubt import is_doubtful
from bot.rules.condition_scope import Scope
from bot.rules.conditions import compile_condition, parse_condition, parse_value
from bot.rules.derived_names import Derived
from bot.rules.score_sql import (
    as_points,
    band_columns,
    band_sql,
    fact_columns,
    points_of_band,
    points_sql,
    stands_since,
)
from bot.rules.scorecards import Band, Card, Measure, MeasureOf, band_condition, bands_of, card_of
from storage.columns import Document
from storage.dialects import larger_of
from storage.fact_documents import document_of
from storage.prepared import Prepared
from storage.scores import Score, ScoreState
from storage.upserts import put_selected

SCORE: Table = Score.__table__  # type: ignore[attr-defined]
KEPT = ("value", "band", "state", "confidence", "band_since", "before_value", "before_band", "before_since", "facts")
COLUMNS = ("customer_id", "name", "card", "day", *KEPT, "noted_at")
FRESH, STANDS, MISSING, OFF = (
    each.value for each in (ScoreState.FRESH, ScoreState.KEPT, ScoreState.MISSING, ScoreState.OFF)
)
Sql = ColumnElement[Any]


def _items(company: Company) -> Sequence[Item]:
    found: list[Item] = []
    for name, entries in company.cards.items():
        card = card_of(name, entries)
        found += [_measure_item(name, each, measure) for each, measure in card.measures.items()]
        if not card.is_measure:
            found.append(_card_item(card))
    return found


def _measure_item(card: str, name: str, measure: Measure) -> Item:
    asks = [band_condition(text) for text in bands_of(measure).values()]
    asks += [parse_value(measure.formula)] if measure.formula else []
    asks += [parse_condition(measure.when)] if measure.when else []
    definition = MeasureOf(card=card, measure=measure)
    return Item(derived=Derived("score", name), definition=definition, asks=tuple(asks))


def _card_item(card: Card) -> Item:
    """It asks its measures, so that it is worked out after them."""
    asks = [parse_value(f'score("{measure}")') for measure in card.measures]
    asks += [band_condition(text) for text in card.overall.bands.values()]
    return Item(derived=Derived("score", card.name), definition=card, asks=tuple(asks))


def _derive(item: Item, look: Look) -> Changed:
    build = _keeping_card if isinstance(item.definition, Card) else _keeping_measure
    statement = look.ground.kept(("score", item.name, look.shape, look.is_anew), lambda: Prepared(build(item, look)))
    if not statement.run(look.connection):
        return None
    return lambda: select(SCORE.c.customer_id).where(SCORE.c.name == item.name, SCORE.c.noted_at == look.ground.now())


def _keeping_measure(item: Item, look: Look) -> Insert:
    assert isinstance(item.definition, MeasureOf)
    measure = item.definition.measure
    formula = parse_value(measure.formula) if measure.formula else None
    bands = bands_of(measure)
    asked = [each for each in (formula, *map(band_condition, bands.values())) if each is not None]
    once, scope = asked_once(asked, look.ground.scope(), [look.inside()])
    columns: dict[str, Sql] = {
        "applies": _applies(measure, scope),
        "doubt": or_(*(is_doubtful(each, scope) for each in asked)),
        "value": points_sql(formula, scope) if formula else cast(null(), Float),
        "facts": document_of(fact_columns(asked, scope)),
        **_named(band_columns(bands, scope)),
    }
    raw = _with_latest(item.name, scope, columns, once)
    band = band_sql(bands, _asked_of(raw, bands), raw.c.value)
    value = raw.c.value if formula else points_of_band(band)
    known = case((raw.c.doubt, False), else_=value.is_not(None))
    state = case(
        (raw.c.applies.is_not(True), OFF),
        (known, FRESH),
        (and_(raw.c.doubt, raw.c.latest_state.in_((FRESH, STANDS))), STANDS),
        else_=MISSING,
    )
    found = {"state": state, "value": value, "band": band, "confidence": cast(null(), Float), "facts": raw.c.facts}
    return _put(look, item.name, item.definition.card, raw, found)


def _applies(measure: Measure, scope: Scope) -> Sql:
    return compile_condition(parse_condition(measure.when), scope) if measure.when else literal(True)


def _keeping_card(item: Item, look: Look) -> Insert:
    """Only where a measure moved in this pass; all of them where the card itself is new."""
    card = item.definition
    assert isinstance(card, Card)
    scope, bands = look.ground.scope(), card.bands
    moved = select(SCORE.c.customer_id).where(
        SCORE.c.noted_at == look.ground.now(), SCORE.c.name.in_(sorted(card.measures))
    )
    whom = look.inside() if look.is_anew or _asks_more(card) else and_(look.inside(), CUSTOMER.c.id.in_(moved))
    sums = _sums(card, scope, whom)
    columns: dict[str, Sql] = {name: sums.c[name] for name in ("mean", "fresh", "on", "only_band", "is_kept")}
    raw = _with_latest(item.name, scope, {**columns, **_named(band_columns(bands, scope))}, sums)
    value = as_points(raw.c.mean)
    band = band_sql(bands, _asked_of(raw, bands), value) if bands else raw.c.only_band
    state = case((raw.c.on <= 0, OFF), (value.is_(None), MISSING), (raw.c.is_kept == 1, STANDS), else_=FRESH)
    confidence = raw.c.fresh / func.nullif(raw.c.on, 0.0)
    found = {"state": state, "value": value, "band": band, "confidence": confidence, "facts": cast(null(), Document)}
    return _put(look, item.name, item.name, raw, found)


def _asks_more(card: Card) -> bool:
    """Whether its bands look at anything beside its own value."""
    return any(band_condition(text).names for text in card.overall.bands.values())


def _sums(card: Card, scope: Scope, whom: ColumnElement[bool]) -> Subquery:
    """Over the latest row of each measure: the weighted mean of those with a value, the weight of the fresh ones and of all that
    apply. A measure without a row applies and is missing."""
    total = sum(measure.weight for measure in card.measures.values())
    weight = case(*((SCORE.c.name == name, measure.weight) for name, measure in card.measures.items()))
    valued = case((SCORE.c.value.is_not(None), weight), else_=0.0)
    off = case((SCORE.c.state == OFF, weight), else_=0.0)
    fresh = case((SCORE.c.state == FRESH, weight), else_=0.0)
    rows = CUSTOMER.join(SCORE, and_(SCORE.c.customer_id == CUSTOMER.c.id, SCORE.c.name.in_(sorted(card.measures))))
    return (
        select(
            CUSTOMER.c.id.label("customer_id"),
            (func.sum(weight * SCORE.c.value) / func.nullif(func.sum(valued), 0.0)).label("mean"),
            func.sum(fresh).label("fresh"),
            (total - func.sum(off)).label("on"),
            func.max(SCORE.c.band).label("only_band"),
            case((func.sum(fresh) <= 0, 1), else_=0).label("is_kept"),
        )
        .select_from(rows)
        .where(whom, CUSTOMER.c.erased_at.is_(None), SCORE.c.day == _latest_day(SCORE, scope))
        .group_by(CUSTOMER.c.id)
        .subquery("sums")
    )


def _latest_day(row: FromClause, scope: Scope) -> Sql:
    other = SCORE.alias()
    same = (other.c.customer_id == row.c.customer_id, other.c.name == row.c.name, other.c.day <= scope.today())
    return select(func.max(other.c.day)).where(*same).correlate(row, CUSTOMER).scalar_subquery()


def _named(columns: Mapping[Band, Sql]) -> dict[str, Sql]:
    return {f"asked_{band}": column for band, column in columns.items()}


def _asked_of(raw: Subquery, bands: Mapping[Band, str]) -> dict[Band, Sql]:
    return {band: raw.c[f"asked_{band}"] for band in bands}


def _with_latest(name: str, scope: Scope, columns: Mapping[str, Sql], whom: Subquery) -> Subquery:
    """These customers with these columns and the latest row of the score, worked out once (OFFSET keeps a planner from repeating
    the columns wherever they are used below)."""
    other = SCORE.alias()
    mine = (other.c.customer_id == CUSTOMER.c.id, other.c.name == name, other.c.day <= scope.today())
    latest_day = select(func.max(other.c.day)).where(*mine).correlate(CUSTOMER).scalar_subquery()
    rows = CUSTOMER.join(whom, whom.c.customer_id == CUSTOMER.c.id)
    is_latest = and_(SCORE.c.customer_id == CUSTOMER.c.id, SCORE.c.name == name, SCORE.c.day == latest_day)
    kept = [SCORE.c[each].label(f"latest_{each}") for each in ("day", *KEPT) if each != "facts"]
    return (
        select(
            CUSTOMER.c.id.label("customer_id"),
            scope.today().label("today"),
            *kept,
            *(column.label(label) for label, column in columns.items()),
        )
        .select_from(rows.outerjoin(SCORE, is_latest))
        .offset(0)
        .subquery("raw")
    )


def _put(look: Look, name: str, card: str, raw: Subquery, found: Mapping[str, Sql]) -> Insert:
    """A row for whom something is another than in the latest one; the row of the same day is set anew."""
    state = found["state"]
    stands, has_value = state == STANDS, state.in_((FRESH, STANDS))
    latest = [column for column in raw.c if column.name.startswith("latest_")]
    once = select(
        raw.c.customer_id,
        raw.c.today,
        *latest,
        state.label("state"),
        case((and_(stands, literal(name != card)), raw.c.latest_value), (has_value, found["value"])).label("value"),
        case((and_(stands, literal(name != card)), raw.c.latest_band), (has_value, found["band"])).label("band"),
        found["confidence"].label("confidence"),
        found["facts"].label("facts"),
    )
    new = once.offset(0).subquery("new")
    before = {
        each: case((new.c.latest_day < new.c.today, new.c[f"latest_{each}"]), else_=new.c[f"latest_before_{end}"])
        for each, end in (("value", "value"), ("band", "band"), ("band_since", "since"))
    }
    rows = select(
        new.c.customer_id,
        literal(name),
        literal(card),
        new.c.today,
        new.c.value,
        new.c.band,
        new.c.state,
        new.c.confidence,
        stands_since(new.c.today, new.c.band, before["band"], before["band_since"]),
        before["value"],
        before["band"],
        before["band_since"],
        new.c.facts,
        look.ground.now(),
    ).where(or_(*_differences(new)))
    return put_selected(look.connection, SCORE, COLUMNS, rows, changes=(*KEPT, "card", "noted_at"))


def _differences(new: Subquery) -> Iterator[ColumnElement[bool]]:
    """No row yet is the same as a row that is missing."""
    for each in ("value", "band", "confidence"):
        yield new.c[each].is_distinct_from(new.c[f"latest_{each}"])
    yield new.c.state != func.coalesce(new.c.latest_state, cast(literal(MISSING), String()))


def _forget(connection: Connection, names: Collection[str], now: datetime) -> None:
    """The history stays; from today on there is no such score."""
    other = SCORE.alias()
    same = (other.c.customer_id == SCORE.c.customer_id, other.c.name == SCORE.c.name)
    latest = select(func.max(other.c.day)).where(*same).correlate(SCORE).scalar_subquery()
    columns = ("customer_id", "name", "card", "day", "value", "band", "state", "noted_at")
    nothing = (cast(null(), Float), cast(null(), String()), literal(OFF))
    at = literal(now, SCORE.c.noted_at.type)
    today = larger_of(SCORE.c.day, literal(now.date()))  # the latest row may be of tomorrow: of the customer's own day
    rows = select(SCORE.c.customer_id, SCORE.c.name, SCORE.c.card, today, *nothing, at).where(
        SCORE.c.name.in_(names), SCORE.c.day == latest, SCORE.c.state != OFF
    )
    gone = put_selected(connection, SCORE, columns, rows, changes=("value", "band", "state", "noted_at"))
    connection.execute(gone)


KEPT_SCORES = Derivation(kind="score", writes=(SCORE,), items=_items, derive=_derive, forget=_forget)
