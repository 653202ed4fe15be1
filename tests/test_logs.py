"""Logs tell what happened to whom by id, and never a name, an address, or what an error quotes."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from bot.errors import UsageError
from bot.logs import configure_logs, fault_of

Said = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def said() -> Iterator[Said]:
    """The lines so far. Puts the configuration of the whole process back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs(as_json=True, stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_event_is_one_line_of_json_with_time_and_level(said: Said) -> None:
    structlog.get_logger().info("ticked", entered=3, messages={"accepted": 2})
    (line,) = said()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "ticked", "level": "info", "entered": 3, "messages": {"accepted": 2}}


def test_keys_that_are_not_allowed_are_left_out_by_name(said: Said) -> None:
    structlog.get_logger().info("walk_fault", name="Tanaka", to_email="tanaka@customer.example", enrollment=7)
    (line,) = said()
    assert line["enrollment"] == 7
    assert line["left_out"] == ["name", "to_email"]
    assert "anaka" not in json.dumps(line)


def test_addresses_in_allowed_values_are_masked(said: Said) -> None:
    structlog.get_logger().warning(
        "odd", error="no room for Tanaka <tanaka@customer.example>: full", messages=["a@b.example"]
    )
    (line,) = said()
    assert line["error"] == "no room for Tanaka <<address>>: full"
    assert line["messages"] == ["<address>"]


def test_an_exception_is_told_by_type_and_place(said: Said) -> None:
    try:
        raise KeyError("tanaka@customer.example")
    except KeyError:
        structlog.get_logger().exception("broke", part="tick")
    (line,) = said()
    assert line["error"] == "KeyError"
    assert "test_logs:" in line["at"]
    assert "tanaka" not in json.dumps(line)


def test_libraries_speak_in_the_same_form_from_warning_on(said: Said) -> None:
    logger = logging.getLogger("some.library")
    logger.info("POST with the key SG.secret")
    logger.warning("retrying for %s", "tanaka@customer.example")
    (line,) = said()
    assert line["event"] == "retrying for <address>"
    assert (line["level"], line["logger"]) == ("warning", "some.library")


def test_an_exception_of_a_library_is_told_by_type_and_place(said: Said) -> None:
    try:
        raise OSError("tanaka@customer.example")
    except OSError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    (line,) = said()
    assert (line["error"], line["event"]) == ("OSError", "Exception in ASGI application")
    assert "tanaka" not in json.dumps(line)


def test_a_person_at_a_terminal_reads_plain_lines() -> None:
    stream = io.StringIO()
    configure_logs(as_json=False, stream=stream)
    structlog.get_logger().info("running", port=8765)
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()
    assert "running" in stream.getvalue()
    assert "port=8765" in stream.getvalue()


def test_a_fault_of_ours_is_its_sentence_and_another_is_its_place() -> None:
    assert fault_of(UsageError("There is no playbook `x`")) == "There is no playbook `x`"
    try:
        raise ValueError("tanaka")
    except ValueError as error:
        fault = fault_of(error)
    assert fault.startswith("ValueError at test_logs:")
    assert "tanaka" not in fault
