"""Nothing that a tick or a delivery does can stop the metronome."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bot.app import App
from bot.metrics import Metrics
from bot.pipeline.deliver_count import DeliverCount
from bot.pipeline.ticking import TickReport
from bot.runners.metronome import Metronome
from bot.settings import Settings
from storage.heartbeats import heartbeats
from tests.runners.shop import write_workspace


class MoodyApp(App):
    """Its first tick and its first delivery explode."""

    __slots__ = ("deliveries", "ticks")

    ticks: int
    deliveries: int

    def tick(self) -> TickReport:
        self.ticks += 1
        if self.ticks == 1:
            raise ZeroDivisionError("the first tick explodes")
        return super().tick()

    def deliver(self) -> DeliverCount:
        self.deliveries += 1
        if self.deliveries == 1:
            raise RuntimeError("the first delivery explodes")
        return super().deliver()


def _wait_until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_an_exploding_tick_and_delivery_do_not_stop_the_next(tmp_path: Path) -> None:
    """Also: silence is ended by the monotonic clock, so a wall clock that stands still cannot stop the ticks."""
    metrics = Metrics()
    with MoodyApp.open(Settings(workspace=write_workspace(tmp_path))) as app:
        app.ticks = app.deliveries = 0
        app.deploy()
        metronome = Metronome(app, metrics, seconds_between_deliveries=0.2, longest_silence_seconds=1.0)
        metronome.start()
        _wait_until(lambda: app.ticks >= 3 and app.deliveries >= 2)
        assert metronome.stop(20)
        assert not metronome.is_running
        with app.database.read() as connection:
            beats = heartbeats(connection)
    assert beats["tick"].finished_at is not None
    assert (beats["tick"].fault, beats["tick"].faults) == (None, 1)
    assert beats["tick"].fault_at is not None
    assert (beats["deliver"].fault or "").startswith("RuntimeError at test_metronome:")
    assert "explodes" not in str(beats)
    numbers = metrics.exposition().decode()
    assert 'journeybot_faults_total{part="tick"} 1.0' in numbers
    assert 'journeybot_faults_total{part="deliver"} 1.0' in numbers
    assert 'journeybot_ticks_total{result="failed"} 1.0' in numbers


def test_a_database_that_takes_no_heartbeat_does_not_stop_it(tmp_path: Path) -> None:
    with MoodyApp.open(Settings(workspace=write_workspace(tmp_path))) as app:
        app.ticks = app.deliveries = 0
        app.deploy()
        with app.database.write() as connection:
            connection.exec_driver_sql("DROP TABLE heartbeat")
        metronome = Metronome(app, Metrics(), longest_silence_seconds=0.1)
        metronome.start()
        _wait_until(lambda: app.ticks >= 3)
        assert metronome.stop(20)
