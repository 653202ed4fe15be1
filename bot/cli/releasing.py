"""`db release`: after a restored backup, a copy or a new host, shows what would leave and lets it (bot.pipeline.releasing)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from bot.app import App
from bot.cli.acting import ActCall, doing
from bot.cli.names import By
from bot.cli.opening import AsJson, local_text, opened, read_instant, zone_of_workspace
from bot.cli.printing import print_json, print_line, print_table
from bot.errors import UsageError
from bot.pipeline.releasing import ReleasePreview, preview_release
from bot.pipeline.releasing import release as release_sending
from bot.pipeline.send_guard import HostGuard, sentence_of

READY = "Nothing is paused: this host may send."


def release(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Release everything that waits.")] = False,
    expire_due: Annotated[
        bool, typer.Option("--expire-due", help="Expire what is due by now, and release the rest.")
    ] = False,
    expire_until: Annotated[
        str | None,
        typer.Option("--expire-until", metavar="ISO", help="Expire only what fell due until then; release the rest."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Show what a restored or copied database would send; with an option, let it.

    Such a database starts send-paused: it decides, and nothing leaves. Without an option nothing is changed but what a tick
    decides, and the command ends with 1 while sending is paused. Who released, and how, stands in the journal.

    Example: `journeybot db release --expire-until 2027-04-01T09:00 --by sato`
    """
    if sum((everything, expire_due, expire_until is not None)) > 1:
        raise UsageError("That says several things at once", hint="give one of --all, --expire-due, --expire-until")
    with opened(context) as app:
        guard, zone = _guard_of(app), zone_of_workspace(app.settings)
        # What is due and not yet decided would be sent right after a release: so it is decided first, and shown.
        is_paused = app.tick().pause is not None
        now = app.clock.now()
        with app.database.read() as connection:
            preview = preview_release(connection, guard, now)
        until = read_instant(expire_until, zone) if expire_until else now if expire_due else None
        if is_paused and (everything or until is not None):
            expired = _release(ActCall(context=context, by=by, at=None, as_json=as_json), app, guard, until)
            _print_released(preview, expired, as_json=as_json)
            return
    if as_json:
        print_json({"paused": is_paused, **asdict(preview)})
    else:
        _print_preview(preview, zone)
    if is_paused:
        raise typer.Exit(1)


def _guard_of(app: App) -> HostGuard:
    if not isinstance(app.guard, HostGuard):
        raise UsageError(
            "Nothing is ever paused here: mails are written as files, and Slack is not connected",
            hint="set JOURNEYBOT_EMAIL, as on the host that sends",
        )
    return app.guard


def _release(call: ActCall, app: App, guard: HostGuard, until: datetime | None) -> int:
    try:
        with doing(call, app) as doer:
            return release_sending(doer.connection, guard, doer.at, by=doer.by, expire_until=until)
    except OSError as error:
        raise UsageError(
            f"The host's marker cannot be written, so nothing is released: {error.strerror}",
            where=str(guard.file.path),
            hint="let journeybot write there, or set JOURNEYBOT_MARKER_DIR",
        ) from error


def _print_released(preview: ReleasePreview, expired: int, *, as_json: bool) -> None:
    waiting = sum(row.mails for row in preview.playbooks) - expired
    if as_json:
        print_json({"released": True, "waiting": waiting, "expired": expired})
    else:
        print_line(
            f"This host may send: {waiting} mail(s) and {preview.cards} card(s) wait, {expired} mail(s) expired."
        )


def _print_preview(preview: ReleasePreview, zone: str) -> None:
    pause = preview.pause
    if pause is None:
        print_line(READY)
        return
    print_line(sentence_of(pause), style="yellow")
    print_line(f"  the database knows of hand-overs until   {local_text(pause.known_until, zone) or 'none'} ({zone})")
    if pause.handed_over_until is not None:
        print_line(f"  this host handed over until              {local_text(pause.handed_over_until, zone)} ({zone})")
    print_line(f"  hosts that may send from this database   {preview.hosts}")
    print_table(
        ("playbook", "mails", "due now", "perhaps sent already", f"oldest due ({zone})"),
        [(r.playbook, r.mails, r.due, r.doubtful, local_text(r.oldest_due, zone)) for r in preview.playbooks],
    )
    print_line(f"  {preview.cards} hand-off card(s) wait for Slack.")
    if preview.unsettled:
        print_line(f"  {preview.unsettled} mail(s) of unknown fate: never sent again by themselves (`outbox list`).")
    print_line("Let them go with one of:")
    print_line("  journeybot db release --all           sends everything that waits")
    print_line("  journeybot db release --expire-due    what is due by now expires; later mails go when they are due")
    print_line("  journeybot db release --expire-until  only what fell due until that moment expires")
