"""Answers of readers: found by the address, by what they refer to or by their sender; counted once, handed to the CSM with their
words; programs, ourselves and strangers never count."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from bot.errors import UsageError, WorkspaceError
from bot.insight.doctor_incoming import incoming_complaints
from bot.pipeline.outbox_acts import replied
from bot.rules.references import reference_of
from bot.webhooks.inbound import read_reply
from storage.facts import Note
from storage.outbox_moves import MESSAGE
from tests.cast import csm
from tests.fakes.sendgrid_webhook import BOUNDARY, FORM, wire_reply
from tests.pipeline.provider import REPLY, keep, message, rows, strays, take_in
from tests.pipeline.scenes import company, journey, mail_id, mail_name, mails, outcomes, settings, titles, took
from tests.world import World


@pytest.fixture
def asked(world: World) -> World:
    """Sakura was mailed `hello`; whoever answers leaves."""
    world.mail("hello", "reminder")
    steps = """
    - email: hello
    - wait: {until: replied("hello"), at_most: 14 days}
      then:
        - end: answered
      else:
        - email: reminder
    """
    journey(world, "p", steps)
    world.app.settings = world.app.settings.model_copy(update={"inbound_secret": "x" * 20})
    world.deploy()
    company(world)
    world.tick()
    return world


def reference(world: World) -> str:
    return reference_of(world.app.installation, mail_name(world, "hello"))


def form(**fields: str) -> bytes:
    """A form with these fields; `headers` are the mail's."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()


def answer(world: World, *, headers: str = "", **fields: str) -> None:
    given = {
        "to": f"reply+{reference(world)}@in.us.example",
        "from": "Tanaka <tanaka@sakura.example>",
        "subject": "Re: hello",
        "text": "Yes, please.",
        **fields,
    }
    keep(world, "inbound", form(headers=headers, **given))
    world.tick()


def verdicts(world: World) -> list[str]:
    return [row.verdict for row in rows(world, select(REPLY).order_by(REPLY.c.id))]


@pytest.mark.parametrize("name", ["sendgrid_inbound_parse", "sendgrid_inbound_raw"])
def test_the_vendors_literal_posts_are_answers(asked: World, name: str) -> None:
    keep(asked, "inbound", wire_reply(name, reference=reference(asked)))
    asked.tick()
    assert message(asked).replied_at == asked.now
    assert outcomes(asked) == ["answered"]
    assert titles(asked) == ["田中 answered a mail"]
    (row,) = rows(asked, select(REPLY))
    assert (row.verdict, row.from_address, row.subject) == ("answered", "tanaka@sakura.example", "Re: ご案内")
    assert "来週お願いします。" in row.text
    assert row.attachments == (["plan.pdf"] if name.endswith("parse") else [])


def test_the_words_are_handed_to_the_csm_and_stay_when_the_walk_ends(asked: World) -> None:
    answer(asked, text="Please call me.\nTanaka")
    (card,) = (found for found in asked.handoffs if found.kind == "reply")
    assert (card.owner, card.state) == ("sato", "open")
    assert card.event == {"from": "tanaka@sakura.example", "subject": "Re: hello", "text": "Please call me.\nTanaka"}
    asked.time_passes(days=15)
    assert mails(asked) == ["hello"]
    assert [found.state for found in asked.handoffs if found.kind == "reply"] == ["open"]


def test_an_answer_that_comes_twice_is_one(asked: World) -> None:
    for _ in range(2):
        answer(asked, headers="Message-ID: <same@sakura.example>")
    assert verdicts(asked) == ["answered"]
    assert len(titles(asked)) == len(took(asked, "mail_replied")) == 1


@pytest.mark.parametrize(
    "headers", ["In-Reply-To: <14c5d75ce93@geopod-ismtpd-1>", "References: <old@x> <14c5d75ce93@geopod-ismtpd-1>"]
)
def test_an_answer_names_its_mail_by_sendgrids_message_id(asked: World, headers: str) -> None:
    with asked.database.write() as connection:
        mine = MESSAGE.c.id == mail_id(asked, "hello")
        connection.execute(update(MESSAGE).where(mine).values(provider_message_id="14c5d75ce93"))
    answer(asked, headers=headers, to="hello@us.example")
    assert verdicts(asked) == ["answered"]


def test_an_answer_names_its_mail_by_our_own_message_id(asked: World) -> None:
    answer(asked, headers=f"In-Reply-To: <{reference(asked)}@us.example>", to="hello@us.example")
    assert verdicts(asked) == ["answered"]


