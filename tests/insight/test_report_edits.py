"""The report on edits: how often templates were sent as they are, and what people write instead."""

from __future__ import annotations

from bot.insight.report_edits import diff_of, report_edits
from tests.cast import csm, going_quiet, healthy
from tests.pipeline.assist_scenes import at_risk_world, drafted, sent, wrote_myself
from tests.world import World


def test_the_same_change_for_two_customers_is_one_passage_that_names_neither(world: World) -> None:
    at_risk_world(world)
    csm(world.database, "sato")
    for who in (healthy, going_quiet):
        who(world.database, world.now)
    world.tick()
    for handoff, name in ((1, "Tanaka"), (2, "Mori")):
        body = drafted(world, handoff).draft.body_markdown.replace("Could we speak this week?", f"{name}, call me.")
        assert sent(world, handoff, body=body).is_done
    with world.database.read() as connection:
        rows = report_edits(connection, world.now)
    (row,) = rows
    assert (row["sent"], row["as_is"], row["edited"], row["elsewhere"]) == (2, 0, 2, 0)
    assert list(diff_of(rows)) == [
        "--- templates/emails/at_risk.en.md",
        "+++ at_risk.en.md as sent, edited 2 of 2 times",
        "@@ 2 × @@",
        "-Could we speak this week?",
        "+{{ contact.name }}, call me.",
        "",
    ]


def test_as_it_is_and_elsewhere_are_counted(world: World) -> None:
    at_risk_world(world)
    csm(world.database, "sato")
    healthy(world.database, world.now)
    world.tick()
    assert wrote_myself(world).is_done
    with world.database.read() as connection:
        (row,) = report_edits(connection, world.now)
    assert (row["sent"], row["elsewhere"], row["passages"]) == (0, 1, [])
