"""Seeded chance: the same everywhere, whatever else was asked."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.demo.chance import Chance


def test_numbers_are_the_same_on_every_machine_and_python() -> None:
    """Pinned: if this changes, every printed demo changes."""
    assert round(Chance(7, "customer", 3).number("share"), 9) == 0.598554726


@given(st.integers(), st.text(), st.text())
def test_what_else_was_asked_changes_nothing(seed: int, first: str, second: str) -> None:
    alone = Chance(seed).number(first)
    chance = Chance(seed)
    chance.number(second)
    assert chance.number(first) == alone
    assert 0 <= alone < 1


@given(st.integers(), st.integers(-50, 50), st.integers(0, 50))
def test_whole_numbers_stay_within_their_bounds(seed: int, low: int, more: int) -> None:
    assert low <= Chance(seed).whole(low, low + more, "x") <= low + more


def test_different_subjects_get_different_numbers() -> None:
    assert len({Chance(1, "customer", number).number("x") for number in range(1000)}) == 1000


def test_weights_are_kept_roughly() -> None:
    chance = Chance(5)
    drawn = Counter(chance.weighted({"often": 3.0, "seldom": 1.0}, number) for number in range(2000))
    assert 1400 < drawn["often"] < 1600


def test_shuffling_keeps_everything() -> None:
    options = list(range(30))
    shuffled = Chance(3).shuffled(options, "order")
    assert sorted(shuffled) == options
    assert shuffled != options
