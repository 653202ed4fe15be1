"""`handoffs list` and `show`: calls to a person, as they stand. The acts are in handoff_commands.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bot.cli import handoff_mails
from bot.cli.handoff_commands import ACTS, HandoffId, found_handoff
from bot.cli.opening import AsJson, AtMost, OfCustomer, OfPlaybook, local_text, looking, opened, zone_of_workspace
from bot.cli.printing import print_cut, print_json, print_line, print_table
from bot.insight.listings import LIMIT, list_handoffs
from bot.rules.field_types import say
from storage.handoff_mails import Standing, standing_mail
from storage.handoff_views import HandoffRecord, causes_of

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Calls to a person: acknowledge, snooze, reassign, close."
)


@commands.command("list")
def list_open(
    context: typer.Context,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", "-s", help="open, acknowledged, done, dismissed, withdrawn, merged (default: the unfinished)."
        ),
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="CSM", help='Of one person; "" asks for those without an owner.')
    ] = None,
    customer: OfCustomer = None,
    playbook: OfPlaybook = None,
    limit: AtMost = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List hand-offs, those due first come first.

    Example: `journeybot handoffs list --owner sato`
    """
    with looking(context) as found:
        zone = zone_of_workspace(found.settings)
        with found.database.read() as connection:
            rows = list_handoffs(
                connection, state=state, owner=owner, customer=customer, playbook=playbook, limit=limit
            )
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    if not rows:
        print_line("No hand-offs.")
        return
    columns = ("id", "customer", "what", "kind", "urgency", "owner", "state", f"due ({zone})")
    print_table(
        columns,
        [
            (r.id, r.customer, say(r.title, "en"), r.kind, r.urgency, r.owner, r.state, local_text(r.due_at, zone))
            for r in rows
        ],
    )
    print_cut(len(rows), limit)


@commands.command("show")
def show(
    context: typer.Context,
    handoff: HandoffId,
    locale: Annotated[str, typer.Option("--locale", help="The language of title and brief: en, ja.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Show one hand-off with its brief and tasks.

    Example: `journeybot handoffs show 3`
    """
    from bot.insight.handoff_brief import Reader, read_brief  # half of a list's time

    with opened(context) as app:
        zone = zone_of_workspace(app.settings)
        with app.database.read() as connection:
            found = found_handoff(connection, handoff)
            brief = read_brief(connection, found, Reader(locale=locale, timezone=zone, now=app.clock.now()))
            causes = causes_of(connection, handoff)
            mail = standing_mail(connection, handoff)
    if as_json:
        print_json(
            {
                **asdict(found),
                "brief_lines": [asdict(line) for line in brief],
                "causes": [asdict(cause) for cause in causes],
                "mail": None if mail is None else asdict(mail),
            }
        )
        return
    joined = {"Also for": "; ".join(f"{say(it.title, locale)} ({it.playbook} → {it.step})" for it in causes)}
    written = {"Mail": _mail(found, mail, zone)}
    for name, value in {**_facts(found, locale, zone), **written, **joined}.items():
        if value:
            print_line(f"{name + ':':<13} {value}")
    for line in brief:
        print_line()
        print_line(line.label, style="bold")
        for text in line.text.splitlines():
            print_line(f"  {text}")


for name, act in ACTS.items():
    commands.command(name)(act)
commands.command("draft")(handoff_mails.draft)
commands.command("send")(handoff_mails.send)
commands.command("wrote-myself")(handoff_mails.wrote_myself)


def _mail(handoff: HandoffRecord, mail: Standing | None, zone: str) -> str | None:
    """What became of the mail that it prepares."""
    if mail is None:
        return f"{handoff.prepare}, not written yet (`handoffs draft {handoff.id}`)" if handoff.prepare else None
    if mail.state is None:
        return f"{mail.by} wrote it elsewhere, {local_text(mail.at, zone)}"
    return f"{mail.template} to {mail.to_email} by {mail.by}, {local_text(mail.at, zone)}: {mail.state.value} (mail {mail.message_id})"


def _facts(handoff: HandoffRecord, locale: str, zone: str) -> Mapping[str, Any]:
    ticked = handoff.ticked or []
    tasks = "; ".join(
        f"[{'x' if place in ticked else ' '}] {place + 1}. {say(task, locale)}"
        for place, task in enumerate(handoff.tasks)
    )
    return {
        "Hand-off": f"{handoff.id} ({handoff.playbook} → {handoff.step})",
        "What": say(handoff.title, locale),
        "Customer": f"{handoff.customer_name} ({handoff.customer})",
        "Contact": handoff.contact_name or handoff.contact,
        "Kind": f"{handoff.kind}, {handoff.urgency}",
        "Owner": handoff.owner_name or handoff.owner or "nobody yet",
        "State": handoff.state.value,
        "Part of": f"hand-off {handoff.merged_into}" if handoff.merged_into else None,
        "Flagged": local_text(handoff.flagged_at, zone),
        "Opened": local_text(handoff.opened_at, zone),
        "Due": local_text(handoff.due_at, zone),
        "Snoozed until": local_text(handoff.snoozed_until, zone),
        "Tasks": tasks,
        "Asks": ", ".join(f"{question} ({kind})" for question, kind in (handoff.ask or {}).items()),
        "Outcomes": ", ".join(handoff.outcomes),
        "Outcome": handoff.outcome,
        "Note": handoff.note,
    }
