"""`outbox`: what is listed, and acts with their exit codes. The acts themselves are tested in tests/pipeline/test_outbox_acts.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

LATER = ("--at", "2027-04-01T10:30")
KEYS = {
    "id", "customer", "contact", "to", "playbook", "step", "template", "subject", "state", "reason", "due_at", "accepted_at",
}  # fmt: skip


def test_the_list_is_one_array_with_exactly_the_promised_keys(walked: Cli) -> None:
    rows = walked.json("outbox", "list")
    assert {row["id"]: row["state"] for row in rows} == {1: "pending", 2: "accepted", 3: "suppressed", 4: "held"}
    assert {row["id"]: row["reason"] for row in rows}[1] == "cap_mails", "the starter's cap: one mail a day to a person"
    assert all(set(row) == KEYS for row in rows)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("--state", "held"), [4]),
        (("--customer", "umi-books"), [2, 1]),
        (("--playbook", "nps_thanks"), [1]),
        (("--limit", "1"), [4]),
    ],
)
def test_the_list_is_filtered(walked: Cli, words: tuple[str, ...], ids: list[int]) -> None:
    assert [row["id"] for row in walked.json("outbox", "list", *words)] == ids


def test_a_state_that_does_not_exist_is_answered_with_those_that_do(walked: Cli) -> None:
    assert "unconfirmed" in walked.run("outbox", "list", "--state", "sent", code=2).err


def test_a_mail_is_shown_as_its_reader_gets_it(walked: Cli) -> None:
    out = walked.run("outbox", "show", "4").out
    assert "To:          mori@mori-dental.example" in out
    assert "held: Waits for the CSM to read and approve it" in out
    assert "2027年6月25日" in out


def test_an_approved_mail_leaves_with_the_next_tick(walked: Cli) -> None:
    assert walked.run("outbox", "approve", "4", *LATER).out == "Mail 4 is pending. The next tick sends it.\n"
    walked.run("tick", "--at", "2027-04-01T10:35")
    assert walked.json("outbox", "list", "--customer", "mori-dental")[0]["state"] == "accepted"


def test_an_act_prints_the_row_as_json(walked: Cli) -> None:
    assert set(walked.json("outbox", "reject", "4", "--reason", "called", *LATER)) == KEYS


def test_an_impossible_act_names_the_state_and_changes_nothing(walked: Cli) -> None:
    assert "Mail 2 is accepted" in walked.run("outbox", "resend", "2", *LATER, code=2).err
    assert "There is no mail 99" in walked.run("outbox", "skip", "99", *LATER, code=2).err


def test_a_mail_is_rewritten_from_a_file(walked: Cli) -> None:
    body = walked.write("letter.md", "Hello **Dr. Mori**,\n\nshall we talk? {{ not.jinja }}\n")
    words = ("--subject", "About your renewal", "--body", str(body), *LATER)
    assert "Mail 4 is held." in walked.run("outbox", "edit", "4", *words).out
    shown = walked.json("outbox", "show", "4")
    assert shown["subject"] == "About your renewal"
    assert "<strong>Dr. Mori</strong>" in shown["html"]
    assert "{{ not.jinja }}" in shown["text"]
    assert shown["is_edited"] is True
    walked.run("outbox", "approve", "4", *LATER)
    walked.run("tick", "--at", "2027-04-01T10:35")
    assert walked.json("outbox", "show", "4")["subject"] == "About your renewal"


def test_the_text_may_come_from_stdin(walked: Cli) -> None:
    walked.run("outbox", "edit", "4", "--subject", "Hi", "--body", "-", *LATER, text="From a pipe\n")
    assert "From a pipe" in walked.json("outbox", "show", "4")["text"]


def test_an_editor_begins_with_what_the_template_says(
    walked: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[-1])\n"
        "path.write_text(path.read_text(encoding='utf-8').replace('30分', '15分'), encoding='utf-8')\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    monkeypatch.delenv("VISUAL", raising=False)
    before = walked.json("outbox", "show", "4")
    walked.run("outbox", "edit", "4", *LATER)
    after = walked.json("outbox", "show", "4")
    assert "30分" in before["text"]
    assert "15分" in after["text"]
    assert after["subject"] == before["subject"]


def test_a_field_without_a_value_is_filled_by_name(walked: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "true")
    template = walked.folder / "templates/emails/renewal_90_days.ja.md"
    template.write_text(template.read_text(encoding="utf-8") + "\n{{ customer.attributes.room }}\n", encoding="utf-8")
    walked.run("deploy", *LATER)
    told = walked.run("outbox", "edit", "4", *LATER, code=2).err
    assert "Still to fill: [[customer.attributes.room]]" in told
    walked.run("outbox", "edit", "4", "--set", "customer.attributes.room=会議室A", *LATER)
    assert "会議室A" in walked.json("outbox", "show", "4")["text"]


def test_without_an_editor_it_says_what_to_give(walked: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    assert "--subject and --body" in walked.run("outbox", "edit", "4", *LATER, code=2).err


def test_an_empty_text_is_not_stored(walked: Cli) -> None:
    assert "is empty" in walked.run("outbox", "edit", "4", "--subject", " ", "--body", "-", *LATER, code=2).err


def test_whoever_acts_is_in_the_journal(walked: Cli) -> None:
    walked.run("outbox", "approve", "4", "--by", "yamada", *LATER)
    lines = walked.json("explain", "--message", "4", *LATER)
    assert "yamada approved it" in [line["sentence"] for line in lines]


def test_a_list_that_was_cut_says_so(walked: Cli) -> None:
    assert "At most 1 are shown" in walked.run("outbox", "list", "--limit", "1").out
    assert "are shown" not in walked.run("outbox", "list").out
