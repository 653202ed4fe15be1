"""`report features`: how many customers use each feature of features.yml well, a little, or hardly. Reads the bands that the
pipeline's kept_features writes. Read-only; one statement."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, case, func, select

from bot.insight.deployed_company import deployed_company
from bot.pipeline.scopes import CUSTOMER
from bot.rules.field_types import say
from storage.health import FeatureBand

BAND: Table = FeatureBand.__table__  # type: ignore[attr-defined]
BANDS = ("green", "yellow", "red")


def report_features(connection: Connection, now: datetime, csm: str | None = None) -> list[dict[str, Any]]:
    """`feature`, `title`, `green`, `yellow`, `red`, `unknown` (customers), `green_share` (of those that are known), the least used
    first. `csm`: only of this CSM's customers. Empty without features.yml."""
    known = deployed_company(connection).company.features
    if not known:
        return []
    counts = [func.count(case((BAND.c.band == band, 1))).label(band) for band in BANDS]
    ours = [CUSTOMER.c.erased_at.is_(None), *([] if csm is None else [CUSTOMER.c.csm == csm])]
    living = BAND.join(CUSTOMER, CUSTOMER.c.id == BAND.c.customer_id)
    statement = select(BAND.c.feature, *counts).select_from(living).where(*ours)
    found = {row.feature: row for row in connection.execute(statement.group_by(BAND.c.feature))}
    customers = connection.scalar(select(func.count()).select_from(CUSTOMER).where(*ours)) or 0
    rows = []
    for name, feature in known.items():
        numbers = {band: getattr(found[name], band) if name in found else 0 for band in BANDS}
        number = sum(numbers.values())
        share = round(numbers["green"] / number, 2) if number else None
        told = {"feature": name, "title": say(feature.title, "en"), **numbers}
        rows.append({**told, "unknown": customers - number, "green_share": share})
    return sorted(rows, key=lambda row: (row["green_share"] is None, row["green_share"], row["feature"]))
