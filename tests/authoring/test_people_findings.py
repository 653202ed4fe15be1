"""Who is named and does not exist: roles of contacts, owners on our side. Each finding has its place and its repair."""

from __future__ import annotations

import pytest

from bot.authoring.people_findings import KnownPeople, check_people
from bot.authoring.workspace_file import WorkspaceSettings, load_workspace_settings
from bot.errors import Finding
from tests.authoring.files import parsed, with_steps

OURS = """
contact_roles: [accountant]
owners:
  default: round_robin(digital)
  roles: [csm, support]
  teams: {digital: [suzuki, hayashi]}
  cover: {mori: {from: 2027-05-01, to: 2027-05-09, by: ogawa}}
"""


def settings(text: str = OURS) -> WorkspaceSettings:
    found, findings = load_workspace_settings(text, "playbooks/workspace.yml")
    assert found is not None, findings
    return found


def check(step: str, known: KnownPeople | None = None) -> list[Finding]:
    book = parsed(with_steps(f"  - {step}"))
    return check_people([book], settings(), known or KnownPeople())


@pytest.mark.parametrize(
    "to",
    ["champion", "[decision_maker, admin]", "all(user)", "anyone", "accountant", "all( accountant )"],
)
def test_roles_of_the_language_and_of_the_workspace_are_known(to: str) -> None:
    assert check(f"email: hello\n    to: {to}") == []


def test_an_unknown_role_is_told_with_the_nearest_one() -> None:
    (found,) = check("email: hello\n    to: [champoin, admin]")
    assert (found.file, found.line, found.path) == ("playbooks/journeys/test.yml", 7, "steps[0].to")
    assert (found.rule, found.severity) == ("unknown-role", "warning")
    assert found.message == "No contact has the role `champoin`, so nobody would get this"
    assert found.hint == "did you mean `champion`? Or name it under `contact_roles:` in workspace.yml"


def test_all_of_an_unknown_role_is_told_as_well_and_anyone_is_no_role() -> None:
    assert [found.rule for found in check("email: hello\n    to: all(admins)")] == ["unknown-role"]
    assert [found.rule for found in check("email: hello\n    to: all(anyone)")] == ["unknown-role"]


def test_a_role_that_a_contact_has_is_known() -> None:
    known = KnownPeople(roles=frozenset({"shop_owner"}))
    assert check("email: hello\n    to: shop_owner", known) == []
    assert [found.hint for found in check("email: hello\n    to: shop_owners", known)] == [
        "did you mean `shop_owner`? Or name it under `contact_roles:` in workspace.yml"
    ]


@pytest.mark.parametrize(
    "owner",
    ["csm", "csm.manager", "support", "round_robin(digital)", "digital", "suzuki", "mori", "ogawa"],
)
def test_owners_that_the_language_or_the_workspace_names_are_known(owner: str) -> None:
    assert check(f"handoff: Call\n    owner: {owner}\n    escalate_to: {owner}\n    acknowledge_within: 1 day") == []


@pytest.mark.parametrize(
    ("line", "path", "message", "hint"),
    [
        (
            "owner: suzuky",
            "steps[0].owner",
            "Nobody of ours is called `suzuky`, so `owners: default:` would be asked",
            "did you mean `suzuki`? Or name it under `owners:` in workspace.yml",
        ),
        (
            "escalate_to: csm.manger",
            "steps[0].escalate_to",
            "Nobody of ours is called `csm.manger`, so `owners: default:` would be asked",
            "did you mean `csm.manager`? Or name it under `owners:` in workspace.yml",
        ),
        (
            "owner: round_robin(digitl)",
            "steps[0].owner",
            "There is no team `digitl`, so `owners: default:` would be asked",
            "did you mean `digital`? Or add it under `owners: teams:` in workspace.yml",
        ),
        (
            'notify: ["#risk", suport]',
            "steps[0].notify",
            "Nobody of ours is called `suport`, so `owners: default:` would be asked",
            "did you mean `support`? Or name it under `owners:` in workspace.yml",
        ),
    ],
)
def test_an_unknown_owner_is_told_with_the_nearest_one(line: str, path: str, message: str, hint: str) -> None:
    (found,) = check(f"handoff: Call\n    {line}")
    assert (found.rule, found.severity, found.line) == ("unknown-owner", "warning", 7)
    assert (found.path, found.message, found.hint) == (path, message, hint)


def test_whoever_signs_a_mail_and_who_answers_for_a_playbook_are_owners_too() -> None:
    assert [found.path for found in check("email: hello\n    to: champion\n    from: ae")] == ["steps[0].from"]
    book = parsed("owner: nobody\n" + with_steps("  - log: x"))
    assert [found.path for found in check_people([book], settings())] == ["owner"]


def test_people_and_teams_of_the_data_are_known() -> None:
    known = KnownPeople(persons=frozenset({"tanaka"}), teams=frozenset({"field"}))
    assert check("handoff: Call\n    owner: tanaka\n    escalate_to: round_robin(field)", known) == []
