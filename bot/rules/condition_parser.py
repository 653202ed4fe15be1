"""Condition text → typed tree. Jinja reads the grammar; this walks its tree with an allow-list, gives every part its type
and refuses what does not fit, in words a person can act on. No SQL here. Next: condition_sql.py."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from bot.errors import ConditionError
from bot.rules import condition_types as types
from bot.rules.condition_calls import read_call
from bot.rules.condition_traps import condition_traps
from bot.rules.condition_tree import (
    Constant,
    Junction,
    Node,
    Operator,
    Property,
    ValueType,
    Word,
    text_of,
)
from bot.rules.vocabulary import DOCUMENTS, VOCABULARY, nearest

LONGEST = 4096
DEEPEST = 40
LARGEST = 10**15

_ENVIRONMENT = Environment(autoescape=True)
_OPERATORS: dict[str, Operator] = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}
_ARITHMETIC: dict[type[nodes.Expr], types.ArithmeticOperator] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
}
_REFUSED: dict[type[nodes.Expr], tuple[str, str]] = {
    nodes.Filter: ("filters (`|`) do not exist in conditions", "filters are for templates"),
    nodes.CondExpr: ("`x if y else z` does not exist in conditions", "write two conditions with `and`/`or`"),
    nodes.Dict: ("`{…}` does not exist in conditions", 'a list is written ["a", "b"]'),
    nodes.Concat: ("`~` does not exist in conditions", "compare texts with `==` or `in`"),
    nodes.Pow: ("`**` does not exist in conditions", "use + - * /"),
    nodes.Mod: ("`%` does not exist in conditions", "a share is a number: write 0.2 for 20 %"),
    nodes.FloorDiv: ("`//` does not exist in conditions", "use `/`"),
    nodes.Getitem: ("`[…]` after a name does not exist in conditions", "write `attributes.x`"),
}
#: Faults that name the author's own slip already.
_SURE = frozenset({"type", "arguments"})
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})


def parse_tree(text: str) -> Node:
    """Raises: ConditionError."""
    if len(text.encode("utf-8", "replace")) > LONGEST:
        raise ConditionError(
            "the condition is longer than 4 kB", hint="split it, or name a part of it in workspace files"
        )
    if not text.strip():
        raise ConditionError("the condition is empty", hint='write one like `stage == "onboarding"`')
    try:
        return _read(_jinja_tree(text), 0)
    except RecursionError:
        raise _too_deep() from None
    except ConditionError as fault:
        # Where the parser stumbled says little to somebody who wrote `&&` or a curly quote.
        trap = condition_traps(text)
        if trap is None or fault.rule in _SURE:
            raise
        raise ConditionError(trap[0], hint=trap[1], rule="trap") from None


def _jinja_tree(text: str) -> nodes.Expr:
    try:
        parser = Parser(_ENVIRONMENT, text, state="variable")
        found = parser.parse_expression()
        if not parser.stream.eos:
            doubled = [word.name for word in found.find_all(nodes.Name) if word.name in _KEYWORDS]
            if doubled:
                raise _unknown(doubled[0])
            rest = parser.stream.current.value
            raise ConditionError(f"`{rest}` is not expected here", hint="join conditions with `and` or `or`")
    except TemplateSyntaxError as fault:
        raise ConditionError(f"the condition cannot be read: {fault.message}", hint=_example()) from None
    return found


def _example() -> str:
    return 'conditions look like `stage == "onboarding" and count("login", days=14) > 0`'


def _too_deep() -> ConditionError:
    return ConditionError("the condition is nested too deeply", hint="split it into steps")


def _read(node: nodes.Expr, depth: int) -> Node:
    if depth > DEEPEST:
        raise _too_deep()
    if type(node) in _REFUSED:
        sentence, hint = _REFUSED[type(node)]
        raise ConditionError(sentence, hint=hint)
    match node:
        case nodes.Const():
            return _constant(node.value)
        case nodes.Name() | nodes.Getattr():
            return _named(_dotted(node))
        case nodes.Call():
            return read_call(_dotted(node.node), node, lambda inner: _read(inner, depth + 1))
        case nodes.And() | nodes.Or() | nodes.Not() | nodes.Compare() | nodes.Test():
            return _verdict(node, depth)
        case _:
            return _number(node, depth)


def _verdict(node: nodes.Expr, depth: int) -> Node:
    match node:
        case nodes.And() | nodes.Or():
            return _junction(node, depth)
        case nodes.Not():
            return types.negated(types.as_verdict(_read(node.node, depth + 1)))
        case nodes.Compare():
            return _comparison(node, depth)
        case nodes.Test():
            return _test(node, depth)
        case _:
            raise TypeError(f"no yes or no: {node!r}")


def _constant(value: object) -> Node:
    match value:
        case None:
            return Constant(value=None, type=ValueType.NOTHING)
        case bool():
            return Constant(value=value, type=ValueType.BOOL)
        case int() | float():
            if abs(value) > LARGEST:
                raise ConditionError(f"{str(value)[:24]} is too large a number", hint="use numbers up to 10^15")
            return Constant(value=value, type=ValueType.NUMBER)
        case str():
            return Constant(value=types.clean_text(value), type=ValueType.TEXT)
        case _:
            raise ConditionError(f"`{value!r}` does not exist in conditions", hint=_example())


def _dotted(node: nodes.Node) -> str:
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{_dotted(node.node)}.{node.attr}"
        case _:
            raise ConditionError(
                "a `.` may only follow `attributes`, `contact` or `event`", hint="write `attributes.x`"
            )


def _named(name: str) -> Node:
    if name.startswith("customer."):
        name = name.removeprefix("customer.")
    document, _, key = name.rpartition(".")
    if document in DOCUMENTS:
        return Property(document=document, key=key)
    entry = VOCABULARY.get(name)
    if entry is None:
        raise _unknown(name)
    if name in DOCUMENTS:
        raise ConditionError(f"`{name}` needs a field", hint=f"write `{name}.something`, as in `{entry.example}`")
    if entry.is_function:
        raise ConditionError(f"`{name}` is a function", hint=f"write it like `{entry.example}`", rule="not-a-name")
    return Word(name=name, type=entry.type)


def _unknown(name: str) -> ConditionError:
    if name in _KEYWORDS:
        return ConditionError(f"`{name}` stands where a value is expected", hint="is a word doubled or missing?")
    owner = next((each for each in DOCUMENTS if name.startswith(f"{each}.")), None)
    if owner is not None:
        return ConditionError(f"`{name}` reaches into a field", hint=f"`{owner}.x` has no further parts")
    found = f"contact.{name}" if f"contact.{name}" in VOCABULARY else nearest(name)
    hint = f"did you mean `{found}`?" if found else f"a field of your own is written `attributes.{name.split('.')[-1]}`"
    return ConditionError(f"`{name}` is not a name that conditions know", hint=hint, rule="unknown-name")


def _junction(node: nodes.And | nodes.Or, depth: int) -> Node:
    operator = "and" if isinstance(node, nodes.And) else "or"
    operands = tuple(types.as_verdict(_read(each, depth + 1)) for each in _flattened(node, type(node)))
    return Junction(operator="and" if operator == "and" else "or", operands=operands)


def _flattened(node: nodes.Expr, kind: type[nodes.And] | type[nodes.Or]) -> list[nodes.Expr]:
    """`a and b and c` is a tower to Jinja; here it is one row, so that its height does not count as depth."""
    row: list[nodes.Expr] = []
    while isinstance(node, kind):
        row.append(node.right)
        node = node.left
    return [node, *reversed(row)]


def _comparison(node: nodes.Compare, depth: int) -> Node:
    parts = tuple(_links(node, depth))
    return parts[0] if len(parts) == 1 else Junction(operator="and", operands=parts)


def _links(node: nodes.Compare, depth: int) -> Iterator[Node]:
    """`0 < a < 5` is `0 < a and a < 5`."""
    left = _read(node.expr, depth + 1)
    for operand in node.ops:
        if operand.op in ("in", "notin"):
            yield _membership(left, operand, depth)
        else:
            right = _read(operand.expr, depth + 1)
            yield types.compared(_OPERATORS[operand.op], left, right)
            left = right


def _membership(value: Node, operand: nodes.Operand, depth: int) -> Node:
    if not isinstance(operand.expr, nodes.List | nodes.Tuple):
        raise _no_list(text_of(value), operand.expr)
    items = tuple(_read(item, depth + 1) for item in operand.expr.items)
    if not items:
        raise ConditionError(f"`{text_of(value)} in []` never holds", hint="name the values in the list")
    return types.member(value, items, is_negated=operand.op == "notin")


def _no_list(asked: str, given: nodes.Expr) -> ConditionError:
    hint = f"for a tag write `has_tag({asked})`"
    if isinstance(given, nodes.Const):
        hint = f'write `{asked} in ["{given.value}"]`'
    return ConditionError(f'after `in` comes a list, as in `{asked} in ["a", "b"]`', hint=hint)


def _test(node: nodes.Test, depth: int) -> Node:
    if node.name != "none" or node.args or node.kwargs:
        raise ConditionError(
            f"`is {node.name}` does not exist in conditions", hint="write `is none`, `is not none` or `==`"
        )
    return types.emptiness(_read(node.node, depth + 1), is_negated=False)


def _number(node: nodes.Expr, depth: int) -> Node:
    if isinstance(node, nodes.Neg | nodes.Pos):
        operand = _read(node.node, depth + 1)
        return types.signed(operand, is_negative=isinstance(node, nodes.Neg))
    operator = _ARITHMETIC.get(type(node))
    if operator is None or not isinstance(node, nodes.BinExpr):
        raise ConditionError("this does not exist in conditions", hint=_example())
    return types.calculated(operator, _read(node.left, depth + 1), _read(node.right, depth + 1))
