"""`handoffs`: calls to a person, and what people do with them (storage.handoff_moves). The same acts as the buttons in Slack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, select

from bot.cli import handoff_mails
from bot.cli.acting import ActCall, Doer, doing
from bot.cli.names import By
from bot.cli.opening import AsJson, At, local_text, looking, opened, read_end, zone_of_workspace
from bot.cli.printing import print_cut, print_json, print_line, print_table
from bot.errors import UsageError
from bot.insight.handoff_brief import Reader, read_brief
from bot.insight.listings import LIMIT, list_handoffs
from bot.rules.field_types import say
from storage import handoff_moves
from storage.accounts import Csm
from storage.handoff_moves import HandoffRecord, Move
from storage.handoff_views import causes_of, get

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Calls to a person: acknowledge, snooze, reassign, close."
)

HandoffId = Annotated[int, typer.Argument(metavar="ID", help="The hand-off's number in `handoffs list`.")]


Act = Callable[[Doer], Move]


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
    customer: Annotated[str | None, typer.Option("--customer", "-c", metavar="KEY", help="Of one customer.")] = None,
    playbook: Annotated[str | None, typer.Option("--playbook", "-p", metavar="NAME", help="Of one playbook.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = LIMIT,
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
    with opened(context) as app:
        zone = zone_of_workspace(app.settings)
        with app.database.read() as connection:
            found = _found(connection, handoff)
            brief = read_brief(connection, found, Reader(locale=locale, timezone=zone, now=app.clock.now()))
            causes = causes_of(connection, handoff)
    if as_json:
        print_json(
            {
                **asdict(found),
                "brief_lines": [asdict(line) for line in brief],
                "causes": [asdict(cause) for cause in causes],
            }
        )
        return
    joined = {"Also for": "; ".join(f"{say(it.title, locale)} ({it.playbook} → {it.step})" for it in causes)}
    for name, value in {**_facts(found, locale, zone), **joined}.items():
        if value:
            print_line(f"{name + ':':<13} {value}")
    for line in brief:
        print_line()
        print_line(line.label, style="bold")
        for text in line.text.splitlines():
            print_line(f"  {text}")


@commands.command("acknowledge")
def acknowledge(
    context: typer.Context, handoff: HandoffId, by: By = None, at: At = None, as_json: AsJson = False
) -> None:
    """Take a hand-off on.

    Example: `journeybot handoffs acknowledge 3 --by sato`
    """
    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, handoff, lambda d: handoff_moves.acknowledge(d.connection, handoff, by=d.by, at=d.at, key=d.key))


@commands.command("snooze")
def snooze(
    context: typer.Context,
    handoff: HandoffId,
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="WHEN", help="`2 days`, `4 hours` or `2027-04-01T09:00`; at most to its due time."
        ),
    ] = "1 day",
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Put a hand-off off.

    Example: `journeybot handoffs snooze 3 --until "2 days"`
    """

    def put_off(doer: Doer) -> Move:
        end = read_end(until, doer.at, doer.zone)
        return handoff_moves.snooze(doer.connection, handoff, by=doer.by, at=doer.at, key=doer.key, until=end)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), handoff, put_off)


@commands.command("reassign")
def reassign(
    context: typer.Context,
    handoff: HandoffId,
    to: Annotated[str, typer.Option("--to", metavar="CSM", help="The new owner's key.")],
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Give a hand-off to somebody else; its clock starts again.

    Example: `journeybot handoffs reassign 3 --to tanaka`
    """

    def give(doer: Doer) -> Move:
        _check_person(doer.connection, to)
        return handoff_moves.reassign(doer.connection, handoff, by=doer.by, at=doer.at, key=doer.key, owner=to)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), handoff, give)


@commands.command("done")
def done(
    context: typer.Context,
    handoff: HandoffId,
    outcome: Annotated[str | None, typer.Option("--outcome", help="One of the outcomes it offers.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="What came of it.")] = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Close a hand-off as done.

    Example: `journeybot handoffs done 3 --outcome renewing --note "They sign next week"`
    """

    def close(d: Doer) -> Move:
        return handoff_moves.done(d.connection, handoff, by=d.by, at=d.at, key=d.key, outcome=outcome, note=note)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), handoff, close)


@commands.command("dismiss")
def dismiss(
    context: typer.Context,
    handoff: HandoffId,
    reason: Annotated[str, typer.Option("--reason", help="Why it is not needed.")],
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Close a hand-off as not needed.

    Example: `journeybot handoffs dismiss 3 --reason "Settled on the phone"`
    """

    def close(d: Doer) -> Move:
        return handoff_moves.dismiss(d.connection, handoff, by=d.by, at=d.at, key=d.key, reason=reason)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), handoff, close)


@commands.command("flag")
def flag(
    context: typer.Context,
    handoff: HandoffId,
    off: Annotated[bool, typer.Option("--off", help="Take the flag off again.")] = False,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Call for the company's attention: a risk measure of the customer turns red.

    Example: `journeybot handoffs flag 3 --by sato`
    """

    def raise_flag(d: Doer) -> Move:
        return handoff_moves.flag(d.connection, handoff, by=d.by, at=d.at, key=d.key, is_flagged=not off)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), handoff, raise_flag)


commands.command("draft")(handoff_mails.draft)
commands.command("send")(handoff_mails.send)
commands.command("wrote-myself")(handoff_mails.wrote_myself)


def _act(call: ActCall, handoff: int, act: Act) -> None:
    """One move; a refused one is an error that says who was first. Cards in Slack follow at once."""
    with opened(call.context, call.at) as app:
        with doing(call, app) as doer:
            move = act(doer)
        if not move.is_done:
            raise UsageError(move.sentence_reason, hint=f"see `journeybot handoffs show {handoff}`")
        app.post_handoffs()
        with app.database.read() as connection:
            record = _found(connection, handoff)
    if call.as_json:
        print_json(asdict(record))
    else:
        print_line(f"{move.sentence_reason}.")


def _found(connection: Connection, handoff: int) -> HandoffRecord:
    found = get(connection, handoff)
    if found is None:
        raise UsageError(f"There is no hand-off {handoff}", hint="see `journeybot handoffs list`")
    return found


def _check_person(connection: Connection, key: str) -> None:
    """A card given to somebody who does not exist would reach nobody."""
    table = Csm.__table__  # type: ignore[attr-defined]
    keys = list(connection.scalars(select(table.c.key).order_by(table.c.key)))
    if key not in keys:
        known = f"there are: {', '.join(keys[:20])}" if keys else "import csms.csv first"
        raise UsageError(f"There is no CSM `{key}`", hint=known)


def _facts(handoff: HandoffRecord, locale: str, zone: str) -> Mapping[str, Any]:
    tasks = "; ".join(say(task, locale) for task in handoff.tasks)
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
        "Outcomes": ", ".join(handoff.outcomes),
        "Outcome": handoff.outcome,
        "Note": handoff.note,
    }
