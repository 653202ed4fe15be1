"""doctor's questions about customers, contacts and CSMs: what is missing or wrong in the imported data, counted. Each is one
statement whose rows are what is wrong. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, or_, select

from bot.insight.complaints import EXAMPLES, Check, Complaint
from bot.rules.zones import is_zone
from storage.accounts import Contact, Csm, Customer, has_left

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CSM: Table = Csm.__table__  # type: ignore[attr-defined]


def people_checks() -> Iterator[Check]:
    yield from _customer_checks()
    yield from _person_checks()


def _customer_checks() -> Iterator[Check]:
    known = select(CSM.c.key).where(CSM.c.key == CUSTOMER.c.csm).exists()
    there = select(CONTACT.c.id).where(CONTACT.c.customer_id == CUSTOMER.c.id, CONTACT.c.gone_at.is_(None)).exists()
    yield Check(
        name="customer_without_csm",
        severity="note",
        sentence="{n} customer(s) have no CSM; their hand-offs go to `owners: default:`",
        hint="fill the column `csm` of customers.csv",
        rows=_customers(CUSTOMER.c.csm.is_(None)),
    )
    yield Check(
        name="csm_unknown",
        severity="warning",
        sentence="{n} customer(s) have a CSM who is not in csms.csv",
        hint="import the person, or correct the column `csm`",
        rows=_customers(CUSTOMER.c.csm.is_not(None), ~known),
    )
    yield Check(
        name="csm_left",
        severity="warning",
        sentence="{n} customer(s) belong to a CSM who has left",
        hint="give them another CSM: the column `csm` of customers.csv",
        rows=_customers(select(CSM.c.key).where(CSM.c.key == CUSTOMER.c.csm, has_left(CSM)).exists()),
    )
    yield Check(
        name="customer_without_timezone",
        severity="note",
        sentence="{n} customer(s) have no time zone; the workspace's counts for them",
        hint="fill the column `timezone` of customers.csv",
        rows=_customers(CUSTOMER.c.timezone.is_(None)),
    )
    yield Check(
        name="customer_without_contact",
        severity="note",
        sentence="{n} customer(s) have nobody to write to",
        hint="import contacts.csv",
        rows=_customers(~there),
    )


def _person_checks() -> Iterator[Check]:
    empty = or_(CONTACT.c.email.is_(None), CONTACT.c.email == "")
    yield Check(
        name="contact_without_address",
        severity="note",
        sentence="{n} contact(s) have no mail address",
        hint="fill the column `email` of contacts.csv",
        rows=select(CUSTOMER.c.key + "/" + CONTACT.c.key)
        .join(CONTACT, CONTACT.c.customer_id == CUSTOMER.c.id)
        .where(empty, CONTACT.c.gone_at.is_(None))
        .order_by(CONTACT.c.id),
    )
    yield Check(
        name="csm_seems_gone",
        severity="warning",
        sentence="{n} of our people have left, as Slack or a complete import says; their open hand-offs went to others",
        hint="write `active: no` into csms.csv for who has left, `active: yes` for who is still here",
        rows=select(CSM.c.key).where(CSM.c.active.is_(None), CSM.c.gone_at.is_not(None)).order_by(CSM.c.key),
    )
    yield Check(
        name="csm_unreachable",
        severity="warning",
        sentence="{n} of our people have neither Slack nor a mail address, so no hand-off reaches them",
        hint="fill `slack_user_id` or `email` of csms.csv",
        rows=select(CSM.c.key)
        .where(~has_left(CSM), CSM.c.slack_user_id.is_(None), func.coalesce(CSM.c.email, "") == "")
        .order_by(CSM.c.key),
    )


def _customers(*where: ColumnElement[bool]) -> Select[Any]:
    return select(CUSTOMER.c.key).where(CUSTOMER.c.erased_at.is_(None), *where).order_by(CUSTOMER.c.id)


def unknown_zones(connection: Connection) -> list[Complaint]:
    """Time zones that nobody knows; whoever has one lives in the workspace's. Asked per zone, not per row."""
    found = []
    for table, what in ((CUSTOMER, "customer"), (CONTACT, "contact"), (CSM, "CSM")):
        statement = (
            select(table.c.timezone, func.count().label("number"))
            .where(table.c.timezone.is_not(None))
            .group_by(table.c.timezone)
            .order_by(table.c.timezone)
        )
        wrong = {row.timezone: row.number for row in connection.execute(statement) if not is_zone(row.timezone)}
        if wrong:
            found.append(_wrong_zones(what, wrong))
    return found


def _wrong_zones(what: str, wrong: dict[str, int]) -> Complaint:
    count = sum(wrong.values())
    return Complaint(
        name=f"{what.lower()}_timezone_unknown",
        severity="warning",
        sentence=f"{count} {what}(s) have a time zone that does not exist; the workspace's counts for them",
        hint="write it like `Asia/Tokyo`",
        count=count,
        examples=tuple(wrong)[:EXAMPLES],
    )
