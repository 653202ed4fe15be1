"""doctor's questions about caps and shared addresses: what waits long because of another mail, and what never went for that.
Each is one statement whose rows are what is wrong. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, String, Table, literal, select

from bot.insight.complaints import Check
from bot.rules.guards import CAPPED_OUT, HELD_BACK
from storage.accounts import Customer
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
LONG = timedelta(days=1)
LATELY = timedelta(days=7)


def guard_checks(now: datetime) -> Iterator[Check]:
    yield Check(
        name="mails_capped",
        severity="note",
        sentence="{n} mail(s) wait for room under a cap, for more than a day",
        hint="see `journeybot explain --message ID`, which names what took the room; and `caps` in workspace.yml",
        rows=_named(
            MESSAGE.c.state == MessageState.PENDING.value,
            MESSAGE.c.reason.in_(HELD_BACK),
            MESSAGE.c.due_at < now - LONG,
        ),
    )
    yield Check(
        name="mails_crowded_out",
        severity="warning",
        sentence="{n} mail(s) of the last week were dropped because the caps left no room",
        hint="raise a cap or the playbook's priority, give the step a longer `expires`, or send less",
        rows=_named(
            MESSAGE.c.state == MessageState.EXPIRED.value,
            MESSAGE.c.reason == CAPPED_OUT,
            MESSAGE.c.over_at >= now - LATELY,
        ),
    )


def _named(*where: Any) -> Select[Any]:
    label = literal("mail ") + MESSAGE.c.id.cast(String) + " (" + CUSTOMER.c.key + ", " + MESSAGE.c.template + ")"
    rows = MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id)
    return select(label).select_from(rows).where(*where).order_by(MESSAGE.c.id)
