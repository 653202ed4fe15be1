"""index what is there and what is asked

Revision 0026, after 0025. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

#: Index, table, column, unique: it held an entry for each row that has nothing in the column.
INDEXES = (
    ("uq_decision_once", "decision", "once", True),
    ("ix_decision_message_id", "decision", "message_id", False),
    ("ix_message_provider_message_id", "message", "provider_message_id", False),
)

WALKING = sa.text("status = 'active'")
HELD, UNKNOWN = sa.text("state = 'held'"), sa.text("state = 'unknown'")


def upgrade() -> None:
    for name, table, column, unique in INDEXES:
        there = sa.text(f"{column} IS NOT NULL")
        op.drop_index(name, table_name=table)
        op.create_index(name, table, [column], unique=unique, postgresql_where=there, sqlite_where=there)
    op.create_index("ix_message_held", "message", ["expires_at"], postgresql_where=HELD, sqlite_where=HELD)
    op.create_index("ix_message_unknown", "message", ["over_at"], postgresql_where=UNKNOWN, sqlite_where=UNKNOWN)
    op.drop_index("ix_enrollment_due", table_name="enrollment")
    op.create_index("ix_enrollment_due", "enrollment", ["due_at", "id"], postgresql_where=WALKING, sqlite_where=WALKING)
