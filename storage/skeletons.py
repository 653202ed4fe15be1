"""The HTML of a mail as the pieces that its template put together. Most are the same in all mails of the template: its skeleton.
So a mail is kept, and handed to another process, as the few words that are its own and numbers for the rest. Nobody's name is
in a skeleton. Pure, and light to import."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import orjson

#: A number for a piece that is hardly longer would save nothing.
SHORTEST_SHARED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """The pieces that all mails of one template share. `digest` names exactly these pieces in exactly this order."""

    shared: tuple[str, ...]
    digest: str
    _places: Mapping[str, int] = field(repr=False, compare=False)
    _in_json: tuple[bytes, ...] = field(repr=False, compare=False)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        shared = tuple(dict.fromkeys(text for text in texts if len(text) >= SHORTEST_SHARED and _is_unicode(text)))
        return cls.known_as(hashlib.sha256(orjson.dumps(shared)).hexdigest()[:32], shared)

    @classmethod
    def known_as(cls, digest: str, shared: tuple[str, ...]) -> Self:
        return cls(
            shared=shared,
            digest=digest,
            _places={text: place for place, text in enumerate(shared)},
            _in_json=tuple(map(_in_json, shared)),
        )

    def outline(self, pieces: Iterable[str]) -> Outline:
        """A piece of its own is kept as plain text: Jinja's marked text takes forty times as long to hand on."""
        places = self._places
        return Outline(self, [str(piece) if (place := places.get(piece)) is None else place for piece in pieces])


def _in_json(text: str) -> bytes:
    return orjson.dumps(text)[1:-1]


def _is_unicode(text: str) -> bool:
    """No half of a surrogate pair: no database would take it."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


#: Not frozen, as other data is: that would triple what it costs to make one, and thousands are made a second.
@dataclass(slots=True)
class Outline:
    """One mail: its pieces in their order, those that are shared by their number."""

    skeleton: Skeleton
    pieces: list[int | str]

    def html(self) -> str:
        return filled(self.skeleton.shared, self.pieces)

    def json(self) -> bytes:
        """The HTML as a text in JSON. Most of it is written once a template: to write 10 KB for each mail takes longer than all
        the rest of its request. Raises: orjson.JSONEncodeError for half of a surrogate pair."""
        shared = self.skeleton._in_json
        pieces = [shared[piece] if isinstance(piece, int) else _in_json(piece) for piece in self.pieces]
        return b'"%b"' % b"".join(pieces)


def filled(shared: Sequence[str], pieces: Iterable[int | str]) -> str:
    """The HTML again."""
    return "".join([shared[piece] if isinstance(piece, int) else piece for piece in pieces])


def html_of(document: str | Outline) -> str:
    """The HTML, whether it stands there or has to be put together, which takes as long as all that came before."""
    return document if isinstance(document, str) else document.html()
