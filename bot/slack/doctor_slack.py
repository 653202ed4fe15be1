"""`doctor --slack`: asks Slack itself whether the app can do its work: the key, its rights, the channel, every CSM's user id, and
the way clicks come in. Each finding has its repair. Posts nothing; the only trace it leaves is an opened direct message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http.client import HTTPException

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse
from sqlalchemy import Connection, Table, select

from bot.channels.slack import SlackChannel, quiet_client
from bot.channels.slack_failures import PostFailed, failure_of_answer, failure_of_exception
from bot.clock import Clock
from bot.insight.complaints import EXAMPLES, Complaint, Severity
from bot.slack.context import SlackSettings
from storage.accounts import Csm, has_left

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
SECONDS = 10.0
#: What the app cannot work without, and what a part of it needs: the scopes of docs/slack-manifest.yml.
NEEDED = {"chat:write": "posting cards", "im:write": "direct messages", "commands": "/journey and the shortcuts"}
USEFUL = {
    "im:history": "finding a card whose answer was lost, and replies in its thread",
    "channels:history": "the same in a public channel",
    "groups:history": "the same in a private channel",
    "channels:read": "seeing whether the app is in the fallback channel, and finding there what was posted",
    "groups:read": "the same for a private channel",
}
NO_TOKEN_HINT = "set SLACK_BOT_TOKEN; docs/slack.md says where Slack shows it"


def people_to_reach(connection: Connection) -> list[tuple[str, str | None]]:
    """Key and Slack user id of everybody who owns hand-offs."""
    there = select(CSM.c.key, CSM.c.slack_user_id).where(~has_left(CSM)).order_by(CSM.c.key)
    return [(row.key, row.slack_user_id) for row in connection.execute(there)]


def slack_complaints(
    people: Sequence[tuple[str, str | None]], settings: SlackSettings | None, app_token: str | None, clock: Clock
) -> list[Complaint]:
    """Everything that is wrong with the Slack side. `settings` None: no token is set."""
    if settings is None:
        return [_say("slack_not_set_up", "warning", "Slack is not set up: SLACK_BOT_TOKEN is missing", NO_TOKEN_HINT)]
    answer = _ask(settings, settings.bot_token, "auth.test")
    if isinstance(answer, PostFailed):
        hint = "install the app again and copy the Bot User OAuth Token (xoxb-…) into SLACK_BOT_TOKEN"
        if not answer.is_account_wide or answer.reason in ("timeout", "unreachable"):
            hint = "look at the network and at SLACK_BASE_URL, then try again"
        return [_say("slack_no_entry", "error", f"Slack does not let us in: {answer.reason}", hint)]
    slack = SlackChannel(settings.bot_token, settings.base_url, clock=clock, timeout_seconds=SECONDS)
    scopes = _scopes(answer)
    return [
        *_rights(scopes),
        *_channel(slack, settings.fallback_channel, scopes),
        *_people(people, slack),
        *_way_in(settings, app_token),
    ]


def _ask(settings: SlackSettings, token: str, method: str) -> SlackResponse | PostFailed:
    client = quiet_client(token, settings.base_url, SECONDS)
    try:
        return client.api_call(method)
    except SlackApiError as refused:
        return failure_of_answer(refused.response)
    except (OSError, HTTPException, SlackClientError, ValueError) as broken:
        return failure_of_exception(broken)


def _scopes(answer: SlackResponse) -> frozenset[str] | None:
    """Those that the token has; None where Slack does not say."""
    headers = {str(name).lower(): value for name, value in answer.headers.items()}
    found = headers.get("x-oauth-scopes")
    text = found[0] if isinstance(found, list) and found else found
    return frozenset(part.strip() for part in str(text).split(",")) if text else None


def _rights(scopes: frozenset[str] | None) -> Iterator[Complaint]:
    if scopes is None:
        return
    severities: tuple[tuple[dict[str, str], Severity], ...] = ((NEEDED, "error"), (USEFUL, "warning"))
    for wanted, severity in severities:
        missing = [f"{scope} ({use})" for scope, use in wanted.items() if scope not in scopes]
        if missing:
            hint = "put docs/slack-manifest.yml into App Manifest of the app's page, then reinstall the app"
            sentence = f"The app lacks {len(missing)} scope(s)"
            name = "slack_scope_missing" if severity == "error" else "slack_scope_useful"
            yield _say(name, severity, sentence, hint, missing)


def _channel(slack: SlackChannel, wanted: str | None, scopes: frozenset[str] | None) -> Iterator[Complaint]:
    if wanted is None:
        hint = "set JOURNEYBOT_SLACK_CHANNEL, and invite the app there"
        sentence = "No fallback channel is set: a hand-off whose owner Slack does not know has no card"
        yield _say("slack_no_channel", "warning", sentence, hint)
        return
    if scopes is not None and not scopes & {"channels:read", "groups:read"}:
        return
    kinds = [kind for kind, scope in (("public_channel", "channels:read"), ("private_channel", "groups:read"))
             if scopes is None or scope in scopes]  # fmt: skip
    joined: set[str] = set()
    for kind in kinds:
        found = slack.joined_channels(kind)
        if isinstance(found, PostFailed):
            hint = "try again; the cards themselves do not need this answer"
            yield _say("slack_channel_unknown", "note", f"Slack did not list our channels: {found.reason}", hint)
            return
        joined |= {*found, *found.values()}
    if wanted.removeprefix("#") not in joined:
        hint = f"write /invite @journeybot in {wanted}; an archived channel must be opened again, or another one set"
        yield _say("slack_not_in_channel", "error", f"The app is not in the fallback channel {wanted}", hint)


def _people(people: Sequence[tuple[str, str | None]], slack: SlackChannel) -> Iterator[Complaint]:
    without = [key for key, user in people if not user]
    if without:
        hint = "fill slack_user_id in csms.csv (in Slack: profile, Copy member ID) and import it"
        sentence = f"{len(without)} of our people have no Slack user id, so their hand-offs go elsewhere"
        yield _say("slack_user_missing", "warning", sentence, hint, without)
    unknown = []
    for key, user in people:
        answer = slack.call("conversations.open", users=user) if user else {}
        if isinstance(answer, PostFailed) and answer.is_place_at_fault:
            unknown.append(f"{key} ({user}: {answer.reason})")
    if unknown:
        hint = "correct slack_user_id in csms.csv, or set `active: no` for who has left"
        yield _say("slack_user_unknown", "error", f"Slack does not know {len(unknown)} of our people", hint, unknown)


def _way_in(settings: SlackSettings, app_token: str | None) -> Iterator[Complaint]:
    if app_token is None and settings.signing_secret is None:
        hint = "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)"
        yield _say("slack_no_way_in", "error", "Clicks, commands and App Home cannot reach us", hint)
    elif app_token is None:
        hint = (
            "open the app's page, Interactivity, and look whether its Request URL ends in /slack/events and is verified"
        )
        yield _say("slack_http_mode", "note", "HTTP mode: that Slack can reach us cannot be seen from here", hint)
    else:
        answer = _ask(settings, app_token, "apps.connections.open")
        if isinstance(answer, PostFailed):
            hint = "make an App-Level Token with connections:write, enable Socket Mode, and set it as SLACK_APP_TOKEN"
            yield _say("slack_no_socket", "error", f"Socket Mode does not work: {answer.reason}", hint)


def _say(name: str, severity: Severity, sentence: str, hint: str, about: list[str] | None = None) -> Complaint:
    examples = tuple((about or [])[:EXAMPLES])
    return Complaint(
        name=name, severity=severity, sentence=sentence, hint=hint, count=len(about or [1]), examples=examples
    )