def test_without_a_name_the_senders_latest_mail_is_meant(asked: World) -> None:
    answer(asked, to="hello@us.example", **{"from": "TANAKA@Sakura.example"})
    assert verdicts(asked) == ["answered"]
    assert message(asked).replied_at is not None


def test_after_a_month_an_address_alone_names_nothing(asked: World) -> None:
    asked.time_passes(days=10)
    asked.jump(days=40)
    answer(asked, to="hello@us.example")
    assert verdicts(asked) == ["unknown"]


@pytest.mark.parametrize(
    ("sender", "verdict"),
    [
        ("assistant@sakura.example", "answered"),
        ("stranger@else.example", "other_sender"),
        ("nobody", "other_sender"),
        ("sato@us.example", "ours"),
        ("hello@us.example", "ours"),
        ("mailer-daemon@sakura.example", "automatic"),
        ("", "automatic"),
    ],
)
def test_who_counts_as_the_reader(asked: World, sender: str, verdict: str) -> None:
    answer(asked, **{"from": sender})
    assert verdicts(asked) == [verdict]
    assert (message(asked).replied_at is not None) is (verdict == "answered")
    assert len(titles(asked)) == int(verdict in ("answered", "other_sender"))


def test_who_shares_a_public_provider_with_the_reader_is_a_stranger(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    found = company(world)
    with world.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE contact SET email = 'tanaka@gmail.com' WHERE id = {found.contact_id}")
    world.tick()
    answer(world, **{"from": "mallory@gmail.com"})
    assert verdicts(world) == ["other_sender"]


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-replied",
        "auto-submitted: Auto-Generated",
        "Precedence: bulk",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
        "List-Id: <news.else.example>",
        "Content-Type: multipart/report; report-type=delivery-status",
    ],
)
def test_what_a_program_wrote_does_not_count_and_goes_round_in_no_circle(asked: World, headers: str) -> None:
    answer(asked, headers=headers)
    assert verdicts(asked) == ["automatic"]
    assert message(asked).replied_at is None
    assert titles(asked) == []


@pytest.mark.parametrize("subject", ["Automatic reply: hello", "Out of Office: x", "自動応答: 不在にしております"])
def test_absences_are_known_by_their_subject(asked: World, subject: str) -> None:
    answer(asked, subject=subject)
    assert verdicts(asked) == ["automatic"]


def test_an_explicit_no_to_auto_submitted_is_a_person(asked: World) -> None:
    answer(asked, headers="Auto-Submitted: no")
    assert verdicts(asked) == ["answered"]


def test_the_reference_of_another_installation_names_nothing(asked: World) -> None:
    answer(asked, to="reply+ffffffff-1-gk1x0@in.us.example", **{"from": "who@else.example"})
    assert verdicts(asked) == ["unknown"]
    assert "replies_unmatched" in [found.name for found in asked.doctor()]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        form(),
        form(headers="\x00\x01", text="\x00"),
        form(headers="Subject: =?utf-8?B?////?=", charsets='{"text": "no-such-charset"}', text="x"),
        form(envelope="[1]", charsets="[]", to="<<<>>>", **{"from": '"@@" <@>'}),
        form(email="\r\n" * 1000),
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="email"\r\n\r\nContent-Type: multipart/x; boundary=y\r\n'.encode()
        * 50,
        b"--" + BOUNDARY.encode() + b"\r\n" + b"\xff" * 100_000,
    ],
)
def test_whatever_is_posted_breaks_nothing(asked: World, body: bytes) -> None:
    keep(asked, "inbound", body)
    take_in(asked)
    assert strays(asked) == []
    assert len(verdicts(asked)) == 1
    assert message(asked).replied_at is None


def test_texts_are_bounded_and_html_is_read_as_text() -> None:
    long = read_reply(form(text="x" * 100_000), FORM)
    assert len(long.text) == 20_000
    page = "<style>p{}</style><p>Yes &amp; <b>please</b></p><script>alert(1)</script><br>Tanaka"
    assert read_reply(form(html=page), FORM).text.split() == ["Yes", "&", "please", "Tanaka"]


def test_header_injection_in_names_stays_on_one_line() -> None:
    hostile: Any = {"from": "Tanaka\r\nBcc: x@y <tanaka@sakura.example>", "subject": "Re:\r\n\r\nhello"}
    found = read_reply(form(**hostile), FORM)
    assert "\n" not in found.from_name + found.subject + found.from_address


def test_the_csms_word_counts_once_and_is_told(asked: World) -> None:
    for _ in range(2):
        with asked.database.write() as connection:
            replied(connection, mail_id(asked, "hello"), by="sato", at=asked.now, note="called")
    asked.tick()
    assert message(asked).replied_at == asked.now
    assert outcomes(asked) == ["answered"]
    assert [found.details for found in took(asked, "mail_replied_by_word")] == [{"by": "sato", "note": "called"}] * 2
    assert len(took(asked, "mail_replied")) == 1


