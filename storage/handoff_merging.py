"""Causes that share a card (S28): the second hand-off of a customer, kind and owner joins the open one as a row that points
to it, and its own end is that of the card. Writes in the caller's transaction; locks rows in the order of ids. Called by the
hand-off step, by leaving and by erasing; what a person does to the card stays with handoff_moves.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from storage.bulk import insert_new_rows
from storage.dialects import among, among_given
from storage.handoff_deeds import MACHINE, Deed, card_after, carry_out, look, record
from storage.handoff_views import UNFINISHED
from storage.handoffs import Handoff, HandoffState

#: The occurrence of a step's own hand-off; questions and fuses have others, and are never joined.
OF_A_STEP = "1"
URGENCIES = ("low", "normal", "high")
LISTS = ("brief", "tasks", "outcomes", "notify")
EARLIEST = ("due_at", "acknowledge_by", "remind_at")
IF_NONE = ("acknowledge_within", "escalate_to", "event")

_handoffs = Handoff.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCard:
    """An unfinished hand-off that further causes may join. `walks`: those whose causes it already has."""

    id: int
    customer_id: int
    kind: str
    owner: str | None
    playbook: str
    step: str
    snoozed_until: datetime | None
    walks: frozenset[int]

    @property
    def alert(self) -> tuple[int, str, str]:
        return self.customer_id, self.playbook, self.step

    @property
    def topic(self) -> tuple[int, str, str | None]:
        return self.customer_id, self.kind, self.owner


def open_cards(connection: Connection, customer_ids: Iterable[int]) -> list[OpenCard]:
    """Those of these customers, the oldest first."""
    cards = connection.execute(_OPEN_CARDS, {"keys": sorted(set(customer_ids))}).all()
    walks: dict[int, set[int]] = {card.id: {card.enrollment_id} for card in cards}
    for row in connection.execute(_JOINED, {"keys": sorted(walks)}) if cards else ():
        walks[row.merged_into].add(row.enrollment_id)
    return [
        OpenCard(
            id=card.id,
            customer_id=card.customer_id,
            kind=card.kind,
            owner=card.owner,
            playbook=card.playbook,
            step=card.step,
            snoozed_until=card.snoozed_until,
            walks=frozenset(walks[card.id]),
        )
        for card in cards
    ]


_OF_CARDS = ("id", "customer_id", "kind", "owner", "playbook", "step", "snoozed_until", "enrollment_id")
_OPEN_CARDS = (
    select(*(_handoffs.c[name] for name in _OF_CARDS))
    .where(
        among_given(_handoffs.c.customer_id),
        _handoffs.c.state.in_([state.value for state in UNFINISHED]),
        _handoffs.c.occurrence == OF_A_STEP,
        _handoffs.c.enrollment_id.is_not(None),
    )
    .order_by(_handoffs.c.id)
)
_JOINED = select(_handoffs.c.merged_into, _handoffs.c.enrollment_id).where(among_given(_handoffs.c.merged_into))


def write_handoffs(connection: Connection, rows: Sequence[dict[str, Any]], at: datetime) -> dict[int, int]:
    """Opens these hand-offs of walks, or adds them to the card of their customer, kind and owner that is open or is being
    opened here. Returns walk → card of those that joined one. What a walk asks besides is another card, and so is what
    brings its own mail (`prepare`): a card has one. What somebody snoozed is quiet: the same alert joins it in any case."""
    opened: list[dict[str, Any]] = []
    joining: list[dict[str, Any]] = []
    asked = {row["customer_id"] for row in rows}
    standing = open_cards(connection, asked)
    topics = _by_topic(standing)
    snoozed = {card.alert: card for card in standing if card.snoozed_until is not None and card.snoozed_until > at}
    merged: dict[int, int] = {}
    begun: set[tuple[Any, ...]] = set()
    for row in rows:
        asleep = snoozed.get((row["customer_id"], row["playbook"], row["step"]))
        if asleep is not None and row["enrollment_id"] not in asleep.walks and join(connection, asleep.id, row, at):
            merged[row["enrollment_id"]] = asleep.id
            continue
        topic = _topic_of(row)
        is_open = topic in begun or any(row["enrollment_id"] not in card.walks for card in topics.get(topic, ()))
        (joining if is_open and not row["prepare"] else opened).append(row)
        begun.add(topic)
    _insert(connection, opened)
    cards = _by_topic(open_cards(connection, asked)) if joining else {}
    for row in joining:
        of_others = [card.id for card in cards.get(_topic_of(row), ()) if row["enrollment_id"] not in card.walks]
        joined = next((card for card in of_others if join(connection, card, row, at)), None)
        if joined is None:
            _insert(connection, [row])
        else:
            merged[row["enrollment_id"]] = joined
    return merged


def _topic_of(row: Mapping[str, Any]) -> tuple[int, str, str | None]:
    return row["customer_id"], row["kind"], row["owner"]


def _by_topic(cards: Iterable[OpenCard]) -> dict[tuple[int, str, str | None], list[OpenCard]]:
    found: dict[tuple[int, str, str | None], list[OpenCard]] = {}
    for card in cards:
        found.setdefault(card.topic, []).append(card)
    return found


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        columns = tuple(rows[0])
        values = [tuple(row[name] for name in columns) for row in rows]
        insert_new_rows(connection, Handoff.__table__, columns, values)  # type: ignore[attr-defined]


def join(connection: Connection, card_id: int, cause: Mapping[str, Any], at: datetime) -> bool:
    """Adds a cause (the columns of a new hand-off) to an open card. False: that one was closed meanwhile. A cause that is
    more urgent than the card calls its person anew; snoozed, the card stays so otherwise."""
    deed = Deed(act="merged", by=MACHINE, at=at, key=f"merged-{cause['enrollment_id']}-{cause['step']}", details={})
    row, refusal = look(connection, card_id, deed)
    if row is None or refusal is not None:
        return refusal is not None and refusal.is_done
    values = {**cause, "state": HandoffState.MERGED.value, "merged_into": card_id, "posting": "needless"}
    _insert(connection, [values])
    details = {"playbook": cause["playbook"], "cause": cause["step"]}
    is_raised = URGENCIES.index(cause["urgency"]) > URGENCIES.index(row["urgency"])
    deed = (
        Deed(act="raised", by=MACHINE, at=at, key=deed.key, details=details)
        if is_raised
        else Deed(act="merged", by=MACHINE, at=at, key=deed.key, details=details)
    )
    carry_out(connection, row, deed, _united(row, cause, is_raised=is_raised), HandoffState(row["state"]))
    return True


def _united(row: RowMapping, cause: Mapping[str, Any], *, is_raised: bool) -> dict[str, Any]:
    """What both ask for. Outcomes are only added at the end: a card's list is numbered."""
    values: dict[str, Any] = {
        name: [*row[name], *(item for item in cause[name] if item not in row[name])] for name in LISTS
    }
    for name in EARLIEST:
        times = [found for found in (row[name], cause.get(name)) if found is not None]
        values[name] = min(times, default=None)
    values |= {name: row[name] if row[name] is not None else cause[name] for name in IF_NONE}
    values["ask"] = {**(cause.get("ask") or {}), **(row["ask"] or {})} or None
    if row["snoozed_until"] is not None or row["state"] != HandoffState.OPEN:
        values |= {
            name: row[name] for name in ("acknowledge_by", "remind_at")
        }  # that clock stands still, or has been answered
    if is_raised:
        values |= {"urgency": cause["urgency"], "snoozed_until": None}
        values["acknowledge_by"] = cause["acknowledge_by"] or row["acknowledge_by"]
        values["remind_at"] = cause.get("remind_at") or row["remind_at"]
    return values


