"""`send-test`: one template, filled with a customer's data, to an address of ours."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.channels.base import Outcome
from bot.cli.opening import AsJson, opened
from bot.cli.printing import print_json, print_line
from bot.errors import UsageError
from bot.pipeline.trial_mails import Trial, send_trial, write_trial


def send_test(
    context: typer.Context,
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="A deployed template.")],
    customer: Annotated[str, typer.Option("--customer", "-c", metavar="KEY", help="Whose data fills it.")],
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Where the mail goes: to you.")],
    contact: Annotated[
        str | None, typer.Option("--contact", metavar="KEY", help="For whom it is written (default: who would get it).")
    ] = None,
    locale: Annotated[str | None, typer.Option("--locale", help="The language (default: the reader's).")] = None,
    sender: Annotated[
        str, typer.Option("--from", help="Who signs: workspace, csm, csm.manager or a role of ours.")
    ] = "workspace",
    event: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="NAME=VALUE", help="A field of the event, where it is printed."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send one template to yourself, filled with a customer's data.

    It goes out now, by the real channel, marked [Test] in its subject; the customer gets nothing and no journey knows of it.
    Where a field has no value, nothing is sent and it says which one.

    Example: `journeybot send-test welcome --customer sakura-cafe --to me@example.com`
    """
    trial = Trial(
        template=template, customer=customer, contact=contact, locale=locale, sender=sender, event=_fields(event or [])
    )
    with opened(context) as app:
        published = app.require_published()
        ground = app.ground(published)
        with app.database.read() as connection:
            letter, compiled = write_trial(connection, published, ground, trial, app.clock.now())
            answer = send_trial(connection, published, app.channel, app.clock, letter, to)
        channel, folder = app.channel.name, app.settings.outbox_dir
    if as_json:
        told = {"template": template, "locale": compiled.locale, "subject": letter.mail.subject, "to": to}
        print_json({**told, "channel": channel, "outcome": answer.outcome, "reason": answer.reason})
    elif answer.outcome is Outcome.ACCEPTED:
        print_line(f"Sent to {to} ({compiled.locale}): {letter.mail.subject}")
        if channel == "folder":
            print_line(f"The mail lies in {folder}, because no provider is connected.")
    else:
        print_line(f"Not sent: {answer.reason} {answer.detail}".rstrip(), style="red")
    if answer.outcome is not Outcome.ACCEPTED:
        raise typer.Exit(1)


def _fields(given: list[str]) -> dict[str, str]:
    fields = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise UsageError(f"`{text}` is no field of an event", hint="write --event score=3")
        fields[name] = value
    return fields
