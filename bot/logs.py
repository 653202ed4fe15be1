"""Structured logs without personal data: one line per event, JSON or for the eye. Only the keys listed here are printed, and
mail addresses in them are masked; of an error the type and the place are told, not its message, which may quote a row.
Used by whoever starts a process; everybody else just takes `structlog.get_logger()`."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final, TextIO

import orjson
import structlog

#: What may be printed: ids, counts, machine words. A customer's or a person's name, address or text is no key here.
ALLOWED: Final = frozenset(
    (
        *("event", "level", "timestamp", "logger", "error", "at", "reason", "fault", "state", "status", "outcome"),
        *("playbook", "step", "template", "kind", "version", "deployment", "transport", "channel", "provider"),
        *("enrollment", "message", "handoff", "customer_id", "contact_id", "attempt", "worker", "revision"),
        *("seconds", "entered", "woken", "moved", "absorbed", "rounds", "messages", "faults", "blocked", "count"),
        *("posted", "updated", "put_off", "given_up", "host", "port", "signal", "part", "left_out"),
        *("playbooks", "database"),
    )
)
LONGEST_VALUE: Final = 300
FRAMES: Final = 4
_ADDRESS: Final = re.compile(r"[^\s<>\"',;:()=]+@[^\s<>\"',;:()=]+")

EventDict = MutableMapping[str, Any]


def fault_of(error: BaseException) -> str:
    """An error in a few words without what it quotes: the type, and where it was raised. Our own errors speak in a
    sentence that names things, not people."""
    sentence = getattr(error, "sentence", None)
    if isinstance(sentence, str):
        return masked(sentence)
    places = _places(error)
    return f"{type(error).__name__} at {places[-1]}" if places else type(error).__name__


def masked(text: str) -> str:
    """One line without mail addresses, cut to a length fit for a log."""
    return _ADDRESS.sub("<address>", " ".join(text.split()))[:LONGEST_VALUE]


def configure_logs(*, as_json: bool | None = None, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Once per process. `as_json`: None means JSON unless a person watches the terminal."""
    target = stream or sys.stderr
    renders_json = not target.isatty() if as_json is None else as_json
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_dumps)
        if renders_json
        else structlog.dev.ConsoleRenderer(colors=target.isatty())
    )
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        tell_error,
        keep_allowed,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    # Libraries speak from WARNING on only: below, several print whole requests, keys included.
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def tell_error(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """exc_info becomes the error's type and the last places it passed."""
    given = event.pop("exc_info", None)
    if not given:
        return event
    error = given if isinstance(given, BaseException) else (given[1] if isinstance(given, tuple) else sys.exc_info()[1])
    if error is not None:
        event["error"] = type(error).__name__
        event["at"] = " < ".join(reversed(_places(error)))
    return event


def keep_allowed(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Everything else is left out, and its key named, so that nobody wonders."""
    kept = {key: _printable(value) for key, value in event.items() if key in ALLOWED}
    left_out = sorted(key for key in event if key not in ALLOWED and not key.startswith("_"))
    if left_out:
        kept["left_out"] = left_out
    # ProcessorFormatter finds the library's record by its own keys.
    return kept | {key: value for key, value in event.items() if key.startswith("_")}


def _printable(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {masked(str(key)): _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return masked(str(value))


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return [f"{Path(frame.filename).stem}:{frame.lineno} {frame.name}" for frame in frames]


def _dumps(value: Any, **_ignored: Any) -> str:
    return orjson.dumps(value, default=str).decode()