def end_causes(connection: Connection, reasons: Mapping[int, str], at: datetime) -> dict[int, str]:
    """The walks of these hand-offs (id → how it ended) are over. A cause that joined a card leaves it; a card whose own
    cause is over stays for the others. Returns the cards of which no cause is left, for withdrawing or asking (S13)."""
    rows = _with_cards(connection, reasons)
    cards = {row["id"]: row for row in rows if row["state"] in UNFINISHED}
    living = {row["id"]: row["merged_into"] for row in rows if row["state"] == HandoffState.MERGED}
    over: dict[int, str] = {}
    for ended in sorted(living.keys() & reasons.keys()):
        card_id = living.pop(ended)
        if card_id in cards:
            _leave_card(connection, ended, reasons[ended], at)
            is_left = cards[card_id]["cause_over"] is None and card_id not in reasons
            if is_left or card_id in living.values():
                _tell_card(connection, cards[card_id], ended, reasons[ended], at)
            else:
                over[card_id] = reasons[ended]
    for card_id in sorted(cards.keys() & reasons.keys()):
        if card_id in living.values():
            connection.execute(update(_handoffs).where(_handoffs.c.id == card_id).values(cause_over=reasons[card_id]))
            _tell_card(connection, cards[card_id], card_id, reasons[card_id], at)
        else:
            over[card_id] = reasons[card_id]
    return over


def _with_cards(connection: Connection, ids: Iterable[int]) -> list[RowMapping]:
    """These hand-offs, the cards they joined, and everything else that joined those; locked."""
    asked = sorted(set(ids))
    mains = select(_handoffs.c.merged_into).where(among(_handoffs.c.id, asked), _handoffs.c.merged_into.is_not(None))
    around = {*asked, *connection.scalars(mains)}
    joined = connection.scalars(select(_handoffs.c.id).where(among(_handoffs.c.merged_into, sorted(around))))
    wanted = among(_handoffs.c.id, sorted({*around, *joined}))
    found = select(_handoffs).where(wanted).order_by(_handoffs.c.id).with_for_update()
    return list(connection.execute(found).mappings())


def _leave_card(connection: Connection, handoff_id: int, reason: str, at: datetime) -> None:
    connection.execute(
        update(_handoffs)
        .where(_handoffs.c.id == handoff_id, _handoffs.c.state == HandoffState.MERGED)
        .values(state=HandoffState.WITHDRAWN, closed_by=MACHINE, closed_at=at, note=reason)
    )


def _tell_card(connection: Connection, card: RowMapping, cause: int, reason: str, at: datetime) -> None:
    connection.execute(update(_handoffs).where(_handoffs.c.id == card["id"]).values(**card_after(is_new=False)))
    deed = Deed(act="cause_ended", by=MACHINE, at=at, key=f"cause-ended-{cause}", details={"reason": reason})
    record(connection, [card], deed)
