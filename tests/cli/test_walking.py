"""`tick`, `enroll`, `exit`, `pause`, `resume` and the clock that `--at` turns."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

ROOT = Path(__file__).parents[2]
CUSTOMERS = "customer,name,stage\nacme,Acme,new\nbeta,Beta,old\n"


@pytest.fixture
def ready(cli: Cli) -> Cli:
    cli.run("import", str(cli.write("in/customers.csv", CUSTOMERS)), "--at", "2027-04-01")
    cli.run("deploy", "--at", "2027-04-01")
    return cli


def test_a_tick_tells_what_it_did(ready: Cli) -> None:
    out = ready.run("tick", "--at", "2027-04-01T09:00").out
    assert out.startswith("Tick at 2027-04-01 09:00 (Asia/Tokyo)\n")
    assert "entered   1" in out
    assert "nothing was due" in ready.run("tick", "--at", "2027-04-01T09:01").out


def test_the_json_of_a_tick_is_in_utc(ready: Cli) -> None:
    told = ready.json("tick", "--at", "2027-04-01T09:00")
    assert told["at"] == "2027-04-01T00:00:00Z"
    assert told["entered"] == 1


@pytest.mark.parametrize("text", ["2027-04-01T00:00Z", "2027-04-01T09:00+09:00", "2027-04-01 09:00"])
def test_a_moment_may_be_written_in_several_ways(ready: Cli, text: str) -> None:
    assert ready.json("tick", "--at", text)["at"] == "2027-04-01T00:00:00Z"


def test_a_moment_that_is_none_is_refused(ready: Cli) -> None:
    assert "is no moment" in ready.run("tick", "--at", "tomorrow", code=2).err


CONNECTED = [
    {"SLACK_BOT_TOKEN": "xoxb-000000000000"},
    {"JOURNEYBOT_EMAIL": "sendgrid", "SENDGRID_API_KEY": "SG.000000000000"},
    {"JOURNEYBOT_EMAIL": "smtp", "JOURNEYBOT_SMTP_URL": "smtps://user:password@mail.acme.example"},
]


@pytest.mark.parametrize("settings", CONNECTED, ids=lambda each: next(iter(each)) + str(len(each)))
@pytest.mark.parametrize(
    "words", [("tick",), ("deploy",), ("import", "x.csv"), ("enroll", "hello", "--all"), ("outbox", "approve", "1")]
)
def test_the_clock_is_not_turned_where_something_real_is_connected(
    ready: Cli, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], words: tuple[str, ...]
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    ran = ready.run(*words, "--at", "2027-04-02", code=2)
    assert "--at turns the clock" in ran.err


def test_a_broken_workspace_file_does_not_guess_the_time_zone(ready: Cli) -> None:
    ready.write("playbooks/workspace.yml", "timezone: Tokio\n")
    assert "time zone is not known" in ready.run("tick", "--at", "2027-04-02", code=2).err


def test_enrolling_by_hand_lets_the_next_tick_decide(ready: Cli) -> None:
    ready.run("tick", "--at", "2027-04-01T09:00")
    assert "1 may enter `hello`" in ready.run("enroll", "hello", "--customer", "beta", "--at", "2027-04-01T10:00").out
    assert ready.json("tick", "--at", "2027-04-01T10:01")["entered"] == 1


@pytest.mark.parametrize("words", [(), ("--customer", "acme", "--all")])
def test_exactly_one_whom_is_needed(ready: Cli, words: tuple[str, ...]) -> None:
    assert "exactly one of" in ready.run("enroll", "hello", *words, code=2).err
    assert "exactly one of" in ready.run("pause", *words, code=2).err


@pytest.mark.parametrize("command", ["enroll", "exit"])
def test_unknown_names_are_refused(ready: Cli, command: str) -> None:
    assert "did you mean `hello`" in ready.run(command, "helo", "--all", code=2).err
    assert "There is no customer `nobody`" in ready.run(command, "hello", "--customer", "nobody", code=2).err


def test_exiting_ends_walks_by_hand(walked: Cli) -> None:
    assert "1 walk of `renewal_90_days` ended." in walked.run("exit", "renewal_90_days", "-c", "umi-books").out
    walks = walked.json("customers", "show", "umi-books")["enrollments"]
    assert {walk["outcome"] for walk in walks if walk["playbook"] == "renewal_90_days"} == {"exited"}
    assert "Nobody was walking it." in walked.run("exit", "renewal_90_days", "-c", "umi-books").out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--all",), "Everything"),
        (("--playbook", "welcome"), "Playbook `welcome`"),
        (("--customer", "umi-books"), "Customer `umi-books`"),
        (("--contact", "ito"), "Contact `ito`"),
    ],
)
def test_pausing_and_resuming(walked: Cli, words: tuple[str, ...], named: str) -> None:
    assert walked.run("pause", *words).out == f"{named} stands still.\n"
    assert walked.run("pause", *words).out == f"{named} stood still already.\n"
    assert walked.run("resume", *words).out == f"{named} goes on.\n"
    assert walked.run("resume", *words).out == f"{named} was not paused.\n"


def test_a_pause_until_a_day_ends_by_itself_and_the_last_word_about_it_counts(walked: Cli) -> None:
    everybody = ("pause", "--all", "--at", "2027-04-01T10:06")
    assert walked.run(*everybody, "--until", "5 days").out == (
        "Everything stands still until 2027-04-06 10:06 (Asia/Tokyo).\n"
    )
    assert walked.run(*everybody, "--until", "2027-04-02").out == (
        "Everything stood still already, now until 2027-04-02 00:00 (Asia/Tokyo).\n"
    )
    walked.run("outbox", "approve", "4", "--at", "2027-04-01T10:07")
    walked.run("tick", "--at", "2027-04-01T10:10")
    assert walked.json("outbox", "list", "--customer", "mori-dental")[0]["state"] == "pending"
    walked.run("tick", "--at", "2027-04-02T10:00")
    assert walked.json("outbox", "list", "--customer", "mori-dental")[0]["state"] == "accepted"
    assert "is past, so nothing was paused" in walked.run("pause", "--all", "--until", "2026-01-01", code=2).err
    assert "is not a duration" in walked.run("pause", "--all", "--until", "soon", code=2).err


def test_nothing_leaves_while_everything_stands_still(walked: Cli) -> None:
    walked.run("outbox", "approve", "4", "--at", "2027-04-01T10:05")
    walked.run("pause", "--all", "--at", "2027-04-01T10:06")
    walked.run("tick", "--at", "2027-04-01T10:10")
    assert walked.json("outbox", "list", "--customer", "mori-dental")[0]["state"] == "pending"
    walked.run("resume", "--all", "--at", "2027-04-01T10:20")
    walked.run("tick", "--at", "2027-04-01T10:30")
    assert walked.json("outbox", "list", "--customer", "mori-dental")[0]["state"] == "accepted"


def test_run_refuses_a_port_that_is_taken(ready: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "bot.cli", "--workspace", str(ready.folder), "run", "--port", port]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
