"""What SendGrid posts is verified over the raw bytes and translated by one table; nothing a vendor may write breaks it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from bot.webhooks.sendgrid import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    ProviderEvent,
    SignatureKeyError,
    UnreadableEvent,
    is_signed,
    read_batch,
    read_public_keys,
    translate,
)
from tests.fakes.sendgrid_webhook import KEY, public_key, signed, wire_event, wire_events

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "sendgrid_signatures.json").read_text())
KEYS = read_public_keys(public_key())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def headers(signature: str, timestamp: str) -> dict[str, str]:
    return {SIGNATURE_HEADER: signature, TIMESTAMP_HEADER: timestamp}


def told(**changes: Any) -> ProviderEvent:
    found = translate(wire_event("abc-1", changes.pop("event", "delivered"), **changes))
    assert isinstance(found, ProviderEvent)
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_signatures_are_judged_as_the_vectors_say(vector: dict[str, Any]) -> None:
    body, keys = base64.b64decode(vector["body_b64"]), read_public_keys(vector["public_key"])
    found = is_signed(body, headers(vector["signature"], vector["timestamp"]), keys)
    # Where the vectors leave it open (garbage behind the signature), we are strict.
    assert found is bool(vector["expect_valid"])


@pytest.mark.parametrize(
    "given",
    [
        {},
        headers("", "1"),
        headers("%%%", "1"),
        headers("AAAA", "1"),
        headers("é" * 10, "1"),
        {TIMESTAMP_HEADER: "1"},
        {SIGNATURE_HEADER: signed(b"[]")[SIGNATURE_HEADER]},
        {**signed(b"[]"), TIMESTAMP_HEADER: "１"},
        {**signed(b"[]"), TIMESTAMP_HEADER: "1803861601"},
        signed(b"[] "),
        signed(b"[]", key=ec.generate_private_key(ec.SECP256R1())),
    ],
)
def test_forged_missing_and_broken_signatures_are_refused_quietly(given: dict[str, str]) -> None:
    assert not is_signed(b"[]", given, KEYS)


def test_bodies_that_are_no_text_are_verified_as_bytes() -> None:
    body = b"\xff\x00\r\n[]"
    assert is_signed(body, signed(body), KEYS)


def test_two_keys_are_both_valid_while_a_key_is_changed() -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    pem = f"-----BEGIN PUBLIC KEY-----\n{public_key(new)}\n-----END PUBLIC KEY-----"
    keys = read_public_keys(f"{public_key()}, {pem}")
    assert is_signed(b"[]", signed(b"[]"), keys)
    assert is_signed(b"[]", signed(b"[]", key=new), keys)


@pytest.mark.parametrize(
    "text", ["nonsense", "AAAA", public_key()[:-8], public_key(ec.generate_private_key(ec.SECP384R1()))]
)
def test_what_is_no_p256_key_is_refused_by_name(text: str) -> None:
    with pytest.raises(SignatureKeyError):
        read_public_keys(text)


def test_every_literal_event_of_the_vendor_has_our_word() -> None:
    kinds = [event.kind for event in map(translate, wire_events("abc-1")) if isinstance(event, ProviderEvent)]
    assert kinds == [
        *("processed", "deferred", "delivered", "opened", "opened", "clicked", "blocked", "bounced", "dropped"),
        *("complained", "unsubscribed", "group_unsubscribed", "resubscribed"),
    ]


def test_an_event_holds_its_mail_and_no_personal_data() -> None:
    event = told(event="bounce", type="bounce", reason="550 <tanaka@sakura.example> unknown")
    assert (event.reference, event.provider_message_id) == ("abc-1", "14c5d75ce93")
    assert event.details["reason"] == "550 <<address>> unknown"
    assert "tanaka" not in str(event.details)
    assert "tanaka" not in str(told(event="click").link)


@pytest.mark.parametrize(("type_", "kind"), [("bounce", "bounced"), (None, "bounced"), ("blocked", "blocked")])
def test_only_a_hard_bounce_is_a_bounce(type_: str | None, kind: str) -> None:
    assert told(event="bounce", type=type_).kind == kind


@pytest.mark.parametrize(
    ("event", "changes", "is_machine"),
    [
        ("open", {"sg_machine_open": True}, True),
        ("open", {"sg_machine_open": "true"}, True),
        ("open", {"sg_machine_open": False}, False),
        ("open", {"sg_machine_open": None}, False),
        ("open", {"useragent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}, False),
        ("open", {"useragent": "Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20) Mobile"}, False),
        ("click", {"useragent": "Barracuda Sentinel (EE)"}, True),
        ("click", {"useragent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, True),
        ("click", {"useragent": "python-requests/2.31"}, True),
        ("click", {}, False),
        ("delivered", {"useragent": "curl/8"}, False),
    ],
)
def test_machines_are_known_by_the_vendors_mark_and_by_their_names(
    event: str, changes: dict[str, Any], is_machine: bool
) -> None:
    assert told(event=event, **changes).is_machine is is_machine


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event": "account_status_change"}, "unknown_kind"),
        ({"event": 3}, "no_kind"),
        ({"timestamp": "soon"}, "no_time"),
        ({"timestamp": True}, "no_time"),
        ({"timestamp": 10**30}, "no_time"),
        ({"timestamp": -5}, "no_time"),
        ({"timestamp": None}, "no_time"),
    ],
)
def test_an_event_that_says_nothing_is_named_and_set_aside(changes: dict[str, Any], reason: str) -> None:
    found = translate({**wire_event("abc-1", "open"), **changes})
    assert isinstance(found, UnreadableEvent)
    assert found.reason == reason


def test_times_written_as_text_or_with_a_fraction_are_times() -> None:
    assert told(timestamp="1803861660").at == told(timestamp=1803861660.9).at == told().at


def test_an_event_without_an_id_is_known_by_its_content() -> None:
    twice = [told(sg_event_id=None).key for _ in range(2)]
    assert twice[0] == twice[1] != told(sg_event_id=None, timestamp=1803861661).key


@given(JSON)
def test_whatever_json_comes_is_translated_or_set_aside(found: Any) -> None:
    assert isinstance(translate(found), ProviderEvent | UnreadableEvent)


@given(st.dictionaries(st.sampled_from(list(wire_event("a-1", "click"))), JSON))
def test_whatever_a_field_holds_is_translated_or_set_aside(changes: dict[str, Any]) -> None:
    event = translate({**wire_event("a-1", "click"), **changes})
    assert json.dumps(getattr(event, "details", {})).isascii()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"3", b"null", b'"x"', b"[1", b"[" * 50_000, b'{"a":' * 50_000, b"9" * 5000]
)
def test_what_is_no_list_of_events_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_batch(body)


def test_half_of_an_emoji_in_one_event_does_not_cost_the_others() -> None:
    broken = b'[{"useragent": "x\\ud83d", "event": "open", "timestamp": 1803861600}, {"event": "open", "timestamp": 1803861601}]'
    first, second = map(translate, read_batch(broken))
    assert isinstance(first, ProviderEvent)
    assert isinstance(second, ProviderEvent)


def test_the_vendors_own_helper_agrees_about_what_is_signed() -> None:
    from sendgrid.helpers.eventwebhook import EventWebhook

    body = b'[{"event":"open"}]\r\n'
    ours = signed(body)
    helper = EventWebhook(public_key(KEY))
    assert helper.verify_signature(body.decode(), ours[SIGNATURE_HEADER], ours[TIMESTAMP_HEADER]) is True
    assert is_signed(body, ours, KEYS)
