"""`consent`: which addresses must not be mailed, and why; stopping and allowing them by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.acting import ActCall, doing
from bot.cli.names import By
from bot.cli.opening import AsJson, At, AtMost, local_text, looking, opened, read_instant, zone_of_workspace
from bot.cli.printing import print_cut, print_json, print_line, print_table
from bot.errors import UsageError
from bot.insight.listings import LIMIT
from bot.insight.listings_consent import list_suppressions
from bot.rules.addresses import is_mailable_address
from bot.rules.mail_categories import MAIL_CATEGORIES
from storage.consent import EVERYTHING, OPTIONAL, Told, Why, lift, suppress

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Addresses that must not be mailed, and why."
)

WORDS = {"everything": EVERYTHING, "optional": OPTIONAL, **{name: name for name in MAIL_CATEGORIES}}

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The mail address.")]
Category = Annotated[
    str,
    typer.Option(
        "--category",
        "-c",
        metavar="NAME",
        help="everything (the default), optional (all but transactional), or one category: "
        + ", ".join(MAIL_CATEGORIES),
    ),
]


@commands.command("list")
def list_all(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(metavar="ADDRESS", help="Only this address.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="WORD", help="unsubscribed, import, hand, bounce or complaint.")
    ] = None,
    limit: AtMost = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List the addresses that must not be mailed, the newest first.

    Example: `journeybot consent list --reason complaint`
    """
    with looking(context) as found:
        zone = zone_of_workspace(found.settings)
        with found.database.read() as connection:
            rows = list_suppressions(connection, address=address, reason=reason, limit=limit)
    if as_json:
        print_json(rows)
    elif rows:
        first = ("address", "category", "reason")
        cells = [
            [*map(row.get, first), local_text(read_instant(row["at"], zone), zone), row["contacts"]] for row in rows
        ]
        print_table((*first, f"at ({zone})", "contacts"), cells)
        print_cut(len(rows), limit)
    else:
        print_line("Nobody is left out." if address is None else f"{address} may be mailed.")


@commands.command("suppress")
def suppress_address(
    context: typer.Context,
    address: Address,
    category: Category = "everything",
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Stop mails to an address, in one category or altogether; it holds at once, also for mails that wait.

    Example: `journeybot consent suppress tanaka@example.jp --category newsletter`
    """
    wanted = _category(category)
    if not is_mailable_address(address):
        raise UsageError(f"`{address}` is no mail address", hint="write it like name@example.com")
    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    with opened(context, at) as app, doing(call, app) as doer:
        is_new = suppress(doer.connection, address, wanted, Why.HAND, doer.at, Told(by=doer.by))
    if as_json:
        print_json({"address": address.lower(), "category": category, "is_new": is_new})
    else:
        print_line(f"{address} gets no more mails ({category})." if is_new else f"{address} was stopped already.")


@commands.command("allow")
def allow_address(
    context: typer.Context,
    address: Address,
    category: Category = "everything",
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Allow mails to an address again. Only on its reader's own word: it also lifts what they, a bounce or a complaint stopped.

    Example: `journeybot consent allow tanaka@example.jp`
    """
    wanted = _category(category)
    categories = tuple(WORDS.values()) if wanted == EVERYTHING else (wanted,)
    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    with opened(context, at) as app, doing(call, app) as doer:
        lifted = lift(doer.connection, address, categories, doer.at, Told(by=doer.by))
    if as_json:
        print_json({"address": address.lower(), "lifted": [row.category or "everything" for row in lifted]})
    elif lifted:
        print_line(f"{address} may be mailed again ({', '.join(row.category or 'everything' for row in lifted)}).")
    else:
        print_line(f"Nothing stood against {address} ({category}).")


def _category(word: str) -> str:
    """Raises: UsageError."""
    if word.lower() not in WORDS:
        raise UsageError(f"`{word}` is no category of mail", hint="one of " + ", ".join(WORDS))
    return WORDS[word.lower()]
