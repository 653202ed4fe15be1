"""The vocabulary about signals: whether one is open for the customer, by its episodes. Entries only; the pipeline's
kept_signals opens and closes them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Topic
from storage.health import SignalEpisode

EPISODE = table_of(SignalEpisode)


def _signal(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    running = select(1).where(
        EPISODE.c.customer_id == scope.customer_id,
        EPISODE.c.signal == arguments.text("name"),
        EPISODE.c.opened_at.is_not(None),
        EPISODE.c.closed_at.is_(None),
    )
    return exists(running.correlate(*scope.outer))


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="signal",
        type=ValueType.BOOL,
        topic=Topic.HEALTH,
        meaning="Whether a signal of signals.yml is open.",
        example='signal("login_falling")',
        is_function=True,
        parameters=(Parameter(name="name", shape=Shape.NAME, is_required=True),),
        sql=_signal,
        moves=True,
    ),
)
