"""After a tick's passes: calls the systems that webhook steps owe a call (semantics.md S22). Claims in one transaction, calls outside
of any, records in another. A kill in between lets the lease end, and the call is made again under the same id: at least once. A
host that does not answer is left alone for the rest of the pass. Gives up after 24 hours, with one hand-off per host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Table, and_, or_, select

from bot.channels.webhook import CallAnswer, WebhookCaller
from bot.failpoints import CallPlace, pass_by
from bot.pipeline.owners import Owners
from bot.pipeline.published import Published
from bot.pipeline.scopes import CONTACT, CUSTOMER
from bot.pipeline.send_guard import SendGuard
from storage.database import Database
from storage.enrollments import rows_not_paused
from storage.handoffs import Handoff, HandoffState
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.new_handoffs import NewHandoff, open_handoff
from storage.webhook_calls import CALL, GIVES_UP_AFTER, CallMove, CallState, claim_calls, move_calls

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
AT_ONCE = 8
BATCH = 40
MOST_BATCHES = 10
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
KIND = "webhook"
NOT_TRIED = CallAnswer(is_silent=True, fault="another call to this host got no answer")
TITLE = {
    "en": "Calls to {host} are not answered: {fault}",
    "ja": "{host} への通知が届いていません：{fault}",
}


def call_webhooks(
    database: Database,
    published: Published,
    caller: WebhookCaller,
    *,
    installation: str,
    guard: SendGuard,
    is_stopping: Callable[[], bool],
) -> int:
    """Returns how many calls were answered with yes."""
    delivered, silent = 0, set[str]()
    for _ in range(MOST_BATCHES):
        with database.write() as connection:
            if is_stopping() or guard.pause(connection) is not None:
                return delivered
            now = caller.clock.now()
            calls = claim_calls(connection, _may_go(connection), now, BATCH)
            generation = guard.move(connection, now) if calls else None
            if calls:
                pass_by(CallPlace.CLAIM_COMMIT)
        if not calls or generation is None:
            return delivered
        pass_by(CallPlace.CLAIMED)
        guard.remember(generation, now)
        answers = _ask(caller, calls, silent, installation)
        with database.write() as connection:
            delivered += _record(connection, published, calls, answers, caller.clock.now())
            pass_by(CallPlace.RECORD_COMMIT)
        pass_by(CallPlace.RECORDED)
    return delivered


def _may_go(connection: Connection) -> ColumnElement[bool]:
    """Not paused, and not about somebody who was erased."""
    gone = or_(
        select(1)
        .where(CUSTOMER.c.id == CALL.c.customer_id, CUSTOMER.c.erased_at.is_not(None))
        .correlate(CALL)
        .exists(),
        select(1).where(CONTACT.c.id == CALL.c.contact_id, CONTACT.c.erased_at.is_not(None)).correlate(CALL).exists(),
    )
    return and_(rows_not_paused(connection, CALL), ~gone)


def _ask(caller: WebhookCaller, calls: Sequence[Row[Any]], silent: set[str], installation: str) -> list[CallAnswer]:
    """Several at once. A host that gave no answer is not asked again in this pass."""

    def ask(call: Row[Any]) -> CallAnswer:
        host = urlsplit(call.url).hostname or ""
        if host in silent:
            return NOT_TRIED
        pass_by(CallPlace.BEFORE_CALL)
        answer = caller.call(call.url, f"{installation}.{call.id}", body_of(call))
        pass_by(CallPlace.CALLED)
        if answer.is_silent:
            silent.add(host)
        return answer

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as threads:
        return list(threads.map(ask, calls))


def body_of(call: Row[Any]) -> bytes:
    """The same bytes at every try."""
    told = {"type": "journey.step", "timestamp": call.created_at, "data": call.body}
    return orjson.dumps(told, option=orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS)


def _record(
    connection: Connection,
    published: Published,
    calls: Sequence[Row[Any]],
    answers: Sequence[CallAnswer],
    now: datetime,
) -> int:
    moves = [_move(call, answer, now) for call, answer in zip(calls, answers, strict=True)]
    by_id = {call.id: call for call in calls}
    written = [move for move in move_calls(connection, moves, now) if move.state is not CallState.PENDING]
    write_entries(connection, [_entry(by_id[move.id], move, now) for move in written])
    for move in written:
        if move.state is CallState.FAILED:
            _hand_over(connection, published, by_id[move.id], move.fault or "", now)
    return sum(move.state is CallState.DELIVERED for move in written)


def _move(call: Row[Any], answer: CallAnswer, now: datetime) -> CallMove:
    pause = min(FIRST_PAUSE * 2 ** min(call.attempts - 1, 10), LONGEST_PAUSE)
    if answer.retry_after_seconds is not None:
        pause = min(max(pause, timedelta(seconds=answer.retry_after_seconds)), LONGEST_PAUSE)
    state = CallState.PENDING
    if answer.is_yes:
        state = CallState.DELIVERED
    elif answer.is_final or now - call.created_at >= GIVES_UP_AFTER:
        state = CallState.FAILED
    return CallMove(id=call.id, token=call.token, state=state, fault=answer.fault, not_before=now + pause)


def _entry(call: Row[Any], move: CallMove, now: datetime) -> Entry:
    is_yes = move.state is CallState.DELIVERED
    return Entry(
        at=now,
        verdict=Verdict.SENT if is_yes else Verdict.NOT_SENT,
        reason="webhook_delivered" if is_yes else "webhook_given_up",
        customer_id=call.customer_id,
        contact_id=call.contact_id,
        playbook=call.playbook,
        enrollment_id=call.enrollment_id,
        step=call.step,
        details={"host": urlsplit(call.url).hostname, "attempts": call.attempts}
        | ({} if is_yes else {"fault": move.fault}),
    )


def _hand_over(connection: Connection, published: Published, call: Row[Any], fault: str, now: datetime) -> None:
    """One open hand-off per host, however many calls it missed; the count is doctor's."""
    host = urlsplit(call.url).hostname or call.url
    unfinished = (HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value)
    mine = (HANDOFF.c.kind == KIND, HANDOFF.c.step == f"webhook:{host}", HANDOFF.c.state.in_(unfinished))
    if connection.scalar(select(HANDOFF.c.id).where(*mine).limit(1)) is not None:
        return
    open_handoff(
        connection,
        NewHandoff(
            playbook=call.playbook,
            step=f"webhook:{host}",
            occurrence=f"webhook-{call.id}",
            title={locale: text.format(host=host, fault=fault) for locale, text in TITLE.items()},
            kind=KIND,
            owner=Owners(connection, published.settings, now).default(),
            opened_at=now,
        ),
    )
