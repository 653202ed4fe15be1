"""`customers timeline`, `note`, `meeting`: one customer's story, and what people add to it themselves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import Connection, Table, select

from bot.cli.names import By, who_acts
from bot.cli.opening import AsJson, At, clock_at, local_text, looking, read_instant, zone_of_workspace
from bot.cli.printing import print_json, print_line, print_table
from bot.errors import UsageError
from bot.insight.customer_keys import customer_id_of
from bot.insight.timeline import tell
from bot.pipeline.notes import note as write_note
from storage.accounts import Contact
from storage.written_facts import add_meeting

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]

Which = Annotated[str, typer.Argument(metavar="KEY", help="The customer's key.")]


def timeline(
    context: typer.Context,
    customer: Which,
    since: Annotated[str | None, typer.Option("--since", metavar="ISO", help="Only from this moment on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell a customer's story, oldest first.

    Mails and what became of them, hand-offs, journeys, stages, answers, meetings and notes.

    Example: `journeybot customers timeline sakura-cafe`
    """
    with looking(context) as opened, opened.database.read() as connection:
        zone = zone_of_workspace(opened.settings)
        begin = read_instant(since, zone) if since else None
        lines = tell(connection, customer_id_of(connection, customer), since=begin)
    if as_json:
        print_json([asdict(line) for line in lines])
    elif lines:
        columns = ("at", "kind", "subject", "who", "detail", "playbook")
        rows = [[local_text(line.at, zone), *(getattr(line, name) for name in columns[1:])] for line in lines]
        print_table(columns, rows)
    else:
        print_line("Nothing has happened yet.")


def note(
    context: typer.Context,
    customer: Which,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is worth remembering.")],
    by: By = None,
    at: At = None,
) -> None:
    """Write a note about a customer.

    `@key` of a colleague in it asks that person to look.

    Example: `journeybot customers note sakura-cafe "The new owner likes the reports" --by sato`
    """
    if not text.strip():
        raise UsageError("The note is empty", hint="write a sentence in quotes")
    with looking(context) as opened:
        now = clock_at(opened.settings, at).now()
        with opened.database.write() as connection:
            found = customer_id_of(connection, customer)
            write_note(connection, found, text.strip(), by=who_acts(by, opened.settings), at=now)
    print_line(f"Noted for {customer}.")


def meeting(
    context: typer.Context,
    customer: Which,
    when: Annotated[str, typer.Option("--when", metavar="ISO", help="When it begins, or began.")],
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="`ebr`, `onboarding` …")] = None,
    contact: Annotated[
        list[str] | None, typer.Option("--contact", metavar="KEY", help="Who is there; may be given again.")
    ] = None,
    summary: Annotated[str | None, typer.Option("--summary", metavar="TEXT", help="What came of it.")] = None,
    at: At = None,
) -> None:
    """Record a meeting, held or to come.

    Example: `journeybot customers meeting sakura-cafe --when 2027-04-08T10:00 --kind ebr --contact suzuki`
    """
    with looking(context) as opened:
        now = clock_at(opened.settings, at).now()
        starts_at = read_instant(when, zone_of_workspace(opened.settings))
        with opened.database.write() as connection:
            found = customer_id_of(connection, customer)
            people = _contacts(connection, found, customer, contact or [])
            add_meeting(connection, found, kind=kind, starts_at=starts_at, summary=summary, contact_ids=people, now=now)
    print_line(f"Recorded for {customer}.")


def _contacts(connection: Connection, customer_id: int, customer: str, keys: list[str]) -> list[int]:
    """Raises: UsageError for a contact that the customer does not have."""
    mine = select(CONTACT.c.key, CONTACT.c.id).where(CONTACT.c.customer_id == customer_id, CONTACT.c.key.in_(keys))
    found = {row.key: row.id for row in connection.execute(mine)}
    for key in keys:
        if key not in found:
            hint = f"see `journeybot customers show {customer}`"
            raise UsageError(f"`{customer}` has no contact `{key}`", hint=hint)
    return [found[key] for key in keys]
