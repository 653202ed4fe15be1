"""`send-test`: a real mail to us, nothing to the customer."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

from tests.cli.conftest import Cli

ME = ("--to", "me@acme.example")


def test_a_test_mail_is_the_real_one_with_a_mark_and_no_trace_in_the_outbox(walked: Cli) -> None:
    before = walked.json("outbox", "list")
    ran = walked.run("send-test", "renewal_90_days", "--customer", "umi-books", *ME)
    assert "Sent to me@acme.example (en)" in ran.out
    newest = max((walked.folder / ".journeybot/outbox").glob("test*.eml"), key=lambda path: path.stat().st_mtime_ns)
    mail = message_from_bytes(newest.read_bytes(), policy=default)
    assert mail["subject"] == "[Test] Umi Books: your renewal on June 20, 2027"
    assert mail["to"] == "me@acme.example"
    assert walked.json("outbox", "list") == before


def test_s25_a_person_signs_where_asked_and_the_workspace_where_there_is_none(walked: Cli) -> None:
    words = ("send-test", "renewal_90_days", *ME, "--from")
    for customer, sender, signed in (
        ("umi-books", "csm", "suzuki@hanabi.example"),
        ("umi-books", "csm.manager", "yamada@hanabi.example"),
        ("sakura-cafe", "csm", "support@hanabi.example"),
    ):
        walked.run(*words, sender, "--customer", customer)
        files = (walked.folder / ".journeybot/outbox").glob("test*.eml")
        newest = max(files, key=lambda path: path.stat().st_mtime_ns)
        assert signed in message_from_bytes(newest.read_bytes(), policy=default)["from"]


def test_the_language_may_be_asked_for(walked: Cli) -> None:
    told = walked.json("send-test", "renewal_90_days", "--customer", "umi-books", "--locale", "ja", *ME)
    assert (told["locale"], told["outcome"]) == ("ja", "accepted")


def test_a_field_without_a_value_is_named_and_nothing_is_sent(walked: Cli) -> None:
    ran = walked.run("send-test", "nps_thanks", "--customer", "umi-books", *ME, code=1)
    assert "`event.score` has no value" in ran.err
    assert not list((walked.folder / ".journeybot/outbox").glob("test*.eml"))
    walked.run("send-test", "nps_thanks", "--customer", "umi-books", "--event", "score=9", *ME)


def test_an_address_that_opted_out_is_never_mailed(walked: Cli) -> None:
    words = ("send-test", "renewal_90_days", "--customer", "umi-books", "--to", "KAWA@kawa-salon.example")
    assert "must not be mailed (unsubscribed)" in walked.run(*words, code=2).err


def test_unknown_names_are_refused(walked: Cli) -> None:
    for words, problem in (
        (("nothing", "--customer", "umi-books"), "no template `nothing`"),
        (("welcome", "--customer", "nobody"), "no customer `nobody`"),
        (("welcome", "--customer", "umi-books", "--contact", "nobody"), "no contact `nobody`"),
        (("welcome", "--customer", "umi-books", "--event", "score"), "no field of an event"),
    ):
        assert problem in walked.run("send-test", *words, *ME, code=2).err
    assert "no mail address" in walked.run("send-test", "welcome", "-c", "umi-books", "--to", "me", code=2).err
