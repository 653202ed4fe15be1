"""Tokens that say which mail and nothing else, and the headers of RFC 8058 and RFC 2919."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.references import EPOCH, MailName
from bot.webhooks.unsubscribe import NO_LINKS, TRIAL, MailLinks, list_id_of, make_token, read_token
from tests.channels.letters import INJECTIONS

KEY, OLD = b"a-key-of-thirty-two-characters-00", b"the-key-before-of-thirty-two-00000"
LINKS = MailLinks(public_url="https://m.acme.example", keys=(KEY, OLD), installation="ab12", is_required=True)
MADE_AT = datetime(2027, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
MAIL = MailName(7, MADE_AT)
MAILS = st.builds(
    MailName,
    st.integers(min_value=0, max_value=2**63 - 1),
    st.integers(min_value=0, max_value=64 * 10**15).map(lambda after: EPOCH + timedelta(microseconds=after)),
)


@given(MAILS)
def test_a_token_reads_back_as_its_mail_and_survives_a_new_key(mail: MailName) -> None:
    assert read_token((KEY,), "ab12", make_token(KEY, "ab12", mail)) == mail
    assert read_token((KEY, OLD), "ab12", make_token(OLD, "ab12", mail)) == mail


@given(MAILS, st.data())
def test_a_token_with_any_character_changed_is_nobodys(mail: MailName, data: st.DataObject) -> None:
    token = make_token(KEY, "ab12", mail)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(
        st.sampled_from(
            sorted(set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") - {token[place]})
        )
    )
    assert read_token((KEY,), "ab12", token[:place] + other + token[place + 1 :]) is None


@given(st.text(max_size=60))
def test_whatever_is_no_token_reads_as_nothing(text: str) -> None:
    assert read_token((KEY,), "ab12", text) is None


@pytest.mark.parametrize("keys", [(), (b"another-key-of-thirty-two-chars-0",)])
def test_a_token_of_another_key_or_installation_is_refused(keys: tuple[bytes, ...]) -> None:
    token = make_token(KEY, "ab12", MAIL)
    assert read_token(keys, "ab12", token) is None
    assert read_token((KEY,), "cd34", token) is None


def test_a_token_holds_a_moment_a_number_and_a_signature_and_nothing_personal() -> None:
    token = make_token(KEY, "ab12", MAIL)
    assert len(token) == 32
    assert base64.urlsafe_b64decode(token)[:8] == MAIL.microseconds.to_bytes(7, "big") + b"\x07"


def test_rfc_8058_exactly_one_https_uri_and_the_one_click_header() -> None:
    headers = LINKS.headers(MAIL, "newsletter", "hello@acme.example")
    assert re.fullmatch(r"<https://m\.acme\.example/u/[\w-]{32}>", headers["List-Unsubscribe"])
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Id"] == "<newsletter.acme.example>"
    assert LINKS.context(MAIL, "newsletter")["unsubscribe_url"] == headers["List-Unsubscribe"].strip("<>")


def test_transactional_mails_have_nothing_to_unsubscribe_from() -> None:
    assert LINKS.headers(MAIL, "transactional", "hello@acme.example") == {}
    assert LINKS.context(MAIL, "transactional") == {}


def test_without_https_there_is_no_one_click_and_without_an_address_no_link() -> None:
    local = MailLinks(public_url="http://localhost:8765", keys=(KEY,), installation="ab12")
    assert set(local.headers(MAIL, "survey", "hello@acme.example")) == {"List-Unsubscribe", "List-Id"}
    assert set(NO_LINKS.headers(MAIL, "survey", "hello@acme.example")) == {"List-Id"}
    assert NO_LINKS.context(MAIL, "survey") == {}


@pytest.mark.parametrize(
    ("links", "category", "may"),
    [
        (LINKS, "newsletter", True),
        (NO_LINKS, "newsletter", True),
        (MailLinks(is_required=True), "newsletter", False),
        (MailLinks(is_required=True), "transactional", True),
        (MailLinks(public_url="http://localhost:1", keys=(KEY,), is_required=True), "newsletter", False),
    ],
)
def test_through_a_real_channel_only_mails_with_a_way_out_may_leave(links: MailLinks, category: str, may: bool) -> None:
    assert links.may_leave(category) is may


@pytest.mark.parametrize("injection", INJECTIONS)
def test_nothing_that_people_write_opens_a_header(injection: str) -> None:
    for found in (list_id_of("newsletter", injection), list_id_of(injection, "a@acme.example")):
        assert found is None or re.fullmatch(r"<[a-z]+\.[a-z0-9.-]+>", found)
    for token in (injection, injection + make_token(KEY, "ab12", MAIL)):
        assert LINKS.read(token) is None


def test_a_japanese_domain_is_named_as_it_is_on_the_wire() -> None:
    assert list_id_of("survey", "info@例え.jp") == "<survey.xn--r8jz45g.jp>"


def test_a_trial_is_a_mail_that_nobody_owes() -> None:
    assert LINKS.read(str(LINKS.url(TRIAL)).rpartition("/")[2]) == TRIAL
