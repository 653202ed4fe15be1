"""doctor's questions about the tracking API: what waits for a customer or user, what was refused, which posts were turned away,
what was odd and taken in all the same. Read-only; before it: bot/intake/tracking counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.insight.complaints import Complaint, Severity
from storage.tracking import IMPORTED, WAITING, count_held, counts_since

COUNTS_OF = timedelta(days=6)  # and today
SHOWN = 8
REFUSED, POST = "refused_", "post_"
HINT = "docs/tracking.md says what the reasons mean"


def tracking_complaints(connection: Connection, now: datetime) -> Iterator[Complaint]:
    held = {reason: number for reason, number in count_held(connection).items() if reason in WAITING}
    counts = counts_since(connection, (now - COUNTS_OF).date())
    refused = {name.removeprefix(REFUSED): number for name, number in counts.items() if name.startswith(REFUSED)}
    posts = {name.removeprefix(POST): number for name, number in counts.items() if name.startswith(POST)}
    files = {name.removeprefix(IMPORTED): number for name, number in counts.items() if name.startswith(IMPORTED)}
    odd = {
        name: n for name, n in counts.items() if not name.startswith((REFUSED, POST, IMPORTED)) and name not in WAITING
    }
    yield from _complaint(
        name="tracking_waiting",
        severity="warning",
        sentence="{n} tracked call(s) wait for a customer or a user that nobody has brought yet",
        hint="import them, or send a group call; then they are taken in by themselves",
        counts=held,
    )
    yield from _complaint(
        name="tracking_refused",
        severity="warning",
        sentence="{n} tracked call(s) of the last week are no facts; they are kept aside",
        hint=f"mend the client; {HINT}",
        counts=refused,
    )
    yield from _complaint(
        name="tracking_turned_away",
        severity="warning",
        sentence="{n} post(s) to the tracking API were turned away in the last week",
        hint=f"look at the client's key, rate and sizes; {HINT}",
        counts=posts,
    )
    yield from _complaint(
        name="import_rejected",
        severity="warning",
        sentence="{n} row(s) or cell(s) of files that were imported in the last week could not be read",
        hint="`journeybot import FILE --dry-run` names them with row, value and repair",
        counts=files,
    )
    yield from _complaint(
        name="tracking_odd",
        severity="note",
        sentence="{n} tracked call(s) of the last week were odd, and were taken in",
        hint=HINT,
        counts=odd,
    )


def _complaint(
    *, name: str, severity: Severity, sentence: str, hint: str, counts: Mapping[str, int]
) -> Iterator[Complaint]:
    total = sum(counts.values())
    if total:
        most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN]
        yield Complaint(
            name=name,
            severity=severity,
            sentence=sentence.format(n=total),
            hint=hint,
            count=total,
            examples=tuple(f"{reason}: {number}" for reason, number in most),
        )
