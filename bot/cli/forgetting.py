"""`customers export` and `customers erase`: what we hold on somebody, and forgetting it. Part of `customers`; the rules of
what goes and what stays are bot/pipeline/erasing.py and storage/erasures.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.names import By, who_acts
from bot.cli.opening import AsJson, opened
from bot.cli.printing import print_json, print_line
from bot.errors import UsageError
from bot.insight.export_person import export_person

if TYPE_CHECKING:
    from bot.app import App
    from bot.pipeline.erasing import Erased

Key = Annotated[str, typer.Argument(metavar="KEY", help="The customer's key.")]
OnlyContact = Annotated[str | None, typer.Option("--contact", metavar="KEY", help="Only this contact of the customer.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def export(context: typer.Context, customer: Key, contact: OnlyContact = None) -> None:
    """Print everything that is held on a customer, or on one contact, as JSON.

    The rows of every table that are theirs: facts, walks, mails with their texts, hand-offs, decisions.

    Example: `journeybot customers export sakura-cafe --contact tanaka > tanaka.json`
    """
    with opened(context) as app, app.database.read() as connection:
        found = export_person(connection, customer, contact)
    print_json(found)


def erase(
    context: typer.Context,
    customer: Key,
    contact: OnlyContact = None,
    yes: Yes = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Forget a customer with everybody there, or one contact, for good.

    Walks end, mails are cancelled, hand-offs are closed, and what is personal is removed from every table. The counts stay,
    and a digest by which a late event or the next import is known and left out. It cannot be undone.

    Example: `journeybot customers erase sakura-cafe --contact tanaka`
    """
    with opened(context) as app:
        whom = f"`{contact}` of `{customer}`" if contact else f"`{customer}` and everybody there"
        if not yes:
            _ask(whom)
        erased, files, is_wiped = app.erase(customer, contact, by=who_acts(by, app.settings))
        _print(app, whom, erased, files, is_wiped, as_json=as_json)


def _ask(whom: str) -> None:
    """Raises: UsageError where nobody can answer, Abort on a no."""
    try:
        typer.confirm(f"Erase {whom} for good?", abort=True, err=True)
    except EOFError:
        raise UsageError("Nobody answered, so nothing was erased", hint="add --yes where nobody can be asked") from None


def _print(app: App, whom: str, erased: Erased, files: int, is_wiped: bool, *, as_json: bool) -> None:
    if as_json:
        print_json({"erased": erased, "files_deleted": files, "free_space_wiped": is_wiped})
        return
    print_line(
        f"Erased {whom}: {erased.contacts} contact(s), {erased.walks_ended} walk(s) ended, "
        f"{erased.mails_cancelled} mail(s) cancelled, {erased.handoffs_closed} hand-off(s) closed."
    )
    if app.channel.name == "folder":
        print_line(f"{files} mail file(s) in {app.settings.outbox_dir} are deleted.")
    else:
        print_line(f"Mails that {app.channel.name} has sent lie there and with their readers: erase them there, too.")
    if not is_wiped:
        print_line(
            "The database file still holds traces in its free space, because another process uses it now. "
            "Stop it and run `journeybot db wipe`.",
            style="yellow",
        )
    print_line("Backups, imported files and Slack's history are not ours to change: look there, too.")
