"""Keep scores day by day and stage checks

Revision 0008, after 0007. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "score",
        sa.Column("customer_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("card", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("band", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("band_since", sa.Date(), nullable=True),
        sa.Column("before_value", sa.Float(), nullable=True),
        sa.Column("before_band", sa.String(), nullable=True),
        sa.Column("before_since", sa.Date(), nullable=True),
        sa.Column("facts", DOCUMENT, nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_score_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", "name", "day", name=op.f("pk_score")),
    )
    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.create_index("ix_score_noted", ["noted_at"], unique=False)

    op.create_table(
        "stage_check",
        sa.Column("customer_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=True),
        sa.Column("since", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_stage_check_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", "stage", "name", name=op.f("pk_stage_check")),
    )
    with op.batch_alter_table("stage_check", schema=None) as batch_op:
        batch_op.create_index("ix_stage_check_stage", ["stage", "name", "holds"], unique=False)

    with op.batch_alter_table("handoff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("flagged_at", sa.DateTime(timezone=True), nullable=True))
