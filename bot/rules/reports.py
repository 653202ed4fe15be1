"""Which reports there are, by name, and which of them can be told of one CSM's customers alone. `check` reads these; the figures are
bot.insight's. Values only."""

from __future__ import annotations

from bot.rules.durations import parse_schedule
from bot.rules.schedules import Schedule

#: Report → whether it can be told of one CSM's customers alone.
REPORTS: dict[str, bool] = {
    "activity": True,
    "churn-reasons": False,
    "content": False,
    "coverage": False,
    "edits": False,
    "features": True,
    "handoffs": False,
    "health": True,
    "invariants": False,
    "metric-discovery": False,
    "nps": False,
    "plans": True,
    "playbooks": False,
    "retention": False,
    "signals": True,
    "stages": False,
    "whitespace": True,
}
OF_ONE_CSM = tuple(name for name, is_of_one in REPORTS.items() if is_of_one)


def report_name(text: str) -> str:
    """`churn_reasons`, as workspace.yml writes it, is `churn-reasons`."""
    return text.strip().replace("_", "-")


def parse_report_schedule(text: str) -> Schedule:
    """A schedule without a start of its own. Raises: ValueError."""
    schedule = parse_schedule(text)
    if schedule.needs_start:
        raise ValueError(f"`{text}` does not say when it begins; write it like `monday 09:00` or `day 1 10:00`")
    return schedule
