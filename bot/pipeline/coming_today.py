"""Mails that nobody owes yet and that are known to fall due within a day: of walks that stand on a plain wait, whose time ends by
then and whose next step is a mail without a condition. Caps keep room for them (semantics.md S15). It reads a few statements
for a whole batch, and none where no playbook could be more important; it decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from bot.pipeline.batch import usable_zone
from bot.pipeline.mail_context import CSM, MailCase, window_columns
from bot.pipeline.news import local_days
from bot.pipeline.preflight import email_step, terms_of
from bot.pipeline.published import Published
from bot.pipeline.recipients import find_recipients
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from bot.rules.lookahead import MailAhead, mails_ahead
from bot.rules.steps_model import WaitStep
from bot.rules.windows import next_open
from storage.dialects import among
from storage.enrollments import ACTIVE, ENROLLMENT, rows_not_paused
from storage.outbox import MessageState

Place = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Coming:
    """One mail that a walk will owe, before anybody knows to whom."""

    walk: Row[Any]
    ahead: MailAhead


def mails_to_come(
    connection: Connection,
    published: Published,
    customer_ids: Collection[int],
    above: int,
    now: datetime,
    until: datetime,
) -> list[Any]:
    """For these customers, of playbooks with a priority above that. The columns of storage.touches.mails_under_way; `id` is the
    walk's, negative, because there is no mail yet."""
    places = _places(published, above)
    if not places:
        return []
    ground = published.ground(local_days(connection, now, published.settings.timezone))
    walks = _walks(connection, ground, customer_ids, list(places), now, until)
    coming = [_Coming(walk=walk, ahead=ahead) for walk in walks for ahead in places[walk.version_id, walk.step]]
    return list(_mails(connection, published, ground, coming)) if coming else []


def _places(published: Published, above: int) -> dict[Place, tuple[MailAhead, ...]]:
    """Where a walk may wait, and what it then sends whatever happens."""
    return {
        (version.id, node.id): mails
        for version in published.versions.values()
        if version.playbook.priority > above
        for node in version.program.nodes.values()
        if isinstance(node.step, WaitStep)
        and (mails := tuple(mail for mail in mails_ahead(version.program, node.id) if mail.is_sure))
    }


def _walks(
    connection: Connection,
    ground: Ground,
    customer_ids: Collection[int],
    places: list[Place],
    now: datetime,
    until: datetime,
) -> list[Row[Any]]:
    columns = [
        *(ENROLLMENT.c[name] for name in ("id", "playbook", "version_id", "step", "priority", "customer_id")),
        *(ENROLLMENT.c[name] for name in ("contact_id", "occurrence", "due_at")),
        CUSTOMER.c.timezone.label("customer_timezone"),
        CUSTOMER.c.region,
        CSM.c.timezone.label("csm_timezone"),
        *window_columns(ground),
    ]
    rows = ENROLLMENT.join(CUSTOMER, CUSTOMER.c.id == ENROLLMENT.c.customer_id).outerjoin(
        CSM, CSM.c.key == CUSTOMER.c.csm
    )
    waiting = select(*columns).where(
        among(ENROLLMENT.c.customer_id, customer_ids),
        ENROLLMENT.c.status == ACTIVE,
        ENROLLMENT.c.due_at > now,
        ENROLLMENT.c.due_at < until,
        tuple_(ENROLLMENT.c.version_id, ENROLLMENT.c.step).in_(places),
        ENROLLMENT.c.is_holdout.is_(False),
        ENROLLMENT.c.fault.is_(None),
        rows_not_paused(connection, ENROLLMENT),
    )
    return list(connection.execute(waiting.select_from(rows)).all())


def _mails(
    connection: Connection, published: Published, ground: Ground, coming: Collection[_Coming]
) -> Iterator[SimpleNamespace]:
    readers = _readers(connection, published, ground, coming)
    people = _people(connection, {contact for found in readers.values() for contact in found})
    for mail in coming:
        for contact_id in readers.get((mail.walk.id, mail.ahead.step), ()):
            yield _row(published, mail, people[contact_id])


def _readers(
    connection: Connection, published: Published, ground: Ground, coming: Collection[_Coming]
) -> dict[tuple[int, str], list[int]]:
    """(Walk, step) → the contacts that would get the mail now: one statement for each way of naming them."""
    found: dict[tuple[int, str], list[int]] = {}
    groups: dict[tuple[tuple[str, ...], str, str], list[int]] = {}
    for mail in coming:
        step = email_step(_case(mail), published)
        if step is not None and step.template in published.templates.names:
            category = published.templates.pick(step.template, (published.settings.locale,)).category
            groups.setdefault((tuple(step.to), category, mail.ahead.step), []).append(mail.walk.id)
    for (to, of_category, step_id), walks in groups.items():
        chosen = find_recipients(connection, ground, to, of_category, walks)
        found |= {(walk, step_id): contacts for walk, contacts in chosen.items()}
    return found


def _people(connection: Connection, contact_ids: Collection[int]) -> dict[int, Any]:
    columns = (CONTACT.c.id, CONTACT.c.timezone, func.lower(CONTACT.c.email).label("address"))
    found = connection.execute(select(*columns).where(among(CONTACT.c.id, contact_ids))).all()
    return {row.id: row for row in found}


def _row(published: Published, mail: _Coming, reader: Any) -> SimpleNamespace:
    walk, case = mail.walk, _case(mail)
    terms = terms_of(case, email_step(case, published), published)
    zone = usable_zone(reader.timezone, walk.customer_timezone, walk.csm_timezone, published.settings.timezone)
    return SimpleNamespace(
        id=-walk.id,
        customer_id=walk.customer_id,
        contact_id=reader.id,
        playbook=walk.playbook,
        step=mail.ahead.step,
        template=mail.ahead.template,
        priority=walk.priority,
        due_at=walk.due_at,
        not_before=next_open(terms.windows, walk.due_at, zone, terms.calendar),
        expires_at=None,
        state=MessageState.PENDING.value,
        over_at=None,
        reviewed_by=None,
        occasion=walk.occurrence,
        version_id=walk.version_id,
        address=reader.address,
        contact_timezone=reader.timezone,
        customer_timezone=walk.customer_timezone,
        region=walk.region,
    )


def _case(mail: _Coming) -> MailCase:
    """As far as windows ask."""
    walk = mail.walk
    message: Any = SimpleNamespace(
        version_id=walk.version_id, step=mail.ahead.step, customer_region=walk.region, occurrence=walk.occurrence
    )
    return MailCase(id=0, message=message, zone="UTC", locales=(), window=walk.window, team_window=walk.team_window)
