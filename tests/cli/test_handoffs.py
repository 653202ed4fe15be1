"""`handoffs`: the list, and the acts that Slack's buttons make too."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli

LATER = ("--at", "2027-04-01T11:00")
KEYS = {"id", "customer", "kind", "urgency", "owner", "state", "due_at", "playbook", "step"}


def test_the_list_is_one_array_with_the_promised_keys(walked: Cli) -> None:
    rows = walked.json("handoffs", "list")
    assert [row["customer"] for row in rows] == ["yama-gym", "yama-gym"]
    assert all(set(row) == KEYS | {"title"} for row in rows)


def test_the_list_is_filtered(walked: Cli) -> None:
    assert [row["id"] for row in walked.json("handoffs", "list", "--owner", "sato")] == [2]
    assert walked.json("handoffs", "list", "--state", "done") == []
    assert walked.run("handoffs", "list", "--state", "done").out == "No hand-offs.\n"


def test_a_hand_off_is_shown_with_its_brief(walked: Cli) -> None:
    out = walked.run("handoffs", "show", "2").out
    assert "Answer a low NPS score" in out
    assert "予約画面が遅く" in out
    assert "低NPSへの返信" in walked.run("handoffs", "show", "2", "--locale", "ja").out


def test_from_acknowledged_to_done(walked: Cli) -> None:
    assert walked.run("handoffs", "acknowledge", "2", *LATER).out == "Hand-off 2 is acknowledged by sato.\n"
    told = walked.json("handoffs", "done", "2", "--outcome", "answered", "--note", "They are fine", *LATER)
    assert (told["state"], told["outcome"], told["closed_by"]) == ("done", "answered", "sato")


def test_whoever_is_second_is_told_who_was_first(walked: Cli) -> None:
    walked.run("handoffs", "acknowledge", "2", "--by", "yamada", *LATER)
    told = walked.run("handoffs", "acknowledge", "2", *LATER, code=2).err
    assert "acknowledged by yamada, 2027-04-01 11:00" in told, "on the workspace's clock"
    assert "UTC" not in told


@pytest.mark.parametrize("until", ["2 hours", "2027-04-01T13:00"])
def test_a_snooze_is_a_length_or_a_moment(walked: Cli, until: str) -> None:
    told = walked.json("handoffs", "snooze", "2", "--until", until, "--reason", "At a fair", *LATER)
    assert told["snoozed_until"] == "2027-04-01T04:00:00Z"


def test_a_snooze_that_is_none_is_refused(walked: Cli) -> None:
    assert (
        "fortnights"
        in walked.run("handoffs", "snooze", "2", "--until", "2 fortnights", "--reason", "x", *LATER, code=2).err
    )


def test_a_snooze_says_why(walked: Cli) -> None:
    assert "--reason" in walked.run("handoffs", "snooze", "2", *LATER, code=2).err
    assert "--reason is empty" in walked.run("handoffs", "snooze", "2", "--reason", " ", *LATER, code=2).err


def test_only_the_owner_their_manager_and_covers_act_and_whoever_runs_this_installation(walked: Cli) -> None:
    refused = walked.run("handoffs", "done", "2", "--outcome", "answered", "--by", "hayashi", *LATER, code=2).err
    assert "is sato's: only they, their manager and who covers for them may act on it" in " ".join(refused.split())
    assert walked.json("handoffs", "flag", "2", "--by", "root", *LATER)["flagged_at"] is not None


def test_where_outcomes_are_offered_one_of_them_is_given(walked: Cli) -> None:
    assert "closes with one of" in " ".join(walked.run("handoffs", "done", "2", *LATER, code=2).err.split())


def test_tasks_are_ticked_off_by_their_numbers(walked: Cli) -> None:
    assert "has 0 task(s)" in walked.run("handoffs", "tick", "2", "1", *LATER, code=2).err


def test_what_is_not_asked_is_not_answered(walked: Cli) -> None:
    out = walked.run("handoffs", "done", "2", "--outcome", "answered", "--answer", "colour=red", *LATER, code=2).err
    assert "does not ask `colour`" in out


def test_a_hand_off_is_given_to_somebody_who_exists(walked: Cli) -> None:
    assert walked.json("handoffs", "reassign", "2", "--to", "hayashi", *LATER)["owner"] == "hayashi"
    assert "There is no CSM `nobody`" in walked.run("handoffs", "reassign", "2", "--to", "nobody", *LATER, code=2).err


def test_an_outcome_that_is_not_offered_is_answered_with_those_that_are(walked: Cli) -> None:
    assert "meeting booked" in walked.run("handoffs", "done", "2", "--outcome", "nope", *LATER, code=2).err


def test_dismissing_needs_a_reason(walked: Cli) -> None:
    assert "--reason" in walked.run("handoffs", "dismiss", "2", *LATER, code=2).err
    assert "There is no cause" in walked.run("handoffs", "dismiss", "2", "--reason", "x", "--cause", "x", code=2).err
    assert walked.json("handoffs", "dismiss", "2", "--reason", "settled", *LATER)["state"] == "dismissed"


def test_an_unknown_number_is_refused(walked: Cli) -> None:
    assert "There is no hand-off 99" in walked.run("handoffs", "show", "99", code=2).err
    assert "There is no hand-off 99" in walked.run("handoffs", "acknowledge", "99", code=2).err


def test_a_flag_calls_for_the_companys_attention_and_can_be_taken_off(walked: Cli) -> None:
    assert walked.json("handoffs", "flag", "2", *LATER)["flagged_at"] == "2027-04-01T02:00:00Z"
    assert "Flagged:      2027-04-01 11:00" in walked.run("handoffs", "show", "2").out
    assert walked.json("handoffs", "flag", "2", "--off", *LATER)["flagged_at"] is None
