"""The RFC 5322 message: read back by a parser it says what was meant, and nothing else."""

from __future__ import annotations

import email
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.base import MAX_NAME, Outgoing, UnsendableError, one_line
from bot.channels.mime import mime_bytes
from tests.channels.letters import INJECTIONS, letter

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def read_back(message: Outgoing) -> EmailMessage:
    parsed = email.message_from_bytes(mime_bytes(message, at=AT), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert isinstance(found, EmailMessage)
    content: str = found.get_content()
    return content.replace("\r\n", "\n")


def test_both_parts_and_all_people_come_through() -> None:
    mail = read_back(letter(reply_to_email="csm@vendor.example", reply_to_name="青木 健"))
    assert mail.get_content_type() == "multipart/alternative"
    assert [child.get_content_type() for child in mail.iter_parts()] == ["text/plain", "text/html"]
    assert part(mail, "plain") == "こんにちは\n"
    assert part(mail, "html") == "<p>こんにちは</p>\n"
    assert mail["To"].addresses[0].display_name == "佐藤 花"
    assert mail["From"].addresses[0].display_name == "Aoki, Ken (CS)"
    assert mail["Reply-To"].addresses[0].display_name == "青木 健"
    assert mail["Subject"] == "契約更新90日前のご案内"
    assert mail["Date"].datetime == AT
    assert mail["Message-ID"] == "<m1@vendor.example>"


def test_the_same_message_at_the_same_instant_is_the_same_bytes() -> None:
    assert mime_bytes(letter(), at=AT) == mime_bytes(letter(), at=AT)


def test_a_long_unsubscribe_url_stays_one_url() -> None:
    """RFC 8058 wants the URI as it is; Python's own folding would write encoded words."""
    url = f"<https://app.example/u/{'A' * 300}>"
    raw = mime_bytes(letter(headers={"List-Unsubscribe": url}), at=AT)
    assert f"\r\nList-Unsubscribe: {url}\r\n".encode() in raw


def test_one_part_alone_is_not_multipart() -> None:
    assert read_back(letter(html="")).get_content_type() == "text/plain"
    assert read_back(letter(text="")).get_content_type() == "text/html"


def test_what_must_not_leave_is_unsendable() -> None:
    for bad in (
        letter(text="", html=""),
        letter(text="\ud800"),
        letter(to_email="a@b.example, c@d.example"),
        letter(headers={"Bcc": "x@evil.example"}),
    ):
        with pytest.raises(UnsendableError):
            mime_bytes(bad, at=AT)


EXPECTED_HEADERS = {
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "MIME-Version", "Content-Type"),
}


@pytest.mark.parametrize("injection", INJECTIONS)
def test_an_injection_opens_no_header_and_names_no_recipient(injection: str) -> None:
    message = letter(
        reference=f"ref {injection}",
        to_name=injection,
        from_name=injection,
        reply_to_email="csm@vendor.example",
        reply_to_name=injection,
        subject=injection,
        headers={"List-Unsubscribe": f"<https://app.example/u/{injection}>"},
    )
    assert_clean(message)


def assert_clean(message: Outgoing) -> None:
    raw = mime_bytes(message, at=AT)
    head = raw.partition(b"\r\n\r\n")[0]
    lines = re.sub(rb"\r\n[ \t]", b" ", head).split(b"\r\n")
    names = [line.partition(b":")[0].decode("ascii") for line in lines]
    assert sorted(names) == sorted(EXPECTED_HEADERS)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.isascii()
    mail = email.message_from_bytes(raw, policy=default)
    for header, address in (("To", message.to_email), ("From", message.from_email)):
        people = mail[header].addresses
        assert [person.addr_spec for person in people] == [address]


ANY_TEXT = st.text(st.characters(), max_size=300)


@given(name=ANY_TEXT, subject=ANY_TEXT, text=st.text(max_size=300), reference=ANY_TEXT)
def test_no_text_at_all_opens_a_header_or_a_second_recipient(
    name: str, subject: str, text: str, reference: str
) -> None:
    assert_clean(
        letter(
            reference=reference,
            to_name=name,
            from_name=name,
            reply_to_email="csm@vendor.example",
            reply_to_name=name,
            subject=subject,
            text=text + ".",
            headers={"List-Unsubscribe": "<https://app.example/u/token>"},
        )
    )


ONE_LINE = st.text(max_size=80).map(one_line) | st.lists(
    st.sampled_from(["契約更新", "Acme,", "90", "日前", "Inc.", "a" * 30, "ご案内" * 9, "🎉"]), max_size=20
).map(" ".join)


def unfolded(raw: bytes, header: str) -> str:
    """The header's value on one line, still encoded."""
    written = re.search(rf"^{header}: ([^\r\n]*(?:\r\n [^\r\n]*)*)".encode(), raw, re.MULTILINE)
    assert written is not None
    return written[1].decode("ascii").replace("\r\n", "")


@given(ONE_LINE)
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    raw = mime_bytes(letter(subject=subject), at=AT)
    assert str(make_header(decode_header(unfolded(raw, "Subject")))) == subject


@given(ONE_LINE)
def test_a_name_is_read_as_it_was_written(name: str) -> None:
    raw = mime_bytes(letter(to_name=name), at=AT)
    phrase, address = parseaddr(unfolded(raw, "To"))
    assert address == "hana@kaisha.example"
    assert str(make_header(decode_header(phrase))) == one_line(name, MAX_NAME)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=500))
def test_a_body_is_read_as_it_was_written(text: str) -> None:
    assert part(read_back(letter(text=text)), "plain").splitlines() == text.splitlines()
