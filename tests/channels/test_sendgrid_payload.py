"""Our payload is the official helper's, for every shape we send, and the API takes it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sendgrid.helpers import mail as official

from bot.channels.base import Outgoing, UnsendableError, one_line
from bot.channels.sendgrid_payload import body_bytes, payload
from storage.skeletons import Skeleton
from tests.channels.letters import INJECTIONS, letter
from tests.fakes.sendgrid_rules import faults


def official_payload(message: Outgoing) -> dict[str, Any]:
    """What sendgrid.helpers.mail makes of the same message."""
    mail = official.Mail()
    mail.from_email = official.From(message.from_email, message.from_name)
    mail.subject = official.Subject(message.subject)
    mail.add_to(official.To(message.to_email, message.to_name))
    if message.reply_to_email is not None:
        mail.reply_to = official.ReplyTo(message.reply_to_email, message.reply_to_name)
    if message.text:
        mail.add_content(official.Content("text/plain", message.text))
    if message.html:
        mail.add_content(official.Content("text/html", message.html))
    mail.add_category(official.Category(message.category))
    mail.add_custom_arg(official.CustomArg("journeybot_message", message.reference))
    for name, value in message.headers.items():
        mail.add_header(official.Header(name, value))
    tracking = official.TrackingSettings()
    tracking.click_tracking = official.ClickTracking(True, False)
    tracking.open_tracking = official.OpenTracking(True)
    tracking.subscription_tracking = official.SubscriptionTracking(False)
    mail.tracking_settings = tracking
    found: dict[str, Any] = mail.get()
    return found


NAMES = st.none() | st.text(min_size=1, max_size=40).map(one_line).filter(bool)
BODIES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
HEADERS = st.dictionaries(
    st.sampled_from(["List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted", "X-Journey"]),
    st.text(min_size=1, max_size=60).map(one_line).filter(bool),
)


@given(
    to_name=NAMES,
    from_name=NAMES,
    reply_to=st.none() | st.tuples(st.just("csm@vendor.example"), NAMES),
    subject=st.text(min_size=1, max_size=100).map(one_line).filter(bool),
    text=BODIES,
    html=BODIES,
    parts=st.sampled_from(["both", "text", "html"]),
    headers=HEADERS,
    reference=st.uuids().map(str),
)
def test_the_payload_equals_the_official_helpers(
    to_name: str | None,
    from_name: str | None,
    reply_to: tuple[str, str | None] | None,
    subject: str,
    text: str,
    html: str,
    parts: str,
    headers: dict[str, str],
    reference: str,
) -> None:
    message = letter(
        reference,
        to_name=to_name,
        from_name=from_name,
        reply_to_email=reply_to[0] if reply_to else None,
        reply_to_name=reply_to[1] if reply_to else None,
        subject=subject,
        text="" if parts == "html" else text,
        html="" if parts == "text" else html,
        headers=headers,
    )
    assert payload(message) == official_payload(message)
    assert json.loads(body_bytes(message)) == official_payload(message)
    assert faults(payload(message)) == []


@given(pieces=st.lists(BODIES, max_size=5), shared=st.lists(BODIES, max_size=3))
def test_an_outline_is_posted_as_the_same_bytes_as_its_html(pieces: list[str], shared: list[str]) -> None:
    outline = Skeleton.of(shared).outline([*shared, *pieces])
    assert body_bytes(replace(letter(), document=outline)) == body_bytes(letter(html=outline.html()))


def test_the_bytes_are_utf_8_json() -> None:
    assert "佐藤 花".encode() in body_bytes(letter())


def test_tracking_of_opens_and_clicks_is_on_and_leaves_the_plain_text_alone() -> None:
    assert payload(letter())["tracking_settings"] == {
        "click_tracking": {"enable": True, "enable_text": False},
        "open_tracking": {"enable": True},
        "subscription_tracking": {"enable": False},
    }


def test_custom_args_carry_the_reference_and_nothing_else() -> None:
    assert payload(letter("0190-a"))["custom_args"] == {"journeybot_message": "0190-a"}


@pytest.mark.parametrize("injection", INJECTIONS)
def test_an_injection_stays_inside_its_value(injection: str) -> None:
    message = letter(
        to_name=injection,
        from_name=injection,
        reply_to_email="csm@vendor.example",
        reply_to_name=injection,
        subject=f"Hello {injection}",
        headers={"List-Unsubscribe": f"<https://app.example/u/{injection}>"},
    )
    body = json.loads(body_bytes(message))
    assert faults(body) == []
    assert body["personalizations"][0]["to"][0]["email"] == "hana@kaisha.example"
    assert len(body["personalizations"]) == len(body["personalizations"][0]["to"]) == 1
    assert set(body["headers"]) == {"List-Unsubscribe"}
    values = [body["subject"], body["from"]["name"], body["reply_to"]["name"], *body["headers"].values()]
    for value in values:
        assert len(value.splitlines()) == 1
        assert "=?" not in value
        assert len(value) <= 900


@pytest.mark.parametrize("injection", INJECTIONS)
def test_an_injection_as_address_is_unsendable(injection: str) -> None:
    with pytest.raises(UnsendableError):
        body_bytes(letter(to_email=injection))


@pytest.mark.parametrize("name", ["Bcc", "to", "Subject", "Content-Type", "X-SG-EID", "X: y", "X\r\nBcc", "", "Ünsafe"])
def test_a_header_that_is_not_the_messages_to_set_is_unsendable(name: str) -> None:
    with pytest.raises(UnsendableError):
        body_bytes(letter(headers={name: "x"}))


def test_text_that_is_not_unicode_is_unsendable() -> None:
    with pytest.raises(UnsendableError):
        body_bytes(letter(text="\ud800"))


def test_a_message_without_any_part_is_unsendable() -> None:
    with pytest.raises(UnsendableError):
        body_bytes(letter(text="", html=""))


def test_an_international_domain_goes_out_in_ascii() -> None:
    assert payload(letter(to_email="a@例え.jp"))["personalizations"][0]["to"][0]["email"] == "a@xn--r8jz45g.jp"
