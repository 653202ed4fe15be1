"""`handoffs draft`, `send`, `wrote-myself`, and `outbox edit` of a mail with a gap."""

from __future__ import annotations

from tests.cli.conftest import Cli

LATER = ("--at", "2027-04-01T11:00")


def test_a_draft_is_printed_sent_and_heard_of(walked: Cli) -> None:
    out = walked.run("handoffs", "draft", "2", *LATER).out
    assert "Template:  low_nps" in out
    assert "nps_reply" in out, "other templates that fit are named"
    told = walked.json("handoffs", "draft", "2", "--template", "nps_reply", *LATER)
    assert told["gaps"], told
    refused = walked.run("handoffs", "send", "2", "--template", "nps_reply", *LATER, code=2)
    assert "Still to fill" in refused.err
    sent = walked.run("handoffs", "send", "2", "--body-file", "-", *LATER, text="I am sorry.\n")
    assert "is in the outbox" in sent.out
    walked.run("tick", *LATER)
    told = walked.run("report", "edits").out
    assert "+I am sorry." in told
    assert walked.json("report", "edits")[0]["edited"] == 1
    assert "low_nps to" in walked.run("handoffs", "show", "2").out
    (mail,) = walked.json("outbox", "list", "--customer", "yama-gym", "--state", "accepted")[:1]
    assert walked.run("outbox", "show", str(mail["id"])).out.rstrip().count("I am sorry.") == 1


def test_i_wrote_it_myself(walked: Cli) -> None:
    assert "wrote its mail elsewhere" in walked.run("handoffs", "wrote-myself", "2", "--by", "sato", *LATER).out
    assert "elsewhere already" in walked.run("handoffs", "send", "2", *LATER, code=2).err


def test_a_hand_off_without_a_mail_says_so(walked: Cli) -> None:
    assert "has no mail to send" in walked.run("handoffs", "draft", "1", *LATER, code=2).err
