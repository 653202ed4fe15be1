"""Reads one call of the tracking API (Segment's spec) into values: who, which customer, what, when. Pure; a call that is no
fact is refused with a sentence and never loses its neighbours. Before it: the web route; after it: taking_in.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from bot.intake.dates import MomentReader, latest_fact
from bot.intake.values import CellError
from bot.rules.built_in_events import BUILT_IN_EVENTS

KINDS = ("identify", "group", "track", "page", "screen", "alias")
VIEWS = {"page": "page_viewed", "screen": "screen_viewed"}
MOST_EVENT_BYTES = 32_768
MOST_DEPTH = 32
MOST_ID = 255
MOST_NAME = 200
#: Further ahead of our clock than this no clock of a client is wrong by accident.
AHEAD = timedelta(days=1)
TOLD_BY_US = frozenset(event.name for event in BUILT_IN_EVENTS)


class Call(NamedTuple):
    """One call. `group` is the customer, `user` the contact, both by their keys; `content` are traits or properties; `name` the
    event's, or the previous id of an alias."""

    kind: str
    key: str
    at: datetime
    user: str | None
    anonymous: str | None
    group: str | None
    name: str
    value: float | None
    content: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A call that is no fact. `content` is kept aside where it is not too large."""

    index: int
    message_id: str | None
    reason: str
    sentence: str
    key: str
    content: Any


@dataclass(slots=True, kw_only=True)
class Reading:
    """What a post holds. `oddities`: reason → number of calls that were taken in all the same."""

    calls: list[Call] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    oddities: dict[str, int] = field(default_factory=dict)


class CallError(Exception):
    """Why a call is no fact: a machine word, and a sentence with the repair."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


def read_calls(
    raws: Iterable[Any], received_at: datetime, *, kind: str | None, sent_at: Any = None, is_large: bool = False
) -> Reading:
    """`kind`: of all of them, by the route; None: each says its own `type`. `sent_at`: the batch's. `is_large`: some may be
    over the limit of a single call."""
    reader = _Reader(received_at, sent_at)
    reading = Reading(oddities=reader.oddities)
    for index, raw in enumerate(raws):
        try:
            if is_large:
                _check_size(raw)
            reading.calls.append(reader.read(raw, kind))
        except CallError as error:
            reading.refused.append(_refused(index, raw, error, received_at))
    return reading


def _refused(index: int, raw: Any, error: CallError, received_at: datetime) -> Refused:
    given = raw.get("messageId") if isinstance(raw, dict) else None
    message_id = given[:MOST_ID] if isinstance(given, str) else None
    keeps = error.reason not in ("too_large", "too_deep")
    return Refused(
        index=index,
        message_id=message_id,
        reason=error.reason,
        sentence=error.sentence,
        key=f"refused:{_digest([raw if keeps else index, received_at if message_id is None else message_id])}",
        content=raw if keeps else None,
    )


def _check_size(raw: Any) -> None:
    size = len(orjson.dumps(raw))
    if size > MOST_EVENT_BYTES:
        raise CallError("too_large", f"the event has {size} bytes; at most {MOST_EVENT_BYTES} are taken")


