"""What one name or function of the vocabulary is: type, parameters, meaning, example, and how it becomes SQL. The topics
(vocabulary_*.py) make entries of it, vocabulary.py collects them; an entry never runs a query itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement

from bot.rules.condition_scope import Scope
from bot.rules.condition_tree import ValueType


class Topic(StrEnum):
    """The chapters of the vocabulary's page."""

    CUSTOMER = "Customer"
    CONTACT = "Contact"
    TIME = "Time"
    USAGE = "Usage"
    SUPPORT = "Support"
    VOICE = "Voice"
    PEOPLE = "People"
    COMMERCE = "Commerce"
    HEALTH = "Health"
    MACHINE = "Machine"
    PLANS = "Plans and content"


class Shape(StrEnum):
    """What may be written for a parameter."""

    NAME = "a text in quotes"
    NAMES = "a text in quotes or a list of them"
    STEP = "the id of a step, in quotes"
    DAYS = "a whole number of days"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXT = "a text"
    DATE = "a date"
    FLAG = "true or false"


class Silence(StrEnum):
    """How a value suffers when its feed says nothing, or the customer is younger than the window (semantics.md S2, S3)."""

    NONE = "none"  #: it does not: the fact is our own, or empty means empty
    ZERO = "zero"  #: what would also be true of zero is not believed: `== 0`, `< 5`
    WHOLE = "whole"  #: the value itself means nothing then: `falling`, `missed_days`


Judge = Callable[[str], ColumnElement[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    name: str
    shape: Shape
    is_required: bool = False


class Arguments:
    """What a call was given: plain values by parameter, with numbers and dates that are expressions already as SQL.
    `written`: those expressions as their author wrote them. `holds` makes a condition that stands in a company-wide file (`for:`
    of an item or a product) SQL for the same customer."""

    __slots__ = ("_given", "_judge", "written")

    def __init__(
        self, given: Mapping[str, Any], written: Mapping[str, str] | None = None, judge: Judge | None = None
    ) -> None:
        self._given = given
        self._judge = judge
        self.written = written or {}

    def holds(self, text: str) -> ColumnElement[bool]:
        if self._judge is None:
            raise TypeError("nobody asks for SQL here")
        return self._judge(text)

    def has(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str) -> str:
        return str(self._given[name])

    def texts(self, name: str) -> tuple[str, ...]:
        given: tuple[str, ...] = self._given[name]
        return given

    def whole(self, name: str, default: int | None = None) -> int:
        found = self._given.get(name, default)
        if found is None:
            raise KeyError(name)
        return int(found)

    def flag(self, name: str) -> bool:
        return bool(self._given[name])

    def sql(self, name: str) -> ColumnElement[Any]:
        found: ColumnElement[Any] = self._given[name]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name (`sql` takes no arguments into account) or function. Only free fields and limits have no `sql`.

    `one_of`: exactly one of these parameters must be given. `feed` names the feed that must be fresh, `window` the age
    in days that a customer must have (None: any). `moves`: its value may change by time alone, always (True) or when
    one of the named parameters is given; `drifts` is 1 when the value only grows with time, -1 when it only shrinks."""

    name: str
    type: ValueType
    topic: Topic
    meaning: str
    example: str
    is_function: bool = False
    parameters: tuple[Parameter, ...] = ()
    one_of: tuple[str, ...] = ()
    sql: Callable[[Scope, Arguments], ColumnElement[Any]] | None = None
    silence: Silence = Silence.NONE
    feed: Callable[[Arguments], str] | None = None
    window: Callable[[Arguments], int | None] | None = None
    moves: bool | tuple[str, ...] = False
    drifts: int = 0
    needs_contact: bool = False
    needs_walk: bool = False
    asks_mail: bool = False

    @property
    def signature(self) -> str:
        """As the page shows it: `count(event, days=, since=)`."""
        if not self.is_function:
            return self.name
        shown = (
            each.name if place == 0 and each.is_required else f"{each.name}="
            for place, each in enumerate(self.parameters)
        )
        return f"{self.name}({', '.join(shown)})"

    def moves_with(self, given: frozenset[str]) -> bool:
        """Whether the value may change by time alone when called with these parameters."""
        return self.moves if isinstance(self.moves, bool) else not given.isdisjoint(self.moves)
