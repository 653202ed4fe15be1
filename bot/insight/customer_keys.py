"""From a customer's key to the row, and for a key that does not exist the one that was probably meant. Read-only."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Table, func, select

from bot.authoring.nearest import nearest
from bot.errors import UsageError
from storage.accounts import Customer

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
MOST_NEIGHBOURS = 2000


def customer_id_of(connection: Connection, key: str) -> int:
    """Raises: UsageError with the nearest key, or the key of the customer that has this name."""
    found = connection.scalar(select(CUSTOMER.c.id).where(CUSTOMER.c.key == key))
    if found is not None:
        return int(found)
    named = connection.scalar(select(CUSTOMER.c.key).where(func.lower(CUSTOMER.c.name) == key.lower()).limit(1))
    guess = named or nearest(key, _neighbours(connection, key))
    hint = f"did you mean `{guess}`?" if guess else "see `journeybot customers list`"
    raise UsageError(f"There is no customer `{key}`", hint=hint)


def _neighbours(connection: Connection, key: str) -> list[str]:
    """Keys that begin alike, else any; never all of a million."""
    begins_alike: ColumnElement[bool] = func.lower(CUSTOMER.c.key).like(f"{_escaped(key[:1].lower())}%", escape="\\")
    alike = list(connection.scalars(select(CUSTOMER.c.key).where(begins_alike).limit(MOST_NEIGHBOURS)))
    return alike or list(connection.scalars(select(CUSTOMER.c.key).limit(MOST_NEIGHBOURS)))


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "%_\\" else letter for letter in text)
