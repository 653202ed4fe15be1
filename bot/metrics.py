"""What Prometheus is told: counters that the runner moves, gauges that are read from the database when somebody scrapes.
Each `Metrics` has a registry of its own; there is no global one. No label ever holds a customer, a person or an id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from storage.workload import Workload

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TICK_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDescription:
    """One metric, for the documentation. `kind` is counter, gauge or histogram."""

    name: str
    kind: str
    says: str


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self._ticks = Counter(
            "journeybot_ticks", "Ticks that ended, by result (ok, failed).", ["result"], registry=registry
        )
        self._tick_seconds = Histogram(
            "journeybot_tick_seconds", "How long a tick took.", buckets=TICK_BUCKETS, registry=registry
        )
        self._last_tick = Gauge(
            "journeybot_last_tick_timestamp_seconds", "When the last successful tick ended (epoch).", registry=registry
        )
        self._walks = Counter("journeybot_walks", "Walks that entered or were moved.", ["what"], registry=registry)
        self._outcomes = Counter(
            "journeybot_message_outcomes",
            "Messages by the state that a delivery pass left them in.",
            ["state"],
            registry=registry,
        )
        self._faults = Counter(
            "journeybot_faults",
            "What broke and was set aside, by part (tick, deliver, slack, pipeline).",
            ["part"],
            registry=registry,
        )
        self._messages = Gauge("journeybot_messages", "Messages in the outbox by state.", ["state"], registry=registry)
        self._due = Gauge("journeybot_due_walks", "Walks whose next step is due now.", registry=registry)
        self._handoffs = Gauge(
            "journeybot_open_handoffs", "Hand-offs not closed yet, by state.", ["state"], registry=registry
        )
        self._oldest = Gauge(
            "journeybot_outbox_oldest_pending_seconds",
            "Age of the message that could have left longest ago.",
            registry=registry,
        )
        self._blocked = Gauge(
            "journeybot_delivery_blocked", "1 while a rate limit or a refused key holds delivery.", registry=registry
        )
        self._paused = Gauge(
            "journeybot_sending_paused",
            "1 while nothing leaves this host, because its database was restored or copied.",
            registry=registry,
        )
        self._webhook_posts = Counter(
            "journeybot_webhook_posts",
            "Posts from outside, by route (sendgrid, inbound, track) and the status that answered them.",
            ["route", "status"],
            registry=registry,
        )
        self._waiting_posts = Gauge(
            "journeybot_waiting_posts", "Posts that are kept and not taken in yet.", registry=registry
        )
        self._stray_events = Gauge(
            "journeybot_stray_events",
            "Events of providers kept aside within the last day, by reason.",
            ["reason"],
            registry=registry,
        )
        ProcessCollector(registry=registry)

    def count_tick(self, *, seconds: float, ended_at: datetime | None) -> None:
        """`ended_at`: None when the tick failed."""
        self._ticks.labels("failed" if ended_at is None else "ok").inc()
        self._tick_seconds.observe(seconds)
        if ended_at is not None:
            self._last_tick.set(ended_at.timestamp())

    def count_walks(self, *, entered: int, moved: int) -> None:
        self._walks.labels("entered").inc(entered)
        self._walks.labels("moved").inc(moved)

    def count_outcomes(self, states: Mapping[str, int], *, is_blocked: bool) -> None:
        for state, number in states.items():
            self._outcomes.labels(state).inc(number)
        self._blocked.set(int(is_blocked))

    def show_pause(self, *, is_paused: bool) -> None:
        self._paused.set(int(is_paused))

    def count_faults(self, part: str, number: int = 1) -> None:
        self._faults.labels(part).inc(number)

    def show_workload(self, workload: Workload) -> None:
        for state, number in workload.messages.items():
            self._messages.labels(state).set(number)
        for state, number in workload.handoffs.items():
            self._handoffs.labels(state).set(number)
        self._due.set(workload.due_walks)
        self._oldest.set(workload.oldest_pending_seconds)

    def count_webhook_posts(self, route: str, status: int) -> None:
        self._webhook_posts.labels(route, str(status)).inc()

    def show_incoming(self, waiting: int, strays: Mapping[str, int]) -> None:
        self._waiting_posts.set(waiting)
        self._stray_events.clear()
        for reason, number in strays.items():
            self._stray_events.labels(reason).set(number)

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)


def describe_metrics() -> tuple[MetricDescription, ...]:
    """Our own metrics by name; the process's (memory, CPU, files) come on top."""
    return tuple(
        MetricDescription(
            name=f"{metric.name}_total" if metric.type == "counter" else metric.name,
            kind=metric.type,
            says=metric.documentation,
        )
        for metric in Metrics().registry.collect()
        if metric.name.startswith("journeybot_")
    )
