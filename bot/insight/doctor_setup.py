"""doctor's questions about the set-up: is anything live, are feeds fresh, do templates speak all languages, is a way out
blocked, does something stand still, can clicks and replies reach us. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from bot.insight.complaints import EXAMPLES, Complaint
from bot.insight.doctor_consent import consent_complaints
from bot.pipeline.fuses import blown_fuses, title_of
from bot.pipeline.published import Published, Version
from bot.pipeline.scopes import CUSTOMER
from bot.rules.condition_feeds import is_stale
from bot.rules.conditions import LocalDays, Scope, parse_condition
from bot.rules.steps_model import BranchStep, IfStep, WaitStep
from bot.settings import Settings
from storage.accounts import Pause
from storage.fuses import FUSE_PAUSE
from storage.outbox import Transport

PAUSE: Table = Pause.__table__  # type: ignore[attr-defined]
TRANSPORT: Table = Transport.__table__  # type: ignore[attr-defined]

#: Answers that no waiting heals: a person must act at the provider.
ACCOUNT_WIDE = ("unauthorized", "forbidden", "credits", "unsupported", "unexpected_status")


def setup_complaints(
    connection: Connection, published: Published | None, now: datetime, settings: Settings
) -> Iterator[Complaint]:
    if published is None:
        hint = "run `journeybot check`, then `journeybot deploy`"
        yield Complaint(name="not_deployed", severity="warning", sentence="Nothing is deployed yet", hint=hint)
        return
    yield from _publication(published, settings)
    yield from _feeds(connection, published, now)
    yield from _languages(published)
    yield from _transports(connection, now)
    yield from _fuses(connection)
    yield from _pauses(connection)
    yield from _connections(settings)
    yield from consent_complaints(connection, published, settings)


def _publication(published: Published, settings: Settings) -> Iterator[Complaint]:
    if not any(row.state == "live" for row in published.playbooks):
        hint = "set `state: live` in a playbook and run `journeybot deploy`"
        yield Complaint(name="nothing_live", severity="warning", sentence="No playbook is live", hint=hint)
    if not published.settings.sender.email and settings.email != "folder":
        hint = "set `sender: {email: …}` in playbooks/workspace.yml and deploy"
        sentence = "The workspace has no sender address, so no mail without a CSM can leave"
        yield Complaint(name="no_sender", severity="error", sentence=sentence, hint=hint)
    if not published.settings.owners.default:
        hint = "set `owners: {default: …}` in playbooks/workspace.yml"
        sentence = "There is no default owner: hand-offs of customers without a CSM have nobody"
        yield Complaint(name="no_default_owner", severity="note", sentence=sentence, hint=hint)


def _feeds(connection: Connection, published: Published, now: datetime) -> Iterator[Complaint]:
    """Feeds that live playbooks ask about and that are silent: what hangs on them is unknown (S2)."""
    asked: dict[str, list[str]] = {}
    for row in published.playbooks:
        if row.state == "live":
            for feed in _feeds_of(published.versions[row.version_id]):
                asked.setdefault(feed, []).append(row.name)
    if not asked:
        return
    # No customer is asked about, so the workspace's own day counts and no row is read.
    days = LocalDays.at(now, published.settings.timezone)
    scope = Scope(customer=CUSTOMER, days=days, feeds=published.settings.feed_ages())
    names = sorted(asked)
    silent = connection.execute(select(*(is_stale(feed, scope) for feed in names))).one()
    for feed, is_silent in zip(names, silent, strict=True):
        if is_silent:
            shown = "any usage" if feed == "*" else f"`{feed}`"
            yield Complaint(
                name="feed_stale",
                severity="warning",
                sentence=f"The feed {shown} is silent, so what {len(asked[feed])} live playbook(s) ask of it is unknown",
                hint="look at the import of that source; `feeds:` in workspace.yml says how old it may be",
                count=len(asked[feed]),
                examples=tuple(asked[feed][:EXAMPLES]),
            )


def _feeds_of(version: Version) -> set[str]:
    """The feeds that any condition of a playbook listens to."""
    found = {feed for leave in version.leaves for feed in leave.condition.feeds}
    texts = [version.playbook.enter.when]
    for node in version.program.nodes.values():
        step = node.step
        texts.append(step.when)
        if isinstance(step, WaitStep):
            texts.append(step.until)
        elif isinstance(step, IfStep):
            texts.append(step.condition)
        elif isinstance(step, BranchStep):
            texts += [case.when for case in step.cases]
    return found.union(*(parse_condition(text).feeds for text in texts if text))


def _languages(published: Published) -> Iterator[Complaint]:
    """Templates that lack a language which other templates have, or the workspace's own."""
    templates = published.templates
    spoken = {name: {language.split("-")[0] for language in templates.languages(name)} for name in templates.names}
    wanted = set().union(*spoken.values()) | {published.settings.locale.replace("_", "-").split("-")[0]}
    lacking = {name: sorted(wanted - languages) for name, languages in sorted(spoken.items()) if wanted - languages}
    if lacking:
        yield Complaint(
            name="template_language_missing",
            severity="note",
            sentence=f"{len(lacking)} template(s) lack a language that others have; readers get another one",
            hint="add the file `templates/emails/NAME.LOCALE.md`",
            count=len(lacking),
            examples=tuple(f"{name}: {', '.join(languages)}" for name, languages in lacking.items())[:EXAMPLES],
        )


