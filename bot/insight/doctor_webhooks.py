"""doctor's questions about webhooks: which hosts were given up on, which are tried again and again, what waits because nobody set a
secret. Read-only; the pipeline's calling makes the calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Connection, func, select

from bot.insight.complaints import EXAMPLES, Complaint
from storage.webhook_calls import CALL, CallState, open_calls

LATELY = timedelta(days=7)


def webhook_complaints(connection: Connection, now: datetime, *, has_secret: bool) -> Iterator[Complaint]:
    waiting = open_calls(connection)
    if waiting and not has_secret:
        yield Complaint(
            name="webhooks_unsigned",
            severity="error",
            sentence=f"{waiting} webhook call(s) wait: there is no secret to sign them with",
            hint="set JOURNEYBOT_WEBHOOK_SECRET (docs/webhooks.md)",
            count=waiting,
        )
    given_up = (CALL.c.state == CallState.FAILED, CALL.c.over_at > now - LATELY)
    yield from _by_host(
        connection, given_up, name="webhooks_given_up", sentence="{n} webhook call(s) of the last week were given up"
    )
    trying = (CALL.c.state == CallState.PENDING, CALL.c.attempts > 0)
    yield from _by_host(
        connection, trying, name="webhooks_retried", sentence="{n} webhook call(s) got no yes yet and are tried again"
    )


def _by_host(
    connection: Connection, where: tuple[ColumnElement[bool], ...], *, name: str, sentence: str
) -> Iterator[Complaint]:
    rows = connection.execute(
        select(CALL.c.url, CALL.c.fault, func.count()).where(*where).group_by(CALL.c.url, CALL.c.fault)
    )
    counts: Counter[str] = Counter()
    for url, fault, number in rows:
        counts[f"{urlsplit(url).hostname}: {fault}"] += number
    if counts:
        examples = tuple(f"{text} ({number})" for text, number in counts.most_common(EXAMPLES))
        total = counts.total()
        hint = "ask whoever runs the host; `explain` shows each call's customer"
        yield Complaint(
            name=name, severity="warning", sentence=sentence.format(n=total), hint=hint, count=total, examples=examples
        )
