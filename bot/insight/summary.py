"""What a run of journeybot did, in counts: who walked which playbook and how it ended, mails per template, hand-offs per
kind, mails not sent and why, and whose story is worth telling. Read-only, set-based; read by the demo's summary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Table, case, func, select

from storage.accounts import Contact, Customer
from storage.handoffs import Handoff, HandoffState
from storage.health import SignalEpisode
from storage.journeys import Enrollment, EnrollmentStatus, Playbook, PlaybookVersion
from storage.outbox import Message, MessageState

WALKS: Table = Enrollment.__table__  # type: ignore[attr-defined]
MAILS: Table = Message.__table__  # type: ignore[attr-defined]
HANDOFFS: Table = Handoff.__table__  # type: ignore[attr-defined]
CUSTOMERS: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACTS: Table = Contact.__table__  # type: ignore[attr-defined]
PLAYBOOKS: Table = Playbook.__table__  # type: ignore[attr-defined]
EPISODES: Table = SignalEpisode.__table__  # type: ignore[attr-defined]
VERSIONS: Table = PlaybookVersion.__table__  # type: ignore[attr-defined]

GOAL = "goal"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookCount:
    """How many walks of one playbook began, still go on, reached the goal, ended otherwise (by outcome). `held_out` is
    the part of `entered` that walked silently."""

    playbook: str
    title: dict[str, str]
    entered: int
    active: int
    goal: int
    others: dict[str, int]
    held_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCount:
    """Accepted mails of one template and what people did with them."""

    template: str
    sent: int
    opened: int
    clicked: int
    bounced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffCount:
    """Hand-offs of one kind. `waiting` are open or acknowledged; `closed` were dismissed or withdrawn."""

    kind: str
    opened: int
    acknowledged: int
    done: int
    waiting: int
    closed: int
    escalated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentCount:
    """Mails that stand in a state other than accepted, by state and reason."""

    state: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalCount:
    """How often one signal opened, for how many customers, and for how many it is open still."""

    signal: str
    opened: int
    customers: int
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerName:
    """A customer as reports name it."""

    id: int
    key: str
    name: str


def count_signals(connection: Connection) -> tuple[SignalCount, ...]:
    """The most frequent first."""
    opened = func.count().label("opened")
    rows = connection.execute(
        select(
            EPISODES.c.signal,
            opened,
            func.count(EPISODES.c.customer_id.distinct()).label("customers"),
            func.count(case((EPISODES.c.closed_at.is_(None), 1))).label("open"),
        )
        .where(EPISODES.c.opened_at.is_not(None))
        .group_by(EPISODES.c.signal)
        .order_by(opened.desc(), EPISODES.c.signal)
    )
    return tuple(SignalCount(**row._mapping) for row in rows)


def count_people(connection: Connection) -> tuple[int, int]:
    """Customers and contacts."""
    customers = connection.execute(select(func.count()).select_from(CUSTOMERS)).scalar_one()
    contacts = connection.execute(select(func.count()).select_from(CONTACTS)).scalar_one()
    return int(customers), int(contacts)


def count_playbooks(connection: Connection) -> tuple[PlaybookCount, ...]:
    """Every deployed playbook, those nobody entered included, in the order of their names."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    held_out: dict[str, int] = defaultdict(int)
    ending = case((WALKS.c.status == EnrollmentStatus.ACTIVE, None), else_=WALKS.c.outcome)
    is_active = WALKS.c.status == EnrollmentStatus.ACTIVE
    columns = (WALKS.c.playbook, is_active.label("is_active"), ending.label("outcome"), WALKS.c.is_holdout)
    for row in connection.execute(select(*columns, func.count().label("n")).group_by(*columns)):
        found[row.playbook]["" if row.is_active else row.outcome or "ended"] += row.n
        held_out[row.playbook] += row.n if row.is_holdout else 0
    titles = select(PLAYBOOKS.c.name, VERSIONS.c.definition).join(VERSIONS, VERSIONS.c.id == PLAYBOOKS.c.version_id)
    return tuple(
        PlaybookCount(
            playbook=row.name,
            title=dict(row.definition.get("title", {})),
            entered=sum(found[row.name].values()),
            active=found[row.name].get("", 0),
            goal=found[row.name].get(GOAL, 0),
            others={name: n for name, n in sorted(found[row.name].items()) if name not in ("", GOAL)},
            held_out=held_out[row.name],
        )
        for row in connection.execute(titles.order_by(PLAYBOOKS.c.name))
    )


