"""The report on useless alerts: how hand-offs end per playbook and step, and why people dismiss them."""

from __future__ import annotations

from datetime import timedelta

from bot.insight.report_handoffs import reasons_of, report_handoffs
from storage import handoff_moves as moves
from storage.database import Database
from storage.handoffs import HandoffState
from tests.storage.handoff_rows import NOW, handoff


def test_dismissals_are_counted_by_playbook_and_step_with_their_causes(database: Database) -> None:
    first, second, third, _ = (handoff(database, playbook="usage", step="call") for _ in range(4))
    handoff(database, playbook="nps", step="talk", escalations=1)
    handoff(database, playbook="old", step="x", opened_at=NOW - timedelta(days=181))
    joined = handoff(database, playbook="nps", step="talk", state=HandoffState.MERGED, merged_into=first)
    with database.write() as connection:
        for it, cause in ((first, "false_alarm"), (second, "false_alarm")):
            moves.dismiss(connection, it, by="sato", at=NOW, key="k", reason="Logged in\ndaily", cause=cause)
        moves.done(connection, third, by="sato", at=NOW, key="k")
    assert joined
    with database.read() as connection:
        rows = report_handoffs(connection, NOW)
    assert [(row["playbook"], row["opened"], row["unfinished"], row["done"], row["dismissed"]) for row in rows] == [
        ("usage", 4, 1, 1, 2),
        ("nps", 2, 1, 0, 1),
    ]
    assert [(row["useless"], row["escalated"]) for row in rows] == [(0.67, 0), (1.0, 1)]
    assert rows[0]["why"] == [{"cause": "false_alarm", "times": 2}]
    assert list(reasons_of(rows))[:2] == ["usage → call: false_alarm 2", "  “Logged in daily”"]
