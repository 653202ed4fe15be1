"""`consent`, and `customers export` and `erase`: what people do when somebody says no, or asks to be forgotten."""

from __future__ import annotations

from tests.cli.conftest import Cli

KAWA = "kawa@kawa-salon.example"


def test_an_address_is_stopped_listed_explained_and_allowed_again(walked: Cli) -> None:
    (contact, *_) = walked.json("customers", "show", "umi-books")["contacts"]
    address = contact["email"]
    walked.run("consent", "suppress", address.upper(), "--category", "newsletter")
    (row,) = walked.json("consent", "list", address)
    assert (row["category"], row["reason"], row["contacts"]) == ("newsletter", "hand", 1)
    assert "sato said that this address must not be mailed (newsletter)" in walked.run("explain", "umi-books").out
    assert "stopped already" in walked.run("consent", "suppress", address, "--category", "newsletter").out
    assert walked.json("consent", "allow", address) == {"address": address, "lifted": ["newsletter"]}
    assert "may be mailed" in walked.run("consent", "list", address).out
    assert "Nothing stood against" in walked.run("consent", "allow", address).out


def test_what_an_import_stopped_is_in_the_list(walked: Cli) -> None:
    (row,) = walked.json("consent", "list", KAWA)
    assert (row["category"], row["reason"]) == ("everything", "unsubscribed")
    assert "at (Asia/Tokyo)" in walked.run("consent", "list", KAWA).out


def test_a_word_that_is_no_category_or_address_is_refused(walked: Cli) -> None:
    assert "is no category of mail" in walked.run("consent", "suppress", KAWA, "--category", "spam", code=2).err
    assert "is no mail address" in walked.run("consent", "suppress", "kawa", code=2).err


def test_erasing_asks_first_and_then_forgets_mails_and_files(walked: Cli) -> None:
    outbox = walked.folder / ".journeybot/outbox"
    sent = {mail["customer"] for mail in walked.json("outbox", "list") if mail["accepted_at"]}
    customer = sorted(sent)[0]
    files = len(list(outbox.glob("*.eml")))
    whole = walked.run("customers", "export", customer).json
    assert whole["tables"]["message_content"]

    walked.run("customers", "erase", customer, text="n\n", code=1)
    assert len(list(outbox.glob("*.eml"))) == files
    told = walked.run("customers", "erase", customer, text="y\n")
    assert f"Erased `{customer}`" in told.out
    assert "Backups" in told.out
    assert len(list(outbox.glob("*.eml"))) < files
    assert customer not in {row["customer"] for row in walked.json("customers", "list")}
    assert "There is no customer" in walked.run("customers", "erase", customer, "--yes", code=2).err
    assert "holds nothing that its tables do not" in walked.run("db", "wipe").out
