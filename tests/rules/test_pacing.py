"""How a smooth playbook spreads its mails, and what `pace:` may say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.pacing import Pace, check_pace, smooth_offset, smoothed, span_of

SPAN = timedelta(hours=2)
OPENS = datetime(2027, 3, 1, tzinfo=UTC)


@given(st.integers(min_value=1, max_value=2**62))
def test_an_offset_lies_within_the_span_and_never_changes(walk: int) -> None:
    offset = smooth_offset(SPAN, walk)
    assert timedelta() <= offset <= SPAN
    assert smooth_offset(SPAN, walk) == offset


@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=50, max_value=2000))
def test_walks_that_began_together_are_spread_evenly(first: int, number: int) -> None:
    offsets = [smooth_offset(SPAN, first + place) for place in range(number)]
    for tenth in range(10):
        low, high = SPAN * tenth / 10, SPAN * (tenth + 1) / 10
        assert abs(sum(low <= offset < high for offset in offsets) - number / 10) <= 5


@given(st.integers(min_value=0, max_value=120), st.integers(min_value=1, max_value=120))
def test_a_window_shorter_than_the_span_is_never_left(minutes: int, open_minutes: int) -> None:
    closes = OPENS + timedelta(minutes=open_minutes)
    assert OPENS <= smoothed(OPENS, timedelta(minutes=minutes), lambda at: OPENS <= at < closes) < closes


@pytest.mark.parametrize(
    ("text", "transport", "rate"),
    [
        ("20 per second", "smtp", 20.0),
        ("600 per minute", "sendgrid", 10.0),
        ("1800 per hour", "folder", 0.5),
        ("usual", "smtp", 10.0),
        ("usual", "sendgrid", None),
        ("usual", "folder", None),
        ("off", "smtp", None),
    ],
)
def test_a_pace_is_mails_a_second(text: str, transport: str, rate: float | None) -> None:
    assert Pace(mails=text).per_second(transport) == rate


@pytest.mark.parametrize("text", ["fast", "0 per second", "20/s", "20 per day"])
def test_no_other_words_are_a_pace(text: str) -> None:
    with pytest.raises(ValueError, match="is no pace"):
        check_pace(text)


def test_the_span_counts_elapsed_time() -> None:
    assert span_of("1 day") == timedelta(hours=24)
