"""A tiny interpreter of conditions in plain Python, as semantics.md S1 and S2 tell it: the yardstick for the SQL. It reads
the parsed tree and one customer as a dictionary; None is empty or unknown."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from bot.rules.condition_tree import (
    Arithmetic,
    Call,
    Comparison,
    Constant,
    Emptiness,
    Junction,
    Membership,
    Negation,
    Node,
    Property,
    ValueType,
    Word,
    every_node,
)

Customer = Mapping[str, Any]
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_NUMBER = re.compile(r" *[-+]?[0-9]{1,18}(\.[0-9]{1,18})? *")


class Reference:
    """`today` is everybody's day; `fresh` are the events whose feed may be believed."""

    def __init__(self, today: date, fresh: frozenset[str]) -> None:
        self._today = today
        self._fresh = fresh

    def verdict(self, node: Node, customer: Customer, *, is_positive: bool = True) -> bool | None:
        if isinstance(node, Negation):
            found = self.verdict(node.operand, customer, is_positive=not is_positive)
            return None if found is None else not found
        if isinstance(node, Junction):
            return _joined(
                node.operator, [self.verdict(each, customer, is_positive=is_positive) for each in node.operands]
            )
        plain = self.value(node, customer)
        if isinstance(node, Comparison | Membership | Emptiness):
            return self._believed(node, customer, plain, is_positive)
        return _as_bool(plain)

    def _believed(
        self, node: Comparison | Membership | Emptiness, customer: Customer, plain: Any, is_positive: bool
    ) -> bool | None:
        sides = (node.left, node.right) if isinstance(node, Comparison) else (node.value,)
        counted = [self._counts(side) for side in sides]
        in_doubt = any(event not in self._fresh for side in counted for event in side)
        if not in_doubt:
            return _as_bool(plain)
        if len(counted) == 2 and all(counted):
            return None
        silent = self.value(node, {**customer, "usage": []})
        return None if plain is is_positive and silent is is_positive else _as_bool(plain)

    @staticmethod
    def _counts(node: Node) -> list[str]:
        return [
            str(dict(each.arguments)["event"])
            for each in every_node(node)
            if isinstance(each, Call) and each.function == "count"
        ]

    def value(self, node: Node, customer: Customer) -> Any:
        match node:
            case Constant():
                return node.value
            case Word():
                return self._today if node.name == "today" else customer[node.name]
            case Property():
                return _asked(customer["attributes"].get(node.key), node.type)
            case Call():
                return self._called(node, customer)
            case Arithmetic():
                return self._calculated(node, customer)
            case _:
                return self._plain(node, customer)

    def _called(self, node: Call, customer: Customer) -> Any:
        arguments = dict(node.arguments)
        if node.function == "days_since":
            day = self.value(arguments["date"], customer)  # type: ignore[arg-type]
            return None if day is None else (self._today - day).days
        assert node.function == "count"
        begin = self._today - timedelta(days=int(str(arguments["days"])))
        started = customer["started_on"] or date.min
        return sum(
            count
            for event, day, count in customer["usage"]
            if event == arguments["event"] and begin < day <= self._today and day >= started
        )

    def _calculated(self, node: Arithmetic, customer: Customer) -> Any:
        left, right = self.value(node.left, customer), self.value(node.right, customer)
        if left is None or right is None:
            return None
        if node.type is ValueType.DATE:
            return left + timedelta(days=right if node.operator == "+" else -right)
        if isinstance(left, date):
            return (left - right).days
        if node.operator == "/":
            return None if right == 0 else left / right
        return {"+": operator.add, "-": operator.sub, "*": operator.mul}[node.operator](float(left), float(right))

    def _plain(self, node: Node, customer: Customer) -> bool | None:
        match node:
            case Comparison():
                left, right = self.value(node.left, customer), self.value(node.right, customer)
                if node.operator in ("==", "!="):
                    return bool((left == right) is (node.operator == "=="))
                return None if left is None or right is None else bool(_ORDER[node.operator](left, right))
            case Membership():
                value = self.value(node.value, customer)
                return any(self.value(item, customer) == value for item in node.items) is not node.is_negated
            case Emptiness():
                return (self.value(node.value, customer) is None) is not node.is_negated
            case Negation():
                found = self.value(node.operand, customer)
                return None if found is None else not found
            case Junction():
                return _joined(node.operator, [_as_bool(self.value(each, customer)) for each in node.operands])
            case _:
                raise AssertionError(node)


def _as_bool(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _joined(operator_: str, parts: list[bool | None]) -> bool | None:
    """Kleene's logic."""
    decisive = operator_ == "or"
    if decisive in parts:
        return decisive
    return None if None in parts else not decisive


def _asked(value: Any, wanted: ValueType) -> Any:
    """A free attribute as the type that is asked for."""
    if value is None or isinstance(value, list | dict):
        return None
    if wanted is ValueType.NUMBER:
        return _number(value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if wanted is ValueType.BOOL:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower())
    if wanted is ValueType.DATE:
        try:
            return date.fromisoformat(text[:10]) if re.match(r"\d{4}-\d\d-\d\d", text) else None
        except ValueError:
            return None
    return text


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if _NUMBER.fullmatch(value) else None
