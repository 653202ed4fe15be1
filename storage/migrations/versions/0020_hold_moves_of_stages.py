"""hold moves of stages, keep rows of unknown customers

Revision 0020, after 0019. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "stage_hold",
        sa.Column("customer_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_stage_hold_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", "stage", name=op.f("pk_stage_hold")),
    )
    op.create_table(
        "sync_stranger",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("pull", sa.String(), nullable=False),
        sa.Column("row", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("content", DOCUMENT, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "pull", "row", name=op.f("pk_sync_stranger")),
    )
    with op.batch_alter_table("sync_stranger") as batch_op:
        batch_op.create_index("ix_sync_stranger_key", ["key"])
    with op.batch_alter_table("stage_hold") as batch_op:
        batch_op.create_index("ix_stage_hold_stage", ["stage", "state"])
    with op.batch_alter_table("stage_change") as batch_op:
        batch_op.create_index("ix_stage_change_at", ["at"])
