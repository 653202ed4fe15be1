"""One call, read: whose clock counts, who it is about, what is refused and how it is named. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.intake.columns import Kind
from bot.intake.tracking.bodies import packed, waiting
from bot.intake.tracking.calls import Call, Reading, read_calls
from bot.intake.tracking.traits import columns_of

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def read(raw: Any, *, sent_at: Any = None, kind: str | None = None) -> Reading:
    return read_calls([raw], NOW, kind=kind, sent_at=sent_at)


def one(raw: dict[str, Any], **more: Any) -> Call:
    (call,) = read({"type": "track", "event": "login", "userId": "u1", **raw}, **more).calls
    return call


@pytest.mark.parametrize(
    ("raw", "sent_at", "at"),
    [
        ({}, None, NOW),
        ({"timestamp": "2027-02-20T10:00:00+09:00"}, None, datetime(2027, 2, 20, 1, tzinfo=UTC)),
        (
            {"timestamp": "2027-02-20T10:00:00.123Z"},
            NOW.isoformat(),
            datetime(2027, 2, 20, 10, 0, 0, 123000, tzinfo=UTC),
        ),
        # RudderStack's own name for it wins, and a call's own sentAt before the batch's.
        (
            {"originalTimestamp": "2027-03-01T10:00:00Z", "timestamp": "2027-02-01", "sentAt": "2027-03-01T11:00:00Z"},
            "2027-03-01T10:00:00Z",
            NOW - timedelta(hours=1),
        ),
        # The client's clock is a year fast; it happened a minute before it was sent.
        ({"timestamp": "2028-03-01T11:59:00Z"}, "2028-03-01T12:00:00Z", NOW - timedelta(minutes=1)),
        ({"timestamp": 1803894000000}, None, datetime(2027, 3, 1, 9, 40, tzinfo=UTC)),
        ({"timestamp": "2027-03-01T13:00:00Z"}, None, NOW),
        ({"timestamp": "2027-03-01T11:00:00Z"}, "yesterday", NOW - timedelta(hours=1)),
    ],
)
def test_the_clock_of_the_client_is_corrected_as_segment_does(raw: Any, sent_at: Any, at: datetime) -> None:
    assert one(raw, sent_at=sent_at).at == at


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"timestamp": "2027-02-31"}, "impossible_date"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "impossible_date"),
        ({"timestamp": "2027-03-03T00:00:00Z"}, "impossible_date"),
        ({"timestamp": {"$date": 1}}, "impossible_date"),
        ({"userId": None}, "no_user"),
        ({"userId": "   "}, "no_user"),
        ({"userId": True}, "unreadable_id"),
        ({"userId": ["u1"]}, "unreadable_id"),
        ({"userId": "u" * 300}, "unreadable_id"),
        ({"event": ""}, "no_event_name"),
        ({"event": 7}, "no_event_name"),
        ({"event": "stage.changed"}, "reserved_name"),
        ({"type": "purchase"}, "unknown_type"),
        ({"type": "group"}, "no_group"),
        ({"type": "alias"}, "no_user"),
    ],
)
def test_a_call_that_is_no_fact_is_refused_with_a_sentence(raw: dict[str, Any], reason: str) -> None:
    (refused,) = read({"type": "track", "event": "login", "userId": "u1", "messageId": "m", **raw}).refused
    assert (refused.reason, refused.message_id, refused.index) == (reason, "m", 0)
    assert refused.sentence


@pytest.mark.parametrize(
    ("raw", "group"),
    [
        ({"groupId": "acme"}, "acme"),
        ({"context": {"groupId": 42}}, "42"),
        ({"properties": {"groupId": "acme"}}, "acme"),
        ({"type": "identify", "traits": {"company": {"id": "acme"}}}, "acme"),
        ({"context": "none"}, None),
    ],
)
def test_the_customer_stands_wherever_clients_put_it(raw: dict[str, Any], group: str | None) -> None:
    assert one(raw).group == group


def test_the_same_call_without_an_id_is_the_same_event_where_its_time_is_given() -> None:
    timed = {"type": "track", "event": "login", "userId": "u1", "timestamp": "2027-03-01T10:00:00Z"}
    later = read_calls([timed], NOW + timedelta(hours=1), kind=None)
    assert read(timed).calls[0].key == later.calls[0].key
    timeless = {name: value for name, value in timed.items() if name != "timestamp"}
    later = read_calls([timeless], NOW + timedelta(hours=1), kind=None)
    assert read(timeless).calls[0].key != later.calls[0].key


def test_what_waits_is_what_was_read() -> None:
    reading = read_calls(
        [{"type": "screen", "userId": 7, "name": "Home", "timestamp": "2027-03-01"}, 3], NOW, kind=None
    )
    assert waiting(packed(reading, {"odd": 2})) == (reading.calls, reading.refused, {"odd": 2})


def test_traits_are_our_columns_where_they_are_called_so_and_attributes_else() -> None:
    odd: list[str] = []
    traits = {
        "renewalDate": "2027-12-31", "licensesPurchased": "30", "owner.ae": "kato", "limits.open tickets": 3, "tags": ["a"],
        "timezone": "Asia/Nowhere", "Plan Name": "Pro", "nested": {"a": [1]}, "gone": None, "consent": ["newsletter"],
    }  # fmt: skip
    found = columns_of(Kind.CUSTOMERS, traits, odd.append)
    assert {name: str(value) for name, value in found.items()} == {
        "renewal_date": "2027-12-31", "licenses_purchased": "30", "owner.ae": "kato", "limits.open tickets": "3.0",
        "tags": "['a']", "attributes.Plan_Name": "Pro", "attributes.nested": "{'a': [1]}", "attributes.gone": "None",
    }  # fmt: skip
    assert odd == ["unreadable_trait"]
