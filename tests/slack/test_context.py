"""Every handler acknowledges at once; what follows runs in threads, and its faults are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bot.slack.app import SlackApp
from bot.slack.context import Body, channel_of
from tests.fakes.slack_server import Failure
from tests.slack.world import World

BODY = {"user": {"id": "U1"}, "channel": {"id": "C1"}, "trigger_id": "1.1"}


class Told:
    """What Slack was answered, and after how long."""

    def __init__(self) -> None:
        self.answers: list[Mapping[str, Any]] = []

    def __call__(self, **answer: Any) -> None:
        self.answers.append(answer)


@pytest.fixture
def app(world: World) -> Iterator[SlackApp]:
    found = world.app()
    yield found
    found.close()


@pytest.fixture
def told() -> Told:
    return Told()


def test_slack_is_answered_before_the_work_begins(app: SlackApp, told: Told) -> None:
    may_go_on = threading.Event()
    done: list[Body] = []

    def work(body: Body) -> None:
        may_go_on.wait(10)
        done.append(body)

    begun = time.monotonic()
    app.context.later(work)(told, BODY)
    assert told.answers == [{}]
    assert done == []
    assert time.monotonic() - begun < 1
    may_go_on.set()
    app.close()
    assert done == [BODY]


def test_a_fault_of_the_work_is_told_to_the_person_and_to_on_error(app: SlackApp, world: World, told: Told) -> None:
    def work(_body: Body) -> None:
        raise OSError("disk full")

    app.context.later(work)(told, BODY)
    app.close()
    assert [str(error) for error in world.errors] == ["disk full"]
    assert [(one["user"], one["channel"]) for one in world.slack.private] == [("U1", "C1")]


def test_a_fault_outside_any_conversation_is_told_in_the_persons_direct_messages(
    app: SlackApp, world: World, told: Told
) -> None:
    def work(_body: Body) -> None:
        raise OSError("disk full")

    app.context.later(work)(told, {"user": {"id": "U1"}, "view": {"id": "V1"}})
    app.close()
    assert [post.channel for post in world.slack.posts] == ["D-U1"]


def test_mistakes_are_shown_in_the_modal_and_nothing_is_done(app: SlackApp, told: Told) -> None:
    done: list[Body] = []

    def check(body: Body) -> Mapping[str, str]:
        return {} if body.get("reason") else {"why": "Say why"}

    listener = app.context.submitted(check, done.append)
    listener(told, {})
    listener(told, {"reason": "x"})
    app.close()
    assert told.answers == [{"response_action": "errors", "errors": {"why": "Say why"}}, {}]
    assert done == [{"reason": "x"}]


def test_a_modal_that_slack_refuses_is_explained_and_not_filled(app: SlackApp, world: World, told: Told) -> None:
    filled: list[str] = []
    world.slack.fail("views.open", Failure(error="expired_trigger_id"))
    app.context.with_modal(lambda _body: {"type": "modal"}, lambda _body, view: filled.append(view))(told, BODY)
    app.close()
    assert filled == []
    assert "click again" in world.slack.private[0]["text"]
    assert "expired_trigger_id" in str(world.errors[0])


@pytest.mark.parametrize(
    ("body", "channel"),
    [
        ({"container": {"channel_id": "C1"}}, "C1"),
        ({"channel": {"id": "C2"}}, "C2"),
        ({"channel_id": "C3"}, "C3"),
        ({"container": {"type": "view"}, "channel": None}, ""),
    ],
)
def test_the_conversation_of_a_payload(body: Body, channel: str) -> None:
    assert channel_of(body) == channel
