"""A mail is kept as the words that are its own, and comes out again letter by letter."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from storage.skeletons import SHORTEST_SHARED, Skeleton, filled

TEXTS = st.lists(st.text(max_size=3 * SHORTEST_SHARED), max_size=8)


@given(shared=TEXTS, own=TEXTS, data=st.data())
def test_what_comes_out_is_what_went_in(shared: list[str], own: list[str], data: st.DataObject) -> None:
    """Also where a reader's own word is by chance one of the template's."""
    pieces = data.draw(st.lists(st.sampled_from([*shared, *own, "x"]), max_size=12))
    outline = Skeleton.of(shared).outline(pieces)
    assert filled(outline.skeleton.shared, outline.pieces) == "".join(pieces)
    assert outline.json() == orjson.dumps("".join(pieces))


def test_what_all_mails_share_is_a_number_and_what_is_short_stands_as_it_is() -> None:
    skeleton = Skeleton.of(["<p>Dear customer of ours,", "</p>"])
    assert skeleton.outline(["<p>Dear customer of ours,", "Hana", "</p>"]).pieces == [0, "Hana", "</p>"]


def test_another_text_or_another_order_is_another_skeleton() -> None:
    first, second = "x" * SHORTEST_SHARED, "y" * SHORTEST_SHARED
    digests = {Skeleton.of(texts).digest for texts in ([first, second], [second, first], [first])}
    assert len(digests) == 3
    assert Skeleton.of([first, second, first]).digest == Skeleton.of([first, second]).digest
