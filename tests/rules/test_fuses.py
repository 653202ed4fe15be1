"""The numbers of the fuses (semantics.md S38)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.fuses import FuseKind, Fuses, RateBound, audience_bound, is_rate_too_high, sending_bound

BOUNCES, COMPLAINTS = RateBound(share=0.05, mails=500), RateBound(share=0.001, mails=500)


def test_s38_the_defaults_are_those_of_the_design() -> None:
    fuses = Fuses()
    assert (fuses.enter_share, fuses.send_factor, fuses.send_weeks, fuses.sender_mails) == (0.2, 3.0, 4, None)
    assert fuses.rate_bound(FuseKind.BOUNCES) == BOUNCES
    assert fuses.rate_bound(FuseKind.COMPLAINTS) == COMPLAINTS


def test_every_fuse_can_be_taken_out() -> None:
    fuses = Fuses(enter="off", send="off", sender="off", bounces="off", complaints="off")
    assert (fuses.enter_share, fuses.send_factor, fuses.sender_mails) == (None, None, None)
    assert fuses.rate_bound(FuseKind.BOUNCES) is None


@pytest.mark.parametrize(
    ("share", "customers", "bound"), [(0.2, 50, 10), (0.2, 102, 20), (0.07, 100, 7), (1.0, 60, 60)]
)
def test_s38_the_audience_bound_is_a_share_of_the_customers(share: float, customers: int, bound: int) -> None:
    assert audience_bound(share, customers) == bound
    assert audience_bound(share, customers, usual=100) == 100 + bound


def test_what_is_usual_is_known_after_five_sending_days() -> None:
    assert sending_bound(3, [100] * 4) is None
    assert sending_bound(3, [100] * 5) == 300
    assert sending_bound(3, [100, 0, 0, 0, 100, 100, 100, 100]) == 300, "days without mails are no sending days"
    assert sending_bound(3, [2] * 20) == 50, "a few mails more are no spike"


@pytest.mark.parametrize(
    ("kind", "bad", "mails", "bound", "blows"),
    [
        (FuseKind.BOUNCES, 25, 500, BOUNCES, True),
        (FuseKind.BOUNCES, 24, 500, BOUNCES, False),
        (FuseKind.BOUNCES, 5, 20, BOUNCES, True),
        (FuseKind.BOUNCES, 4, 10, BOUNCES, False),
        (FuseKind.COMPLAINTS, 1, 500, COMPLAINTS, True),
        (FuseKind.COMPLAINTS, 1, 100, COMPLAINTS, True),
        (FuseKind.COMPLAINTS, 1, 40, COMPLAINTS, False),
        (FuseKind.COMPLAINTS, 2, 40, COMPLAINTS, True),
        (FuseKind.COMPLAINTS, 0, 500, COMPLAINTS, False),
        (FuseKind.BOUNCES, 0, 0, BOUNCES, False),
    ],
)
def test_s38_a_rate_blows_at_its_bound(kind: FuseKind, bad: int, mails: int, bound: RateBound, blows: bool) -> None:
    assert is_rate_too_high(kind, bad, mails, bound) is blows


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=30), st.floats(min_value=1, max_value=20))
def test_a_usual_day_never_blows_the_fuse(days: list[int], factor: float) -> None:
    bound = sending_bound(factor, days)
    busy = [day for day in days if day]
    assert bound is None or bound >= sum(busy) / len(busy)


@pytest.mark.parametrize("text", ["lots", "20%% of customers", "120 percent"])
def test_no_other_words_are_a_fuse(text: str) -> None:
    with pytest.raises(ValueError, match="is no fuse"):
        Fuses(enter=text)
