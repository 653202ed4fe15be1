"""A tick asks first what there is to do, in a few statements, and passes over the rest; that changes nothing of what it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from bot.pipeline import ticking
from bot.pipeline.agenda import Agenda
from storage.database import Database
from tests.cast import healthy, opted_out
from tests.pipeline.scenes import journey
from tests.pipeline.test_crash_and_resume import calm_life
from tests.world import World

EVERYTHING = Agenda(news=True, walks=True, mails=True, is_any_mail_due=True, may_be_closed=True)
MOST_STATEMENTS = 10


@contextmanager
def statements_of(database: Database) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def test_an_idle_tick_takes_a_few_statements_and_writes_nothing(world: World) -> None:
    world.mail("hello")
    journey(world, "hello", "- email: hello\n- wait: 5 days\n- handoff: Call them", enter='when: stage == "new"')
    world.deploy()
    for person in (healthy, opted_out):
        person(world.database, world.now, stage="new")
    world.time_passes(hours=1)
    world.time_passes(hours=1)
    with statements_of(world.database) as asked:
        world.time_passes(minutes=1)
    assert [mail.template for mail in world.sent] == ["hello"]
    assert len([one for one in asked if not one.startswith("BEGIN")]) <= MOST_STATEMENTS
    assert not [one for one in asked if one.startswith(("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE"))]


def test_what_is_passed_over_would_have_changed_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    story, _ = calm_life(database_url)
    monkeypatch.setattr(ticking, "look_around", lambda *_, **__: EVERYTHING)
    assert calm_life(database_url)[0] == story
