"""`report`: a table for people, an array for programs, and a hint for who misspells the name."""

from __future__ import annotations

from tests.cli.conftest import Cli


def test_the_nps_of_nobody_is_no_error(walked: Cli) -> None:
    assert walked.json("report", "nps")[:1] in ([], [{**walked.json("report", "nps")[0], "by": "all"}])
    assert "report" in walked.run("report", "--help").out


def test_an_unknown_report_names_those_there_are(walked: Cli) -> None:
    assert "nps" in walked.run("report", "npss", code=2).err