def count_mails(connection: Connection) -> tuple[TemplateCount, ...]:
    """Most sent first."""
    sent = func.count().label("sent")
    reads = (func.count(MAILS.c[f"{name}_at"]).label(name) for name in ("opened", "clicked", "bounced"))
    found = (
        select(MAILS.c.template, sent, *reads)
        .where(MAILS.c.state == MessageState.ACCEPTED)
        .group_by(MAILS.c.template)
        .order_by(sent.desc(), MAILS.c.template)
    )
    return tuple(TemplateCount(**row._mapping) for row in connection.execute(found))


def count_handoffs(connection: Connection) -> tuple[HandoffCount, ...]:
    """Most opened first."""
    opened = func.count().label("opened")

    def in_states(*states: HandoffState) -> object:
        return func.coalesce(func.sum(case((HANDOFFS.c.state.in_(states), 1), else_=0)), 0)

    found = (
        select(
            HANDOFFS.c.kind,
            opened,
            func.count(HANDOFFS.c.acknowledged_at).label("acknowledged"),
            in_states(HandoffState.DONE).label("done"),  # type: ignore[attr-defined]
            in_states(HandoffState.OPEN, HandoffState.ACKNOWLEDGED).label("waiting"),  # type: ignore[attr-defined]
            in_states(HandoffState.DISMISSED, HandoffState.WITHDRAWN).label("closed"),  # type: ignore[attr-defined]
            func.sum(case((HANDOFFS.c.escalations > 0, 1), else_=0)).label("escalated"),
        )
        .where(HANDOFFS.c.merged_into.is_(None))
        .group_by(HANDOFFS.c.kind)
        .order_by(opened.desc(), HANDOFFS.c.kind)
    )
    return tuple(HandoffCount(**row._mapping) for row in connection.execute(found))


def count_unsent(connection: Connection) -> tuple[UnsentCount, ...]:
    """Most frequent first; mails on their way are not among them."""
    count = func.count().label("count")
    on_their_way = (MessageState.ACCEPTED, MessageState.CLAIMED, MessageState.SUBMITTING)
    reason = func.coalesce(MAILS.c.reason, "").label("reason")
    found = (
        select(MAILS.c.state, reason, count)
        .where(MAILS.c.state.not_in(on_their_way))
        .group_by(MAILS.c.state, reason)
        .order_by(count.desc(), MAILS.c.state, reason)
    )
    return tuple(UnsentCount(**row._mapping) for row in connection.execute(found))


def busiest_customer(
    connection: Connection, playbook: str, *, outcome: str | None = None, besides: Collection[str] = ()
) -> CustomerName | None:
    """Among those who walked the playbook (to that outcome), the one with the most mails opened and hand-offs done; None:
    nobody walked it so. `besides`: keys of customers not wanted."""
    mails = select(func.count(MAILS.c.opened_at)).where(MAILS.c.customer_id == CUSTOMERS.c.id).scalar_subquery()
    deeds = (
        select(func.count())
        .where(HANDOFFS.c.customer_id == CUSTOMERS.c.id, HANDOFFS.c.state == HandoffState.DONE)
        .scalar_subquery()
    )
    found = (
        select(CUSTOMERS.c.id, CUSTOMERS.c.key, CUSTOMERS.c.name)
        .join(WALKS, WALKS.c.customer_id == CUSTOMERS.c.id)
        .where(WALKS.c.playbook == playbook, WALKS.c.is_holdout.is_(False), CUSTOMERS.c.key.not_in(list(besides)))
        .group_by(CUSTOMERS.c.id, CUSTOMERS.c.key, CUSTOMERS.c.name)
        .order_by((2 * deeds + mails).desc(), CUSTOMERS.c.key)
        .limit(1)
    )
    if outcome is not None:
        found = found.where(WALKS.c.outcome == outcome)
    row = connection.execute(found).one_or_none()
    return None if row is None else CustomerName(**row._mapping)
