"""A measure of scorecard.yml as SQL columns: its value, what its bands ask, and the facts it looks at. Expressions only; the
pass kept_scores puts them into its statements, so that one statement judges a million customers alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Float, String, and_, case, cast, func, literal, null, or_

from bot.rules.condition_scope import Scope
from bot.rules.condition_sql import value_sql
from bot.rules.condition_tree import Call, Limit, Node, Property, Word, children, text_of
from bot.rules.conditions import Condition, compile_condition, compile_value
from bot.rules.scorecards import Band, band_condition, left_over, threshold_of

Sql = ColumnElement[Any]
POINTS: Mapping[Band, float] = {"green": 100.0, "yellow": 50.0, "red": 0.0}
#: Half a tenth of a tenth: so that 12.25 becomes 12.3 on both databases, which round halves differently.
NUDGE = 1e-7
_OPERATORS = {">=": "__ge__", "<=": "__le__", ">": "__gt__", "<": "__lt__"}


def points_sql(formula: Condition, scope: Scope) -> Sql:
    """The value as a number from 0 to 100."""
    return as_points(cast(compile_value(formula, scope), Float))


def as_points(value: Sql) -> Sql:
    """Within 0 and 100, to a tenth."""
    return case((value < 0, 0.0), (value > 100, 100.0), else_=func.round(value * 10 + NUDGE) / 10)


def band_columns(bands: Mapping[Band, str], scope: Scope) -> dict[Band, Sql]:
    """What each band needs to know: the bound of its comparison, or the verdict of its condition."""
    found: dict[Band, Sql] = {}
    for band, text in bands.items():
        asked = band_condition(text)
        is_bound = threshold_of(text) is not None
        found[band] = cast(compile_value(asked, scope), Float) if is_bound else compile_condition(asked, scope)
    return found


def band_sql(bands: Mapping[Band, str], columns: Mapping[Band, Sql], value: Sql) -> Sql:
    """The band, from columns that `band_columns` made: red if it is given and holds, then green, then yellow, then the one that
    is not given. Empty where nobody can know."""
    ways: list[tuple[Sql, Sql]] = []
    unknown: list[Sql] = []
    for band, text in bands.items():
        threshold = threshold_of(text)
        if threshold is None:
            ways.append((columns[band], literal(band, String())))
            unknown.append(columns[band].is_(None))
        else:
            ways.append((getattr(value, _OPERATORS[threshold.operator])(columns[band]), literal(band, String())))
            unknown += [value.is_(None), columns[band].is_(None)]
    other = left_over(bands)
    rest = cast(null(), String()) if other is None else literal(other, String())
    return case(*ways, (or_(*unknown), cast(null(), String())), else_=rest)


def points_of_band(band: Sql) -> Sql:
    """The value of a measure that has none of its own."""
    return case(*((band == name, points) for name, points in POINTS.items()))


def fact_columns(conditions: Iterable[Condition], scope: Scope) -> dict[str, Sql]:
    """Every name and function that is looked at, by its text."""
    nodes = {text_of(node): node for condition in conditions for node in _facts(condition.tree)}
    return {text: value_sql(node, scope) for text, node in nodes.items()}


def _facts(node: Node) -> Iterator[Node]:
    if isinstance(node, Word | Call | Property | Limit):
        yield node
        return
    for child in children(node):
        yield from _facts(child)


def stands_since(today: Sql, band: Sql, before_band: Sql, before_since: Sql) -> Sql:
    """The day a band began: today, unless it stood already when the day before ended."""
    return case((band.is_(None), null()), (and_(band == before_band), before_since), else_=today)
