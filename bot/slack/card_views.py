"""Reads what a card shows: the hand-off, its acts with the names of people, its reason and its brief, for one reader.
Read-only. `CardDrawer` is what post_handoffs and the Bolt app are given to draw cards with; cards.py does the drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Protocol

from sqlalchemy import Connection, Table, bindparam, select

from bot.channels.slack import Card
from bot.clock import Clock
from bot.insight.handoff_brief import Reader, read_brief
from bot.insight.handoff_people import contact_to_talk_to, health_line, mails_sent
from bot.insight.handoff_reasons import evidence_of
from bot.pipeline.asking_by_hand import BY_HAND
from bot.pipeline.deployed_settings import DeployedSettings
from bot.pipeline.plan_cards import PLAYBOOK as SUCCESS_PLAN
from bot.pipeline.plan_cards import plan_of_card
from bot.pipeline.staff_mail import StaffLetter
from bot.rules.zones import is_zone
from bot.slack.card_mail import write_card, write_cards
from bot.slack.cards import ActLine, CardView, draw_card, draw_copy, draw_moved_card, remark
from bot.slack.list_card import ListLine, draw_list_card
from bot.slack.wording import say
from storage.accounts import Csm
from storage.dialects import among_given
from storage.handoff_views import HandoffRecord, causes_of, get, get_many, installation_of, reference_of
from storage.handoffs import HandoffAct
from storage.journeys import Enrollment, PlaybookVersion

ACT: Table = HandoffAct.__table__  # type: ignore[attr-defined]
CSM: Table = Csm.__table__  # type: ignore[attr-defined]
WALK: Table = Enrollment.__table__  # type: ignore[attr-defined]
VERSION: Table = PlaybookVersion.__table__  # type: ignore[attr-defined]


class Morning(Protocol):
    """Draws a person's digest; digest.py has it. None: their day is over, or they are not there any more."""

    def digest(self, connection: Connection, csm: str, day: date, *, without: Sequence[int]) -> Card | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDrawer:
    """Draws hand-offs for their readers; `locale` and `timezone` are the workspace's, for readers who have none."""

    clock: Clock
    locale: str = "en"
    timezone: str = "UTC"
    settings: DeployedSettings = field(default_factory=DeployedSettings)
    morning: Morning | None = None

    def draw(self, connection: Connection, handoff_id: int) -> Card | None:
        """None: there is no such hand-off."""
        view = build_card_view(connection, handoff_id, drawer=self)
        return None if view is None else draw_card(view)

    def draw_moved(self, connection: Connection, handoff_id: int) -> Card | None:
        """What is left of an earlier card of it."""
        view = build_card_view(connection, handoff_id, drawer=self)
        return None if view is None else draw_moved_card(view)

    def draw_copy(self, connection: Connection, handoff_id: int, person: str | None) -> Card | None:
        """For one who is only told, in their language; `person` None: for a channel."""
        reader = self._reader(*_language_of(connection, person))
        view = build_card_view(connection, handoff_id, drawer=self, reader=reader)
        return None if view is None else draw_copy(view)

    def draw_remark(self, connection: Connection, handoff_id: int) -> str | None:
        """The line that the card's thread is still owed; None: nothing."""
        view = build_card_view(connection, handoff_id, drawer=self)
        return None if view is None else remark(view)

    def draw_list(
        self,
        connection: Connection,
        handoff_ids: Sequence[int],
        ts: str | None,
        digest: tuple[str, date] | None = None,
    ) -> Card:
        """The message of several. `ts`: its own; who has a newer card is not opened from here any more. `digest`: whose digest
        of which day it begins with, as long as that day lasts."""
        handoffs = get_many(connection, handoff_ids)
        lines = [
            ListLine(view=view, has_own_card=ts is not None and handoff.posted_ts not in (None, ts))
            for handoff, view in zip(handoffs, build_line_views(connection, handoffs, drawer=self), strict=True)
        ]
        head = None
        if digest is not None and self.morning is not None:
            head = self.morning.digest(connection, *digest, without=handoff_ids)
        return draw_list_card(lines, head)

    def write(self, connection: Connection, handoff_ids: Sequence[int]) -> StaffLetter | None:
        """As a mail, for owners whom Slack does not reach; several as a list."""
        handoffs = get_many(connection, handoff_ids)
        if len(handoffs) > 1:
            views = build_line_views(connection, handoffs, drawer=self)
            return write_cards([(handoff.id, view) for handoff, view in zip(handoffs, views, strict=True)])
        (view,) = [build_card_view(connection, handoff.id, drawer=self) for handoff in handoffs] or [None]
        return None if view is None else write_card(view, handoffs[0].id)

    def reader_of(self, handoff: HandoffRecord) -> Reader:
        """The owner where the card can reach them, else the workspace's channel."""
        has_own = handoff.owner_slack_id is not None or bool(handoff.owner_email)
        return self._reader(*(handoff.owner_locale, handoff.owner_timezone) if has_own else (None, None))

    def _reader(self, locale: str | None, timezone: str | None) -> Reader:
        zone = timezone or self.timezone
        return Reader(locale=locale or self.locale, timezone=zone if is_zone(zone) else "UTC", now=self.clock.now())


