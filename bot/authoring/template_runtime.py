"""The two Jinja environments that mails are rendered in, and what an absent value is there. Strict, sandboxed, without
globals: only plain data, index look-ups and our filters. Before: template_guard; after: templates.py renders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from jinja2 import StrictUndefined, UndefinedError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.authoring.template_filters import FILTERS, INNER_FILTERS
from bot.errors import RenderFailed

TESTS = frozenset({"none", "defined", "undefined", "number", "string", "even", "odd", "divisibleby"})
LARGEST_NUMBER = 10**15


class Absent(StrictUndefined):
    """A field that has no value: false and equal to None in a condition, refused as soon as it is printed."""

    __slots__ = ()
    is_absent = True

    def __bool__(self) -> bool:  # type: ignore[override]  # the base class raises
        return False

    def __eq__(self, other: object) -> bool:  # type: ignore[override]
        return other is None or isinstance(other, Absent)

    def __ne__(self, other: object) -> bool:  # type: ignore[override]
        return not self == other

    __hash__ = None  # type: ignore[assignment]


class MailEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, narrowed further: no attributes at all, only items; arithmetic on bounded numbers only."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(undefined=Absent, autoescape=autoescape, keep_trailing_newline=True, extensions=[])
        self.globals.clear()
        self.filters = {**FILTERS, **INNER_FILTERS}
        self.tests = {
            **{name: test for name, test in self.tests.items() if name in TESTS},
            "none": lambda value: value is None or isinstance(value, Absent) or value == "",
        }

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (TypeError, LookupError, UndefinedError):
            return Absent(name=str(argument))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Only `loop.index` and its like come here: the guard turns every other attribute into an item."""
        if obj.__class__ is dict and attribute in obj:  # nearly always, a dozen times a mail
            return obj[attribute]
        return getattr(obj, attribute) if isinstance(obj, LoopContext) else self.getitem(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Raises: RenderFailed for anything but numbers of ordinary size."""
        result = self.binop_table[operator](_checked(left), _checked(right))
        return _checked(result)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        return self.unop_table[operator](_checked(arg))


def _checked(value: Any) -> Any:
    if isinstance(value, Decimal):
        value = float(value)
    if not isinstance(value, (int, float)):
        raise RenderFailed("Arithmetic needs numbers", hint="texts are written one after another: {{ a }}{{ b }}")
    if not abs(value) <= LARGEST_NUMBER:
        raise RenderFailed("The number is too large", rule="number")
    return value


HTML = MailEnvironment(autoescape=True)
PLAIN = MailEnvironment(autoescape=False)
