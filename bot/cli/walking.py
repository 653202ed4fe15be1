"""`tick` and `run`: one tick by hand, or the embedded server that ticks until it is stopped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bot.cli.opening import AsJson, At, local_text, opened, zone_of_workspace
from bot.cli.printing import print_json, print_line
from bot.logs import configure_logs
from bot.pipeline.send_guard import RELEASE_HINT, sentence_of
from bot.pipeline.ticking import TickReport
from bot.runners.local import run as serve


def tick(context: typer.Context, at: At = None, as_json: AsJson = False) -> None:
    """Walk everybody who is due, once, and deliver.

    Nothing is published by it: it walks the latest deployment. Running it twice at once does no harm. Ends with 1 when
    something broke; `journeybot doctor` says what.

    Example: `journeybot tick --at 2027-04-01T10:00`
    """
    with opened(context, at) as app:
        report = app.tick()
        zone = zone_of_workspace(app.settings)
    if as_json:
        print_json(asdict(report))
    else:
        _print_report(report, zone)
    if report.faults or report.blocked or report.pause:
        raise typer.Exit(1)


def run(
    context: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Where to listen (default: JOURNEYBOT_HOST).")] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="The port (default: JOURNEYBOT_PORT; 0 takes a free one)."),
    ] = None,
) -> None:
    """Run until stopped: ticks, deliveries, Slack, health page.

    Everything in one process: a tick every minute, retries between, clicks from Slack, `/healthz` and `/metrics`. Deploys by
    itself the first time. SIGTERM or Ctrl-C lets the work in flight end. Logs hold no personal data.

    Example: `journeybot run --port 8765`
    """
    configure_logs()
    with opened(context) as app:
        settings = app.settings
        serve(app, host=host or settings.host, port=settings.port if port is None else port)


def _print_report(report: TickReport, zone: str) -> None:
    print_line(f"Tick at {local_text(report.at, zone)} ({zone})")
    mails = ", ".join(f"{number} {state}" for state, number in sorted(report.messages.items()))
    for name, text in (
        ("entered", report.entered),
        ("woken", report.woken),
        ("moved", report.moved),
        ("mails", mails),
        ("absorbed", report.absorbed),
    ):
        if text:
            print_line(f"  {name:<9} {text}")
    if not (report.entered or report.woken or report.moved or mails or report.absorbed):
        print_line("  nothing was due")
    if report.blocked:
        print_line("  blocked   the mail provider takes nothing now; see `journeybot doctor`", style="yellow")
    if report.pause is not None:
        print_line(f"  paused    {sentence_of(report.pause)}; {RELEASE_HINT}", style="yellow")
    for fault in report.faults:
        print_line(f"  broke     {fault}; see `journeybot doctor`", style="red")
