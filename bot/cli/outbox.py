"""`outbox`: mails owed, held and sent, and what a person may do to one (bot.pipeline.outbox_acts)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.acting import ActCall, Doer, doing
from bot.cli.names import By
from bot.cli.opening import AsJson, At, AtMost, OfCustomer, OfPlaybook, local_text, looking, opened, zone_of_workspace
from bot.cli.printing import print_cut, print_json, print_line, print_table, shown
from bot.errors import UsageError
from bot.insight.journal_lines import details_of
from bot.insight.listing_replies import list_replies
from bot.insight.listings import LIMIT, MailText, list_outbox, show_mail
from bot.pipeline import outbox_acts
from bot.rules.reasons import sentence
from storage.outbox import MessageState
from storage.outbox_moves import MessageRow

if TYPE_CHECKING:
    from bot.app import App

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Mails: what is owed, held and sent; approve, edit, resend."
)

MailId = Annotated[int, typer.Argument(metavar="ID", help="The mail's number in `outbox list`.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept in the journal.")]
Act = Callable[[Doer], MessageRow]


@commands.command("list")
def list_mails(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option("--state", "-s", help="pending, held, accepted, failed, unknown, unconfirmed …")
    ] = None,
    customer: OfCustomer = None,
    playbook: OfPlaybook = None,
    limit: AtMost = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List mails, the newest first.

    Example: `journeybot outbox list --state held`
    """
    with looking(context) as base:
        zone = zone_of_workspace(base.settings)
        with base.database.read() as connection:
            rows = list_outbox(connection, state=state, customer=customer, playbook=playbook, limit=limit)
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    if not rows:
        print_line("No mails.")
        return
    columns = ("id", "customer", "to", "template", "subject", "state", "reason", f"due ({zone})")
    print_table(
        columns,
        [(r.id, r.customer, r.to, r.template, r.subject, r.state, r.reason, local_text(r.due_at, zone)) for r in rows],
    )
    print_cut(len(rows), limit)


@commands.command("show")
def show(context: typer.Context, mail: MailId, as_json: AsJson = False) -> None:
    """Show one mail in full, as text.

    Example: `journeybot outbox show 12`
    """
    with looking(context) as base:
        zone = zone_of_workspace(base.settings)
        with base.database.read() as connection:
            found = show_mail(connection, mail)
            told = details_of(connection, [mail])
    if as_json:
        print_json(found.as_dict())
    else:
        _print_mail(found, zone, told.get((mail, found.row.reason or ""), {}))


