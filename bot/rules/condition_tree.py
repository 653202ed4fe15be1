"""The typed tree of a condition: what condition_parser reads and condition_sql compiles. Values only: every node knows its
type and can be written back as text (`text_of`), which `explain` shows. Nothing here knows SQL or Jinja."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Literal, TypeAlias


class ValueType(StrEnum):
    """What kind of value a part of a condition is."""

    BOOL = "bool"  #: yes or no
    NUMBER = "number"  #: any number; counts and shares too
    TEXT = "text"  #: text; it can be compared, never ordered
    DATE = "date"  #: a calendar day
    ANY = "any"  #: a free attribute: it becomes what the other side asks for
    NOTHING = "nothing"  #: `none`


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A value written in the condition."""

    value: bool | int | float | str | date | None
    type: ValueType


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A bare name of the vocabulary: `stage`, `contact.locale`."""

    name: str
    type: ValueType


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A free field of a document: `attributes.x`, `contact.attributes.x`, `event.x`."""

    document: str
    key: str
    type: ValueType = ValueType.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`limit("x")`: the customer's own threshold, else the workspace's."""

    name: str
    type: ValueType = ValueType.NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function of the vocabulary with its arguments in the order of its parameters; `leading` needs no name in front."""

    function: str
    arguments: tuple[tuple[str, Argument], ...]
    type: ValueType
    leading: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    operator: Literal["+", "-", "*", "/"]
    left: Node
    right: Node
    type: ValueType


Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    operator: Operator
    left: Node
    right: Node
    type: ValueType = ValueType.BOOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """`value in [items]`, or not in."""

    value: Node
    items: tuple[Node, ...]
    is_negated: bool
    type: ValueType = ValueType.BOOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptiness:
    """`value is none`, or is not none."""

    value: Node
    is_negated: bool
    type: ValueType = ValueType.BOOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Negation:
    operand: Node
    type: ValueType = ValueType.BOOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Junction:
    """Two or more operands, all (`and`) or any (`or`) of which must hold."""

    operator: Literal["and", "or"]
    operands: tuple[Node, ...]
    type: ValueType = ValueType.BOOL


Node: TypeAlias = (
    Constant | Word | Property | Limit | Call | Arithmetic | Comparison | Membership | Emptiness | Negation | Junction
)
Argument: TypeAlias = str | int | bool | tuple[str, ...] | Node
BOOLEAN_FORMS = (Comparison, Membership, Emptiness, Negation, Junction)


def retyped(node: Node, wanted: ValueType) -> Node:
    """A free attribute as the type the other side asks for; everything else stays what it is."""
    if isinstance(node, Property) and node.type is ValueType.ANY:
        return replace(node, type=wanted)
    return node


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Call():
            return tuple(argument for _, argument in node.arguments if not isinstance(argument, str | int | tuple))
        case Arithmetic() | Comparison():
            return (node.left, node.right)
        case Membership() | Emptiness():
            return (node.value, *(node.items if isinstance(node, Membership) else ()))
        case Negation() | Junction():
            return (node.operand,) if isinstance(node, Negation) else node.operands
        case _:
            return ()


def every_node(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in children(node):
        yield from every_node(child)


def leaf_nodes(node: Node) -> Iterator[Node]:
    """The smallest parts that hold or do not hold: comparisons and bare yes-or-no names, left to right."""
    if isinstance(node, Negation | Junction):
        for child in children(node):
            yield from leaf_nodes(child)
    else:
        yield node


def text_of(node: Node) -> str:
    """The node as a condition's text."""
    match node:
        case Constant():
            return _constant_text(node.value)
        case Word():
            return node.name
        case Property():
            return f"{node.document}.{node.key}"
        case Limit():
            return f"limit({_constant_text(node.name)})"
        case Call():
            return f"{node.function}({', '.join(_arguments(node))})"
        case _:
            return _compound_text(node)


def _compound_text(node: Node) -> str:
    match node:
        case Arithmetic() | Comparison():
            return f"{_inner(node.left)} {node.operator} {_inner(node.right)}"
        case Membership():
            items = ", ".join(text_of(item) for item in node.items)
            return f"{_inner(node.value)} {'not in' if node.is_negated else 'in'} [{items}]"
        case Emptiness():
            return f"{_inner(node.value)} is {'not none' if node.is_negated else 'none'}"
        case Negation():
            return f"not {_inner(node.operand)}"
        case Junction():
            return f" {node.operator} ".join(map(_inner, node.operands))
        case _:
            raise TypeError(f"no text for {node!r}")


def _inner(node: Node) -> str:
    text = text_of(node)
    return f"({text})" if isinstance(node, (Arithmetic, *BOOLEAN_FORMS)) else text


def _arguments(node: Call) -> Iterator[str]:
    for name, argument in node.arguments:
        text = _argument_text(argument)
        yield text if name == node.leading else f"{name}={text}"


def _argument_text(argument: Argument) -> str:
    match argument:
        case str() | int():
            return _constant_text(argument)
        case (only,):
            return _constant_text(only)
        case tuple():
            return f"[{', '.join(map(_constant_text, argument))}]"
        case _:
            return text_of(argument)


def _constant_text(value: bool | int | float | str | date | None) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case date():
            return f'"{value.isoformat()}"'
        case str():
            return json.dumps(value, ensure_ascii=False)
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)
