"""Finds the customer that somebody means by what they typed: key or name, whole or in part, else the nearest names.
Read-only, at most a few statements, never all of a million rows. For the slash command and the pickers of modals."""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass

from sqlalchemy import Connection, Select, Table, case, func, or_, select

from storage.accounts import Customer

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
MOST_NEIGHBOURS = 2000
MOST_FOUND = 10
LONGEST = 200
SIMILAR = 0.55
#: What Japanese puts behind a company's name.
COURTESY = ("御中", "さま", "さん", "様")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCustomer:
    """One customer as a person tells them apart."""

    id: int
    key: str
    name: str
    csm: str | None

    @property
    def label(self) -> str:
        return self.name if self.name.lower() == self.key.lower() else f"{self.name} ({self.key})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """`found`: those that fit; exactly one is the one meant. `nearest`: similar names where none fits. `is_cut`: more fit."""

    found: tuple[FoundCustomer, ...] = ()
    nearest: tuple[FoundCustomer, ...] = ()
    is_cut: bool = False

    @property
    def only(self) -> FoundCustomer | None:
        return self.found[0] if len(self.found) == 1 else None


def find_customer(connection: Connection, text: str) -> Search:
    """Whole key or name before part of one; upper and lower case do not matter."""
    wanted = " ".join(text.split())[:LONGEST]
    if not wanted:
        return Search()
    plain = _without_courtesy(wanted)
    found = _search(connection, wanted)
    return found if found.found or plain == wanted else _search(connection, plain)


def _without_courtesy(name: str) -> str:
    """`ひので食品様` as the name itself, in the characters that names are mostly written in."""
    plain = unicodedata.normalize("NFKC", name)
    return next((plain.removesuffix(word).strip() for word in COURTESY if plain.endswith(word)), plain)


def _search(connection: Connection, wanted: str) -> Search:
    lowered = wanted.lower()
    by_key = _read(connection, _customers().where(CUSTOMER.c.key == wanted))
    if by_key:
        return Search(found=by_key)
    whole = or_(
        func.lower(CUSTOMER.c.name) == lowered, CUSTOMER.c.name == wanted, func.lower(CUSTOMER.c.key) == lowered
    )
    exact = _read(connection, _customers().where(whole).limit(MOST_FOUND + 1))
    found = exact or containing(connection, wanted, limit=MOST_FOUND + 1)
    if found:
        return Search(found=found[:MOST_FOUND], is_cut=len(found) > MOST_FOUND)
    return Search(nearest=_nearest(connection, lowered))


def begins_with_name(connection: Connection, text: str) -> tuple[FoundCustomer, str] | None:
    """The customer whose whole name stands at the beginning of a text, the longest first, and what follows it."""
    words = " ".join(text.split())[:LONGEST].split(" ")
    beginnings = {" ".join(words[:number]).lower(): number for number in range(1, len(words) + 1)}
    alike = _customers().where(func.lower(CUSTOMER.c.name).in_(sorted(beginnings))).limit(MOST_FOUND)
    found = sorted(_read(connection, alike), key=lambda each: -len(each.name))
    if not found or (len(found) > 1 and found[0].name.lower() == found[1].name.lower()):
        return None
    taken = beginnings[found[0].name.lower()]
    return found[0], " ".join(text.split()[taken:])


def containing(
    connection: Connection, text: str, *, limit: int = 100, csm: str | None = None
) -> tuple[FoundCustomer, ...]:
    """Whose name or key has the text in it: those of `csm` first, then those that begin with it."""
    wanted = " ".join(text.split())[:LONGEST].lower()
    name, key = func.lower(CUSTOMER.c.name), func.lower(CUSTOMER.c.key)
    fits = or_(name.contains(wanted, autoescape=True), key.contains(wanted, autoescape=True))
    begins = or_(name.startswith(wanted, autoescape=True), key.startswith(wanted, autoescape=True))
    order = [case((CUSTOMER.c.csm == csm, 0), else_=1)] if csm else []
    statement = (
        _customers().where(fits).order_by(None).order_by(*order, case((begins, 0), else_=1), name, CUSTOMER.c.id)
    )
    return _read(connection, statement.limit(limit))


def _nearest(connection: Connection, lowered: str) -> tuple[FoundCustomer, ...]:
    """Similar names among those that begin alike, else among any."""
    columns = _customers().limit(MOST_NEIGHBOURS)
    alike = or_(
        func.lower(CUSTOMER.c.name).startswith(lowered[:1], autoescape=True),
        func.lower(CUSTOMER.c.key).startswith(lowered[:1], autoescape=True),
    )
    neighbours = _read(connection, columns.where(alike)) or _read(connection, columns)
    by_text = {text.lower(): each for each in neighbours for text in (each.key, each.name)}
    close = difflib.get_close_matches(lowered[:60], list(by_text), n=6, cutoff=SIMILAR)
    return tuple({by_text[text].id: by_text[text] for text in close}.values())[:3]


def _customers() -> Select[tuple[int, str, str, str | None]]:
    columns = (CUSTOMER.c.id, CUSTOMER.c.key, CUSTOMER.c.name, CUSTOMER.c.csm)
    return select(*columns).where(CUSTOMER.c.erased_at.is_(None)).order_by(CUSTOMER.c.name, CUSTOMER.c.id)


def _read(connection: Connection, statement: Select[tuple[int, str, str, str | None]]) -> tuple[FoundCustomer, ...]:
    return tuple(
        FoundCustomer(id=row.id, key=row.key, name=row.name, csm=row.csm) for row in connection.execute(statement)
    )
