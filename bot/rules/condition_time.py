"""Which conditions time itself makes true: `days_until(renewal_date) <= 30` will hold one day whatever anybody does, so a
wait may ask for it without `at_most` (semantics.md S11). Everything it is not sure of is a no."""

from __future__ import annotations

from bot.rules.condition_tree import Call, Comparison, Constant, Junction, Node, ValueType, Word
from bot.rules.vocabulary import VOCABULARY


def is_made_true_by_time(node: Node) -> bool:
    match node:
        case Junction(operator="and"):
            return all(map(is_made_true_by_time, node.operands))
        case Junction():
            return any(map(is_made_true_by_time, node.operands))
        case Comparison(operator=">" | ">="):
            return drift(node.left) - drift(node.right) > 0
        case Comparison(operator="<" | "<="):
            return drift(node.left) - drift(node.right) < 0
        case _:
            return False


def drift(node: Node) -> int:
    """1 for a value that time only makes larger, -1 for one it makes smaller, 0 for one it leaves alone or nobody knows.
    A date of the customer stands still; `today` passes it."""
    match node:
        case Word():
            return VOCABULARY[node.name].drifts
        case Call(arguments=((_, Constant() | Word() as date),)) if date.type is ValueType.DATE:
            return VOCABULARY[node.function].drifts
        case Call():
            return (
                0
                if any(not isinstance(given, str) for _, given in node.arguments)
                else VOCABULARY[node.function].drifts
            )
        case _:
            return 0
