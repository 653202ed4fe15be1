"""Let causes join an open hand-off

Revision 0007, after 0006. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("handoff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("merged_into", BIG_KEY, nullable=True))
        batch_op.add_column(sa.Column("cause_over", sa.String(), nullable=True))
        batch_op.create_index(
            "ix_handoff_merged",
            ["merged_into"],
            unique=False,
            postgresql_where=sa.text("merged_into IS NOT NULL"),
            sqlite_where=sa.text("merged_into IS NOT NULL"),
        )
        batch_op.create_foreign_key(batch_op.f("fk_handoff_merged_into_handoff"), "handoff", ["merged_into"], ["id"])
