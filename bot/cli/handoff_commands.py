"""What people do to hand-offs from the command line: the buttons of Slack, by the same rules (pipeline.handoff_acts). `--by`
a CSM acts as that CSM; anybody else who has the command line runs this installation. handoffs.py names the commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from sqlalchemy import Connection, select

from bot.cli.acting import ActCall, Doer, doing
from bot.cli.names import By
from bot.cli.opening import AsJson, At, local_text, opened, read_end, zone_of_workspace
from bot.cli.printing import print_json, print_line
from bot.errors import UsageError
from storage.accounts import Csm
from storage.handoff_answers import Answer
from storage.handoff_deeds import Move
from storage.handoff_views import HandoffRecord, get
from storage.handoffs import DISMISSALS

if TYPE_CHECKING:
    from bot.pipeline.handoff_acts import Actor

HandoffId = Annotated[int, typer.Argument(metavar="ID", help="The hand-off's number in `handoffs list`.")]
Act: TypeAlias = "Callable[[Actor, Doer], Move]"


def acknowledge(
    context: typer.Context, handoff: HandoffId, by: By = None, at: At = None, as_json: AsJson = False
) -> None:
    """Take a hand-off on; it becomes yours.

    Example: `journeybot handoffs acknowledge 3 --by sato`
    """
    from bot.pipeline import handoff_acts  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, handoff, lambda actor, _: handoff_acts.acknowledge(actor, handoff))


def snooze(
    context: typer.Context,
    handoff: HandoffId,
    reason: Annotated[str, typer.Option("--reason", help="Why it can wait.")],
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
    """Put a hand-off off; the same alert is quiet meanwhile.

    Example: `journeybot handoffs snooze 3 --until "2 days" --reason "They are at a fair"`
    """

    from bot.pipeline import handoff_acts  # with it come the templates

    def put_off(actor: Actor, doer: Doer) -> Move:
        end = read_end(until, doer.at, doer.zone)
        return handoff_acts.snooze(actor, handoff, until=end, reason=_said(reason, "--reason"))

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), handoff, put_off)


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

    from bot.pipeline import handoff_acts  # with it come the templates

    def give(actor: Actor, _doer: Doer) -> Move:
        _check_person(actor.connection, to)
        return handoff_acts.reassign(actor, handoff, owner=to)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), handoff, give)


def done(
    context: typer.Context,
    handoff: HandoffId,
    outcome: Annotated[str | None, typer.Option("--outcome", help="One of the outcomes it offers.")] = None,
    note: Annotated[
        str | None, typer.Option("--note", help="What came of it; goes to the customer's timeline.")
    ] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option("--answer", metavar="QUESTION=ANSWER", help="To what it asks; becomes a fact. May be repeated."),
    ] = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Close a hand-off as done.

    Example: `journeybot handoffs done 3 --outcome renewing --note "They sign next week"`
    """

    from bot.pipeline import handoff_acts  # with it come the templates

    def close(actor: Actor, _doer: Doer) -> Move:
        answers = _answers(actor.connection, handoff, answer or [])
        return handoff_acts.done(actor, handoff, outcome=outcome, note=note, answers=answers)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), handoff, close)


def dismiss(
    context: typer.Context,
    handoff: HandoffId,
    reason: Annotated[str, typer.Option("--reason", help="Why it is not needed.")],
    cause: Annotated[
        str, typer.Option("--cause", help=f"For `report handoffs`: {', '.join(DISMISSALS)}.")
    ] = DISMISSALS[-1],
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Close a hand-off as not needed.

    Example: `journeybot handoffs dismiss 3 --reason "Settled on the phone" --cause already_handled`
    """
    from bot.pipeline import handoff_acts  # with it come the templates

    if cause not in DISMISSALS:
        raise UsageError(f"There is no cause `{cause}`", hint=f"one of: {', '.join(DISMISSALS)}")
    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    said = _said(reason, "--reason")
    _act(call, handoff, lambda actor, _: handoff_acts.dismiss(actor, handoff, reason=said, cause=cause))


def tick(
    context: typer.Context,
    handoff: HandoffId,
    tasks: Annotated[list[int], typer.Argument(metavar="TASK…", min=1, help="Numbers of its tasks, from 1.")],
    off: Annotated[bool, typer.Option("--off", help="Take the ticks back.")] = False,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Tick tasks of a hand-off off.

    Example: `journeybot handoffs tick 3 1 2`
    """
    from bot.pipeline import handoff_acts  # with it come the templates

    places = {number - 1 for number in tasks}

    def mark(actor: Actor, _doer: Doer) -> Move:
        number = len(found_handoff(actor.connection, handoff).tasks)
        if any(place >= number for place in places):
            raise UsageError(
                f"Hand-off {handoff} has {number} task(s)", hint=f"see `journeybot handoffs show {handoff}`"
            )
        return handoff_acts.tick(actor, handoff, done=() if off else places, undone=places if off else ())

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), handoff, mark)


