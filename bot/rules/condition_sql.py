"""Typed tree → one SQL expression with three answers: yes, no, unknown (NULL). Decides what empty values, silent feeds and
young customers mean (semantics.md S1-S3); never runs anything. The passes put the expression into their statements."""

from __future__ import annotations

import operator as operators
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    Float,
    Integer,
    Null,
    String,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    true,
)

from bot.rules.condition_feeds import is_in_doubt
from bot.rules.condition_parser import parse_tree
from bot.rules.condition_scope import Scope
from bot.rules.condition_tree import (
    Arithmetic,
    Call,
    Comparison,
    Constant,
    Emptiness,
    Junction,
    Limit,
    Membership,
    Negation,
    Node,
    Property,
    ValueType,
    Word,
    every_node,
    text_of,
)
from bot.rules.condition_types import as_verdict
from bot.rules.vocabulary import VOCABULARY
from bot.rules.vocabulary_entry import Arguments, Silence
from storage.dialects import add_days, days_between, json_bool, json_date, json_number, json_text

Sql = ColumnElement[Any]
_ZERO = Constant(value=0, type=ValueType.NUMBER)
_JSON: dict[ValueType, Callable[[Sql, str], Sql]] = {
    ValueType.NUMBER: json_number,
    ValueType.BOOL: json_bool,
    ValueType.DATE: json_date,
    ValueType.TEXT: json_text,
    ValueType.ANY: json_text,
}
_PYTHON: dict[str, Callable[[Any, Any], Any]] = {
    "==": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}
_NULLS = {ValueType.NUMBER: Float, ValueType.BOOL: Boolean, ValueType.DATE: Date}


def verdict_sql(node: Node, scope: Scope, *, is_positive: bool = True) -> Sql:
    """Yes, no or unknown. `is_positive` is False below an odd number of `not`: there a "no" is what lets people in."""
    match node:
        case Negation():
            return not_(verdict_sql(node.operand, scope, is_positive=not is_positive))
        case Junction():
            parts = [verdict_sql(each, scope, is_positive=is_positive) for each in node.operands]
            return and_(*parts) if node.operator == "and" else or_(*parts)
        case Comparison() | Membership() | Emptiness():
            return _believed(node, scope, is_positive=is_positive)
        case _:
            return value_sql(node, scope)


def value_sql(node: Node, scope: Scope) -> Sql:
    """The value as the tables have it; a value that means nothing while in doubt is empty then."""
    known = scope.known.get(text_of(node)) if scope.known else None
    return _worked_out(node, scope) if known is None else known


def _worked_out(node: Node, scope: Scope) -> Sql:
    match node:
        case Constant():
            return _constant(node)
        case Property():
            return _property(node, scope)
        case Limit():
            return _limit(node, scope)
        case Word() | Call():
            return _known(node, scope)
        case Arithmetic():
            return _arithmetic(node, scope)
        case _:
            return _plain_verdict(node, scope)


def call_arguments(node: Call, scope: Scope) -> Arguments:
    given = {
        name: argument if isinstance(argument, str | int | tuple) else value_sql(argument, scope)
        for name, argument in node.arguments
    }
    written = {
        name: text_of(argument) for name, argument in node.arguments if not isinstance(argument, str | int | tuple)
    }
    return Arguments(given, written, partial(_company_condition, scope=scope))


def _company_condition(text: str, scope: Scope) -> Sql:
    # What asks for content or products in the `for:` of such a thing finds them without theirs, so it cannot go in circles.
    inside = replace(scope, catalogue=scope.catalogue.for_everybody(), products={}, known={})
    return verdict_sql(as_verdict(parse_tree(text)), inside)