@commands.command("approve")
def approve(
    context: typer.Context,
    mail: Annotated[int | None, typer.Argument(metavar="ID", help="The mail's number in `outbox list`.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait for review, of what you name:")] = False,
    playbook: Annotated[str | None, typer.Option("--playbook", "-p", metavar="NAME", help="With --all.")] = None,
    template: Annotated[str | None, typer.Option("--template", "-t", metavar="NAME", help="With --all.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", "-c", metavar="KEY", help="With --all.")] = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Let a mail go that is held for review, or all of a playbook, a template or a customer.

    Consent, caps and windows are asked again before it leaves.

    Example: `journeybot outbox approve 12 --by sato`
    """
    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    narrowed = {"playbook": playbook, "template": template, "customer": customer}
    if everything == (mail is not None) or (mail is not None and any(narrowed.values())):
        raise UsageError("Name one mail, or --all with --playbook, --template or --customer")
    if mail is not None:
        _act(call, lambda doer: outbox_acts.approve(doer.connection, mail, by=doer.by, at=doer.at))
        return
    from bot.pipeline.approving import approve_all

    with opened(context, at) as app, doing(call, app) as doer:
        done = approve_all(doer.connection, by=doer.by, at=doer.at, **narrowed)
    if as_json:
        print_json({"approved": list(done.ids), "refused": list(done.refused)})
        return
    print_line(f"{len(done.ids)} mail(s) approved." + (" The next tick sends them." if done.ids else ""))
    for sentence_of_one in done.refused:
        print_line(sentence_of_one)


@commands.command("reject")
def reject(
    context: typer.Context, mail: MailId, reason: Why = "", by: By = None, at: At = None, as_json: AsJson = False
) -> None:
    """Do not send a mail that is held; its walk goes on without it.

    Example: `journeybot outbox reject 12 --reason "They just called"`
    """
    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, lambda doer: outbox_acts.reject(doer.connection, mail, by=doer.by, at=doer.at, reason=reason))


@commands.command("skip")
def skip(
    context: typer.Context, mail: MailId, reason: Why = "", by: By = None, at: At = None, as_json: AsJson = False
) -> None:
    """Give a mail up that was not sent: pending, held, failed, quarantined or unconfirmed.

    Example: `journeybot outbox skip 12`
    """
    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, lambda doer: outbox_acts.skip(doer.connection, mail, by=doer.by, at=doer.at, reason=reason))


@commands.command("resend")
def resend(context: typer.Context, mail: MailId, by: By = None, at: At = None, as_json: AsJson = False) -> None:
    """Try a mail once more that failed, was set aside, or whose fate nobody knows.

    It is written anew from the template with today's data, unless a person had edited it. An unconfirmed mail may have
    arrived: resending it is your decision.

    Example: `journeybot outbox resend 12`
    """
    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, lambda doer: outbox_acts.resend(doer.connection, mail, by=doer.by, at=doer.at))


@commands.command("edit")
def edit(
    context: typer.Context,
    mail: MailId,
    subject: Annotated[str | None, typer.Option("--subject", help="The new subject.")] = None,
    body: Annotated[
        Path | None, typer.Option("--body", metavar="FILE", help="The new text, in Markdown; `-` reads it from stdin.")
    ] = None,
    fill: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Fill a field that has no value.")
    ] = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Rewrite a mail that has not gone.

    Without --subject and --body your $EDITOR opens with what the template says: the first line is the subject, the rest is
    Markdown, and `[[…]]` stands where a field has no value. Where --set fills every gap, no editor opens. Afterwards approve
    or resend it.

    Example: `journeybot outbox edit 12 --subject "About your renewal" --body letter.md`
    """
    from bot.cli.editing import edit_mail  # with it come the templates
    from bot.pipeline.gap_filling import read_fills

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    with opened(context, at) as app:
        row = edit_mail(app, call, mail, subject, body, read_fills(fill or []))
        _tell(app, row, as_json)


@commands.command("replied")
def replied(
    context: typer.Context,
    mail: MailId,
    note: Annotated[str, typer.Option("--note", help="How and what; it is kept in the journal.")] = "",
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say that the reader answered this mail, by telephone or elsewhere: `replied("step")` holds from the next tick.

    Example: `journeybot outbox replied 12 --note "Called back, wants a demo"`
    """
    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, lambda doer: outbox_acts.replied(doer.connection, mail, by=doer.by, at=doer.at, note=note))


@commands.command("replies")
def list_answers(
    context: typer.Context,
    verdict: Annotated[
        str | None,
        typer.Option("--verdict", help="answered, other_sender, automatic, ours, unproven, unknown or erased."),
    ] = None,
    limit: AtMost = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List what readers answered, the newest first, also what counted for nothing.

    Example: `journeybot outbox replies --verdict unknown`
    """
    with looking(context) as base:
        zone = zone_of_workspace(base.settings)
        with base.database.read() as connection:
            rows = list_replies(connection, verdict=verdict, limit=limit)
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    if not rows:
        print_line("No answers.")
        return
    columns = (f"received ({zone})", "verdict", "mail", "customer", "from", "subject", "text")
    print_table(
        columns,
        [
            (
                local_text(r.received_at, zone),
                r.verdict,
                r.mail,
                r.customer,
                r.from_address,
                r.subject,
                shown(r.text[:200]),
            )
            for r in rows
        ],
    )
    print_cut(len(rows), limit)


def _act(call: ActCall, act: Act) -> None:
    with opened(call.context, call.at) as app:
        with doing(call, app) as doer:
            row = act(doer)
        _tell(app, row, call.as_json)


def _tell(app: App, row: MessageRow, as_json: bool) -> None:
    if as_json:
        with app.database.read() as connection:
            print_json(show_mail(connection, row.id).row.as_dict())
    else:
        goes_on = " The next tick sends it." if row.state == MessageState.PENDING else ""
        print_line(f"Mail {row.id} is {row.state}.{goes_on}")
        if row.state == MessageState.PENDING:
            _warn_of_caps(app, row.id)


def _warn_of_caps(app: App, message_id: int) -> None:
    """A person's own send is never held back by a cap, but they should know (S15)."""
    from bot.pipeline.caps import cap_passed
    from bot.pipeline.mail_context import load_cases
    from bot.rules.guards import CAP_PASSED

    published = app.published()
    if published is None:
        return
    with app.database.read() as connection:
        (case,) = load_cases(connection, app.ground(published), [message_id])
        passed = cap_passed(connection, published, case, app.clock.now())
    if passed is not None:
        print_line(f"Note: {sentence('did', CAP_PASSED, passed)}.")


def _print_mail(mail: MailText, zone: str, told: Mapping[str, Any]) -> None:
    row, said = mail.row, {**told, "until": mail.not_before}
    for name, value in (
        ("Mail", f"{row.id} ({row.playbook} → {row.step}, template {row.template})"),
        ("Customer", row.customer),
        ("To", row.to),
        ("From", f"{mail.from_name or ''} <{mail.from_email}>".strip() if mail.from_email else None),
        ("State", f"{row.state}: {sentence('', row.reason, said, zone=zone)}" if row.reason else row.state),
        ("Due", local_text(row.due_at, zone)),
        ("Not before", local_text(mail.not_before, zone)),
        ("Expires", local_text(mail.expires_at, zone)),
        ("Reviewed by", mail.reviewed_by),
        ("Attempts", mail.attempts or None),
        ("Accepted", local_text(row.accepted_at, zone)),
        ("Delivered", local_text(mail.delivered_at, zone)),
        ("Opened", local_text(mail.opened_at, zone)),
        ("Clicked", local_text(mail.clicked_at, zone)),
        ("Replied", local_text(mail.replied_at, zone)),
        ("Bounced", local_text(mail.bounced_at, zone)),
        ("Provider", mail.delivery),
        ("Subject", row.subject),
    ):
        if value:
            print_line(f"{name + ':':<12} {value}")
    print_line()
    for line in (mail.text or "(not written yet)").splitlines():
        print_line(shown(line))
