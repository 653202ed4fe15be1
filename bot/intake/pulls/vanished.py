"""Notices rows that a source has no longer. A contact that vanished is gone (its walks end as contact_gone); a customer that vanished
is only told of (`doctor`), because nobody stops serving a company by a deleted record. Part of sync.py's transactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select, update

from bot.intake.columns import Kind
from bot.intake.pulls.base import Pull, Puller, SourceFailed
from bot.intake.rows import Record
from storage.accounts import Contact, Customer
from storage.marks import mark_customers
from storage.sync import SyncRow
from storage.upserts import upsert_rows

ROW: Table = SyncRow.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
COLUMNS = ("source", "pull", "key", "customer", "seen_at", "gone_at")
#: Our column that holds their key.
KEY_OF = {Kind.CUSTOMERS: "customer", Kind.CONTACTS: "contact"}
#: A source that suddenly lacks more than this share, and more than so few, is rather broken than empty.
MOST_GONE, FEW_GONE = 0.2, 20


@dataclass(slots=True)
class Keys:
    """The rows of one pull: which the source had, and has now."""

    source: str
    pull: Pull
    now: datetime
    kind: Kind = field(init=False)

    def __post_init__(self) -> None:
        self.kind = self.pull.file_map.kind

    @property
    def is_followed(self) -> bool:
        return self.kind in KEY_OF and KEY_OF[self.kind] in self.pull.file_map.columns

    @property
    def _mine(self) -> ColumnElement[bool]:
        return and_(ROW.c.source == self.source, ROW.c.pull == self.pull.name)

    def see(self, connection: Connection, records: Sequence[Record]) -> None:
        """The source has these; who had vanished is back."""
        if not self.is_followed:
            return
        ours = KEY_OF[self.kind]
        rows = {
            str(key): (self.source, self.pull.name, str(key), str(record.values.get("customer") or ""), self.now, None)
            for record in records
            if (key := record.values.get(ours))
        }
        self._bring_back(connection, sorted(rows))
        upsert_rows(connection, ROW, COLUMNS, list(rows.values()), dict.fromkeys(COLUMNS[3:], "set"))

    def listing(self, puller: Puller, whole_at: datetime | None) -> Iterator[Sequence[str]] | None:
        """Pages of keys after which we know what the source has now; none where it was just read whole, None where it cannot
        be known. A source with a watermark is asked once a day."""
        if not self.is_followed:
            return None
        if not self.pull.watermark:
            return iter(())
        if whole_at is not None and whole_at.date() == self.now.date():
            return None
        return puller.keys(self.pull, self.pull.file_map.columns[KEY_OF[self.kind]])

    def see_listed(self, connection: Connection, keys: Sequence[str]) -> None:
        """The source still has these."""
        self._bring_back(connection, keys)
        connection.execute(update(ROW).where(self._mine, ROW.c.key.in_(keys)).values(seen_at=self.now, gone_at=None))

    def mark_gone(self, connection: Connection, *, believe: bool = False) -> int:
        """Everything that was not seen in this run. Raises: SourceFailed when that is too much to be believed."""
        unseen = and_(self._mine, ROW.c.gone_at.is_(None), ROW.c.seen_at < self.now)
        gone = connection.scalar(select(func.count()).select_from(ROW).where(unseen)) or 0
        if not gone:
            return 0
        known = connection.scalar(select(func.count()).select_from(ROW).where(self._mine, ROW.c.gone_at.is_(None))) or 0
        if not believe and gone > FEW_GONE and gone > known * MOST_GONE:
            raise SourceFailed(
                f"{gone} of {known} {self.kind.value} are missing at the source at once; none was marked as gone",
                where=f"{self.source}/{self.pull.name}",
                hint="if they really are gone, run `journeybot sync --believe-gone`",
            )
        if self.kind is Kind.CONTACTS:
            self._set_gone(connection, unseen, self.now)
        connection.execute(update(ROW).where(unseen).values(gone_at=self.now))
        return gone

    def _bring_back(self, connection: Connection, keys: Sequence[str]) -> None:
        if self.kind is Kind.CONTACTS and keys:
            self._set_gone(connection, and_(self._mine, ROW.c.gone_at.is_not(None), ROW.c.key.in_(keys)), None)

    def _set_gone(self, connection: Connection, rows: ColumnElement[bool], at: datetime | None) -> None:
        named = (CUSTOMER.c.key == ROW.c.customer, CONTACT.c.key == ROW.c.key)
        found = connection.execute(
            select(CONTACT.c.id, CONTACT.c.customer_id)
            .select_from(ROW)
            .join(CUSTOMER, named[0])
            .join(CONTACT, and_(CONTACT.c.customer_id == CUSTOMER.c.id, named[1]))
            .where(rows)
        ).all()
        connection.execute(update(CONTACT).where(CONTACT.c.id.in_([row.id for row in found])).values(gone_at=at))
        mark_customers(connection, {row.customer_id for row in found})
