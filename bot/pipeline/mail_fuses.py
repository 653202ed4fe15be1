"""The fuses of sending (semantics.md S38): a playbook that would send far more today than on its usual days, and mails that
bounce or are called spam. The first is asked in the transaction that commits intents, before the first one; the others when
the provider's words were taken in. What blows pauses the playbook, or all mails. Nothing to count costs no statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from bot.pipeline.entering import OCCASION
from bot.pipeline.fuses import blow, blown_fuses
from bot.pipeline.mail_context import MailCase
from bot.pipeline.preflight import Judgement
from bot.pipeline.published import Published
from bot.rules.fuses import FuseKind, RateBound, is_rate_too_high, sending_bound
from bot.rules.zones import local_date, start_of_day
from storage.dialects import among
from storage.enrollments import ENROLLMENT
from storage.fuses import COUNTED, FUSE, PLAYBOOK_DAY, RELEASE, FuseState, put_mails
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE

#: A bounce or a complaint about a mail older than this blows nothing.
RECENTLY = timedelta(days=7)
RATES = (FuseKind.BOUNCES, FuseKind.COMPLAINTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingBounds:
    """How many mails may go today, by playbook; `of_all` for all of them together. Read once a pass."""

    since: datetime
    by_playbook: Mapping[str, int]
    of_all: int | None

    @property
    def is_open(self) -> bool:
        return not self.by_playbook and self.of_all is None


def read_sending_bounds(connection: Connection, published: Published, now: datetime) -> SendingBounds:
    """What is usual, by the days that were counted. Whom a person released today has no bound today."""
    fuses, zone = published.settings.fuses, published.settings.timezone
    today = local_date(now, zone)
    since = start_of_day(today, zone)
    bounds: dict[str, int] = {}
    if fuses.send_factor is not None:
        for playbook, days in _days_of(connection, today - timedelta(weeks=fuses.send_weeks), today).items():
            bound = sending_bound(fuses.send_factor, days)
            if bound is not None:
                bounds[playbook] = bound
    of_all = fuses.sender_mails
    for released in _released_since(connection, since) if bounds or of_all is not None else ():
        if released is None:
            of_all = None
        else:
            bounds.pop(released, None)
    return SendingBounds(since=since, by_playbook=bounds, of_all=of_all)


def _days_of(connection: Connection, first: date, today: date) -> dict[str, list[int]]:
    found = select(PLAYBOOK_DAY.c.playbook, PLAYBOOK_DAY.c.mails).where(
        PLAYBOOK_DAY.c.day >= first, PLAYBOOK_DAY.c.day < today, PLAYBOOK_DAY.c.mails > 0
    )
    days: dict[str, list[int]] = {}
    for row in connection.execute(found):
        if row.playbook != COUNTED:
            days.setdefault(row.playbook, []).append(row.mails)
    return days


def _released_since(connection: Connection, since: datetime) -> list[str | None]:
    released = select(FUSE.c.playbook).where(
        FUSE.c.kind == FuseKind.SENDING.value, FUSE.c.state == FuseState.RELEASED.value, FUSE.c.closed_at >= since
    )
    return list(connection.scalars(released))


@dataclass(slots=True, kw_only=True)
class SendingFuse:
    """One deliver pass' view of it: what may go today is read when the first batch is about to go."""

    published: Published
    _bounds: SendingBounds | None = None

    def mind(
        self, connection: Connection, cases: Iterable[MailCase], judgements: Mapping[int, Judgement], now: datetime
    ) -> bool:
        """Before these intents commit: blow where they would be too many; whether it did. The pause then holds them, as soon
        as pauses are asked again. Mails of walks that a person let in do not count."""
        bounds = self._bounds = self._bounds or read_sending_bounds(connection, self.published, now)
        if bounds.is_open:
            return False
        going = [case.message for case in cases if _goes(judgements.get(case.id))]
        parts: list[tuple[str | None, int, list[int]]] = []
        for playbook, bound in bounds.by_playbook.items():
            parts.append((playbook, bound, [mail.id for mail in going if mail.playbook == playbook]))
        if bounds.of_all is not None:
            parts.append((None, bounds.of_all, [mail.id for mail in going]))
        blew = [_mind(connection, self.published, bounds, part, now) for part in parts if part[2]]
        return any(blew)


def _goes(judgement: Judgement | None) -> bool:
    return judgement is not None and judgement.state is MessageState.SUBMITTING


def _mind(
    connection: Connection,
    published: Published,
    bounds: SendingBounds,
    part: tuple[str | None, int, list[int]],
    now: datetime,
) -> bool:
    playbook, bound, ids = part
    of_playbook = MESSAGE.c.playbook == playbook if playbook is not None else MESSAGE.c.playbook.is_not(None)
    today = and_(MESSAGE.c.accepted_at >= bounds.since, of_playbook)
    some = select(MESSAGE.c.id).where(today).limit(bound + 1).subquery()
    sent = connection.scalar(select(func.count()).select_from(some)) or 0
    if sent + len(ids) <= bound or _unasked(connection, or_(today, among(MESSAGE.c.id, ids))) <= bound:
        return False
    if _is_blown(connection, FuseKind.SENDING, playbook):
        return False
    numbers = {"sent": sent, "sending": len(ids), "bound": bound}
    blow(connection, published, FuseKind.SENDING, playbook, numbers, now)
    return True


