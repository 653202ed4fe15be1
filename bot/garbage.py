"""How often Python searches for garbage in our processes: the command line's, and the one that posts mails. Before they begin
their work; decides nothing else."""

from __future__ import annotations

import gc

#: A tick makes and drops thousands of small objects, none of them in circles: searches at 700, the default, find nothing.
GARBAGE = (20_000, 20, 20)


def search_seldom() -> None:
    """From now on, and never again in what is imported by now."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.enable()
