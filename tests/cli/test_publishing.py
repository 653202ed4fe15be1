"""`check` and `deploy`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli

WRONG = "title: Wrong\nstate: live\nwalks: customer\nenter: {when: stagee == 'new'}\nsteps:\n  - emial: hello\n"


def test_a_clean_workspace_is_one_line_and_0(cli: Cli) -> None:
    assert cli.run("check").out == "0 errors, 0 warnings in 1 playbooks and 0 templates.\n"


def test_findings_say_file_line_reason_and_repair_and_end_with_1(cli: Cli) -> None:
    cli.write("playbooks/journeys/wrong.yml", WRONG)
    out = cli.run("check", code=1).out
    assert "playbooks/journeys/wrong.yml:6: error:" in out
    assert "→" in out
    assert out.splitlines()[-1].startswith("1 error, 0 warnings") or "errors" in out.splitlines()[-1]


def test_the_json_of_check_has_exactly_the_promised_keys(cli: Cli) -> None:
    cli.write("playbooks/journeys/wrong.yml", WRONG)
    found = cli.json("check", code=1)
    assert all(set(each) == {"file", "line", "path", "rule", "severity", "message", "hint"} for each in found)


def test_check_needs_no_database(cli: Cli) -> None:
    cli.run("check")
    assert not (cli.folder / ".journeybot").exists()


ASKING = "title: A\nstate: live\nwalks: customer\nenter: {manual: true}\nsteps:\n  - handoff: Call\n    owner: mori\n"


def test_check_knows_the_people_of_a_database_that_is_there(cli: Cli) -> None:
    cli.write("playbooks/journeys/asking.yml", ASKING)
    assert [found["rule"] for found in cli.json("check")] == ["unknown-owner"]
    cli.write("csms.csv", "csm,name\nmori,Mori\n")
    cli.run("import", str(cli.folder / "csms.csv"))
    assert cli.json("check") == []
    assert cli.json("deploy")["warnings"] == []


def test_check_says_when_the_database_cannot_be_asked(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYBOT_DATABASE_URL", "postgresql://somebody:secret@127.0.0.1:9/nowhere")
    (found,) = cli.json("check")
    assert (found["rule"], found["severity"]) == ("database", "warning")
    assert "127.0.0.1" in found["message"]
    assert "secret" not in found["message"]


def test_deploying_publishes_once(cli: Cli) -> None:
    assert "Published deployment 1: 1 playbooks, 1 of them live." in cli.run("deploy").out
    assert "Nothing changed since deployment 1." in cli.run("deploy").out
    assert cli.json("deploy")["is_changed"] is False


def test_with_errors_nothing_is_published(cli: Cli) -> None:
    cli.write("playbooks/journeys/wrong.yml", WRONG)
    ran = cli.run("deploy", code=1)
    assert "playbooks/journeys/wrong.yml:" in ran.err
    assert cli.json("playbooks", "list") == []
