"""Block Kit builders: whatever people write, Slack takes it and nobody is mentioned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.blocks import button, clean, escaped, length, message, plain, section, select, shorten
from tests.fakes.slack_blocks import faults_of

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=400)


@given(ANY_TEXT, st.integers(20, 60))
def test_escaped_text_never_exceeds_its_limit_nor_breaks_an_entity(text: str, limit: int) -> None:
    found = escaped(text, limit)
    assert length(found) <= limit
    assert faults_of([section(found)]) == []


@given(ANY_TEXT, st.integers(2, 60))
def test_plain_text_is_never_empty_nor_too_long(text: str, limit: int) -> None:
    found = plain(text, limit)["text"]
    assert 0 < length(found) <= limit


def test_what_was_cut_ends_in_an_ellipsis_and_what_fits_is_whole() -> None:
    assert shorten("abcdef", 4) == "abc…"
    assert shorten("abcd", 4) == "abcd"
    assert escaped("a<b" * 10, 8) == "a&lt;ba…"


def test_emoji_count_twice_as_slack_may_count_them() -> None:
    assert length("🔥") == 2
    assert shorten("🔥🔥🔥", 4) == "🔥…"


def test_marks_that_turn_the_reading_direction_are_dropped() -> None:
    assert clean("a\u202eb\u2066c\u200fd\x00e\ud800f") == "a b c d e f"


def test_a_message_keeps_its_buttons_when_it_has_too_many_blocks() -> None:
    found = message([section(str(number)) for number in range(80)])
    assert len(found) == 50
    assert found[-1] == section("79")


@pytest.mark.parametrize("value", ["", "x" * 2001])
def test_a_value_that_cannot_be_shortened_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="value"):
        button("a", "b", value)
    with pytest.raises(ValueError, match="value"):
        select("a", "b", [("c", value)])
