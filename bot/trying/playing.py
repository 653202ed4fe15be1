"""Plays one case: facts arrive on their moments, the clock jumps to the next one at which something may happen, every jump ends in
a real tick. Before it: stage.py; after it: judging.py compares what came with what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, select

from bot.authoring.playbook_test_files import PlacedCase
from bot.errors import UsageError
from bot.intake.columns import Kind
from bot.intake.given_rows import take_rows
from bot.pipeline.scopes import CUSTOMER
from bot.rules.conditions import compile_condition, parse_condition
from bot.rules.playbook_tests import DEEDS, Fact, Pin
from bot.rules.zones import local_date, start_of_day
from bot.trying.deeds import act
from bot.trying.facts import Arrival, Calendar, arrivals, calendar_of, key_of, moment_of
from bot.trying.moments import ONE_DAY, next_look
from bot.trying.pins import Holder, put
from bot.trying.stage import Stage
from storage.accounts import Customer
from storage.handoffs import Handoff

CUSTOMERS: Table = Customer.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
#: A case that needs more ticks than this runs in a circle, or for years.
MOST_TICKS = 3000
ONE_MINUTE = timedelta(minutes=1)
SOURCE = "test"


class Unplayable(Exception):
    """The case cannot be played on: a row that cannot be read, a deed that has no object. `line` is of the test file."""

    def __init__(self, line: int, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence
        self.hint = hint


@dataclass(slots=True)
class Played:
    """A case that was played to its end. `held`: whether each expected condition held, by the place of the expectation.
    `asked`: (hand-off, owner) → since when: it may go to another when nobody reacts."""

    calendar: Calendar
    ticks: int = 0
    held: dict[int, bool | None] = field(default_factory=dict)
    asked: dict[tuple[int, str], datetime] = field(default_factory=dict)

    def note_owners(self, connection: Connection, now: datetime) -> None:
        for number, owner in connection.execute(select(HANDOFF.c.id, HANDOFF.c.owner)):
            self.asked.setdefault((number, owner or ""), now)


@dataclass(slots=True, kw_only=True)
class _Script:
    """What is still to come, soonest first."""

    rows: list[Arrival]
    deeds: list[tuple[datetime, int, Fact]]
    pins: list[tuple[datetime, int, Pin]]
    looks: list[tuple[datetime, int, str]]

    @classmethod
    def of(cls, placed: PlacedCase, stage: Stage, calendar: Calendar) -> _Script:
        case, zone = placed.case, calendar.zone
        deeds = [
            (moment_of(fact.on, zone), placed.line_of(f"facts[{number}]"), fact)
            for number, fact in enumerate(case.facts)
            if fact.what in DEEDS
        ]
        pins = [
            (max(start_of_day(local_date(moment_of(pin.on, zone), zone), zone), calendar.begins), number, pin)
            for number, pin in enumerate(case.derived)
        ]
        looks = [
            (_evening(found.on, zone), number, found.holds)
            for number, found in enumerate(case.expect)
            if found.holds is not None
        ]
        rows = arrivals(placed, stage.workspace.settings, calendar)
        return cls(
            rows=rows, deeds=sorted(deeds, key=_when), pins=sorted(pins, key=_when), looks=sorted(looks, key=_when)
        )

    def moments(self) -> Iterator[datetime]:
        yield from (rows[0].at for rows in (self.rows,) if rows)
        yield from (found[0][0] for found in (self.deeds, self.pins, self.looks) if found)


def _evening(on: str, zone: str) -> datetime:
    """The last minute of the day."""
    return start_of_day(local_date(moment_of(on, zone), zone) + ONE_DAY, zone) - ONE_MINUTE


def _when(item: tuple[datetime, int, object]) -> tuple[datetime, int]:
    return item[0], item[1]


def play(stage: Stage, placed: PlacedCase) -> Played:
    """Raises: Unplayable, and StageFault where a pass breaks."""
    played = Played(calendar=calendar_of(placed, stage.zone))
    try:
        script = _Script.of(placed, stage, played.calendar)
    except ValueError as error:  # open days that are none
        raise Unplayable(placed.line_of("customer"), str(error)) from error
    stage.begin(played.calendar.begins, placed)
    zones = {stage.zone, str(placed.case.customer.get("timezone", stage.zone))}
    while stage.clock.now() <= played.calendar.ends:
        if played.ticks >= MOST_TICKS:
            raise Unplayable(
                placed.line, f"the case is not over after {MOST_TICKS} ticks", "let it end sooner (`ends:`)"
            )
        _look(stage, script, placed, played)
        _let_happen(stage, script, placed)
        published = stage.published()
        stage.tick(published)
        played.ticks += 1
        with stage.database.read() as connection:
            played.note_owners(connection, stage.clock.now())
            days_of = zones if stage.minds_days else ()
            onward = next_look(connection, published, stage.clock.now(), days_of)
        stage.clock.move_to(min([onward, *script.moments()]))
    _look(stage, script, placed, played)
    return played


def _let_happen(stage: Stage, script: _Script, placed: PlacedCase) -> None:
    """Everything that is due now: rows, pins, deeds."""
    now = stage.clock.now()
    with stage.database.write() as connection:
        while script.rows and script.rows[0].at <= now:
            _take(connection, stage, placed, _alike(script.rows, now))
        while script.pins and script.pins[0][0] <= now:
            _, number, pin = script.pins.pop(0)
            line = placed.line_of(f"derived[{number}]")
            holder = Holder(
                connection=connection,
                company=stage.workspace.company,
                customer_id=_customer_id(connection, placed),
                now=now,
                day=local_date(now, stage.zone),
            )
            with _told_at(line):
                put(holder, pin)
        while script.deeds and script.deeds[0][0] <= now:
            _, line, fact = script.deeds.pop(0)
            with _told_at(line):
                act(connection, stage.published(), fact, line, now)


def _alike(rows: list[Arrival], now: datetime) -> list[Arrival]:
    """The first rows that are due and of one kind."""
    kind, found = rows[0].kind, []
    while rows and rows[0].at <= now and rows[0].kind is kind:
        found.append(rows.pop(0))
    return found


def _take(connection: Connection, stage: Stage, placed: PlacedCase, rows: list[Arrival]) -> None:
    kind: Kind = rows[0].kind
    given = [(row.line, row.cells) for row in rows]
    zone, now = stage.zone, stage.clock.now()
    report = take_rows(connection, kind, given, file=placed.file, now=now, zone=zone, source=SOURCE)
    for problem in report.problems:
        column = f"`{problem.column}`: " if problem.column else ""
        raise Unplayable(problem.row, f"{column}{problem.message}", problem.hint)


@contextmanager
def _told_at(line: int) -> Iterator[None]:
    """A refusal inside belongs to this line of the test file."""
    try:
        yield
    except UsageError as error:
        raise Unplayable(line, error.sentence, error.hint) from error


def _customer_id(connection: Connection, placed: PlacedCase) -> int:
    return int(connection.execute(select(CUSTOMERS.c.id).where(CUSTOMERS.c.key == key_of(placed))).scalar_one())


def _look(stage: Stage, script: _Script, placed: PlacedCase, played: Played) -> None:
    """Ask the conditions whose day is over."""
    now = stage.clock.now()
    over = [look for look in script.looks if look[0] <= now or now > played.calendar.ends]
    if not over:
        return
    script.looks = [look for look in script.looks if look not in over]
    ground = stage.ground()
    with stage.database.read() as connection:
        for _, number, text in over:
            holds = compile_condition(parse_condition(text), ground.scope())
            asked = select(holds).where(CUSTOMER.c.key == key_of(placed))
            played.held[number] = connection.scalar(asked)
