"""`report`: a table for people, an array for programs, and a hint for who misspells the name."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli, call


def test_without_answers_there_is_nothing_to_report(walked: Cli) -> None:
    assert walked.run("report", "nps").out == "Nothing to report yet: nothing of the kind has happened yet.\n"
    assert walked.json("report", "nps") == []


def test_an_unknown_report_names_the_nearest_or_those_there_are(walked: Cli) -> None:
    assert "did you mean `nps`?" in walked.run("report", "npss", code=2).err
    assert "there are: activity, " in walked.run("report", "money", code=2).err


def test_a_report_of_all_customers_is_refused_for_one_csm(walked: Cli) -> None:
    assert "activity" in walked.run("report", "nps", "--csm", "sato", code=2).err
    assert [row["csm"] for row in walked.json("report", "activity", "--csm", "sato")] == ["sato"]


def test_before_the_first_deployment_a_report_says_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    call(["init", str(folder)])
    cli = Cli(folder=folder)
    assert "Run `journeybot check`, then `journeybot deploy`" in cli.run("report", "coverage").out
    assert cli.json("report", "coverage") == []