def test_nobody_answers_a_mail_that_was_never_sent(asked: World) -> None:
    with asked.database.write() as connection:
        connection.execute(update(MESSAGE).values(state="held"))
        with pytest.raises(UsageError, match="cannot be answered"):
            replied(connection, mail_id(asked, "hello"), by="sato", at=asked.now)


def test_who_was_erased_and_writes_again_is_not_kept(asked: World) -> None:
    told = reference(asked)
    asked.app.erase("sakura", "tanaka", by="sato")
    for to in (f"reply+{told}@in.us.example", "hello@us.example"):
        keep(asked, "inbound", form(to=to, subject="Re: hello", text="Me again.", **{"from": "tanaka@sakura.example"}))
        keep(
            asked,
            "inbound",
            form(to=to, subject="Re", text="x", headers=f"Message-ID: <{to}>", **{"from": "t@else.example"}),
        )
    asked.tick()
    stored = rows(asked, select(REPLY).where(REPLY.c.verdict == "erased"))
    assert len(stored) == 3
    assert {(row.from_address, row.subject, row.text) for row in stored} == {("", "", "")}
    assert titles(asked) == []


def test_mails_ask_to_be_answered_where_we_hear_it(asked: World) -> None:
    settings(asked, "replies: {address: reply@in.us.example}")
    asked.deploy()
    company(asked, "asahi")
    asked.tick()
    (mail,) = (mail for mail in asked.channel.accepted if mail.to_email == "tanaka@asahi.example")
    assert (
        mail.reply_to_email
        == f"reply+{reference_of(asked.app.installation, mail_name(asked, 'hello', 'asahi'))}@in.us.example"
    )


def test_check_refuses_an_address_that_nobody_hears(world: World) -> None:
    settings(world, "replies: {address: reply@in.us.example}")
    with pytest.raises(WorkspaceError) as refused:
        world.deploy()
    assert [found.rule for found in refused.value.findings if found.severity == "error"] == ["no-inbound-route"]


def test_a_mail_of_ours_in_blind_copy_is_a_note_once_on_the_timeline_of_whom_it_went_to(asked: World) -> None:
    csm(asked.database, "mori")
    told = {"to": "Tanaka <tanaka@sakura.example>", "from": "Sato <sato@us.example>", "subject": "Prices"}
    headers = "Message-ID: <a@us.example>\r\nBcc: log@in.us.example"
    for _ in range(2):
        answer(asked, headers=headers, text="As agreed. @mori please check; mail me at sato@mori.example", **told)
    (note,) = rows(asked, select(Note))
    assert (note.by, note.text.splitlines()[0], note.source) == ("sato", "Prices", "bcc")
    mention = [handoff for handoff in asked.handoffs if handoff.kind == "mention"]
    assert [(handoff.owner, handoff.customer_id) for handoff in mention] == [("mori", None)]
    assert mention[0].title["en"].startswith("sato mentions you about Sakura: Prices As agreed.")


def test_a_mail_that_only_says_to_be_from_one_of_us_is_no_note(asked: World) -> None:
    told = {"to": "tanaka@sakura.example", "from": "Sato <sato@us.example>", "subject": "Prices", "text": "Half price"}
    forged: list[dict[str, str]] = [
        {"SPF": "pass", "dkim": "{@evil.example : pass}", "envelope": '{"from": "x@evil.example", "to": []}'},
        {"SPF": "softfail", "dkim": "{@us.example : fail}", "envelope": '{"from": "sato@us.example", "to": []}'},
        {"SPF": "none", "dkim": "none"},
    ]
    for number, proofs in enumerate(forged):
        answer(asked, headers=f"Message-ID: <f{number}@us.example>", **told, **proofs)
    assert rows(asked, select(Note)) == []
    assert verdicts(asked) == ["unproven"] * 3
    with asked.database.read() as connection:
        found = [
            each for each in incoming_complaints(connection, asked.database, asked.now) if each.name.startswith("notes")
        ]
    assert [each.count for each in found] == [3]
    true: list[dict[str, str]] = [
        {"SPF": "softfail", "dkim": "{@mail.us.example : pass}"},
        {"SPF": "pass", "dkim": "none", "envelope": '{"from": "bounce@us.example", "to": []}'},
    ]
    for number, proofs in enumerate(true):
        answer(asked, headers=f"Message-ID: <t{number}@us.example>", **told, **proofs)
    assert [row.by for row in rows(asked, select(Note))] == ["sato", "sato"]
