"""`report`: a table for people, an array for programs, and a hint for who misspells the name."""

from __future__ import annotations

from tests.cli.conftest import Cli


def test_without_answers_there_is_nothing_to_report(walked: Cli) -> None:
    assert walked.run("report", "nps").out == "Nothing to report yet.\n"
    assert walked.json("report", "nps") == []


def test_an_unknown_report_names_those_there_are(walked: Cli) -> None:
    assert "there are: nps" in walked.run("report", "npss", code=2).err