def _known(node: Word | Call, scope: Scope) -> Sql:
    entry = VOCABULARY[node.name if isinstance(node, Word) else node.function]
    arguments = Arguments({}) if isinstance(node, Word) else call_arguments(node, scope)
    assert entry.sql is not None, entry.name
    found = entry.sql(scope, arguments)
    if isinstance(found, Null):
        return cast(found, _NULLS.get(entry.type, String)())
    if entry.silence is not Silence.WHOLE:
        return found
    return case((is_in_doubt(entry, arguments, scope), null()), else_=found)


def _constant(node: Constant) -> Sql:
    match node.value:
        case None:
            return null()
        case bool():
            return true() if node.value else false()
        case int() | float():
            return literal(float(node.value), Float())
        case str():
            return literal(node.value, String())
        case _:
            return literal(node.value, Date())


def _property(node: Property, scope: Scope) -> Sql:
    document = _document(node.document, scope)
    if document is None or isinstance(document, Null):
        return cast(null(), _NULLS.get(node.type, String)())
    return _JSON[node.type](document, node.key)


def _document(name: str, scope: Scope) -> Sql | None:
    if name == "event":
        return scope.event
    row = scope.customer if name == "attributes" else scope.contact
    return None if row is None else row.c.attributes


def _limit(node: Limit, scope: Scope) -> Sql:
    """The customer's own threshold, else the first of the workspace's whose condition holds."""
    own = json_number(scope.customer.c.limits, node.name)
    ways: list[tuple[Sql, Sql]] = []
    otherwise: Sql = cast(null(), Float())
    for condition, value in scope.limits.get(node.name, ()):
        given = literal(float(value), Float())
        if condition is None:
            otherwise = given
            break
        ways.append((_limit_holds(condition, scope), given))
    return func.coalesce(own, case(*ways, else_=otherwise) if ways else otherwise)


def _limit_holds(text: str, scope: Scope) -> Sql:
    # A limit inside a limit's condition finds no workspace limits, so it cannot go in circles.
    return verdict_sql(as_verdict(parse_tree(text)), replace(scope, limits={}, known={}))


def _arithmetic(node: Arithmetic, scope: Scope) -> Sql:
    if node.type is ValueType.DATE:
        assert isinstance(node.right, Constant)
        shift = int(str(node.right.value))
        return add_days(value_sql(node.left, scope), literal(shift if node.operator == "+" else -shift, Integer()))
    if node.left.type is ValueType.DATE:
        return days_between(value_sql(node.left, scope), value_sql(node.right, scope))
    left, right = _number(node.left, scope), _number(node.right, scope)
    match node.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            # SQLAlchemy would turn integer division into its own casts; both sides are floats already.
            return left.op("/", return_type=Float(), precedence=8)(func.nullif(right, 0.0, type_=Float()))


def _number(node: Node, scope: Scope) -> Sql:
    found = value_sql(node, scope)
    if isinstance(node, Constant) and node.type is ValueType.NUMBER:
        return found
    return cast(cast(found, Integer), Float) if node.type is ValueType.BOOL else cast(found, Float)


def _plain_verdict(node: Node, scope: Scope) -> Sql:
    """A comparison by the numbers as they stand, without doubt."""
    match node:
        case Comparison():
            return _compared(node, value_sql(node.left, scope), value_sql(node.right, scope))
        case Membership():
            return _member(node, value_sql(node.value, scope), scope)
        case Emptiness():
            value = value_sql(node.value, scope)
            return value.is_not(None) if node.is_negated else value.is_(None)
        case Negation():
            return not_(_plain_verdict(node.operand, scope))
        case Junction():
            parts = [_plain_verdict(each, scope) for each in node.operands]
            return and_(*parts) if node.operator == "and" else or_(*parts)
        case _:
            return value_sql(node, scope)


def _compared(node: Comparison, left: Sql, right: Sql) -> Sql:
    match node.operator:
        case "==" if isinstance(left, Column) and isinstance(node.right, Constant):
            # Written so that an index on the column serves; never unknown all the same.
            return and_(left == right, left.is_not(None))
        case "==":
            return left.is_not_distinct_from(right)
        case "!=":
            return left.is_distinct_from(right)
        case _:
            found: Sql = _PYTHON[node.operator](left, right)
            return found


