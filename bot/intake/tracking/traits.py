"""Traits as columns of an import: what our columns are called is read by their types, everything else is an attribute as it
is. A trait that cannot be read, or that changed its type, is counted and never loses the others. Consent is not taken from
traits: the write key of a browser is public. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.intake.columns import EXTRA, SHEETS, Kind, Shape
from bot.intake.dates import DayReader, MomentReader
from bot.intake.values import CellError, read_attribute, read_number, read_text

#: Keys that say who it is, or are read elsewhere.
NOT_TRAITS = frozenset(("customer", "contact", "consent", "id", "groupId", "company"))
OTHER_NAMES = {"firstName": "", "lastName": "", "first_name": "", "last_name": ""}
BORN = ("createdAt", "created_at")
MOST_TRAITS = 200
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ODD = re.compile(r"[\s\-.]+")


def columns_of(kind: Kind, traits: Mapping[str, Any], note: Callable[[str], None]) -> dict[str, Any]:
    """Our columns (attributes.<name> for what we do not know) with their values; None clears. `note` counts what is odd."""
    found: dict[str, Any] = {}
    for name, value in list(traits.items())[:MOST_TRAITS]:
        if name in NOT_TRAITS or name in OTHER_NAMES:
            continue
        ours = _column(kind, name)
        try:
            found[ours] = None if value is None or value == "" else _read(kind, ours, value)
        except CellError:
            note("unreadable_trait")
    if kind is Kind.CONTACTS and not found.get("name"):
        full = _full_name(traits)
        if full:
            found["name"] = full
    if kind is Kind.CUSTOMERS and "started_on" not in found:
        born = next((traits[name] for name in BORN if traits.get(name)), None)
        if born is not None:
            try:
                found["started_on"] = DayReader(None, None)(_moment(born).date().isoformat())
            except CellError:
                note("unreadable_trait")
    return found


def changed_types(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """How many attributes hold another kind of value than they did."""
    return sum(
        1
        for name, value in after.items()
        if name.startswith(EXTRA) and value is not None and _kind(before.get(name, value)) != _kind(value)
    )


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _column(kind: Kind, name: str) -> str:
    tidy = _ODD.sub("_", name.strip())
    snake = _HUMP.sub("_", tidy).lower()
    sheet = SHEETS[kind]
    if snake in sheet.columns:
        return snake
    for family in sheet.families:
        if name.startswith(family) and len(name) > len(family):
            return name
    return EXTRA + tidy


def _read(kind: Kind, ours: str, value: Any) -> Any:
    column = SHEETS[kind].columns.get(ours)
    if column is None:
        prefix = ours.partition(".")[0]
        if prefix == "limits":
            return read_number(value)
        return read_text(value) if prefix == "owner" else read_attribute(value)
    match column.shape:
        case Shape.PLAIN:
            return column.read(value)
        case Shape.DAY | Shape.FACT_DAY:
            return DayReader(None, None)(_moment(value).date().isoformat() if isinstance(value, int | float) else value)
        case _:
            return _moment(value)


def _moment(value: Any) -> Any:
    """ISO, or seconds or milliseconds since 1970, as clients send dates."""
    return MomentReader(None, "UTC", None)(value)


def _full_name(traits: Mapping[str, Any]) -> str:
    parts = (
        next((traits[name] for name in names if isinstance(traits.get(name), str)), "")
        for names in (("firstName", "first_name"), ("lastName", "last_name"))
    )
    return " ".join(part.strip() for part in parts if part.strip())
