"""Where does nobody act? Stage × signal × play: for each stage the signals that can open in it, the live journeys that act on
them, and for how many customers they are open now. Read from the latest deployment; a hole is a line of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select

from bot.pipeline.published import Publications, Published
from bot.rules.conditions import Condition, parse_condition
from bot.rules.derived_names import asked_of
from bot.rules.playbook import Playbook
from bot.rules.stage_scope import stages_in_scope
from bot.rules.steps_model import IfStep, WaitStep, walk_steps
from storage.accounts import Customer
from storage.health import SignalEpisode

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
EPISODE: Table = SignalEpisode.__table__  # type: ignore[attr-defined]
NO_PLAY = "no live journey acts on it"
NO_JOURNEY = "no live journey is for customers in this stage"


def report_coverage(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """One row per stage and signal (and one per stage, without a signal, for the journeys that start otherwise). `hole` says
    what is missing, None where nothing is. Without a deployment: nothing."""
    published = Publications().load(connection)
    if published is None:
        return []
    stages = _stages(connection, published)
    opened = _open_by_stage(connection)
    plays = [published.versions[row.version_id].playbook for row in published.live]
    return [row for stage in stages for row in _of_stage(stage, stages, published, plays, opened)]


def holes_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is missing, in words; the last line counts."""
    holes = [row for row in rows if row["hole"]]
    for row in holes:
        what = f"signal {row['signal']}" if row["signal"] else "the stage"
        yield f"hole in {row['stage']}: {what}: {row['hole']}"
    signals, stages = {row["signal"] for row in rows if row["signal"]}, {row["stage"] for row in rows}
    yield f"Signals: {len(signals)}, stages: {len(stages)}, holes: {len(holes)}."


def has_holes(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(row["hole"] for row in rows)


def _stages(connection: Connection, published: Published) -> tuple[str, ...]:
    """In the order of stages.yml; without the file, those that customers are in."""
    named = tuple(stage.stage for stage in published.company.stages)
    if named:
        return named
    found = select(CUSTOMER.c.stage).where(CUSTOMER.c.stage.is_not(None)).distinct().order_by(CUSTOMER.c.stage)
    return tuple(connection.scalars(found))


def _open_by_stage(connection: Connection) -> dict[tuple[str, str], int]:
    is_open = (EPISODE.c.opened_at.is_not(None), EPISODE.c.closed_at.is_(None))
    rows = connection.execute(
        select(CUSTOMER.c.stage, EPISODE.c.signal, func.count().label("number"))
        .join(CUSTOMER, CUSTOMER.c.id == EPISODE.c.customer_id)
        .where(*is_open)
        .group_by(CUSTOMER.c.stage, EPISODE.c.signal)
    )
    return {(row.stage, row.signal): row.number for row in rows}


def _of_stage(
    stage: str,
    stages: Sequence[str],
    published: Published,
    plays: Sequence[Playbook],
    opened: Mapping[tuple[str, str], int],
) -> Iterator[dict[str, Any]]:
    here = [play for play in plays if stage in _scope_of(play, stages, published)]
    others = sorted(play.name for play in here if not play.enter.signal)
    is_final = any(each.stage == stage and each.final for each in published.company.stages)
    for name, signal in published.company.signals.items():
        if stage not in stages_in_scope(parse_condition(signal.when), stages):
            continue
        acting = sorted(play.name for play in here if name in play.enter.signal)
        acting += sorted(
            play.name for play in here if name not in play.enter.signal and name in _asked(play, published)
        )
        if is_final and not acting and not opened.get((stage, name)):
            continue  # whoever has left is no customer to act on
        yield {
            "stage": stage,
            "signal": name,
            "plays": ", ".join(acting),
            "open": opened.get((stage, name), 0),
            "hole": None if acting else NO_PLAY,
        }
    yield {
        "stage": stage,
        "signal": None,
        "plays": ", ".join(others),
        "open": None,
        "hole": None if here else NO_JOURNEY,
    }


def _scope_of(play: Playbook, stages: Sequence[str], published: Published) -> frozenset[str]:
    """For which stages it lets people in; whoever is outside of the exits for all is not in it either."""
    found = stages_in_scope(parse_condition(play.enter.when) if play.enter.when else None, stages)
    if play.exit_on_churn:
        for ending in published.settings.exit:
            only = stages_in_scope(parse_condition(ending.when), stages)
            found -= only if only != frozenset(stages) else frozenset()
    return found


def _asked(play: Playbook, published: Published) -> set[str]:
    """The signals that its conditions ask by name."""
    texts = [play.enter.when, play.goal, *(found.when for found in play.exit)]
    for step in walk_steps(play.steps):
        texts.append(step.when)
        texts += [step.condition] if isinstance(step, IfStep) else [step.until] if isinstance(step, WaitStep) else []
    asked: list[Condition] = [parse_condition(text) for text in texts if text]
    return {found.name for found in asked_of(asked, published.company.metrics) if found.kind == "signal"}
