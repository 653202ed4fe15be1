"""`report churn-reasons`: why customers left within a year, by reason and by link of the value chain, and what share of the lost
revenue each has, so that other departments know it as theirs. The answer of a hand-off (attribute `churn_reason`) goes before
the reason that came with the end of a subscription. Read-only; one statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from bot.insight.deployed_company import deployed_company
from bot.pipeline.scopes import CUSTOMER
from bot.rules.churn import NO_LINK, reason_of
from bot.rules.field_types import say
from bot.rules.zones import local_date
from storage.dialects import json_text
from storage.facts import Subscription

HELD: Table = Subscription.__table__  # type: ignore[attr-defined]
YEAR = timedelta(days=365)
ATTRIBUTE = "churn_reason"
#: In place of a reason: nobody knows it; somebody wrote what no reason of churn.yml is.
UNKNOWN, OTHER = "unknown", "other"
MOST_TEXTS = 10


def report_churn_reasons(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """`link`, `reason`, `title`, `customers`, `customer_share`, `arr`, `revenue_share`, `texts` (what was written, of `other`), the
    most revenue first."""
    deployed = deployed_company(connection)
    reasons = deployed.company.churn.reasons
    found: dict[str, dict[str, Any]] = {}
    for text, number, lost in connection.execute(_by_text(local_date(now, deployed.settings.timezone))):
        name = UNKNOWN if text is None else reason_of(text, reasons) or OTHER
        reason = reasons.get(name)
        row = found.setdefault(
            name,
            {
                "link": reason.link if reason else NO_LINK,
                "reason": name,
                "title": say(reason.title, "en") if reason else "",
                "customers": 0,
                "customer_share": 0.0,
                "arr": 0.0,
                "revenue_share": None,
                "texts": [],
            },
        )
        row["customers"] += number
        row["arr"] += lost
        row["texts"] += [{"text": text, "customers": number}] if name == OTHER else []
    return _with_shares(list(found.values()))


def _with_shares(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    customers, lost = sum(row["customers"] for row in rows), sum(row["arr"] for row in rows)
    for row in rows:
        row["customer_share"] = round(row["customers"] / customers, 2)
        row["revenue_share"] = round(row["arr"] / lost, 2) if lost else None
        row["texts"] = sorted(row["texts"], key=lambda found: (-found["customers"], found["text"]))[:MOST_TEXTS]
    return sorted(rows, key=lambda row: (-row["arr"], -row["customers"], row["reason"]))


def _by_text(today: date) -> Any:
    """Reason as written, customers, yearly revenue lost: the subscriptions that ended, else the customer's ARR."""
    mine = HELD.c.customer_id == CUSTOMER.c.id
    ended = and_(mine, HELD.c.ended_on > today - YEAR, HELD.c.ended_on < today)
    running = and_(
        mine,
        or_(HELD.c.started_on.is_(None), HELD.c.started_on <= today),
        or_(HELD.c.ended_on.is_(None), HELD.c.ended_on >= today),
    )
    answered = json_text(CUSTOMER.c.attributes, ATTRIBUTE)

    def one(query: Any) -> ColumnElement[Any]:
        found: ColumnElement[Any] = query.correlate(CUSTOMER).scalar_subquery()
        return found

    told = (
        select(HELD.c.reason)
        .where(ended, HELD.c.reason.is_not(None))
        .order_by(HELD.c.ended_on.desc(), HELD.c.id)
        .limit(1)
    )
    lost = func.nullif(one(select(func.sum(HELD.c.mrr) * 12).where(ended)), 0)
    has_left = and_(
        select(1).where(ended).correlate(CUSTOMER).exists(), ~select(1).where(running).correlate(CUSTOMER).exists()
    )
    each = (
        select(
            func.nullif(func.coalesce(answered, one(told)), "").label("reason"),
            func.coalesce(lost, CUSTOMER.c.arr, 0.0).label("arr"),
        )
        .where(CUSTOMER.c.erased_at.is_(None), or_(answered.is_not(None), has_left))
        .subquery("lost_customer")
    )
    return select(each.c.reason, func.count(), func.sum(each.c.arr)).group_by(each.c.reason).order_by(each.c.reason)


def links_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What each link of the value chain answers for, and what was written that no reason knows."""
    links: dict[str, list[float]] = {}
    for row in rows:
        sums = links.setdefault(row["link"], [0, 0.0])
        sums[0] += row["customers"]
        sums[1] += row["revenue_share"] or 0.0
    for link, (customers, share) in sorted(links.items(), key=lambda found: -found[1][1]):
        yield f"{link}: {customers:.0f} customers, {share:.0%} of the revenue lost"
    for row in rows:
        for found in row["texts"]:
            yield f"no reason of churn.yml: “{found['text']}” {found['customers']} (add a word to one)"
