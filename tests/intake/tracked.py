"""What the tests of the tracking API share: posts kept as the route keeps them, and taken in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.intake.tracking.bodies import packed
from bot.intake.tracking.calls import Reading, read_calls
from bot.intake.tracking.taking_in import take_in_tracked
from storage.database import Database
from storage.posts import TRACKED, TRACKING, Post, keep_posts
from tests.intake.house import NOW


def call(kind: str, **fields: Any) -> dict[str, Any]:
    """One call as a client writes it; its id is made of its content unless given."""
    given = {"type": kind, "timestamp": "2027-03-01T02:00:00Z", **fields}
    return {"messageId": f"{kind}-{sorted(map(str, fields.items()))}"[:200], **given}


def arrive(database: Database, *calls: Any, at: datetime = NOW, sent_at: Any = None) -> Reading:
    """A batch arrives and is kept."""
    reading = read_calls(calls, at, kind=None, sent_at=sent_at)
    post = Post(source=TRACKED, content_type="", received_at=at, body=packed(reading, {}))
    keep_posts(database, [post], TRACKING)
    return reading


def take_in(database: Database, *calls: Any, at: datetime = NOW, sent_at: Any = None, zone: str = "UTC") -> int:
    """A batch arrives and is taken in."""
    arrive(database, *calls, at=at, sent_at=sent_at)
    return take_in_tracked(database, at, zone)
