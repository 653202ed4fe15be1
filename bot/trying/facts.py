"""What a case says happens, as rows for the importer: each with the moment at which we hear of it. Adds the people of ours whom
the workspace names, so that every hand-off finds an owner. Decides nothing about what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.authoring.playbook_test_files import PlacedCase
from bot.authoring.workspace_file import WorkspaceSettings
from bot.intake.columns import Kind
from bot.rules.business_days import parse_open_days
from bot.rules.durations import parse_moment
from bot.rules.playbook_tests import KINDS, Fact, parse_day
from bot.rules.zones import local_to_utc

#: A fact without a time happens then, in the workspace's zone: offices are open, and most mails may go.
TEN = time(10)
CUSTOMER = "acme"
MANAGER = "manager"
AGE = timedelta(days=365)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One row and when it reaches us. `line`: where the test file says so."""

    at: datetime
    kind: Kind
    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When a case begins and ends (both moments included), in the workspace's zone."""

    zone: str
    begins: datetime
    ends: datetime


def calendar_of(placed: PlacedCase, zone: str) -> Calendar:
    """By default from midnight of the first day the case names to a week after the last."""
    case = placed.case
    named = [fact.on for fact in case.facts] + [fact.until for fact in case.facts if fact.until]
    named += [pin.on for pin in case.derived] + [found.on for found in case.expect]
    days = [_day(text) for text in named]
    begins = _at(case.begins, zone, time.min) if case.begins else None
    first = min(days, default=date(2027, 4, 1))
    last = (
        parse_day(case.ends) if case.ends else max([*days, _day(case.begins or first.isoformat())]) + timedelta(days=7)
    )
    return Calendar(
        zone=zone,
        begins=begins or local_to_utc(datetime.combine(first, time.min), zone),
        ends=local_to_utc(datetime.combine(last, time(23, 59)), zone),
    )


def key_of(placed: PlacedCase) -> str:
    return str(placed.case.customer.get("customer", CUSTOMER))


def _day(text: str) -> date:
    found = parse_moment(text).date
    assert found is not None  # DatedMoment: checked when read
    return found


def _at(text: str, zone: str, otherwise: time, day: date | None = None) -> datetime:
    """The moment a text names, or the same time of another day."""
    clock = parse_moment(text).at if len(text.strip()) > len("2027-04-01") else otherwise
    return local_to_utc(datetime.combine(day or _day(text), clock), zone)


def moment_of(on: str, zone: str) -> datetime:
    """When a fact happens."""
    return _at(on, zone, TEN)


def arrivals(placed: PlacedCase, settings: WorkspaceSettings, calendar: Calendar) -> list[Arrival]:
    """Everything that is imported, in the order in which it comes."""
    found = [*_people(placed, settings, calendar), *_customer(placed, settings, calendar)]
    for number, fact in enumerate(placed.case.facts):
        if fact.what in KINDS:
            found += _rows(placed, fact, placed.line_of(f"facts[{number}]"), calendar)
    kinds = list(Kind)
    return sorted(found, key=lambda arrival: (arrival.at, kinds.index(arrival.kind)))


def _people(placed: PlacedCase, settings: WorkspaceSettings, calendar: Calendar) -> Iterator[Arrival]:
    """Whoever the workspace or the case names as one of us, with one manager above all."""
    owners, case = settings.owners, placed.case
    keys = {key for team in owners.teams.values() for key in team}
    keys |= {*owners.cover, *(cover.by for cover in owners.cover.values())}
    named = [case.customer, *(fact.customer for fact in case.facts if fact.customer)]
    keys |= {
        str(value) for columns in named for name, value in columns.items() if name == "csm" or name.startswith("owner.")
    }
    if owners.default and "(" not in owners.default:
        keys.add(owners.default)
    teams = {key: team for team, members in owners.teams.items() for key in members}
    for key in [*sorted(keys - {MANAGER, ""}), MANAGER]:
        cells = {"csm": key, "name": key.title(), "email": f"{key}@ours.example", "locale": settings.locale}
        cells |= {"manager": "" if key == MANAGER else MANAGER, "team": teams.get(key, "")}
        cells |= {"working_hours": "mon-fri 09:00-18:00", "timezone": settings.timezone}
        yield Arrival(at=calendar.begins, kind=Kind.CSMS, line=placed.line, cells=cells)


def _customer(placed: PlacedCase, settings: WorkspaceSettings, calendar: Calendar) -> Iterator[Arrival]:
    key, case = key_of(placed), placed.case
    standing = {
        "customer": key,
        "name": "Acme",
        "started_on": (calendar.begins - AGE).date().isoformat(),
        "timezone": settings.timezone,
        "locale": settings.locale,
    }
    line = placed.line_of("customer")
    yield Arrival(at=calendar.begins, kind=Kind.CUSTOMERS, line=line, cells={**standing, **case.customer})
    for number, contact in enumerate(case.contacts):
        line = placed.line_of(f"contacts[{number}]")
        yield Arrival(at=calendar.begins, kind=Kind.CONTACTS, line=line, cells={"customer": key, **contact})


def _rows(placed: PlacedCase, fact: Fact, line: int, calendar: Calendar) -> Iterator[Arrival]:
    """A total of a day is known when the day is over; whatever happened before the case begins, from its beginning."""
    key, kind = key_of(placed), Kind(KINDS[fact.what])
    cells: dict[str, Any] = {"customer": key, **getattr(fact, fact.what)}
    for number, day in enumerate(_days(placed, fact)):
        at = _at(fact.on, calendar.zone, TEN, day)
        heard, mine = at, dict(cells)
        match kind:
            case Kind.USAGE:
                mine.setdefault("day", day.isoformat())
                heard = local_to_utc(datetime.combine(day + ONE_DAY, time.min), calendar.zone)
            case Kind.TICKETS:
                mine.setdefault("opened_at", at.isoformat())
            case Kind.MEETINGS:
                mine.setdefault("starts_at", at.isoformat())
            case Kind.EVENTS | Kind.SURVEYS | Kind.NOTES:
                mine.setdefault("at", at.isoformat())
                if kind is Kind.EVENTS:
                    mine.setdefault("id", f"{line}-{number}")
            case _:
                pass
        yield Arrival(at=max(heard, calendar.begins), kind=kind, line=line, cells=mine)


def _days(placed: PlacedCase, fact: Fact) -> Iterator[date]:
    """The fact's day, or every open day of the customer until `until`."""
    first = _day(fact.on)
    if fact.until is None:
        yield first
        return
    open_days = parse_open_days(str(placed.case.customer.get("open_days", "")))
    last = parse_day(fact.until)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day.weekday() in open_days:
            yield day
