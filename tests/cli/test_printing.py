"""What reaches the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.printing import cell, print_json, print_table, shown


@given(st.text())
def test_no_text_of_a_customer_can_repaint_the_terminal(text: str) -> None:
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u202e\u2066" for char in shown(text))


def test_columns_stand_under_each_other_whatever_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "stage"), [("森デンタル", "new"), ("Umi", None)])
    assert capsys.readouterr().out == "name        stage\n森デンタル  new\nUmi         –\n"


def test_values_are_words() -> None:
    assert [cell(value) for value in (None, "", True, 480000.0, 0.85, ["a", "b"], {"lost": 2})] == [
        "–", "–", "yes", "480,000", "0.85", "a, b", "lost=2",
    ]  # fmt: skip


def test_json_refuses_what_it_does_not_know() -> None:
    with pytest.raises(TypeError):
        print_json(object())