def _language_of(connection: Connection, person: str | None) -> tuple[str | None, str | None]:
    table = Csm.__table__  # type: ignore[attr-defined]
    row = connection.execute(select(table.c.locale, table.c.timezone).where(table.c.key == person)).one_or_none()
    return (None, None) if row is None else (row.locale, row.timezone)


def build_card_view(
    connection: Connection, handoff_id: int, *, drawer: CardDrawer, reader: Reader | None = None
) -> CardView | None:
    """For its owner, or for this `reader`. None: there is no such hand-off."""
    handoff = get(connection, handoff_id)
    if handoff is None:
        return None
    reader = reader or drawer.reader_of(handoff)
    (line,) = build_line_views(connection, [handoff], drawer=drawer, reader=reader)
    reason = _reasons(connection, handoff, reader)
    if handoff.is_finished:
        return replace(line, reason=reason)
    return replace(
        line,
        reason=reason,
        contact=contact_to_talk_to(connection, handoff, reader),
        health=health_line(connection, handoff, reader),
        sent=tuple(mails_sent(connection, handoff, reader)),
        evidence=tuple(
            evidence_of(connection, handoff, reader, lambda: drawer.settings.ground(connection, reader.now))
        ),
        brief=read_brief(connection, handoff, reader),
    )


def build_line_views(
    connection: Connection, handoffs: Sequence[HandoffRecord], *, drawer: CardDrawer, reader: Reader | None = None
) -> list[CardView]:
    """What a line of a list shows of each, for its owner or for this `reader`: all but the reason and the brief. A few statements,
    however many there are."""
    installation, acts = installation_of(connection), _acts_of(connection, [handoff.id for handoff in handoffs])
    return [
        _line_view(handoff, reader or drawer.reader_of(handoff), installation, acts.get(handoff.id, ()))
        for handoff in handoffs
    ]


def _line_view(handoff: HandoffRecord, reader: Reader, installation: str, acts: tuple[ActLine, ...]) -> CardView:
    return CardView(
        reference=reference_of(installation, handoff.id),
        locale=reader.locale,
        timezone=reader.timezone,
        drawn_at=reader.now,
        state=handoff.state,
        title=reader.text_of(handoff.title) or handoff.step,
        urgency=handoff.urgency,
        customer_name=handoff.customer_name,
        arr=handoff.arr,
        currency=handoff.currency,
        stage=handoff.stage,
        owner=handoff.owner_name or handoff.owner,
        contact=None,
        due_at=handoff.due_at,
        reason="",
        brief=(),
        tasks=tuple(reader.text_of(task) for task in handoff.tasks),
        ticked=frozenset(handoff.ticked or ()),
        has_mail=handoff.prepare is not None,
        link=str((handoff.event or {}).get("link") or "") if handoff.playbook == BY_HAND else None,
        plan=_plan(handoff, installation),
        is_flagged=handoff.flagged_at is not None,
        outcomes=tuple(handoff.outcomes),
        outcome=handoff.outcome,
        acts=acts,
    )


