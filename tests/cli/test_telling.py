"""`customers timeline`, `note` and `meeting`: what people add stands in the story, in order."""

from __future__ import annotations

from tests.cli.conftest import Cli

CUSTOMER = "sakura-cafe"


def test_notes_and_meetings_of_people_stand_in_the_story(walked: Cli) -> None:
    (contact, *_) = [row["contact"] for row in walked.json("customers", "show", CUSTOMER)["contacts"]]
    walked.run("customers", "note", CUSTOMER, " Likes the reports ", "--by", "sato", "--at", "2027-04-02T09:00")
    when = ("--when", "2027-04-03T10:00", "--kind", "ebr", "--contact", contact, "--summary", "Renews")
    walked.run("customers", "meeting", CUSTOMER, *when, "--at", "2027-04-02T09:00")
    story = walked.json("customers", "timeline", CUSTOMER)
    assert [line["at"] for line in story] == sorted(line["at"] for line in story)
    note, meeting = [line for line in story if line["kind"] in ("note", "meeting")]
    assert (note["subject"], note["who"]) == ("Likes the reports", "sato")
    assert (meeting["subject"], meeting["detail"], bool(meeting["who"])) == ("ebr", "Renews", True)
    assert walked.json("customers", "timeline", CUSTOMER, "--since", "2027-04-03") == [meeting]
    assert "Likes the reports" in walked.run("customers", "timeline", CUSTOMER).out


def test_who_is_unknown_is_refused_and_nothing_is_written(walked: Cli) -> None:
    before = walked.json("customers", "timeline", CUSTOMER)
    assert "no customer" in walked.run("customers", "note", "nobody-here", "x", "--by", "sato", code=2).err
    assert "is empty" in walked.run("customers", "note", CUSTOMER, "  ", "--by", "sato", code=2).err
    meeting = ("customers", "meeting", CUSTOMER, "--when", "2027-04-03")
    assert "no contact" in walked.run(*meeting, "--contact", "nobody", code=2).err
    assert "no moment" in walked.run(*meeting[:-1], "soon", code=2).err
    assert walked.json("customers", "timeline", CUSTOMER) == before