def _transports(connection: Connection, now: datetime) -> Iterator[Complaint]:
    for row in connection.execute(select(TRANSPORT).where(TRANSPORT.c.blocked_until > now)):
        is_denied = row.reason in ACCOUNT_WIDE
        until = f"{row.blocked_until:%Y-%m-%d %H:%M} UTC"
        yield Complaint(
            name="transport_blocked",
            severity="error" if is_denied else "warning",
            sentence=f"The way out `{row.name}` is closed until {until}: {row.reason}",
            hint="look at the account and its key" if is_denied else "it opens again by itself",
            examples=(row.name,),
        )


def _pauses(connection: Connection) -> Iterator[Complaint]:
    paused = connection.execute(select(PAUSE).order_by(PAUSE.c.since)).all()
    if any(row.kind == "all" for row in paused):
        sentence = "Everything is paused: nobody enters, moves or is mailed"
        yield Complaint(name="all_paused", severity="warning", sentence=sentence, hint="run `journeybot resume --all`")
    others = [_pause_named(row) for row in paused if row.kind not in ("all", FUSE_PAUSE)]
    if others:
        yield Complaint(
            name="paused",
            severity="note",
            sentence=f"{len(others)} pause(s) are in force",
            hint="end them with `journeybot resume`",
            count=len(others),
            examples=tuple(others[:EXAMPLES]),
        )


def _pause_named(row: Row[Any]) -> str:
    return f"{row.kind} {row.key}" + (f" until {row.until:%Y-%m-%d %H:%M} UTC" if row.until else "")


def _connections(settings: Settings) -> Iterator[Complaint]:
    """Vendors that are half set up."""
    if settings.email == "sendgrid" and not settings.sendgrid_webhook_public_key:
        sentence = "SendGrid's events are refused: opens, clicks and bounces stay unknown, and so do lost answers"
        hint = "set SENDGRID_WEBHOOK_PUBLIC_KEY and point the event webhook to /webhooks/sendgrid"
        yield Complaint(name="no_provider_events", severity="warning", sentence=sentence, hint=hint)
    if settings.slack_bot_token and not (settings.slack_app_token or settings.slack_signing_secret):
        sentence = "Cards are posted to Slack, but clicks on them cannot reach us"
        hint = "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)"
        yield Complaint(name="no_slack_clicks", severity="warning", sentence=sentence, hint=hint)


def _fuses(connection: Connection) -> Iterator[Complaint]:
    """What waits because a fuse blew."""
    blown = blown_fuses(connection)
    if blown:
        yield Complaint(
            name="fuse_blown",
            severity="warning",
            sentence=f"{len(blown)} fuse(s) have blown, and what they hold waits for a person",
            hint="see `journeybot fuses list`, then release or drop",
            count=len(blown),
            examples=tuple(f"{fuse.playbook or 'all mails'}: {title_of(fuse)['en']}" for fuse in blown)[:EXAMPLES],
        )