def _plan(handoff: HandoffRecord, installation: str) -> str | None:
    """What names the plan whose own hand-off it is."""
    plan = plan_of_card(handoff.occurrence) if handoff.playbook == SUCCESS_PLAN else None
    return None if plan is None else reference_of(installation, plan)


_ACTS = select(ACT).where(among_given(ACT.c.handoff_id)).order_by(ACT.c.id)


def _acts_of(connection: Connection, handoff_ids: Sequence[int]) -> dict[int, tuple[ActLine, ...]]:
    """Hand-off → its acts from the oldest, with the names of people."""
    rows = list(connection.execute(_ACTS, {"keys": list(handoff_ids)}).mappings())
    names = names_of(
        connection, {str(name) for row in rows for name in (row["by"], (row["details"] or {}).get("owner"))}
    )
    lines: dict[int, tuple[ActLine, ...]] = {}
    for row in rows:
        line = ActLine(
            act=row["act"],
            by=names.get(row["by"], row["by"]),
            at=row["at"],
            details=_named(dict(row["details"] or {}), names),
        )
        lines[row["handoff_id"]] = (*lines.get(row["handoff_id"], ()), line)
    return lines


def _named(details: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    owner = details.get("owner")
    return {**details, "owner": names.get(owner, owner)} if owner else details


def names_of(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """The names of the CSMs among these keys."""
    return {row.key: row.name for row in connection.execute(_NAMES, {"people": sorted(keys)})}


_NAMES = select(CSM.c.key, CSM.c.name).where(CSM.c.key.in_(bindparam("people", expanding=True)))


def _reasons(connection: Connection, handoff: HandoffRecord, reader: Reader) -> str:
    """Why it is asked; a line each where several journeys ask (S28). Causes that are over are left out."""
    joined = [] if handoff.is_finished else causes_of(connection, handoff.id)
    causes = [found for found in (handoff, *joined) if found.cause_over is None]
    lines = [_reason(connection, found, reader) for found in causes]
    if joined:
        lines = [f"{reader.text_of(found.title)}: {line}" for found, line in zip(causes, lines, strict=True)]
    return "\n".join(lines)


_BEGAN = (
    select(WALK.c.entered_at, WALK.c.event, VERSION.c.definition)
    .select_from(WALK.join(VERSION, VERSION.c.id == WALK.c.version_id))
    .where(WALK.c.id == bindparam("walk"))
)


def _reason(connection: Connection, handoff: HandoffRecord, reader: Reader) -> str:
    """Which journey asks, since when, and what began it."""
    row = connection.execute(_BEGAN, {"walk": handoff.enrollment_id}).one_or_none()
    if row is None and handoff.playbook == BY_HAND:
        return say("asked_by", reader.locale, by=str((handoff.event or {}).get("by_name") or "–"))
    if row is None and handoff.playbook == SUCCESS_PLAN:
        return say("from_plan", reader.locale)
    if row is None:
        return say("from_journey", reader.locale, playbook=handoff.playbook)
    parts = [
        say("from_journey", reader.locale, playbook=_title(row.definition, reader) or handoff.playbook),
        say("since", reader.locale, day=reader.day(row.entered_at)),
    ]
    event = (handoff.event or row.event or {}).get("name")
    if event:
        parts.append(say("by_event", reader.locale, event=str(event)))
    return reader.says(", ", "、").join(parts)


def _title(definition: dict[str, Any], reader: Reader) -> str:
    title = definition.get("title")
    if isinstance(title, dict):
        return reader.text_of({str(key): str(value) for key, value in title.items()})
    return str(title or "")
