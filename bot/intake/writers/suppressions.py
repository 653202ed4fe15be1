"""Addresses that must not be mailed. An import only ever adds to them; lifting one is a person's decision."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, select

from bot.intake.job import Job
from bot.intake.rows import Record
from bot.rules.addresses import is_mailable_address
from bot.rules.mail_categories import MAIL_CATEGORIES
from storage.accounts import Suppression
from storage.bulk import insert_new_rows
from storage.consent import EVERYTHING, OPTIONAL
from storage.given import is_given

#: Everything, everything optional, or one category.
KNOWN = (EVERYTHING, OPTIONAL, *MAIL_CATEGORIES)
SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]


def write_suppressions(connection: Connection, records: Sequence[Record], job: Job) -> None:
    erased = job.directory.erased(connection)
    wanted: dict[tuple[str, str], str] = {}
    for record in records:
        address = record.values["email"].lower()
        if not is_mailable_address(address):
            hint = "write one address like name@example.com"
            job.tally.reject(record.line, "email", address, "this is no address", hint)
            continue
        if erased.has_address(address):
            job.tally.pass_by_erased(record.line)
            continue
        category = (record.values.get("category") or EVERYTHING).lower()
        if category not in KNOWN:
            hint = "one of " + ", ".join(KNOWN[2:]) + "; `*` is every one but transactional; empty is every mail"
            job.tally.reject(record.line, "category", category, "this is no category of mail", hint)
            continue
        pair = (address, category)
        if pair in wanted:
            job.tally.unchanged += 1
        wanted.setdefault(pair, record.values.get("reason") or "import")
    asked = is_given(connection, [SUPPRESSION.c.address], [(address,) for address, _ in wanted])
    found = connection.execute(select(SUPPRESSION.c.address, SUPPRESSION.c.category).where(asked))
    known = {(row.address, row.category) for row in found}
    new = [
        (address, category, reason, job.now)
        for (address, category), reason in wanted.items()
        if (address, category) not in known
    ]
    insert_new_rows(connection, SUPPRESSION, ("address", "category", "reason", "at"), new)
    job.tally.changed += len(new)
    job.tally.unchanged += len(wanted) - len(new)