class _Reader:
    """The calls of one post."""

    def __init__(self, received_at: datetime, sent_at: Any) -> None:
        self.oddities: dict[str, int] = {}
        self._received_at = received_at
        self._moment = MomentReader(None, "UTC", latest_fact(received_at))
        self._sent_at = self._sent(sent_at)

    def read(self, raw: Any, kind: str | None) -> Call:
        """Raises: CallError."""
        if not isinstance(raw, dict):
            raise CallError("no_object", "an event is a JSON object")
        kind = kind or _kind_of(raw)
        context = _object(raw.get("context"))
        user, anonymous = _id(raw.get("userId"), "userId"), _id(raw.get("anonymousId"), "anonymousId")
        content = self._content(raw, context, kind)
        if user is None and anonymous is None and kind != "group":
            raise CallError("no_user", "the event names nobody; give a userId or an anonymousId")
        at = self._at(raw)
        return Call(
            kind,
            self._key(raw, kind, at),
            at,
            user,
            anonymous,
            _group_of(raw, context, content, kind),
            _name_of(raw, content, kind),
            self._value(content) if kind == "track" else None,
            content,
        )

    def _content(self, raw: Mapping[str, Any], context: Mapping[str, Any], kind: str) -> dict[str, Any]:
        if kind in ("identify", "group"):
            found = {**_object(context.get("traits")), **_object(raw.get("traits"))}
            for name in ("locale", "timezone"):
                if kind == "identify" and isinstance(context.get(name), str):
                    found.setdefault(name, context[name])
        else:
            found = _object(raw.get("properties"))
            category = raw.get("category")
            if kind in VIEWS:
                found = {**({"category": category} if category else {}), **found}
                if raw.get("name"):
                    found.setdefault("name", raw["name"])
        for value in found.values():
            if value.__class__ in (dict, list) and _is_deeper(value, MOST_DEPTH):
                raise CallError("too_deep", f"the event is nested deeper than {MOST_DEPTH} levels")
        return found

    def _at(self, raw: Mapping[str, Any]) -> datetime:
        """When it happened, by our clock: received − (sent − happened), as Segment corrects the clocks of clients."""
        given = raw.get("originalTimestamp") or raw.get("timestamp")
        if given is None or given == "":
            return self._received_at
        sent_at = self._sent(raw["sentAt"]) if raw.get("sentAt") else self._sent_at
        try:
            at = self._moment(given)
            if sent_at is not None:
                at = self._received_at - (sent_at - at)
        except (CellError, OverflowError) as error:
            raise CallError("impossible_date", f"timestamp: {error}; write it like 2026-03-05T10:00:00Z") from None
        if at > self._received_at:
            if at > self._received_at + AHEAD:
                raise CallError("impossible_date", f"{at.isoformat()} lies ahead of the time of its arrival")
            at = self._received_at
        return at

    def _sent(self, given: Any) -> datetime | None:
        if not given:
            return None
        try:
            return self._moment(given)
        except CellError:
            self._note("unreadable_sent_at")
            return None

    def _key(self, raw: Mapping[str, Any], kind: str, at: datetime) -> str:
        """The message's id. Without one the same call with the same timestamp is the same event."""
        given = raw.get("messageId")
        if isinstance(given, str) and 0 < len(given) <= MOST_ID:
            return given
        return f"digest:{_digest([kind, raw, at.isoformat() if 'timestamp' not in raw else None])}"

    def _value(self, content: Mapping[str, Any]) -> float | None:
        given = content.get("value")
        if given is None:
            given = content.get("revenue")
        if given is None:
            return None
        try:
            if isinstance(given, bool):
                raise ValueError
            found = float(given)
        except (ValueError, TypeError, OverflowError):
            self._note("value_is_no_number")
            return None
        return found if abs(found) < 1e300 else None

    def _note(self, reason: str) -> None:
        self.oddities[reason] = self.oddities.get(reason, 0) + 1


def _kind_of(raw: Mapping[str, Any]) -> str:
    kind = raw.get("type") or raw.get("action")
    if kind not in KINDS:
        raise CallError("unknown_type", f"`type` is none of {', '.join(KINDS)}")
    return str(kind)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _id(value: Any, name: str) -> str | None:
    if value is None or value == "":
        return None
    if value.__class__ is int:
        value = str(value)
    if not isinstance(value, str):
        raise CallError("unreadable_id", f"`{name}` is a text or a whole number")
    value = value.strip()
    if len(value) > MOST_ID:
        raise CallError("unreadable_id", f"`{name}` is longer than {MOST_ID} characters")
    return value or None


def _group_of(raw: Mapping[str, Any], context: Mapping[str, Any], content: Mapping[str, Any], kind: str) -> str | None:
    found = _id(raw.get("groupId"), "groupId") or _id(context.get("groupId"), "groupId")
    if kind == "group" and found is None:
        raise CallError("no_group", "a group call needs a groupId")
    if found is None and kind == "identify":
        company = content.get("company")
        return _id(company.get("id"), "company.id") if isinstance(company, dict) else None
    return found if found is not None or kind == "alias" else _id(content.get("groupId"), "groupId")


def _name_of(raw: Mapping[str, Any], content: Mapping[str, Any], kind: str) -> str:
    if kind in VIEWS:
        return VIEWS[kind]
    if kind == "alias":
        previous = _id(raw.get("previousId"), "previousId") or _id(raw.get("anonymousId"), "anonymousId")
        if previous is None or not raw.get("userId"):
            raise CallError("no_user", "an alias needs a previousId and a userId")
        return previous
    if kind != "track":
        return ""
    name = raw.get("event")
    if not isinstance(name, str) or not name.strip():
        raise CallError("no_event_name", "`event` is empty; a track call needs the event's name")
    name = name.strip()
    if len(name) > MOST_NAME:
        raise CallError("no_event_name", f"`event` is longer than {MOST_NAME} characters")
    if name in TOLD_BY_US:
        raise CallError("reserved_name", f"`{name}` is an event that journeybot tells by itself; choose another name")
    return name


def _is_deeper(value: Any, levels: int) -> bool:
    """Level by level, so that depth costs no stack."""
    layer = [value]
    for _ in range(levels):
        inner: list[Any] = []
        for item in layer:
            children = item.values() if item.__class__ is dict else item
            inner.extend(child for child in children if child.__class__ in (dict, list))
        if not inner:
            return False
        layer = inner
    return True


def _digest(value: Any) -> str:
    try:
        written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        written = repr(value).encode("utf-8", "replace")
    return hashlib.blake2b(written, digest_size=16).hexdigest()
