"""Copies of hand-off cards for whom a step names in `notify:`: the card without buttons, posted once each, and shrunk to a line
when the hand-off is over. Same rules as for cards (escalate.py): no transaction while Slack is called, at most once, what
cannot pass is given up with a sentence. After escalate, which owes them; before nothing."""

from __future__ import annotations

from datetime import timedelta

import structlog

from bot.channels.slack import Card, Posted, PostFailed
from bot.pipeline.escalate import MOST_REFUSALS, PostCounts, Poster, pause_after, post_handoffs
from storage.handoff_views import installation_of
from storage.notice_moves import CopyClaim, claim_copy, put_off_copy, settle_copy
from storage.notices import NoticeState

_log = structlog.get_logger("journeybot.copies")


def post_all(poster: Poster | None) -> PostCounts:
    """Cards first, for they call somebody; then their copies. Returns the cards."""
    counts = post_handoffs(poster)
    if not counts.was_stopped:
        post_copies(poster)
    return counts


def post_copies(poster: Poster | None, *, limit: int = 50, seconds: float = 20.0) -> dict[str, int]:
    """Posts and shrinks copies until none is due, `limit` were tried or `seconds` are over; how many, by what became of them."""
    counts: dict[str, int] = {}
    if poster is None:
        return counts
    ends = poster.clock.monotonic() + seconds
    for _ in range(limit):
        claim = _claim(poster)
        if claim is None:
            break
        result, is_over = _bring(poster, claim)
        counts[result] = counts.get(result, 0) + 1
        if is_over or poster.clock.monotonic() >= ends:
            break
    return counts


def _claim(poster: Poster) -> CopyClaim | None:
    """None also while nothing may leave this host."""
    now = poster.clock.now()
    with poster.database.write() as connection:
        if poster.guard.pause(connection) is not None:
            return None
        claim = claim_copy(connection, now)
        generation = poster.guard.move(connection, now) if claim is not None else 0
    if generation:
        poster.guard.remember(generation, now)
    return claim


def _bring(poster: Poster, claim: CopyClaim) -> tuple[str, bool]:
    """What became of it, and whether Slack cannot be used at all."""
    if claim.ts is None and claim.is_finished and not claim.was_tried:
        return _settle(poster, claim, NoticeState.FINAL), False
    if claim.ts is None and claim.place is None:
        return _give_up(poster, claim, _nowhere(claim)), False
    try:
        card, reference = _draw(poster, claim)
    except Exception as error:  # noqa: BLE001  (one broken hand-off must not stop the copies of the others)
        _log.exception("copy_not_drawn", handoff=claim.handoff_id)
        return _put_off(poster, claim, f"The copy could not be drawn ({type(error).__name__})", None), False
    if claim.ts is not None:
        return _shrink(poster, claim, card)
    answer = poster.slack.post_card(claim.place or "", card, reference, look_first=claim.was_tried)
    if isinstance(answer, PostFailed):
        return _failed(poster, claim, answer)
    if answer.was_found:
        # It shows what was true when it was first posted.
        poster.slack.update_card(answer.channel, answer.ts, card)
    return _settle(poster, claim, NoticeState.POSTED, answer), False


def _draw(poster: Poster, claim: CopyClaim) -> tuple[Card, str]:
    with poster.database.read() as connection:
        card = poster.drawer.draw_copy(connection, claim.handoff_id, claim.person)
        if card is None:
            raise LookupError(f"hand-off {claim.handoff_id} is gone")
        return card, f"{installation_of(connection)}.copy-{claim.id}"


def _shrink(poster: Poster, claim: CopyClaim, card: Card) -> tuple[str, bool]:
    answer = poster.slack.update_card(claim.channel or "", claim.ts or "", card)
    if isinstance(answer, PostFailed) and not answer.is_card_gone and not answer.is_place_at_fault:
        return _failed(poster, claim, answer)
    # Somebody deleted it, or nobody can read it any more: there is nothing left to keep true.
    return _settle(poster, claim, NoticeState.FINAL), False


def _nowhere(claim: CopyClaim) -> str:
    if claim.person is None:
        return f"nobody of ours is called {claim.target}, or they have left"
    return f"{claim.target} has no slack_user_id in csms.csv"


def _failed(poster: Poster, claim: CopyClaim, failed: PostFailed) -> tuple[str, bool]:
    if failed.permanent and claim.attempts >= MOST_REFUSALS:
        return _give_up(poster, claim, failed.sentence), False
    return _put_off(poster, claim, failed.sentence, failed.retry_after), failed.is_account_wide


def _settle(poster: Poster, claim: CopyClaim, state: NoticeState, posted: Posted | None = None) -> str:
    where = {} if posted is None else {"channel": posted.channel, "ts": posted.ts}
    with poster.database.write() as connection:
        settle_copy(connection, claim, state, **where)
    return state.value


def _give_up(poster: Poster, claim: CopyClaim, fault: str) -> str:
    _log.warning("copy_given_up", handoff=claim.handoff_id, notice=claim.id)
    with poster.database.write() as connection:
        settle_copy(connection, claim, NoticeState.FAILED, fault=fault)
    return NoticeState.FAILED.value


def _put_off(poster: Poster, claim: CopyClaim, fault: str, retry_after: float | None) -> str:
    pause = timedelta(seconds=retry_after) if retry_after is not None else pause_after(claim.attempts)
    with poster.database.write() as connection:
        put_off_copy(connection, claim, fault=fault, until=poster.clock.now() + pause)
    _log.info("copy_put_off", handoff=claim.handoff_id, fault=fault)
    return "put_off"
