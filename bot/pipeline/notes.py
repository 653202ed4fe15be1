"""A note that a person writes on a customer's timeline, and the colleagues whom it mentions: `@sato` in it, or Slack's own mention,
asks that person to look, by the way every hand-off takes (Slack, else mail). In the caller's transaction."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, func, or_, select

from storage import written_facts
from storage.accounts import Csm, Customer, has_left
from storage.new_handoffs import NewHandoff, open_handoffs

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
KIND = "mention"
ANSWER_WITHIN = timedelta(days=3)
SHOWN = 200
#: `@sato`, but no e-mail address; `<@U012AB>` is how Slack writes it.
MENTION = re.compile(r"(?<![\w@.+-])@([\w][\w.-]{0,80})")
SLACK_MENTION = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^>]*)?>")
MOST_MENTIONED = 20


def note(
    connection: Connection,
    customer_id: int,
    text: str,
    *,
    by: str,
    at: datetime,
    source: str = written_facts.SOURCE,
    key: str | None = None,
) -> bool:
    """Write it, and ask whom it mentions. False: it stands already, and nobody is asked twice."""
    named = key or uuid.uuid4().hex
    if not written_facts.write_note(connection, customer_id, text, by=by, at=at, source=source, key=named):
        return False
    people = mentioned(connection, text) - {by}
    if people:
        name = connection.scalar(
            select(func.coalesce(CUSTOMER.c.name, CUSTOMER.c.key)).where(CUSTOMER.c.id == customer_id)
        )
        # It concerns a colleague, not the customer: it is no touch of theirs.
        asked = [_asked(person, str(name), text, by, at, f"{source}:{named}") for person in sorted(people)]
        open_handoffs(connection, asked)
    return True


def mentioned(connection: Connection, text: str) -> set[str]:
    """The keys of those of ours whom a text mentions, whatever the case; whoever has left is nobody."""
    words = {found.rstrip(".-").lower() for found in MENTION.findall(text)[:MOST_MENTIONED]}
    slack = set(SLACK_MENTION.findall(text)[:MOST_MENTIONED])
    if not words and not slack:
        return set()
    is_named = or_(func.lower(CSM.c.key).in_(sorted(words)), CSM.c.slack_user_id.in_(sorted(slack)))
    return set(connection.scalars(select(CSM.c.key).where(is_named, ~has_left(CSM))))


def _asked(person: str, customer: str, text: str, by: str, at: datetime, note: str) -> NewHandoff:
    line = " ".join(text.split())
    shown = line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
    return NewHandoff(
        playbook="",
        step=KIND,
        occurrence=f"mention:{note}:{person}",
        title={
            "en": f"{by} mentions you about {customer}: {shown}",
            "ja": f"{by} さんが {customer} についてあなたに言及しました：{shown}",
        },
        kind=KIND,
        owner=person,
        opened_at=at,
        due_at=at + ANSWER_WITHIN,
    )
