"""Which types go together in a condition, and the sentence when they do not. A free attribute takes the type the other side
asks for; a text that is an ISO date becomes one beside a date. Between condition_parser (before) and the tree (after)."""

from __future__ import annotations

from datetime import date
from typing import Literal, TypeAlias

from bot.errors import ConditionError
from bot.rules.condition_tree import (
    Arithmetic,
    Comparison,
    Constant,
    Emptiness,
    Membership,
    Negation,
    Node,
    Operator,
    ValueType,
    retyped,
    text_of,
)

ArithmeticOperator: TypeAlias = Literal["+", "-", "*", "/"]
LONGEST_SHIFT_DAYS = 36_600

BOOL, NUMBER, TEXT, DATE = ValueType.BOOL, ValueType.NUMBER, ValueType.TEXT, ValueType.DATE
ANY, NOTHING = ValueType.ANY, ValueType.NOTHING
_NOUNS = {
    BOOL: "a yes or no",
    NUMBER: "a number",
    TEXT: "a text",
    DATE: "a date",
    ANY: "a free field",
    NOTHING: "nothing",
}
_EXAMPLES = {NUMBER: "10", TEXT: '"text"', DATE: '"2027-03-31"', BOOL: "true"}


def clean_text(value: str) -> str:
    """Raises: ConditionError for text that a database cannot hold."""
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ConditionError("a text holds a character that no database can store", hint="remove the control character")
    return value


def iso_date(node: Node) -> date | None:
    """The date that a quoted text writes, as in "2027-03-31"."""
    if not isinstance(node, Constant) or not isinstance(node.value, str) or len(node.value) != 10:
        return None
    try:
        return date.fromisoformat(node.value)
    except ValueError:
        return None


def compared(operator: Operator, left: Node, right: Node) -> Node:
    """The comparison with both sides of one type. Raises: ConditionError."""
    if NOTHING in (left.type, right.type):
        return _compared_with_none(operator, left, right)
    left, right = _agreed(operator, left, right)
    if operator not in ("==", "!=") and left.type not in (NUMBER, DATE):
        raise ConditionError(
            f"`{operator}` asks for numbers or dates; `{text_of(left)}` is {_NOUNS[left.type]}",
            hint=f"compare it with `==`, `!=` or `in`, e.g. {text_of(left)} == {_EXAMPLES[left.type]}",
            rule="type",
        )
    return Comparison(operator=operator, left=left, right=right)


def _compared_with_none(operator: Operator, left: Node, right: Node) -> Node:
    value = left if right.type is NOTHING else right
    if operator not in ("==", "!="):
        raise ConditionError(
            f"nothing is larger or smaller than `none`; `{text_of(value)}` can only be there or not",
            hint=f"write `{text_of(value)} is none` or `is not none`",
            rule="type",
        )
    return emptiness(value, is_negated=operator == "!=")


def _agreed(operator: Operator, left: Node, right: Node) -> tuple[Node, Node]:
    if left.type is ANY and right.type is ANY:
        return _two_free_fields(operator, left, right)
    left, right = _toward(left, right), _toward(right, left)
    if left.type is right.type:
        return left, right
    raise _mismatch(operator, left, right)


def _two_free_fields(operator: Operator, left: Node, right: Node) -> tuple[Node, Node]:
    """Equality compares them as texts; which is larger nobody can say ("10" and "9", or dates?)."""
    if operator in ("==", "!="):
        return retyped(left, TEXT), retyped(right, TEXT)
    raise ConditionError(
        f"nobody knows whether `{text_of(left)}` and `{text_of(right)}` are numbers or dates",
        hint=f"numbers: `{text_of(left)} - {text_of(right)} {operator} 0`; dates: compare `days_since({text_of(left)})`",
        rule="type",
    )


def _toward(node: Node, other: Node) -> Node:
    """The node as the type of the other side, where it can be that."""
    found = iso_date(node)
    if found is not None and other.type in (DATE, ANY):
        return Constant(value=found, type=DATE)
    if node.type is ANY:
        return retyped(node, DATE if iso_date(other) is not None else other.type)
    return node


