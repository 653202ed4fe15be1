"""The webhook step (S22, S33): a signed call to an allowed host, at least once under one id, tried for a day, then handed over."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import update

from bot.channels.webhook import CallAnswer, WebhookCaller, signature_of
from bot.insight.doctor_webhooks import webhook_complaints
from bot.pipeline.calling import call_webhooks
from bot.pipeline.send_guard import OPEN_GUARD
from storage.webhook_calls import CALL
from tests.pipeline.provider import rows
from tests.pipeline.scenes import company, journey, outcomes, settings, took
from tests.world import World

KEYS = (b"k" * 24, b"older" * 5)


class Listener:
    """Another system on this machine; `answers` are the next statuses (200 when none are left), `heard` what came."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.heard: list[tuple[dict[str, str], bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(listener.answers.pop(0) if listener.answers else 200)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}/hook?team=cs"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.server.shutdown()
    found.server.server_close()


def calling(world: World, private: str = "localhost") -> int:
    return call_webhooks(
        world.database,
        world.app.require_published(),
        WebhookCaller(keys=KEYS, private=frozenset({private}), clock=world.app.clock),
        installation=world.app.installation,
        guard=OPEN_GUARD,
        is_stopping=lambda: False,
    )


def owed(world: World, listener: Listener, body: str = "{plan: tier, seats: licenses_purchased}", **more: Any) -> None:
    settings(world, "webhooks: {hosts: [localhost], private: [localhost]}")
    journey(world, "p", f"- webhook: {listener.url}\n  id: hook\n  body: {body}", **more)
    world.deploy()
    company(world, tier="pro", licenses_purchased=20)
    world.tick()


def test_s22_a_call_is_signed_by_every_key_and_says_who_where_and_what_was_asked(
    world: World, listener: Listener
) -> None:
    owed(world, listener)
    assert outcomes(world) == ["completed"], "the walk does not wait"
    assert calling(world) == 2
    assert calling(world) == 0
    (headers, body) = next(each for each in listener.heard if b"sakura" in each[1])
    assert json.loads(body)["data"] == {
        "customer": "sakura", "contact": None, "playbook": "p", "step": "hook", "event": None, "plan": "pro", "seats": 20,
    }  # fmt: skip
    signatures = [f"v1,{signature_of(key, headers['webhook-id'], headers['webhook-timestamp'], body)}" for key in KEYS]
    assert headers["webhook-signature"] == " ".join(signatures)
    assert len(took(world, "webhook_delivered")) == 1


def test_the_signature_is_the_one_of_standard_webhooks() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signature_of(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body) == (
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_s22_a_no_is_tried_again_under_the_same_id_and_given_up_after_a_day_with_one_hand_off(
    world: World, listener: Listener
) -> None:
    owed(world, listener)
    listener.answers = [500] * 2 + [302] * 30
    assert calling(world) == 0
    assert calling(world) == 0
    assert len(listener.heard) == 2, "not before its pause is over"
    for _ in range(13):
        world.jump(hours=2)
        calling(world)
    ids = {headers["webhook-id"] for headers, _ in listener.heard}
    assert len(ids) == 2
    assert [row.state for row in rows(world, CALL.select())] == ["failed", "failed"]
    assert len(took(world, "webhook_given_up")) == 1
    asked = [found for found in world.handoffs if found.kind == "webhook"]
    assert [(found.title["en"], found.owner) for found in asked] == [
        ("Calls to localhost are not answered: answered 302", "sato")
    ]
    with world.database.read() as connection:
        (complaint,) = webhook_complaints(connection, world.now, has_secret=True)
    assert (complaint.name, complaint.count) == ("webhooks_given_up", 2)


def test_a_worker_that_dies_after_the_call_makes_it_again_under_the_same_id(world: World, listener: Listener) -> None:
    owed(world, listener)
    calling(world)
    left_behind = {"state": "claimed", "lease_until": world.now, "over_at": None}
    with world.database.write() as connection:
        connection.execute(update(CALL).values(**left_behind))
    assert calling(world) == 2
    assert len(listener.heard) == 4
    assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 2


def test_a_private_address_is_called_only_where_its_host_was_named_for_it(world: World, listener: Listener) -> None:
    owed(world, listener)
    assert calling(world, private="elsewhere.example") == 0
    assert listener.heard == []
    assert {row.fault for row in rows(world, CALL.select())} == {"the address is not https"}
    caller = WebhookCaller(keys=KEYS, private=frozenset(), clock=world.app.clock)
    for url in (f"https://localhost:{listener.server.server_port}/", "https://[::1]/", "https://169.254.169.254/"):
        assert caller.call(url, "x", b"{}") == CallAnswer(fault="the host is at a private address")
    assert listener.heard == []


def test_a_body_is_strict_and_a_holdout_silent(world: World, listener: Listener) -> None:
    owed(world, listener, "{nps: nps}")
    (found,) = took(world, "webhook_field_missing")
    assert found.details == {"fields": ["nps"]}
    assert rows(world, CALL.select()) == []


def test_s33_nobody_is_told_of_the_holdout(world: World, listener: Listener) -> None:
    owed(world, listener, more="holdout: 99%")
    assert rows(world, CALL.select()) == []
    assert len(took(world, "holdout")) == 1
