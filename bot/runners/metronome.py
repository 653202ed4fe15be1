"""One guarded thread that ticks every full minute and in between delivers and takes in tracked calls: nothing it calls can
stop it. It decides nothing; what is due is computed from state by the passes. A mail channel belongs to one thread at a
time, so ticks and deliveries share this one. Before it: local.py starts it; after it: bot.app.tick and bot.app.deliver."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict

import structlog
from schedule import Scheduler

from bot.app import App
from bot.logs import fault_of
from bot.metrics import Metrics
from bot.pipeline.send_guard import RELEASE_HINT, sentence_of
from storage.heartbeats import record_fault, record_success
from storage.hosts import SendPause

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_BETWEEN_DELIVERIES = 5.0
#: The scheduler reads local wall time, which stands still for an hour when summer time ends and jumps when somebody sets
#: the clock. So a minute and a half without a tick, by the monotonic clock, is ended whatever the scheduler says.
LONGEST_SILENCE_SECONDS = 90.0

TICK = "tick"
DELIVER = "deliver"
TRACK = "track"
log = structlog.get_logger("journeybot.runner")


class Metronome:
    """The thread and its pace; `App.stop` ends it."""

    def __init__(
        self,
        app: App,
        metrics: Metrics,
        *,
        seconds_between_deliveries: float = SECONDS_BETWEEN_DELIVERIES,
        longest_silence_seconds: float = LONGEST_SILENCE_SECONDS,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._pause_seconds = seconds_between_deliveries
        self._silence_seconds = longest_silence_seconds
        self._scheduler = Scheduler()
        self._scheduler.every().minute.at(":00").do(self._tick)
        self._last_tick = self._last_delivery = app.clock.monotonic()
        self._wake = threading.Event()
        self._is_paused = False
        # A daemon: a tick that hangs beyond the grace period must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name="metronome", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_seconds: float) -> bool:
        """Ask the work in flight to end; False: it did not within that time."""
        self._app.stop()
        self._wake.set()
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def _work(self) -> None:
        """The first tick is now: after three days down nobody waits for the full minute."""
        self._tick()
        while not self._app.stopping.is_set():
            now = self._app.clock.monotonic()
            if now - self._last_tick >= self._silence_seconds:
                self._scheduler.run_all(delay_seconds=0)
            else:
                self._scheduler.run_pending()
            if now - self._last_delivery >= self._pause_seconds:
                self._guard(DELIVER, self._deliver)
            else:
                self._guard(TRACK, self._take_in)
            self._wake.wait(SECONDS_BETWEEN_LOOKS)

    def _tick(self) -> None:
        began = self._last_tick = self._app.clock.monotonic()
        succeeded = self._guard(TICK, self._tick_once)
        ended = self._app.clock
        self._metrics.count_tick(seconds=ended.monotonic() - began, ended_at=ended.now() if succeeded else None)
        self._last_delivery = ended.monotonic()

    def _tick_once(self) -> None:
        report = self._app.tick()
        self._tell_pause(report.pause)
        self._metrics.count_walks(entered=report.entered, moved=report.moved)
        self._metrics.count_outcomes(report.messages, is_blocked=report.blocked)
        self._metrics.count_faults("pipeline", len(report.faults))
        self._record(TICK, None)
        if report.entered or report.moved or report.messages or report.faults:
            told = {name: value for name, value in asdict(report).items() if name != "pause"}
            log.info("ticked", **{**told, "at": report.at.isoformat(), "faults": len(report.faults)})

    def _tell_pause(self, pause: SendPause | None) -> None:
        """Once when it begins, and once when it ends."""
        self._metrics.show_pause(is_paused=pause is not None)
        if pause is not None and not self._is_paused:
            log.warning("send_paused", reason=f"{sentence_of(pause)}; {RELEASE_HINT}")
        elif pause is None and self._is_paused:
            log.info("send_released")
        self._is_paused = pause is not None

    def _deliver(self) -> None:
        self._last_delivery = self._app.clock.monotonic()
        delivered = self._app.deliver()
        self._metrics.count_outcomes(delivered.states, is_blocked=delivered.blocked)
        if delivered.states:
            log.info("delivered", messages=delivered.states, blocked=delivered.blocked)
        self._app.post_handoffs()

    def _take_in(self) -> None:
        self._app.take_in_tracked()

    def _guard(self, part: str, work: Callable[[], None]) -> bool:
        """Outlives every fault, for the next tick must come; each is logged, counted, kept for `doctor`. False: it broke."""
        try:
            work()
        except Exception as error:
            log.error("part_broke", part=part, fault=fault_of(error), exc_info=error)
            self._metrics.count_faults(part)
            self._record(part, fault_of(error))
            return False
        return True

    def _record(self, part: str, fault: str | None) -> None:
        """The heartbeat; a database that takes none is in the log and makes /readyz grow old."""
        now = self._app.clock.now()
        try:
            with self._app.database.write() as connection:
                if fault is None:
                    record_success(connection, part, now)
                else:
                    record_fault(connection, part, now, fault)
        except Exception as error:  # noqa: BLE001  (see above)
            log.error("heartbeat_not_recorded", part=part, fault=fault_of(error))
