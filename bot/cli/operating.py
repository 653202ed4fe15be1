"""`enroll`, `exit`, `pause`, `resume`: people acting on journeys by hand. Each is recorded; the next tick does the rest."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from bot.app import App
from bot.cli.names import ForAll, ForContact, ForCustomer, the_one
from bot.cli.opening import At, local_text, opened, read_end, zone_of_workspace
from bot.cli.printing import print_line
from bot.errors import UsageError
from bot.insight.explain import playbook_row
from bot.pipeline.fuses import blown_fuses
from bot.pipeline.operate import enroll_by_hand, exit_by_hand, pause, resume
from bot.pipeline.resuming import PauseKind

Playbook = Annotated[str, typer.Argument(metavar="PLAYBOOK", help="The playbook's name.")]
OfPlaybook = Annotated[str | None, typer.Option("--playbook", "-p", metavar="NAME", help="One playbook.")]
How = Annotated[str | None, typer.Option("--how", metavar="RULE", help="shift, catch_up or expire, this time.")]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="WHEN", help="Goes on by itself then: 2027-04-12, 2027-04-12T09:00, 5 days."),
]
EVERYTHING = "*"
RULES = ("shift", "catch_up", "expire")


def enroll(
    context: typer.Context,
    playbook: Playbook,
    customer: ForCustomer = None,
    contact: ForContact = None,
    everybody: ForAll = False,
    at: At = None,
) -> None:
    """Let somebody enter a playbook by hand.

    The playbook's `when`, `again` and exits still apply; the next tick decides and `explain` says why.

    Example: `journeybot enroll welcome --customer sakura-cafe`
    """
    the_one(customer=None if contact else customer, contact=contact, all=everybody)  # a contact may be named with both
    with opened(context, at) as app:
        published = app.require_published()
        playbook_row(published, playbook)
        with app.database.write() as connection:
            count = enroll_by_hand(connection, published, playbook, app.clock.now(), customer=customer, contact=contact)
    if not count:
        print_line(f"Nobody could be offered `{playbook}`: it walks people of customers, and there are none.")
        raise typer.Exit(1)
    print_line(f"{count} may enter `{playbook}`; the next tick decides (`journeybot tick`).")


def exit_walks(
    context: typer.Context,
    playbook: Playbook,
    customer: ForCustomer = None,
    contact: ForContact = None,
    everybody: ForAll = False,
    at: At = None,
) -> None:
    """End walks of a playbook by hand.

    Mails that wait are cancelled and hand-offs that nobody took are withdrawn.

    Example: `journeybot exit going_quiet --customer sakura-cafe`
    """
    the_one(customer=None if contact else customer, contact=contact, all=everybody)  # a contact may be named with both
    with opened(context, at) as app:
        published = app.require_published()
        playbook_row(published, playbook)
        ground = app.ground(published)
        with app.database.write() as connection:
            count = exit_by_hand(
                connection, published, ground, playbook, app.clock.now(), customer=customer, contact=contact
            )
    print_line(f"{count} walk{'' if count == 1 else 's'} of `{playbook}` ended." if count else "Nobody was walking it.")


def pause_walks(
    context: typer.Context,
    playbook: OfPlaybook = None,
    customer: ForCustomer = None,
    contact: ForContact = None,
    everything: ForAll = False,
    until: Until = None,
    at: At = None,
) -> None:
    """Let a playbook, a customer, a contact or everything stand still.

    No mail leaves and no step is made until `resume`, or until the moment you name: then it goes on by itself, as its `on_resume`
    says. Facts are still taken in. Said again, the last word about --until counts.

    Example: `journeybot pause --customer sakura-cafe --until 2027-04-12`
    """
    with opened(context, at) as app:
        kind, key = _whom(app, playbook, customer, contact, everything)
        zone, now = zone_of_workspace(app.settings), app.clock.now()
        end = read_end(until, now, zone) if until is not None else None
        with app.database.write() as connection:
            is_news = pause(connection, kind, key, now, until=end)
    so = "stands still" if is_news else "stood still already"
    when = f"{'' if is_news else ', now'} until {local_text(end, zone)} ({zone})" if end is not None else ""
    print_line(f"{_named(kind, key)} {so}{when}.")


def resume_walks(
    context: typer.Context,
    playbook: OfPlaybook = None,
    customer: ForCustomer = None,
    contact: ForContact = None,
    everything: ForAll = False,
    how: How = None,
    at: At = None,
) -> None:
    """Let what was paused go on.

    Each playbook's `on_resume` says what the pause does to due times, unless you say --how: `shift` moves them by its length,
    `catch_up` does at once what fell due, `expire` leaves that out.

    Example: `journeybot resume --all --how catch_up`
    """
    if how is not None and how not in RULES:
        raise UsageError(f"There is no way `{how}` to resume", hint=f"write --how {', '.join(RULES)}")
    with opened(context, at) as app:
        published = app.published()
        kind, key = _whom(app, playbook, customer, contact, everything)
        rules: dict[str, str] = {}
        if published is not None:
            versions = published.versions
            rules = {row.name: how or versions[row.version_id].playbook.on_resume for row in published.playbooks}
        with app.database.write() as connection:
            was_paused = resume(connection, kind, key, app.clock.now(), rules)
        with app.database.read() as connection:
            is_held = kind == "playbook" and any(fuse.playbook == key for fuse in blown_fuses(connection))
    print_line(f"{_named(kind, key)} {'goes on' if was_paused else 'was not paused'}.")
    if is_held:
        print_line(f"A fuse holds it: see `journeybot fuses list`, then `journeybot fuses release {key}`.")


def _whom(
    app: App, playbook: str | None, customer: str | None, contact: str | None, everything: bool
) -> tuple[PauseKind, str]:
    kind, key = the_one(playbook=playbook, customer=customer, contact=contact, all=everything)
    if kind == "playbook":
        playbook_row(app.require_published(), key)
    return cast(PauseKind, kind), key or EVERYTHING


def _named(kind: str, key: str) -> str:
    return "Everything" if kind == "all" else f"{kind.capitalize()} `{key}`"
