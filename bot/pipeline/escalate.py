"""The last pass: brings hand-off cards to Slack (claim, draw, post without a transaction, record). Slack down never stops the
tick or loses a hand-off: the row waits and is tried again. A crash between posting and recording is met by looking for the
card's reference in Slack before posting again. Before it: unanswered, overdue and moving_owners say who is called."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import Connection

from bot.channels.slack import Card, Posted, PostFailed, SlackChannel
from bot.clock import Clock
from bot.pipeline.card_lists import Desk, ListDrawer, gather, post_list, redraw_list, room_at
from bot.pipeline.quiet import ping_time
from bot.pipeline.send_guard import OPEN_GUARD, SendGuard
from bot.rules.calendar import BusinessCalendar
from storage.database import Database
from storage.handoff_lists import leave_list, list_of
from storage.handoff_posts import (
    PostClaim,
    claim_post,
    record_card_gone,
    record_given_up,
    record_needless,
    record_posted,
    record_put_off,
    record_stopped,
    record_told,
    record_waiting,
)
from storage.handoff_views import HandoffRecord, get, installation_of, reference_of
from storage.notice_moves import owe_copies

MOST_REFUSALS = 4
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
#: Who has no place in Slack gets a mail (staff_mail.py), which is owed before cards are posted.
UNTIL_MAILED = timedelta(minutes=1)

_log = structlog.get_logger("journeybot.escalate")


class Drawer(ListDrawer, Protocol):
    """Draws cards; bot.slack.card_views has it. None: the hand-off is gone."""

    def draw(self, connection: Connection, handoff_id: int) -> Card | None: ...

    def draw_moved(self, connection: Connection, handoff_id: int) -> Card | None: ...

    def draw_remark(self, connection: Connection, handoff_id: int) -> str | None: ...

    def draw_copy(self, connection: Connection, handoff_id: int, person: str | None) -> Card | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCounts:
    """What one call brought to Slack. `waiting`: their owners are not called yet (quiet.py). `was_stopped`: Slack could not
    be used at all, the rest waits."""

    posted: int = 0
    updated: int = 0
    put_off: int = 0
    given_up: int = 0
    needless: int = 0
    waiting: int = 0
    was_stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """What posting a card takes. `fallback_channel`: for owners whom Slack does not reach, and for the unowned. `per_day`: how
    many messages a day may call one person (`handoffs_per_owner`). `calendar` and `timezone` are the workspace's."""

    database: Database
    slack: SlackChannel
    drawer: Drawer
    clock: Clock
    fallback_channel: str | None = None
    guard: SendGuard = OPEN_GUARD
    calendar: BusinessCalendar = field(default_factory=BusinessCalendar)
    timezone: str = "UTC"
    per_day: int | None = None

    @property
    def desk(self) -> Desk:
        """What lists take."""
        return Desk(
            database=self.database,
            slack=self.slack,
            drawer=self.drawer,
            calendar=self.calendar,
            timezone=self.timezone,
            per_day=self.per_day,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """A card, what it replaces, the line its thread is owed, and where it may go, best place first."""

    card: Card
    moved: Card | None
    remark: str | None
    reference: str
    places: tuple[str, ...]
    is_for_mail: bool
    handoff: HandoffRecord
    list_id: int | None
    list_ts: str | None
    call_at: datetime


def post_handoffs(poster: Poster | None, *, limit: int = 50, seconds: float = 20.0) -> PostCounts:
    """Posts and updates cards until none is due, `limit` were tried or `seconds` are over. None: no Slack is configured,
    and hand-offs wait in `journeybot handoffs`."""
    counts = PostCounts()
    if poster is None:
        return counts
    ends = poster.clock.monotonic() + seconds
    for _ in range(limit):
        claim = _claim(poster, None)
        if claim is None:
            break
        result, is_over = _bring(poster, claim)
        counts = replace(counts, **{result: getattr(counts, result) + 1}, was_stopped=is_over)
        if is_over or poster.clock.monotonic() >= ends:
            break
    return counts


def post_handoff(poster: Poster, handoff_id: int) -> bool:
    """Brings one card up to date now, after a click; False: it will be done by the next pass."""
    claim = _claim(poster, handoff_id)
    return claim is not None and _bring(poster, claim)[0] in ("posted", "updated", "needless")


def _claim(poster: Poster, handoff_id: int | None) -> PostClaim | None:
    """None also while nothing may leave this host."""
    now = poster.clock.now()
    with poster.database.write() as connection:
        if poster.guard.pause(connection) is not None:
            return None
        claim = claim_post(connection, now=now, handoff_id=handoff_id)
        generation = poster.guard.move(connection, now) if claim is not None else 0
    if generation:
        poster.guard.remember(generation, now)
    return claim


def _bring(poster: Poster, claim: PostClaim) -> tuple[str, bool]:
    """The name of the count that this card adds to, and whether Slack cannot be used at all."""
    try:
        drawn = _draw(poster, claim)
    except Exception as error:  # noqa: BLE001  (one broken hand-off must not stop the cards of the others)
        _log.exception("card_not_drawn", handoff=claim.handoff_id)
        return _put_off(poster, claim, f"The card could not be drawn ({type(error).__name__})", None), False
    if claim.is_new or claim.ts is None:
        return _post(poster, claim, drawn)
    return _update(poster, claim, drawn)


def _draw(poster: Poster, claim: PostClaim) -> _Drawn:
    with poster.database.read() as connection:
        handoff = get(connection, claim.handoff_id)
        card = poster.drawer.draw(connection, claim.handoff_id)
        if handoff is None or card is None:
            raise LookupError(f"hand-off {claim.handoff_id} is gone")
        moved = poster.drawer.draw_moved(connection, claim.handoff_id) if claim.ts else None
        remark = poster.drawer.draw_remark(connection, claim.handoff_id)
        reference = reference_of(installation_of(connection), claim.handoff_id)
        list_id, list_ts = list_of(connection, claim.handoff_id)
    # Whom Slack does not reach gets a mail; the channel is for those who have no address either, and for the unowned.
    fallback = None if handoff.owner_email else poster.fallback_channel
    places = tuple(place for place in (handoff.owner_slack_id, fallback) if place)
    call_at = ping_time(handoff, poster.clock.now(), poster.calendar, poster.timezone)
    return _Drawn(
        card=card,
        moved=moved,
        remark=remark,
        reference=reference,
        places=places,
        is_for_mail=bool(handoff.owner_email),
        handoff=handoff,
        list_id=list_id,
        list_ts=list_ts,
        call_at=call_at,
    )


def _post(poster: Poster, claim: PostClaim, drawn: _Drawn) -> tuple[str, bool]:
    if claim.is_finished and claim.ts is None and not claim.was_tried:
        return _needless(poster, claim), False
    if not claim.was_tried and drawn.call_at > poster.clock.now():
        with poster.database.write() as connection:
            record_waiting(connection, claim, until=drawn.call_at)
        return "waiting", False
    if not drawn.places and drawn.is_for_mail:
        with poster.database.write() as connection:
            record_waiting(connection, claim, until=poster.clock.now() + UNTIL_MAILED)
        return "waiting", False
    listed = _with_others(poster, claim, drawn)
    if listed is not None:
        return listed
    answer: Posted | PostFailed = PostFailed(reason="nobody_to_tell", permanent=True)
    for place in drawn.places:
        answer = poster.slack.post_card(
            place, drawn.card, drawn.reference, look_first=claim.was_tried, newer_than=claim.ts
        )
        if isinstance(answer, Posted) or not answer.is_place_at_fault:
            break
    if isinstance(answer, PostFailed):
        return _failed(poster, claim, answer)
    _record_posted(poster, claim, answer, drawn)
    if answer.was_found:
        # It shows what was true when it was first posted.
        poster.slack.update_card(answer.channel, answer.ts, drawn.card)
    _fold_earlier(poster, claim, answer, drawn)
    return "posted", False


def _with_others(poster: Poster, claim: PostClaim, drawn: _Drawn) -> tuple[str, bool] | None:
    """As one of several in one message, or later; None: it comes alone."""
    handoff, now = drawn.handoff, poster.clock.now()
    if claim.ts is not None or handoff.owner_slack_id is None or handoff.urgency == "high" or claim.is_finished:
        return None
    list_id = drawn.list_id
    if claim.was_tried and list_id is not None:
        with poster.database.write() as connection:
            if leave_list(connection, list_id, handoff.id):
                return None
    if not claim.was_tried:
        with poster.database.write() as connection:
            free_at = room_at(connection, poster.desk, handoff, now)
            if free_at > now:
                record_waiting(connection, claim, until=free_at)
                return "waiting", False
            list_id = gather(connection, poster.desk, handoff, now)
    if list_id is None:
        return None
    answer = post_list(poster.desk, list_id, handoff.owner_slack_id, now, look_first=claim.was_tried)
    if isinstance(answer, PostFailed):
        return None if answer.is_place_at_fault else _failed(poster, claim, answer)
    return "posted", False


def _fold_earlier(poster: Poster, claim: PostClaim, posted: Posted, drawn: _Drawn) -> None:
    """The earlier card loses its buttons. If that fails it stays as it is: its buttons explain themselves when clicked."""
    if claim.ts is None or claim.channel is None or drawn.moved is None or claim.ts == posted.ts:
        return
    if drawn.list_id is not None and claim.ts == drawn.list_ts:
        redraw_list(poster.desk, drawn.list_id)
        return
    answer = poster.slack.update_card(claim.channel, claim.ts, drawn.moved)
    if isinstance(answer, PostFailed):
        _log.info("earlier_card_stays", handoff=claim.handoff_id, reason=answer.reason)


def _update(poster: Poster, claim: PostClaim, drawn: _Drawn) -> tuple[str, bool]:
    answer: Posted | PostFailed | None = None
    if drawn.list_id is not None:
        answer = redraw_list(poster.desk, drawn.list_id)
    if answer is None or claim.ts != drawn.list_ts:
        answer = poster.slack.update_card(claim.channel or "", claim.ts or "", drawn.card)
    if isinstance(answer, PostFailed) and (answer.is_card_gone or answer.is_place_at_fault):
        with poster.database.write() as connection:
            record_card_gone(connection, claim)
        return ("needless" if claim.is_finished else "put_off"), False
    if isinstance(answer, PostFailed):
        return _failed(poster, claim, answer)
    if drawn.remark is not None:
        failed = poster.slack.reply(answer.channel, answer.ts, drawn.remark, look_first=claim.was_tried)
        if failed is not None:
            return _failed(poster, claim, failed)
    _record_posted(poster, claim, answer, drawn)
    return "updated", False


def _record_posted(poster: Poster, claim: PostClaim, posted: Posted, drawn: _Drawn) -> None:
    """A new card shows what the thread of an earlier one would have been told."""
    with poster.database.write() as connection:
        record_posted(connection, claim, channel=posted.channel, ts=posted.ts, at=poster.clock.now())
        if drawn.handoff.notify and not claim.is_finished:
            owe_copies(connection, [claim.handoff_id], poster.clock.now())
        if drawn.remark is not None:
            record_told(connection, claim.handoff_id)


def _needless(poster: Poster, claim: PostClaim) -> str:
    with poster.database.write() as connection:
        record_needless(connection, claim)
    return "needless"


def _failed(poster: Poster, claim: PostClaim, failed: PostFailed) -> tuple[str, bool]:
    if failed.permanent and claim.attempts >= MOST_REFUSALS:
        _log.warning("card_given_up", handoff=claim.handoff_id, reason=failed.reason)
        with poster.database.write() as connection:
            record_given_up(connection, claim, fault=failed.sentence, now=poster.clock.now())
            owe_copies(connection, [claim.handoff_id], poster.clock.now())
        return "given_up", False
    if failed.is_account_wide:
        with poster.database.write() as connection:
            record_stopped(connection, fault=failed.sentence, now=poster.clock.now())
    return _put_off(poster, claim, failed.sentence, failed.retry_after), failed.is_account_wide


def pause_after(attempts: int) -> timedelta:
    """How long to wait where Slack does not say."""
    pause: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 10)
    return min(pause, LONGEST_PAUSE)


def _put_off(poster: Poster, claim: PostClaim, fault: str, retry_after: float | None) -> str:
    pause = timedelta(seconds=retry_after) if retry_after is not None else pause_after(claim.attempts)
    with poster.database.write() as connection:
        record_put_off(connection, claim, fault=fault, until=poster.clock.now() + pause, now=poster.clock.now())
    _log.info("card_put_off", handoff=claim.handoff_id, fault=fault)
    return "put_off"
