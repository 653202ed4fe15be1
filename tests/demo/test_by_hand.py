"""What people of ours start by hand in the demo: journeys of the starter that are started so, for customers who are there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from bot.authoring.workspace import load_workspace, read_files
from bot.demo.by_hand import starts
from bot.demo.company import build_company
from bot.demo.life import Life

START = date(2027, 4, 1)


def test_every_start_is_of_a_journey_that_waits_for_it_and_within_the_demo() -> None:
    life = Life(build_company(2027, 200, START), 2027)
    found = list(starts(life))
    files, _ = read_files(Path(__file__).parents[2])
    playbooks = load_workspace(files).playbooks
    by_hand = {name for name, parsed in playbooks.items() if parsed.playbook.enter.manual}
    customers = {customer.key for customer in life.company.customers}
    assert {start.playbook for start in found} <= by_hand
    assert {start.customer for start in found} - customers == {None}
    assert len(found) > 5
    assert all(START < start.day < date(2027, 7, 29) for start in found)
