"""keep who was given which curriculum

Revision 0021, after 0020. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "curriculum_assignment",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("contact_id", BIG_KEY, nullable=False),
        sa.Column("curriculum", sa.String(), nullable=False),
        sa.Column("assigned_on", sa.Date(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_curriculum_assignment_contact_id_contact")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_curriculum_assignment_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_curriculum_assignment")),
        sa.UniqueConstraint("contact_id", "curriculum", name=op.f("uq_curriculum_assignment_contact_id_curriculum")),
    )
    with op.batch_alter_table("curriculum_assignment", schema=None) as batch_op:
        batch_op.create_index("ix_curriculum_assignment_customer", ["customer_id", "curriculum"], unique=False)