def _mismatch(operator: Operator, left: Node, right: Node) -> ConditionError:
    asked, given = (right, left) if isinstance(left, Constant) else (left, right)
    example = _EXAMPLES.get(asked.type, "10")
    if isinstance(given, Constant) and asked.type is NUMBER and isinstance(given.value, str):
        number = given.value.replace(",", "").replace("_", "").strip()
        example = number if number.replace(".", "", 1).isdigit() else example
    if isinstance(given, Constant) and asked.type is TEXT:
        example = text_of(Constant(value=str(given.value), type=TEXT))
    sign = operator if asked.type in (NUMBER, DATE) or operator in ("==", "!=") else "=="
    return ConditionError(
        f"`{text_of(asked)}` is {_NOUNS[asked.type]} and `{text_of(given)}` is {_NOUNS[given.type]}",
        hint=f"write `{text_of(asked)}` alone, or `not …`"
        if asked.type is BOOL
        else f"compare it with {_NOUNS[asked.type]}, e.g. {text_of(asked)} {sign} {example}",
        rule="type",
    )


def member(value: Node, items: tuple[Node, ...], *, is_negated: bool) -> Node:
    """`value in [items]`; an empty item means `is none`. Raises: ConditionError."""
    full = tuple(item for item in items if item.type is not NOTHING)
    for item in full:
        value, _ = _agreed("==", value, item)
    agreed = tuple(_agreed("==", value, item)[1] for item in full)
    if len(full) < len(items):
        agreed = (*agreed, Constant(value=None, type=NOTHING))
    return Membership(value=value if full else retyped(value, TEXT), items=agreed, is_negated=is_negated)


def emptiness(value: Node, *, is_negated: bool) -> Node:
    return Emptiness(value=retyped(value, TEXT), is_negated=is_negated)


def negated(operand: Node) -> Node:
    """`not (x is none)` is the leaf `x is not none`."""
    if isinstance(operand, Emptiness):
        return Emptiness(value=operand.value, is_negated=not operand.is_negated)
    return Negation(operand=operand)


def as_verdict(node: Node) -> Node:
    """A part that stands where a yes or no is asked. Raises: ConditionError."""
    node = retyped(node, BOOL)
    if node.type is BOOL:
        return node
    text = text_of(node)
    example = {NUMBER: f"{text} > 0", TEXT: f'{text} == "…"', DATE: f"days_since({text}) >= 0"}.get(
        node.type, f"{text} == true"
    )
    raise ConditionError(
        f"`{text}` is {_NOUNS[node.type]}, not a yes or no", hint=f"compare it, e.g. {example}", rule="type"
    )


def as_type(node: Node, wanted: ValueType, place: str) -> Node:
    """A part that stands where a value of one type is asked, as `days_since(…)` asks for a date. Raises: ConditionError."""
    found = iso_date(node)
    if wanted is DATE and found is not None:
        return Constant(value=found, type=DATE)
    node = retyped(node, wanted)
    if node.type is wanted or (wanted is NUMBER and node.type is BOOL):
        return node
    raise ConditionError(
        f"{place} asks for {_NOUNS[wanted]}; `{text_of(node)}` is {_NOUNS[node.type]}",
        hint=f"give it {_NOUNS[wanted]}, e.g. {_EXAMPLES[wanted]}",
        rule="type",
    )


def signed(operand: Node, *, is_negative: bool) -> Node:
    if not is_negative:
        return as_type(operand, NUMBER, "`+`")
    if isinstance(operand, Constant) and isinstance(operand.value, int | float) and not isinstance(operand.value, bool):
        return Constant(value=-operand.value, type=NUMBER)
    number = as_type(operand, NUMBER, "`-`")
    return Arithmetic(operator="-", left=Constant(value=0, type=NUMBER), right=number, type=NUMBER)


def calculated(operator: ArithmeticOperator, left: Node, right: Node) -> Node:
    """Numbers, with a comparison as 0 or 1; a date ± whole days is a date, a date - a date a number. Raises: ConditionError."""
    if DATE in (left.type, right.type):
        return _with_dates(operator, left, right)
    place = f"`{operator}`"
    return Arithmetic(
        operator=operator, left=as_type(left, NUMBER, place), right=as_type(right, NUMBER, place), type=NUMBER
    )


def _with_dates(operator: ArithmeticOperator, left: Node, right: Node) -> Node:
    if operator == "-" and (left.type is DATE or iso_date(left)) and (right.type is DATE or iso_date(right)):
        return Arithmetic(operator="-", left=as_type(left, DATE, "`-`"), right=as_type(right, DATE, "`-`"), type=NUMBER)
    if operator in ("+", "-") and left.type is DATE and isinstance(right, Constant) and _is_shift(right.value):
        return Arithmetic(operator=operator, left=left, right=right, type=DATE)
    raise ConditionError(
        f"`{text_of(left)} {operator} {text_of(right)}` does not work with dates",
        hint="a date takes + or - a whole number of days; between two dates write days_since(…) or days_until(…)",
        rule="type",
    )


def _is_shift(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LONGEST_SHIFT_DAYS