def _member(node: Membership, value: Sql, scope: Scope) -> Sql:
    full = [value_sql(item, scope) for item in node.items if item.type is not ValueType.NOTHING]
    inside: Sql = func.coalesce(value.in_(full), false(), type_=Boolean())
    if isinstance(value, Column) and full:
        inside = and_(value.in_(full), value.is_not(None))
    elif not full:
        inside = false()
    if any(not isinstance(item, Constant) for item in node.items):
        inside = or_(*(value.is_not_distinct_from(each) for each in full))
    if len(full) < len(node.items):
        inside = or_(inside, value.is_(None))
    return not_(inside) if node.is_negated else inside


def _believed(node: Comparison | Membership | Emptiness, scope: Scope, *, is_positive: bool) -> Sql:
    """S2, S3: an answer that silence would give as well is unknown while the feed is silent or the customer too young."""
    found = _plain_verdict(node, scope)
    sides = (node.left, node.right) if isinstance(node, Comparison) else (node.value,)
    whole = [call for side in sides for call in _calls(side, Silence.WHOLE)]
    if whole and not (isinstance(node, Comparison) and node.operator not in ("==", "!=")):
        found = case((_doubt(whole, scope), null()), else_=found)
    counted = [_calls(side, Silence.ZERO) for side in sides]
    counts = [call for side in counted for call in side]
    if not counts:
        return found
    doubt = _doubt(counts, scope)
    if all(counted) and len(counted) > 1:
        return case((doubt, null()), else_=found)
    return _unless_silent(node, found, doubt, scope, is_positive=is_positive)


def _unless_silent(
    node: Comparison | Membership | Emptiness, found: Sql, doubt: Sql, scope: Scope, *, is_positive: bool
) -> Sql:
    zeroed = with_zero_counts(node)
    known = holds_for_zero(zeroed)
    if known is None:
        silent = _plain_verdict(zeroed, scope)
        doubt = and_(doubt, silent) if is_positive else and_(doubt, not_(silent))
    elif known is not is_positive:
        return found
    if is_positive:
        return and_(found, case((doubt, null()), else_=true()))
    return or_(found, case((doubt, null()), else_=false()))


def _doubt(calls: list[Call], scope: Scope) -> Sql:
    return or_(*(is_in_doubt(VOCABULARY[call.function], call_arguments(call, scope), scope) for call in calls))


def _calls(node: Node, silence: Silence) -> list[Call]:
    return [
        each for each in every_node(node) if isinstance(each, Call) and VOCABULARY[each.function].silence is silence
    ]


def with_zero_counts(node: Any) -> Any:
    """The same with zero for every count."""
    match node:
        case Call() if VOCABULARY[node.function].silence is Silence.ZERO:
            return _ZERO
        case Comparison() | Arithmetic():
            return replace(node, left=with_zero_counts(node.left), right=with_zero_counts(node.right))
        case Membership() | Emptiness():
            return replace(node, value=with_zero_counts(node.value))
        case Negation():
            return replace(node, operand=with_zero_counts(node.operand))
        case Junction():
            return replace(node, operands=tuple(map(with_zero_counts, node.operands)))
        case _:
            return node


def holds_for_zero(node: Node) -> bool | None:
    """Whether a comparison of constants holds; None when it is not one."""
    match node:
        case Comparison(left=Constant(value=left), right=Constant(value=right)):
            return _holds(node.operator, left, right)
        case Membership(value=Constant(value=value), items=items) if all(isinstance(item, Constant) for item in items):
            inside = any(isinstance(item, Constant) and item.value == value for item in items)
            return inside is not node.is_negated
        case Emptiness(value=Constant()):
            return node.is_negated
        case _:
            return None


def _holds(operator: str, left: Any, right: Any) -> bool:
    return bool(_PYTHON[operator](left, right))
