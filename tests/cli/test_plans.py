"""`plans` and `report plans` as a person types them."""

from __future__ import annotations

import re

from tests.cli.conftest import TICKED, Cli

PLANS = """
objective:
  title: {en: Customer objectives, ja: カスタマー目標計画}
  due: end of quarter
  objectives:
    - title: {en: Ten licences in use, ja: 10ライセンス利用}
      target: licenses_active >= 10
      tasks: [Invite the team]
"""


def test_a_plan_is_opened_followed_and_reported(walked: Cli) -> None:
    plans = walked.folder / "playbooks/plans.yml"
    others = re.sub(r"(?ms)^objective:.*?(?=^\S|\Z)", "", plans.read_text(encoding="utf-8"))
    plans.write_text(others + PLANS, encoding="utf-8")
    walked.run("deploy", "--at", TICKED)
    assert walked.run("plans", "list").out == "No plans.\n"
    said = walked.run("plans", "open", "objective", "-c", "yama-gym", "--by", "sato", "--at", TICKED).out
    assert said == "Opened for yama-gym: plan 1, Customer objectives (active).\n"
    again = walked.run("plans", "open", "objective", "-c", "yama-gym", "--by", "sato", "--at", TICKED, code=2).err
    assert "has an open plan of the kind objective" in again
    walked.run("plans", "tick", "1", "1", "1", "--by", "sato", "--at", TICKED)
    shown = walked.run("plans", "show", "1", "--locale", "ja").out
    assert "カスタマー目標計画 (objective, active)" in shown
    assert "1. 10ライセンス利用: open" in shown
    assert "[x] 1. Invite the team" in shown
    (listed,) = walked.json("plans", "list", "--customer", "yama-gym")
    assert (listed["kind"], listed["due_on"], listed["counted"]) == ("objective", "2027-06-30", 1)
    (plan,) = walked.json("customers", "show", "yama-gym")["plans"]
    assert (plan["plan"], plan["state"]) == (1, "active")
    (row,) = walked.json("report", "plans")
    assert (row["kind"], row["open"], row["achieved"]) == ("objective", 1, 0)
    assert "no plan 7" in walked.run("plans", "show", "7", code=2).err


def test_a_list_asked_for_a_word_that_no_plan_has_says_which_there_are(walked: Cli) -> None:
    assert "achieved" in walked.run("plans", "list", "--state", "acheived", code=2).err
    assert "There is no kind `recover`" in walked.run("plans", "list", "--kind", "recover", code=2).err