def _unasked(connection: Connection, where: ColumnElement[bool]) -> int:
    """How many of these mails no person let go, themselves or with their walk."""
    rows = MESSAGE.outerjoin(ENROLLMENT, ENROLLMENT.c.id == MESSAGE.c.enrollment_id).outerjoin(
        OCCASION, OCCASION.c.id == ENROLLMENT.c.occasion_id
    )
    counted = (
        select(func.count())
        .select_from(rows)
        .where(where, OCCASION.c.released_at.is_(None), MESSAGE.c.id.not_in(select(RELEASE.c.message_id)))
    )
    return connection.scalar(counted) or 0


def _is_blown(connection: Connection, kind: FuseKind, playbook: str | None) -> bool:
    return any(fuse.kind is kind and fuse.playbook == playbook for fuse in blown_fuses(connection))


def _by_playbook(connection: Connection, where: ColumnElement[bool]) -> Counter[str]:
    counted = select(MESSAGE.c.playbook, func.count().label("number")).where(where).group_by(MESSAGE.c.playbook)
    return Counter({row.playbook: row.number for row in connection.execute(counted)})


def count_days(connection: Connection, published: Published, now: datetime) -> None:
    """Once a day: how many mails each playbook sent on the days that are over, as far back as the fuse looks."""
    settings = published.settings
    today = local_date(now, settings.timezone)
    oldest = today - timedelta(weeks=settings.fuses.send_weeks)
    counted = connection.scalar(select(func.max(PLAYBOOK_DAY.c.day)).where(PLAYBOOK_DAY.c.playbook == COUNTED))
    day = max(oldest, counted + timedelta(days=1)) if counted is not None else oldest
    names = [row.name for row in published.playbooks]
    if counted is None and not _has_sent(connection, names):
        day = today - timedelta(days=1)
    while day < today:
        first, end = start_of_day(day, settings.timezone), start_of_day(day + timedelta(days=1), settings.timezone)
        within = and_(MESSAGE.c.playbook.in_(names), MESSAGE.c.accepted_at >= first, MESSAGE.c.accepted_at < end)
        for playbook, number in _by_playbook(connection, within).items():
            put_mails(connection, playbook, day, number)
        put_mails(connection, COUNTED, day, 0)
        day += timedelta(days=1)


def _has_sent(connection: Connection, names: list[str]) -> bool:
    sent = select(MESSAGE.c.id).where(MESSAGE.c.playbook.in_(names), MESSAGE.c.accepted_at.is_not(None)).limit(1)
    return connection.scalar(sent) is not None


def mind_rates(connection: Connection, published: Published, now: datetime) -> None:
    """After the provider's words were taken in: blow where too many of a playbook's last mails, or of all, were bad."""
    fuses = published.settings.fuses
    bounds = {kind: bound for kind in RATES if (bound := fuses.rate_bound(kind)) is not None}
    if not bounds:
        return
    is_bad = or_(MESSAGE.c.bounced_at.is_not(None), MESSAGE.c.complained_at.is_not(None))
    lately = select(MESSAGE.c.playbook).where(is_bad, MESSAGE.c.accepted_at >= now - RECENTLY).distinct()
    suspects = list(connection.scalars(lately.order_by(MESSAGE.c.playbook)))
    if not suspects:
        return
    for kind, bound in bounds.items():
        for playbook in (None, *suspects):
            if _is_blown(connection, kind, None):
                break  # everything is held already, and one card is enough
            if not _is_blown(connection, kind, playbook):
                _mind_rate(connection, published, kind, bound, playbook, suspects, now)


def _mind_rate(
    connection: Connection,
    published: Published,
    kind: FuseKind,
    bound: RateBound,
    playbook: str | None,
    suspects: list[str],
    now: datetime,
) -> None:
    """Of all mails only what several playbooks share: one bad playbook stops itself, not the others."""
    if playbook is None and len(suspects) < 2:
        return
    column = MESSAGE.c.bounced_at if kind is FuseKind.BOUNCES else MESSAGE.c.complained_at
    names = [playbook] if playbook is not None else [row.name for row in published.playbooks]
    last: list[tuple[datetime, str, bool]] = []
    for name in names:
        newest = (
            select(MESSAGE.c.accepted_at, column.is_not(None).label("is_bad"))
            .where(MESSAGE.c.playbook == name, MESSAGE.c.accepted_at > _counts_from(connection, kind, playbook, now))
            .order_by(MESSAGE.c.accepted_at.desc())
            .limit(bound.mails)
        )
        last += [(row.accepted_at, name, bool(row.is_bad)) for row in connection.execute(newest)]
    last = sorted(last, reverse=True)[: bound.mails]
    bad = Counter(name for _, name, is_bad in last if is_bad)
    is_shared = playbook is not None or len(bad) > 1
    if is_shared and is_rate_too_high(kind, bad.total(), len(last), bound):
        numbers = {"bad": bad.total(), "mails": len(last), "percent": round(100 * bad.total() / len(last), 2)}
        numbers["bound"] = round(100 * bound.share, 3)
        blow(connection, published, kind, playbook, numbers, now)


def _counts_from(connection: Connection, kind: FuseKind, playbook: str | None, now: datetime) -> datetime:
    """After a person released the fuse, only mails sent since count: the old ones were known to them."""
    same = or_(FUSE.c.playbook.is_(None), FUSE.c.playbook == playbook)
    closed = connection.scalar(select(func.max(FUSE.c.closed_at)).where(FUSE.c.kind == kind.value, same))
    return closed or now - timedelta(days=365)
