"""Reads one call of a condition: which function, which parameters, whether what was given fits them. Refusals name the
parameter and show a right call. Used by condition_parser.py, which reads the expressions inside."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from jinja2 import nodes

from bot.errors import ConditionError
from bot.rules.condition_tree import Argument, Call, Limit, Node, ValueType
from bot.rules.condition_types import as_type, clean_text
from bot.rules.vocabulary import VOCABULARY, functions
from bot.rules.vocabulary_entry import Entry, Parameter, Shape

MOST_DAYS = 3660
MOST_WEEKS = 104
TYPE_OF = {Shape.NUMBER: ValueType.NUMBER, Shape.DATE: ValueType.DATE}

Reader = Callable[[nodes.Expr], Node]


def read_call(name: str, node: nodes.Call, read: Reader) -> Node:
    """Raises: ConditionError."""
    entry = _function(name)
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise ConditionError(
            f"`*` in `{name}(…)` does not exist in conditions", hint=f"write it like `{entry.example}`"
        )
    given = _by_name(entry, node)
    arguments = tuple(
        (parameter.name, _argument(entry, parameter, given[parameter.name], read))
        for parameter in entry.parameters
        if parameter.name in given
    )
    if entry.name == "limit":
        return Limit(name=str(arguments[0][1]))
    leading = entry.parameters[0].name if entry.parameters and entry.parameters[0].shape is not Shape.DAYS else ""
    return Call(function=entry.name, arguments=arguments, type=entry.type, leading=leading)


def _function(name: str) -> Entry:
    name = name.removeprefix("customer.")
    entry = VOCABULARY.get(name)
    if entry is None:
        found = difflib.get_close_matches(name, sorted(functions()), n=1, cutoff=0.65)
        hint = f"did you mean `{VOCABULARY[found[0]].example}`?" if found else "docs/conditions lists all functions"
        raise ConditionError(f"`{name}(…)` is not a function that conditions know", hint=hint, rule="unknown-name")
    if not entry.is_function:
        raise ConditionError(f"`{name}` is not a function", hint=f"write it without brackets: `{entry.example}`")
    return entry


def _by_name(entry: Entry, node: nodes.Call) -> dict[str, nodes.Expr]:
    places = [parameter.name for parameter in entry.parameters]
    if len(node.args) > len(places):
        raise _misused(entry, f"`{entry.name}` takes at most {len(places)} values")
    given = dict(zip(places, node.args, strict=False))
    for keyword in node.kwargs:
        if keyword.key not in places:
            raise _unknown_parameter(entry, keyword.key)
        if keyword.key in given:
            raise _misused(entry, f"`{keyword.key}` is given twice")
        given[keyword.key] = keyword.value
    missing = [
        parameter.name for parameter in entry.parameters if parameter.is_required and parameter.name not in given
    ]
    if missing:
        raise _misused(entry, f"`{entry.name}` needs `{missing[0]}`")
    if entry.one_of and len(given.keys() & set(entry.one_of)) != 1:
        ways = " or ".join(f"`{each}=`" for each in entry.one_of)
        raise _misused(entry, f"`{entry.name}` needs exactly one of {ways}")
    return given


def _misused(entry: Entry, sentence: str) -> ConditionError:
    return ConditionError(sentence, hint=f"write it like `{entry.example}`", rule="arguments")


def _unknown_parameter(entry: Entry, key: str) -> ConditionError:
    known = [parameter.name for parameter in entry.parameters]
    found = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    other = f"it knows {', '.join(known)}" if known else "it takes none"
    return ConditionError(
        f"`{entry.name}` has no `{key}=`", hint=f"did you mean `{found[0]}=`?" if found else other, rule="arguments"
    )


def _argument(entry: Entry, parameter: Parameter, node: nodes.Expr, read: Reader) -> Argument:
    place = f"`{parameter.name}` of `{entry.name}`"
    match parameter.shape:
        case Shape.NAME | Shape.STEP:
            return _text(entry, place, node)
        case Shape.NAMES:
            listed = node.items if isinstance(node, nodes.List | nodes.Tuple) else [node]
            if not listed:
                raise _misused(entry, f"{place} is an empty list")
            return tuple(_text(entry, place, item) for item in listed)
        case Shape.DAYS | Shape.WHOLE:
            most = MOST_WEEKS if parameter.name == "weeks" else MOST_DAYS
            return _whole(entry, place, node, least=2 if parameter.name == "weeks" else 1, most=most)
        case Shape.FLAG:
            return _flag(entry, place, node)
        case _:
            return as_type(read(node), TYPE_OF.get(parameter.shape, ValueType.TEXT), place)


def _text(entry: Entry, place: str, node: nodes.Expr) -> str:
    if isinstance(node, nodes.Const) and isinstance(node.value, str) and node.value:
        return clean_text(node.value)
    if isinstance(node, nodes.Name):
        raise ConditionError(f"{place} must stand in quotes", hint=f'write "{node.name}"', rule="arguments")
    raise _misused(entry, f"{place} must be a text in quotes")


def _flag(entry: Entry, place: str, node: nodes.Expr) -> bool:
    if isinstance(node, nodes.Const) and isinstance(node.value, bool):
        return node.value
    raise _misused(entry, f"{place} is `true` or `false`")


def _whole(entry: Entry, place: str, node: nodes.Expr, *, least: int, most: int) -> int:
    value = node.value if isinstance(node, nodes.Const) else None
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise _misused(entry, f"{place} must be a whole number from {least} to {most}")