def flag(
    context: typer.Context,
    handoff: HandoffId,
    off: Annotated[bool, typer.Option("--off", help="Take the flag back.")] = False,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Call for the whole company's attention; conditions ask `open_handoffs(flagged=true)`.

    Example: `journeybot handoffs flag 3 --by sato`
    """
    from bot.pipeline import handoff_acts  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, handoff, lambda actor, _: handoff_acts.flag(actor, handoff, is_on=not off))


#: In the order of the help.
ACTS: Mapping[str, Callable[..., None]] = {
    "acknowledge": acknowledge,
    "snooze": snooze,
    "reassign": reassign,
    "done": done,
    "dismiss": dismiss,
    "tick": tick,
    "flag": flag,
}


def found_handoff(connection: Connection, handoff: int) -> HandoffRecord:
    """Raises: UsageError."""
    found = get(connection, handoff)
    if found is None:
        raise UsageError(f"There is no hand-off {handoff}", hint="see `journeybot handoffs list`")
    return found


def _act(call: ActCall, handoff: int, act: Act) -> None:
    """One move; a refused one is an error that says who was first, or whose it is. Cards in Slack follow at once."""
    from bot.authoring.workspace_file import WorkspaceSettings
    from bot.pipeline.handoff_acts import actor_of_command

    with opened(call.context, call.at) as app:
        published = app.published()
        settings = published.settings if published else WorkspaceSettings()
        with doing(call, app) as doer:
            actor = actor_of_command(doer.connection, settings, by=doer.by, at=doer.at, key=doer.key)
            move = act(actor, doer)
        if not move.is_done:
            raise refused_move(move, handoff, zone_of_workspace(app.settings))
        app.post_handoffs()
        with app.database.read() as connection:
            record: Any = asdict(found_handoff(connection, handoff))
    if call.as_json:
        print_json(record)
    else:
        print_line(f"{move.sentence_reason}.")


def refused_move(move: Move, handoff: int, zone: str) -> UsageError:
    """Who was first and when, on the workspace's clock, or whose it is."""
    when = f", {local_text(move.at, zone)}" if move.at else ""
    return UsageError(f"{move.sentence_reason}{when}", hint=f"see `journeybot handoffs show {handoff}`")


def _said(text: str, option: str) -> str:
    """Raises: UsageError for nothing but spaces."""
    if not text.strip():
        raise UsageError(f"{option} is empty", hint="say it in a few words; others read it on the card and in reports")
    return text.strip()


def _answers(connection: Connection, handoff: int, given: list[str]) -> dict[str, Answer]:
    """Raises: UsageError for a question that it does not ask, or an answer that is none."""
    from bot.pipeline.handoff_questions import questions_of

    asked = {found.name: found for found in questions_of(connection, found_handoff(connection, handoff))}
    answers: dict[str, Answer] = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or name.strip() not in asked:
            known = f"it asks: {', '.join(asked)}" if asked else "it asks nothing; write a --note"
            raise UsageError(f"Hand-off {handoff} does not ask `{name.strip()}`", hint=known)
        try:
            answers[name.strip()] = asked[name.strip()].read(value)
        except ValueError as error:
            raise UsageError(str(error), where=f"--answer {name.strip()}", hint="correct the answer") from error
    return answers


def _check_person(connection: Connection, key: str) -> None:
    """A card given to somebody who does not exist would reach nobody."""
    table = Csm.__table__  # type: ignore[attr-defined]
    keys = list(connection.scalars(select(table.c.key).order_by(table.c.key)))
    if key not in keys:
        known = f"there are: {', '.join(keys[:20])}" if keys else "import csms.csv first"
        raise UsageError(f"There is no CSM `{key}`", hint=known)
