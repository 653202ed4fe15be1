"""Stage × signal × play: what acts, and where nobody does."""

from __future__ import annotations

from pathlib import Path

from bot.insight.report_coverage import has_holes, holes_of, report_coverage
from tests.world import World

STARTER = Path(__file__).parents[2]
STAGES = """
- {stage: trial, title: Trial}
- {stage: paying, title: Paying}
- {stage: gone, title: Gone, final: true}
"""
SIGNALS = """
quiet:
  title: Quiet
  when: stage != "gone" and count("login", days=7) == 0
late:
  title: Late
  when: stage in ["paying"] and tickets(status="open") >= 1
"""
PLAY = """
title: Play
state: %s
walks: customer
enter: {signal: %s, when: %s}
steps:
  - handoff: Call
"""


def test_a_signal_on_which_nobody_acts_in_one_of_its_stages_is_a_hole(world: World) -> None:
    world.write("playbooks/stages.yml", STAGES)
    world.write("playbooks/signals.yml", SIGNALS)
    world.playbook("wake_up", PLAY % ("live", "quiet", 'stage == "paying"'))
    world.playbook("drafted", PLAY % ("draft", "late", "arr > 0"))
    world.deploy()
    with world.database.read() as connection:
        rows = report_coverage(connection, world.now)
    found = {(row["stage"], row["signal"]): (row["plays"], bool(row["hole"])) for row in rows}
    assert found == {
        ("trial", "quiet"): ("", True),
        ("trial", None): ("", True),
        ("paying", "quiet"): ("wake_up", False),
        ("paying", "late"): ("", True),
        ("paying", None): ("", False),
        ("gone", None): ("", True),
    }
    assert has_holes(rows)
    assert list(holes_of(rows))[-1] == "Signals: 2, stages: 3, holes: 4."


def test_the_starter_has_no_hole(world: World) -> None:
    for path in [*STARTER.glob("playbooks/**/*.yml"), *STARTER.glob("templates/emails/*")]:
        if ".schema" not in path.parts:
            world.write(path.relative_to(STARTER).as_posix(), path.read_text(encoding="utf-8"))
    world.deploy()
    with world.database.read() as connection:
        rows = report_coverage(connection, world.now)
    assert [line for line in holes_of(rows) if line.startswith("hole")] == []
    assert len({row["signal"] for row in rows}) > 15
