"""`customers`, `playbooks`, `explain`, `doctor`, `db`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.cli.conftest import Cli

NOW = ("--at", "2027-04-01T11:00")


def test_customers_are_listed_and_filtered(walked: Cli) -> None:
    assert len(walked.json("customers", "list")) == 5
    assert [row["customer"] for row in walked.json("customers", "list", "--csm", "")] == ["kawa-salon", "sakura-cafe"]
    assert [row["customer"] for row in walked.json("customers", "list", "--stage", "onboarding")] == ["sakura-cafe"]


def test_a_customer_is_shown_with_the_import_s_columns_contacts_and_enrollments(walked: Cli) -> None:
    found = walked.json("customers", "show", "yama-gym")
    assert {"customer", "name", "stage", "arr", "renewal_date", "tags", "contacts", "enrollments"} <= set(found)
    assert [contact["roles"] for contact in found["contacts"]] == ["champion;decision_maker*", "admin;user"]
    assert "山のジム株式会社" in walked.run("customers", "show", "yama-gym").out


def test_an_unknown_customer_is_answered_with_the_nearest(walked: Cli) -> None:
    assert "did you mean `yama-gym`" in walked.run("customers", "show", "yama-gim", code=2).err


def test_playbooks_are_listed_with_who_is_inside(walked: Cli) -> None:
    rows = {row["name"]: row for row in walked.json("playbooks", "list")}
    assert rows["renewal_90_days"]["entered"] == 3
    drafts = walked.json("playbooks", "list", "--state", "draft")
    assert [row["name"] for row in drafts] == ["csat_after_ticket", "nps_survey", "user_group_feedback"], (
        "surveys need a public address first"
    )


def test_a_state_that_no_playbook_has_is_told_from_one_that_does_not_exist(walked: Cli) -> None:
    assert walked.run("playbooks", "list", "--state", "retired").out == "No playbook is retired.\n"
    assert (
        "the states are draft, live, paused, retired"
        in walked.run("playbooks", "list", "--state", "lively", code=2).err
    )


def test_a_playbook_is_shown_with_its_definition(walked: Cli) -> None:
    assert walked.json("playbooks", "show", "welcome")["definition"]["walks"] == "customer"
    shown = walked.run("playbooks", "show", "renewal_90_days").out
    assert "walks at" in shown
    assert "published (Asia/Tokyo)" in shown
    assert '\n  "walks": "customer"' in shown
    assert "did you mean `welcome`" in walked.run("playbooks", "show", "welcom", code=2).err


def test_explain_says_why_and_why_not(walked: Cli) -> None:
    got = walked.run("explain", "umi-books", "renewal_90_days", *NOW).out
    assert "Sent: The provider took it (mail 2)" in got
    assert '✗ clicked("notice")' in got
    got_not = walked.run("explain", "sakura-cafe", "welcome", *NOW).out
    assert "Matched already when the playbook went live" in got_not


def test_the_lines_of_explain_have_the_promised_keys(walked: Cli) -> None:
    lines = walked.json("explain", "umi-books", *NOW)
    assert all({"at", "playbook", "step", "verdict", "reason", "sentence", "leaves"} <= set(line) for line in lines)
    leaves = [leaf for line in lines for leaf in line["leaves"]]
    assert all({"text", "value", "holds"} <= set(leaf) for leaf in leaves)
    assert leaves


def test_explain_speaks_japanese(walked: Cli) -> None:
    assert (
        "公開時にすでに条件に合っていた" in walked.run("explain", "sakura-cafe", "welcome", "--locale", "ja", *NOW).out
    )


def test_explain_of_a_playbook_counts(walked: Cli) -> None:
    told = walked.json("explain", "--playbook", "renewal_90_days", *NOW)
    assert sum(told["inside"].values()) == 3
    assert "inside: 3" in walked.run("explain", "--playbook", "renewal_90_days", *NOW).out


def test_explain_of_a_mail_tells_its_story(walked: Cli) -> None:
    reasons = [line["reason"] for line in walked.json("explain", "-m", "4", *NOW)]
    assert "review" in reasons
    assert "There is no mail 99" in walked.run("explain", "-m", "99", code=2).err


def test_explain_needs_to_know_of_whom(walked: Cli) -> None:
    assert "name a customer" in walked.run("explain", code=2).err
    assert "name a customer" in walked.run("explain", "umi-books", "-m", "1", code=2).err


def test_doctor_ends_with_1_when_somebody_should_act(walked: Cli) -> None:
    complaints = walked.json("doctor", *NOW, code=1)
    assert all({"name", "severity", "sentence", "hint"} <= set(each) for each in complaints)
    assert not [each for each in complaints if each["severity"] == "error"]
    out = walked.run("doctor", *NOW, code=1).out
    assert "Complaint(" not in out


def test_the_database_is_upgraded_and_backed_up(cli: Cli, tmp_path: Path) -> None:
    assert "from nothing to revision" in cli.run("db", "upgrade").out
    assert "already" in cli.run("db", "upgrade").out
    copy = tmp_path / "copy.db"
    cli.run("db", "backup", str(copy))
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM customer").fetchone() == (0,)
    connection.close()
    assert "exists already" in cli.run("db", "backup", str(copy), code=2).err
