"""What `check` says about `reports:` of workspace.yml, at the line."""

from __future__ import annotations

import pytest

from bot.authoring.people_findings import NOBODY_ASKED, KnownPeople
from bot.authoring.workspace import load_workspace

PEOPLE = KnownPeople(persons=frozenset({"sato", "mori"}), teams=frozenset({"leads"}))
HEAD = "company: X\nowners: {teams: {digital: [suzuki]}}\nreports:\n"


def told(entry: str, known: KnownPeople = PEOPLE) -> list[tuple[int, str, str, str, str]]:
    files = {"playbooks/workspace.yml": f"{HEAD}  - {{{entry}}}\n"}
    findings = load_workspace(files, known=known).findings
    return [
        (each.line, each.rule, each.severity, each.message, each.hint)
        for each in findings
        if each.rule != "template-layout"
    ]


def test_channels_people_teams_and_each_csm_are_readers_and_both_spellings_of_a_report_are_one() -> None:
    assert told('report: churn_reasons, every: day 1 10:00, to: ["#company", sato, leads, digital, suzuki]') == []
    assert told("report: churn-reasons, every: business day 08:30, to: sato") == []
    assert told("report: signals, every: monday 09:00, to: csm") == []


@pytest.mark.parametrize(
    ("entry", "rule", "message", "hint"),
    [
        (
            "report: activty, every: monday 09:00, to: sato",
            "wrong-value",
            "no report `activty`",
            "did you mean `activity`?",
        ),
        ("report: nps, every: moonday 09:00, to: sato", "wrong-value", "moonday", "did you mean `monday 09:00`?"),
        ("report: nps, every: 3 months, to: sato", "wrong-value", "does not say when it begins", "day 1 10:00"),
        ("report: nps, every: monday 09:00, to: stao", "unknown-reader", "Nobody of ours is called `stao`", "`sato`"),
        ("report: nps, every: monday 09:00, to: csm", "unknown-reader", "of all customers together", "activity"),
        ("report: nps, every: monday 09:00, to: '#'", "unknown-reader", "is no channel", "in quotes"),
    ],
)
def test_each_slip_has_its_line_and_a_way_out(entry: str, rule: str, message: str, hint: str) -> None:
    (found,) = told(entry)
    assert found[:3] == (4, rule, "error")
    assert message in found[3]
    assert hint in found[4]


def test_before_the_first_import_an_unknown_person_is_a_warning() -> None:
    (found,) = told("report: nps, every: monday 09:00, to: yamada", NOBODY_ASKED)
    assert found[:3] == (4, "unknown-reader", "warning")
