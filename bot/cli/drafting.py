"""What `handoffs draft`, `send` and `wrote-myself` do: draft, show and send the mail that a hand-off prepares. The same drafting
and sending as the modal in Slack and the page in the console. Before it: handoff_mails.py; after it: deliver sends."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from bot.app import App
from bot.authoring.workspace_file import WorkspaceSettings
from bot.cli.acting import ActCall, Doer, doing
from bot.cli.handoff_commands import refused_move
from bot.cli.opening import opened, zone_of_workspace
from bot.cli.printing import print_json, print_line, shown
from bot.errors import UsageError
from bot.pipeline.gap_filling import read_fills
from bot.pipeline.handoff_acts import Actor, actor_of_command
from bot.pipeline.mail_outlook import Outlook, look_ahead
from bot.pipeline.prepared_mails import PreparedMail
from bot.pipeline.sending_prepared import Sent, send_prepared, write_elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which draft is wanted; `fills`: the `name=value` of --set."""

    handoff: int
    to: str | None
    template: str | None
    fills: Mapping[str, str]

    @classmethod
    def of(cls, handoff: int, to: str | None, template: str | None, fill: list[str] | None) -> Wish:
        """Raises: UsageError for a --set that fills nothing."""
        return cls(handoff=handoff, to=to, template=template, fills=read_fills(fill or []))

    def load(self, app: App, connection: Connection) -> PreparedMail:
        published = app.require_published()
        return PreparedMail.load(
            connection,
            published,
            app.ground(published),
            self.handoff,
            app.clock.now(),
            to=self.to,
            template=self.template,
            fills=self.fills,
        )


def draft_mail(call: ActCall, wish: Wish) -> None:
    """Print it. Raises: UsageError."""
    with opened(call.context, call.at) as app:
        zone = zone_of_workspace(app.settings)
        with app.database.read() as connection:
            mail = wish.load(app, connection)
            outlook = look_ahead(connection, mail, mail.draft.subject, mail.draft.body_markdown, app.clock.now())
    if call.as_json:
        print_json(_as_dict(mail, outlook, zone))
    else:
        _print_draft(mail, outlook, zone)


def send_mail(call: ActCall, wish: Wish, subject: str | None, body: Path | None) -> None:
    """Send it as drafted, but for what is given. Raises: UsageError saying why not."""
    text = None if body is None else sys.stdin.read() if str(body) == "-" else body.read_text(encoding="utf-8")
    with opened(call.context, call.at) as app:
        zone = zone_of_workspace(app.settings)
        with doing(call, app) as doer:
            mail = wish.load(app, doer.connection)
            sent = send_prepared(
                _actor(doer, mail.published.settings),
                mail,
                mail.draft.subject if subject is None else subject,
                mail.draft.body_markdown if text is None else text,
            )
        _check_sent(sent, wish.handoff, zone)
        app.post_handoffs()
    warnings = [notice.sentence("en", zone) for notice in sent.outlook.warnings]
    if call.as_json:
        print_json({"handoff": wish.handoff, "message": sent.message_id, "warnings": warnings})
        return
    reader = mail.reader.label if mail.reader else ""
    print_line(f"Mail {sent.message_id} to {shown(reader)} is in the outbox. The next tick sends it.")
    for warning in warnings:
        print_line(f"Note: {warning}.")


def say_written(call: ActCall, handoff: int) -> None:
    """Raises: UsageError."""
    with opened(call.context, call.at) as app:
        settings = app.require_published().settings
        with doing(call, app) as doer:
            move = write_elsewhere(_actor(doer, settings), handoff)
        if not move.is_done:
            raise refused_move(move, handoff, zone_of_workspace(app.settings))
        app.post_handoffs()
    if call.as_json:
        print_json({"handoff": handoff, "state": move.state.value, "by": move.by})
    else:
        print_line(f"{move.sentence_reason}.")


def _actor(doer: Doer, settings: WorkspaceSettings) -> Actor:
    return actor_of_command(doer.connection, settings, by=doer.by, at=doer.at, key=doer.key)


def _check_sent(sent: Sent, handoff: int, zone: str) -> None:
    """Raises: UsageError saying why it was not sent."""
    if sent.is_done:
        return
    refusals = [notice.sentence("en", zone) for notice in sent.outlook.refusals]
    if sent.move is not None:
        refusals.append(sent.move.sentence_reason)
    hint = f"see `journeybot handoffs draft {handoff}`; fill gaps with --set, choose a reader with --to"
    raise UsageError("; ".join(refusals), hint=hint)


def _print_draft(mail: PreparedMail, outlook: Outlook, zone: str) -> None:
    others = [reader for reader in mail.readers if reader is not mail.reader]
    for name, value in (
        ("Hand-off", f"{mail.handoff.id} ({mail.handoff.customer_name})"),
        ("From", mail.from_line),
        ("To", mail.reader.label if mail.reader else "nobody who may get it"),
        (
            "Or to",
            "; ".join(f"{reader.key}{'' if reader.is_allowed else ' (must not be mailed)'}" for reader in others),
        ),
        ("Template", mail.template.name),
        ("Or", "; ".join(offer.label("en") for offer in mail.offered if offer.name != mail.template.name)),
        ("Subject", mail.draft.subject),
    ):
        if value:
            print_line(f"{name + ':':<10} {shown(value)}")
    print_line()
    for line in mail.draft.body_markdown.splitlines():
        print_line(shown(line))
    print_line()
    for notice in outlook.refusals:
        print_line(f"Not yet: {notice.sentence('en', zone)}.")
    for notice in outlook.warnings:
        print_line(f"Note: {notice.sentence('en', zone)}.")


def _as_dict(mail: PreparedMail, outlook: Outlook, zone: str) -> dict[str, Any]:
    return {
        "handoff": mail.handoff.id,
        "customer": mail.handoff.customer,
        "template": mail.template.name,
        "locale": mail.template.locale,
        "to": mail.reader.key if mail.reader else None,
        "from": mail.from_line,
        "subject": mail.draft.subject,
        "body": mail.draft.body_markdown,
        "gaps": list(mail.draft.gaps),
        "readers": [
            {"contact": it.key, "name": it.name, "email": it.email, "allowed": it.is_allowed} for it in mail.readers
        ],
        "templates": [offer.name for offer in mail.offered],
        "refusals": [notice.sentence("en", zone) for notice in outlook.refusals],
        "warnings": [notice.sentence("en", zone) for notice in outlook.warnings],
    }
