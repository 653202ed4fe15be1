"""Every report by its name: its figures, what is said below them, and which are broken promises. A new report is one line here and
one in bot.rules.reports. The command line, Slack and mails read them from here; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection

from bot.insight.report_activity import report_activity, untouched_of
from bot.insight.report_churn_reasons import links_of, report_churn_reasons
from bot.insight.report_content import report_content
from bot.insight.report_coverage import has_holes, holes_of, report_coverage
from bot.insight.report_edits import diff_of, report_edits
from bot.insight.report_features import report_features
from bot.insight.report_handoffs import reasons_of, report_handoffs
from bot.insight.report_health import report_health
from bot.insight.report_invariants import examples_of, is_broken, report_invariants
from bot.insight.report_metric_discovery import found_of, report_metric_discovery
from bot.insight.report_nps import report_nps
from bot.insight.report_plans import most_behind_of, report_plans
from bot.insight.report_playbooks import report_playbooks
from bot.insight.report_retention import report_retention
from bot.insight.report_signals import report_signals
from bot.insight.report_stages import report_stages, stuck_of
from bot.insight.report_whitespace import customers_of, report_whitespace
from storage.deployments import latest_deployment

Rows: TypeAlias = Sequence[Mapping[str, Any]]
OfAll: TypeAlias = Callable[[Connection, datetime], list[dict[str, Any]]]
OfOne: TypeAlias = Callable[[Connection, datetime, str | None], list[dict[str, Any]]]

OF_ALL: dict[str, OfAll] = {
    "churn-reasons": report_churn_reasons,
    "content": report_content,
    "coverage": report_coverage,
    "edits": report_edits,
    "handoffs": report_handoffs,
    "invariants": report_invariants,
    "metric-discovery": report_metric_discovery,
    "nps": report_nps,
    "playbooks": report_playbooks,
    "retention": report_retention,
    "stages": report_stages,
}
#: Those that can be told of one CSM's customers alone.
OF_ONE: dict[str, OfOne] = {
    "activity": report_activity,
    "features": report_features,
    "health": report_health,
    "plans": report_plans,
    "signals": report_signals,
    "whitespace": report_whitespace,
}
#: What is printed below the figures, for reports that have more to say than a table holds.
BELOW: dict[str, Callable[[Rows], Iterator[str]]] = {
    "edits": diff_of,
    "handoffs": reasons_of,
    "invariants": examples_of,
    "stages": stuck_of,
    "coverage": holes_of,
    "whitespace": customers_of,
    "churn-reasons": links_of,
    "plans": most_behind_of,
    "activity": untouched_of,
    "metric-discovery": found_of,
}
#: Reports of promises, and of holes: exit code 1 when one is broken, or open.
BROKEN: dict[str, Callable[[Rows], bool]] = {"invariants": is_broken, "coverage": has_holes}

#: Reports that tell of what a file defines, as it is deployed.
READS = {
    "content": "content.yml",
    "coverage": "stages.yml and signals.yml",
    "features": "features.yml",
    "health": "scorecard.yml",
    "whitespace": "products.yml",
}


def why_nothing(connection: Connection, name: str) -> str:
    """What to do where a report has nothing to say."""
    if latest_deployment(connection) is None:
        return "nothing is deployed yet. Run `journeybot check`, then `journeybot deploy`"
    if name in READS:
        return f"it tells of what playbooks/{READS[name]} define, as deployed"
    return "nothing of the kind has happened yet"


def figures_of(
    connection: Connection, name: str, now: datetime, csm: str | None = None, first_days: int | None = None
) -> list[dict[str, Any]]:
    """The rows of a report; `csm`: of this CSM's customers alone, for those of OF_ONE; `first_days` are metric-discovery's. Raises:
    KeyError."""
    if name == "metric-discovery" and first_days is not None:
        return report_metric_discovery(connection, now, first_days)
    return OF_ONE[name](connection, now, csm) if name in OF_ONE else OF_ALL[name](connection, now)
