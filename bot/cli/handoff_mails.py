"""`handoffs draft`, `send`, `wrote-myself`: the mail that a hand-off prepares, from the command line. Only names and options are
here, because these come with every `handoffs` command; drafting.py does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.acting import ActCall
from bot.cli.names import By
from bot.cli.opening import AsJson, At

HandoffId = Annotated[int, typer.Argument(metavar="ID", help="The hand-off's number in `handoffs list`.")]
To = Annotated[
    str | None, typer.Option("--to", metavar="CONTACT", help="The contact's key (default: whom it is about).")
]
Template = Annotated[
    str | None, typer.Option("--template", "-t", metavar="NAME", help="Another template than the prepared one.")
]
Fill = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Fill a gap: a field without a value, or what `[[…]]` asks for."),
]


def draft(
    context: typer.Context,
    handoff: HandoffId,
    to: To = None,
    template: Template = None,
    fill: Fill = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Print the mail that a hand-off prepares, filled for this customer; `[[…]]` is still to be filled.

    Example: `journeybot handoffs draft 3 --to tanaka`
    """
    from bot.cli.drafting import Wish, draft_mail  # with it come the templates

    call = ActCall(context=context, by=None, at=at, as_json=as_json)
    draft_mail(call, Wish.of(handoff, to, template, fill))


def send(
    context: typer.Context,
    handoff: HandoffId,
    to: To = None,
    subject: Annotated[str | None, typer.Option("--subject", help="Another subject than the draft's.")] = None,
    body: Annotated[
        Path | None,
        typer.Option("--body-file", metavar="FILE", help="Another text, in Markdown; `-` reads it from stdin."),
    ] = None,
    template: Template = None,
    fill: Fill = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Send the mail that a hand-off prepares, as drafted or as you wrote it.

    Consent and suppression are asked as for every mail; caps and hours are only told. `sent("hand-off")` holds when it is
    accepted.

    Example: `journeybot handoffs send 3 --to tanaka --body-file letter.md`
    """
    from bot.cli.drafting import Wish, send_mail  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    send_mail(call, Wish.of(handoff, to, template, fill), subject, body)


def wrote_myself(
    context: typer.Context, handoff: HandoffId, by: By = None, at: At = None, as_json: AsJson = False
) -> None:
    """Say that you wrote the mail of a hand-off elsewhere: nothing is sent, and its journey goes on.

    Example: `journeybot handoffs wrote-myself 3 --by sato`
    """
    from bot.cli.drafting import say_written  # with it come the templates

    say_written(ActCall(context=context, by=by, at=at, as_json=as_json), handoff)
