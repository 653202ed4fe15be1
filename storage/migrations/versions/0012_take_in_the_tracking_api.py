"""take in the tracking API

Revision 0012, after 0011. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "applied_call",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_applied_call")),
    )
    with op.batch_alter_table("applied_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_applied_call_received_at"), ["received_at"], unique=False)

    op.create_table(
        "held_call",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("customer_key", sa.String(), nullable=True),
        sa.Column("content", DOCUMENT, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_call")),
        sa.UniqueConstraint("key", name=op.f("uq_held_call_key")),
    )
    with op.batch_alter_table("held_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_held_call_customer_key"), ["customer_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_held_call_person"), ["person"], unique=False)
        batch_op.create_index(
            "ix_held_call_ready",
            ["id"],
            unique=False,
            postgresql_where=sa.text("is_ready"),
            sqlite_where=sa.text("is_ready"),
        )
        batch_op.create_index("ix_held_call_reason", ["reason", "received_at"], unique=False)

    op.create_table(
        "taken_posts",
        sa.Column("room", sa.String(), nullable=False),
        sa.Column("names", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("room", name=op.f("pk_taken_posts")),
    )
    op.create_table(
        "tracking_count",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "reason", name=op.f("pk_tracking_count")),
    )
    op.create_table(
        "tracked_person",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("alias_of", sa.String(), nullable=True),
        sa.Column("customer_id", BIG_KEY, nullable=True),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_tracked_person_contact_id_contact")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_tracked_person_customer_id_customer")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_tracked_person")),
    )
    with op.batch_alter_table("tracked_person", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tracked_person_alias_of"), ["alias_of"], unique=False)
        batch_op.create_index(batch_op.f("ix_tracked_person_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_tracked_person_customer_id"), ["customer_id"], unique=False)
