"""`doctor --slack`: every way in which Slack may be set up wrongly has a finding with its repair. No database: people are given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.clock import FixedClock
from bot.insight.complaints import Complaint
from bot.slack.context import SlackSettings
from bot.slack.doctor_slack import NEEDED, USEFUL, slack_complaints
from tests.fakes.slack_server import APP_TOKEN, BOT_TOKEN, Failure, SlackServer
from tests.fakes.slack_workspace import manifest_scopes
from tests.storage.handoff_rows import NOW

PEOPLE = [("sato", "U1"), ("suzuki", "U2")]


def findings(
    slack: SlackServer,
    people: list[tuple[str, str | None]] | None = None,
    app_token: str | None = APP_TOKEN,
    **changed: str,
) -> dict[str, Complaint]:
    settings = SlackSettings(bot_token=BOT_TOKEN, base_url=slack.base_url, fallback_channel="#cs")
    given = people if people is not None else [*PEOPLE]
    found = slack_complaints(given, replace(settings, **changed), app_token, FixedClock(NOW))  # type: ignore[arg-type]
    assert all(one.hint for one in found), "every finding has its repair"
    return {one.name: one for one in found}


def test_an_app_made_from_the_manifest_is_well(slack: SlackServer) -> None:
    assert findings(slack) == {}
    assert manifest_scopes() == NEEDED.keys() | USEFUL.keys()
    assert slack.posts == []


def test_without_or_with_a_wrong_key_nothing_else_is_asked(slack: SlackServer) -> None:
    assert list(findings(slack, bot_token="xoxb-other")) == ["slack_no_entry"]
    (missing,) = slack_complaints([], None, None, FixedClock(NOW))
    assert missing.name == "slack_not_set_up"


def test_missing_rights_channel_people_and_ways_in_are_found(slack: SlackServer) -> None:
    slack.scopes -= {"im:write", "groups:history"}
    found = findings(slack, [("sato", "U1"), ("mori", None), ("gone", "U9")])
    assert found["slack_scope_missing"].examples == ("im:write (direct messages)",)
    assert "groups:history" in found["slack_scope_useful"].examples[0]
    slack.scopes = manifest_scopes()
    slack.outside = {"C1"}
    slack.disabled = {"U8"}
    found = findings(slack, [("mori", None), ("gone", "U9"), ("off", "U8")], app_token=None)
    assert found["slack_user_missing"].examples == ("mori",)
    assert found["slack_user_unknown"].examples == ("gone (U9: user_not_found)", "off (U8: user_disabled)")
    assert {"slack_not_in_channel", "slack_no_way_in"} <= found.keys()
    assert "slack_http_mode" in findings(slack, app_token=None, signing_secret="s")
    assert "slack_no_socket" in findings(slack, app_token="xapp-other")


@pytest.mark.parametrize("failure", [Failure(status=503), Failure(retry_after=1), Failure(error="ratelimited")])
def test_slack_being_away_is_a_finding_and_no_crash(slack: SlackServer, failure: Failure) -> None:
    slack.fail("auth.test", failure)
    assert "slack_no_entry" in findings(slack)
