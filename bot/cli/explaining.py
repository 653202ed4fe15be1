"""`explain`: why something happened to a customer, or did not; how a playbook stands; the story of one mail."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.opening import AsJson, At, local_text, opened, zone_of_workspace
from bot.cli.printing import cell, print_json, print_line, print_table
from bot.errors import UsageError
from bot.insight.explain import explain_customer, explain_message, explain_playbook
from bot.insight.explanation import Explanation, Line, PlaybookExplanation, ReasonCount
from bot.rules.reasons import verdict_word

SIGNS = {True: "✓", False: "✗", None: "?"}


def explain(
    context: typer.Context,
    customer: Annotated[str | None, typer.Argument(metavar="CUSTOMER", help="The customer's key.")] = None,
    playbook: Annotated[
        str | None, typer.Argument(metavar="PLAYBOOK", help="Only this playbook, drafts and retired ones too.")
    ] = None,
    of_playbook: Annotated[
        str | None, typer.Option("--playbook", "-p", metavar="NAME", help="One playbook over all customers, in counts.")
    ] = None,
    message: Annotated[int | None, typer.Option("--message", "-m", metavar="ID", help="One mail's story.")] = None,
    at: At = None,
    locale: Annotated[str, typer.Option("--locale", help="The language of the sentences: en, ja.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Say why something happened to a customer, or did not.

    First every decision of the past, then where the customer stands now: inside a playbook and waiting for what, or outside
    and why, with the value and the verdict of every part of the condition (✓ holds, ✗ does not, ? cannot be known). Decisions
    of steps, goals and exits keep the values of that moment, unless 16 walks or more were decided at once; whoever entered
    keeps the answer alone.

    Examples: `journeybot explain sakura-cafe welcome`, `journeybot explain --playbook welcome`, `journeybot explain -m 12`
    """
    if sum(found is not None for found in (customer, of_playbook, message)) != 1:
        raise UsageError("Of whom or what?", hint="name a customer, or give --playbook or --message")
    with opened(context, at) as app:
        zone, now = zone_of_workspace(app.settings), app.clock.now()
        if message is not None:
            published = app.published()
            with app.database.read() as connection:
                found = explain_message(connection, message, published=published, now=now, locale=locale)
        elif of_playbook is not None:
            acting = app.require_published()
            with app.database.read() as connection:
                counts = explain_playbook(connection, acting, now, of_playbook, locale=locale)
            _print_playbook(counts, as_json)
            return
        else:
            acting = app.require_published()
            with app.database.read() as connection:
                found = explain_customer(connection, acting, now, customer or "", playbook, locale=locale)
    if as_json:
        print_json(found.as_rows())
    else:
        _print_explanation(found, zone, locale)


def _print_explanation(found: Explanation, zone: str, locale: str) -> None:
    if found.is_cut:
        print_line("(older decisions are left out)")
    for heading, lines in (("What happened", found.history), ("How it stands now", found.now)):
        if lines:
            print_line(f"{heading} ({zone})", style="bold")
        for line in lines:
            _print_line(line, zone, locale)
    if not found.lines:
        print_line("Nothing was decided about it yet.")


def _print_line(line: Line, zone: str, locale: str) -> None:
    walker = f"{line.playbook} ({line.contact})" if line.playbook and line.contact else line.playbook
    where = " → ".join(part for part in (walker, line.step) if part)
    mail = f" (mail {line.message})" if line.message else ""
    word = verdict_word(line.verdict, locale)
    verdict = "" if line.sentence.startswith(word) else f"{word}: "
    print_line(f"{local_text(line.at, zone)}  {where or '–'}: {verdict}{line.sentence}{mail}")
    for leaf in line.leaves:
        against = f", compared with {cell(leaf.bound)}" if leaf.bound is not None else ""
        print_line(f"    {SIGNS[leaf.holds]} {leaf.text}   (is {cell(leaf.value)}{against})")


def _print_playbook(found: PlaybookExplanation, as_json: bool) -> None:
    if as_json:
        print_json(found.as_dict())
        return
    print_line(f"{found.playbook}: {found.state}, version {found.version}", style="bold")
    if found.fault:
        print_line(f"broke: {found.fault}", style="red")
    print_line(f"inside: {sum(found.inside.values())}")
    for step, number in found.inside.items():
        print_line(f"  {number} at {step}")
    _print_counts("decided so far", found.decided)
    _print_counts("outside now", found.outside)
    if found.leaves:
        rows = [(leaf.text, leaf.holds, leaf.fails, leaf.unknown) for leaf in found.leaves]
        print_table(("part of the condition", "holds", "does not", "unknown"), rows)


def _print_counts(heading: str, counts: tuple[ReasonCount, ...]) -> None:
    if counts:
        print_line(f"{heading}:")
    for count in counts:
        print_line(f"  {count.count} × {count.sentence}")
