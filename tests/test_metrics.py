"""Metrics are exact, separate per instance, and hold nobody's name."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics, describe_metrics
from storage.workload import Workload

AT = datetime(2027, 3, 1, tzinfo=UTC)


def _samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value for found in families for sample in found.samples
    }


def test_ticks_are_counted_by_result_and_only_a_success_moves_the_last_tick() -> None:
    metrics = Metrics()
    metrics.count_tick(seconds=0.2, ended_at=AT)
    metrics.count_tick(seconds=2.0, ended_at=None)
    found = _samples(metrics)
    assert found["journeybot_ticks_total", "ok"] == 1
    assert found["journeybot_ticks_total", "failed"] == 1
    assert found["journeybot_last_tick_timestamp_seconds", ""] == AT.timestamp()
    assert found["journeybot_tick_seconds_sum", ""] == 2.2


def test_a_state_that_nobody_is_in_any_more_goes_back_to_zero() -> None:
    metrics = Metrics()
    for pending in (7, 0):
        metrics.show_workload(
            Workload(messages={"pending": pending}, handoffs={"open": 2}, due_walks=3, oldest_pending_seconds=4.5)
        )
    found = _samples(metrics)
    assert found["journeybot_messages", "pending"] == 0
    assert found["journeybot_open_handoffs", "open"] == 2
    assert found["journeybot_due_walks", ""] == 3
    assert found["journeybot_outbox_oldest_pending_seconds", ""] == 4.5


def test_outcomes_walks_and_faults_add_up() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.count_outcomes({"accepted": 5, "held": 1}, is_blocked=True)
        metrics.count_walks(entered=4, moved=9)
        metrics.count_faults("slack")
    found = _samples(metrics)
    assert found["journeybot_message_outcomes_total", "accepted"] == 10
    assert found["journeybot_walks_total", "moved"] == 18
    assert found["journeybot_faults_total", "slack"] == 2
    assert found["journeybot_delivery_blocked", ""] == 1


def test_two_instances_share_nothing() -> None:
    first, second = Metrics(), Metrics()
    first.count_faults("tick")
    assert ("journeybot_faults_total", "tick") not in _samples(second)


def test_every_metric_says_what_it_counts() -> None:
    described = describe_metrics()
    assert len(described) >= 11
    assert all(metric.says.endswith(".") for metric in described)
