"""A changing statement that is run at every tick, put into the driver's words once: SQLAlchemy would look at each of its hundreds
of bound values anew. What a value is when the statement runs is still asked then. Knows nothing of what the statement says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, Delete, Dialect, Insert, Update, bindparam
from sqlalchemy.sql.compiler import SQLCompiler

from storage.columns import BigKey

Value = Callable[[], Any]


@dataclass(slots=True)
class Prepared:
    """`run` compiles it the first time, for the dialect of the connection it is given."""

    statement: Insert | Update | Delete
    _text: str = ""
    #: By name, or where the driver binds by place, in order; and there the places of each name.
    _fixed: dict[str, Any] | list[Any] | None = None
    _places: dict[str, list[int]] | None = None
    _asked: tuple[tuple[str, Value], ...] = ()

    def run(self, connection: Connection, **given: int) -> int:
        """How many rows it wrote. `given`: values of parameters that have their names from whoever made the statement."""
        if self._fixed is None:
            self._fixed = self._compile(connection.dialect)
        values = {name: ask() for name, ask in self._asked} | given
        return connection.exec_driver_sql(self._text, self._bound(values)).rowcount

    def _bound(self, values: dict[str, Any]) -> dict[str, Any] | tuple[Any, ...]:
        if self._places is None:
            assert isinstance(self._fixed, dict)
            return self._fixed | values
        assert isinstance(self._fixed, list)
        bound = self._fixed.copy()
        for name, value in values.items():
            for place in self._places[name]:
                bound[place] = value
        return tuple(bound)

    def _compile(self, dialect: Dialect) -> dict[str, Any] | list[Any]:
        compiled = self.statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        # Lists are written out here and not while compiling: an element of ours may compile its parts without being asked to.
        whole = compiled.construct_expanded_state()
        self._text = whole.statement
        fixed: dict[str, Any] = dict(whole.parameters)
        asked = []
        for name, bind in _binds_of(compiled).items():
            convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if bind.callable is not None:
                asked.append((name, _converted(bind.callable, convert)))
            elif convert is not None:
                for each in whole.parameter_expansion.get(name, [name]):
                    fixed[each] = convert(fixed[each])
        self._asked = tuple(asked)
        if whole.positiontup is None:
            return fixed
        self._places = {name: [] for name in fixed}
        for place, name in enumerate(whole.positiontup):
            self._places[name].append(place)
        return [fixed[name] for name in whole.positiontup]


def given(name: str) -> BindParameter[int]:
    """A number that `run` is given under this name."""
    return bindparam(name, 0, type_=BigKey)


def _binds_of(compiled: SQLCompiler) -> Mapping[str, BindParameter[Any]]:
    """By the names under which `params` has them."""
    return {compiled.escaped_bind_names.get(name, name): bind for bind, name in compiled.bind_names.items()}


def _converted(ask: Value, convert: Callable[[Any], Any] | None) -> Value:
    return ask if convert is None else lambda: convert(ask())
