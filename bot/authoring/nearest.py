"""Finds the word an author probably meant. Pure; every finding about an unknown name asks it for its hint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST_WORD = 60


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The most similar name, or None when none is similar. Case does not matter; very long words match nothing."""
    if len(word) > LONGEST_WORD:
        return None
    by_lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def suggestion(word: str, names: Iterable[str]) -> str:
    """`did you mean …?`, or the names there are."""
    known = sorted(names)
    guess = nearest(word, known)
    if guess is not None:
        return f"did you mean `{guess}`?"
    return f"there are: {', '.join(known)}" if 0 < len(known) <= 20 else ""
