"""What a mail says, as it stands in the database: of a rendered mail only what is its own, beside its skeleton, which is kept once
(skeletons.py); of one that a person wrote all. Reads and writes; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, select, update

from storage.bulk import insert_new_rows, insert_rows
from storage.dialects import among_given
from storage.outbox import MailSkeleton
from storage.outbox_moves import CONTENT
from storage.skeletons import Skeleton, filled

SKELETON: Table = MailSkeleton.__table__  # type: ignore[attr-defined]
CONTENT_COLUMNS = tuple(column.name for column in CONTENT.columns)
#: What HTML is made of when it comes together again, besides the columns of the mail itself.
WITH_SKELETON = (CONTENT.outerjoin(SKELETON, SKELETON.c.digest == CONTENT.c.skeleton), SKELETON.c.shared)

_CONTENTS = select(CONTENT, SKELETON.c.shared).select_from(WITH_SKELETON[0]).where(among_given(CONTENT.c.message_id))
_ADDRESSES = select(CONTENT.c.message_id, CONTENT.c.to_email).where(among_given(CONTENT.c.message_id))


def store_skeletons(connection: Connection, skeletons: Iterable[Skeleton]) -> None:
    """Before the mails that are kept with their help. Nearly always they stand already."""
    given = {skeleton.digest: skeleton for skeleton in skeletons}
    if not given:
        return
    known = set(connection.scalars(select(SKELETON.c.digest).where(SKELETON.c.digest.in_(given))))
    new = [(digest, skeleton.shared) for digest, skeleton in sorted(given.items()) if digest not in known]
    insert_new_rows(connection, SKELETON, ("digest", "shared"), new)


def store_contents(connection: Connection, contents: Sequence[tuple[Any, ...]]) -> None:
    """The mails, in the order of CONTENT_COLUMNS: with all of their HTML, or with "" and skeleton and pieces."""
    insert_rows(connection, CONTENT, CONTENT_COLUMNS, contents)


def whole(row: Row[Any]) -> dict[str, Any]:
    """A row of message_content with its `shared`, as a person reads it: with all of its HTML and nothing beside it."""
    values = dict(row._mapping)
    shared, pieces, _ = values.pop("shared"), values.pop("pieces"), values.pop("skeleton")
    if pieces is not None:
        values["html"] = filled(shared, pieces)
    return values


def contents_of(connection: Connection, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Message id → what was rendered (or written) for it before: an approved or retried mail keeps its text (S35)."""
    found = connection.execute(_CONTENTS, {"keys": list(ids)})
    return {row.message_id: whole(row) for row in found}


def stored_addresses(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """Message id → the address of its text, for those of which a text is stored."""
    return {row.message_id: row.to_email for row in connection.execute(_ADDRESSES, {"keys": list(ids)})}


def readdress(connection: Connection, message_id: int, to_email: str, to_name: str | None) -> None:
    """The text stays; its reader is reached elsewhere now."""
    moved = update(CONTENT).where(CONTENT.c.message_id == message_id)
    connection.execute(moved.values(to_email=to_email, to_name=to_name))
