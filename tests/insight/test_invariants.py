"""The report on invariants: every hand-off has one owner and one end, and whoever has not is named."""

from __future__ import annotations

from datetime import timedelta

import pytest
import typer
from sqlalchemy import insert

from bot.cli.reporting import fail_if_broken
from bot.insight.report_invariants import examples_of, is_broken, report_invariants
from storage import handoff_moves as moves
from storage.database import Database
from storage.handoffs import HandoffAct, HandoffState
from tests.storage.handoff_rows import NOW, handoff


def test_sound_hand_offs_are_counted_by_week_and_by_end(database: Database) -> None:
    done, dismissed, card = (handoff(database) for _ in range(3))
    handoff(database, state=HandoffState.MERGED, merged_into=card)
    unowned = handoff(database, owner=None, due_at=NOW - timedelta(hours=1))
    waits = handoff(database, opened_at=NOW - timedelta(days=7), posting="wanted", posted_ts=None)
    handoff(database, opened_at=NOW - timedelta(days=200))
    with database.write() as connection:
        moves.done(connection, done, by="sato", at=NOW, key="k")
        moves.dismiss(connection, dismissed, by="sato", at=NOW, key="k", reason="no", cause="false_alarm")
    with database.read() as connection:
        rows = report_invariants(connection, NOW)
    this, last, earlier = rows
    assert [row["week"] for row in rows] == ["2027-W09", "2027-W08", "earlier"]
    counts = ("opened", "done", "dismissed", "withdrawn", "joined", "open", "unowned", "overdue", "not_posted")
    assert [this[name] for name in counts] == [5, 1, 1, 0, 1, 2, 1, 1, 0]
    assert [last[name] for name in counts] == [1, 0, 0, 0, 0, 1, 0, 0, 1]
    assert [earlier[name] for name in counts] == [1, 0, 0, 0, 0, 1, 0, 0, 0]
    assert not is_broken(rows)
    assert list(examples_of(rows)) == [
        f"2027-W09 unowned: {unowned}",
        f"2027-W09 overdue: {unowned}",
        f"2027-W08 not_posted: {waits}",
    ]
    fail_if_broken("invariants", rows)


def test_each_broken_invariant_is_named_with_its_hand_offs_and_fails_the_command(database: Database) -> None:
    lost = handoff(database, owner=None, posting="failed")
    endless = handoff(database, state=HandoffState.DONE)
    half = handoff(database, closed_at=NOW)
    twice = handoff(database)
    with database.write() as connection:
        moves.done(connection, twice, by="sato", at=NOW, key="k")
        # The moves and a unique event refuse a second end, so only a fault of ours could write it.
        connection.execute(insert(HandoffAct).values(handoff_id=twice, key="other", act="dismissed", by="mori", at=NOW))
    with database.read() as connection:
        rows = report_invariants(connection, NOW)
    assert [(rows[0]["lost"], rows[0]["without_end"], rows[0]["two_ends"])] == [(1, 1, 2)]
    assert list(examples_of(rows))[:3] == [
        f"2027-W09 lost (broken): {lost}",
        f"2027-W09 without_end (broken): {endless}",
        f"2027-W09 two_ends (broken): {half}, {twice}",
    ]
    with pytest.raises(typer.Exit) as left:
        fail_if_broken("invariants", rows)
    assert left.value.exit_code == 1


def test_without_hand_offs_there_is_nothing_to_report(database: Database) -> None:
    with database.read() as connection:
        assert report_invariants(connection, NOW) == []
