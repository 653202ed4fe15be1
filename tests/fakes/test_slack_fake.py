"""The fake Slack refuses what Slack refuses, in Slack's words: otherwise the tests of the bot would prove nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.slack_blocks import faults_of, view_faults
from tests.fakes.slack_payloads import submission_of
from tests.fakes.slack_workspace import Workspace


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def text_input(**more: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "note", "max_length": 5, **more}
    return {"type": "input", "block_id": "note", "label": plain("Note"), "element": element}


def menu(number: int) -> dict[str, Any]:
    options = [{"text": plain("x"), "value": str(one)} for one in range(number)]
    return {"type": "actions", "elements": [{"type": "static_select", "action_id": "m", "options": options}]}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("Note"), "submit": plain("Save"), "blocks": list(blocks), **more}


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}
BUTTON = {"type": "button", "action_id": "b", "text": plain("B")}


@pytest.mark.parametrize(
    "blocks",
    [
        [SECTION] * 51,
        [{"type": "section"}],
        [{"type": "header", "text": plain("x" * 151)}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "<!channel>"}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "a & b"}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [menu(101)],
        [menu(0)],
        [{"type": "actions", "elements": [BUTTON, BUTTON]}],
        [{"type": "actions", "elements": [{**BUTTON, "text": plain("x" * 76)}]}],
        [{"type": "actions", "elements": [text_input()["element"]]}],
        [text_input(initial_value="longer")],
        [{**SECTION, "block_id": "a"}, {**SECTION, "block_id": "a"}],
        [{**SECTION, "accessory": {"type": "datepicker", "action_id": "d", "initial_date": "3 March"}}],
    ],
)
def test_blocks_that_slack_refuses_are_refused(blocks: list[dict[str, Any]]) -> None:
    assert faults_of(blocks)


@pytest.mark.parametrize(
    "view",
    [
        modal(text_input(), title=plain("x" * 25)),
        modal(text_input(), private_metadata="x" * 3001),
        {"type": "modal", "title": plain("x"), "blocks": [text_input()]},
        modal(*[SECTION] * 101),
        {"type": "home", "title": plain("x"), "blocks": []},
        {"type": "home"},
    ],
)
def test_views_that_slack_refuses_are_refused(view: dict[str, Any]) -> None:
    assert view_faults(view)


def test_good_views_pass_and_a_hundred_blocks_fit() -> None:
    assert view_faults(modal(text_input(), menu(100), private_metadata="x" * 3000)) == []
    assert view_faults({"type": "home", "blocks": [SECTION] * 100}) == []


def test_a_trigger_opens_one_modal_within_three_seconds() -> None:
    now = [0.0]
    slack = Workspace(now=lambda: now[0])
    trigger = slack.trigger("U1")
    given = {"trigger_id": trigger, "view": modal(text_input())}
    assert slack.do("views.open", given)["ok"]
    assert slack.do("views.open", given)["error"] == "exchanged_trigger_id"
    late = slack.trigger("U1")
    now[0] = 3.5
    assert slack.do("views.open", {**given, "trigger_id": late})["error"] == "expired_trigger_id"
    assert slack.do("views.open", {**given, "trigger_id": "1.2"})["error"] == "invalid_trigger_id"
    refused = slack.do(
        "views.open", {"trigger_id": slack.trigger(), "view": modal(text_input(), title=plain("x" * 30))}
    )
    assert refused["error"] == "invalid_arguments"
    assert refused["response_metadata"]["messages"]


def test_a_person_fills_in_what_the_modal_asks_and_no_more() -> None:
    slack = Workspace()
    slack.do("views.open", {"trigger_id": slack.trigger(), "view": modal(text_input())})
    view = slack.modal()
    assert view is not None
    values = submission_of(view, {"note": "Hi"})["view"]["state"]["values"]
    assert values == {"note": {"note": {"type": "plain_text_input", "value": "Hi"}}}
    for filled in ({}, {"note": "too long"}, {"note": "Hi", "other": 1}):
        with pytest.raises(ValueError, match=r"wants|at most|no \['other"):
            submission_of(view, filled)
    slack.answer_to_submission(view, {"response_action": "errors", "errors": {"nowhere": "x"}})
    assert slack.faults
    slack.answer_to_submission(view, None)
    assert slack.modal() is None


def test_updates_need_the_view_and_its_hash_and_at_most_three_stand_on_each_other() -> None:
    slack = Workspace()
    slack.do("views.open", {"trigger_id": slack.trigger(), "view": modal(text_input())})
    view = slack.modal()
    assert view is not None
    changed = {"view_id": view.id, "view": modal(SECTION)}
    assert slack.do("views.update", {**changed, "hash": "old"})["error"] == "hash_conflict"
    assert slack.do("views.update", {**changed, "hash": view.hash})["ok"]
    assert slack.do("views.update", {**changed, "view_id": "V9"})["error"] == "not_found"
    pushed = [slack.do("views.push", {"trigger_id": slack.trigger(), "view": modal(SECTION)}) for _ in range(3)]
    assert [one.get("error") for one in pushed] == [None, None, "push_limit_reached"]


def test_rights_places_and_pace_are_kept() -> None:
    now = [0.0]
    slack = Workspace(now=lambda: now[0], seconds_per_message=1.0, channels={"#cs": "C1", "#far": "C2"}, outside={"C2"})
    post = {"channel": "C1", "text": "x", "blocks": [SECTION]}
    assert slack.do("chat.postMessage", post)["ok"]
    assert slack.do("chat.postMessage", post)["error"] == "ratelimited"
    now[0] = 1.0
    assert slack.do("chat.postMessage", post)["ok"]
    assert slack.do("chat.postMessage", {**post, "channel": "#far"})["error"] == "not_in_channel"
    slack.scopes = set()
    assert slack.do("chat.postMessage", post)["error"] == "missing_scope"
    assert slack.do("views.publish", {"user_id": "U1", "view": {"type": "home", "blocks": []}})["ok"]
