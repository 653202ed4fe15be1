"""Keep fuses that blew, slots of the pace and days of playbooks

Revision 0004, after 0003. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "pace",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("paid_until", sa.Float(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pace")),
    )
    op.create_table(
        "playbook_day",
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("entered", sa.Integer(), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("playbook", "day", name=op.f("pk_playbook_day")),
    )
    op.create_table(
        "fuse",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("blown_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("numbers", DOCUMENT, nullable=False),
        sa.Column("handoff_id", BIG_KEY, nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"], name=op.f("fk_fuse_handoff_id_handoff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fuse")),
    )
    with op.batch_alter_table("fuse", schema=None) as batch_op:
        batch_op.create_index(
            "uq_fuse_blown",
            ["kind", sa.literal_column("coalesce(playbook, '')")],
            unique=True,
            postgresql_where=sa.text("state = 'blown'"),
            sqlite_where=sa.text("state = 'blown'"),
        )

    op.create_table(
        "fuse_release",
        sa.Column("message_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_fuse_release_message_id_message"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_fuse_release")),
    )
    with op.batch_alter_table("handoff", schema=None) as batch_op:
        batch_op.alter_column("customer_id", existing_type=sa.BIGINT(), nullable=True)

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_next"), postgresql_where="((state)::text = 'pending'::text)")
        batch_op.create_index(
            "ix_message_next",
            ["playbook", "not_before"],
            unique=False,
            postgresql_where=sa.text("state = 'pending'"),
            sqlite_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(
            "ix_message_accepted",
            ["playbook", "accepted_at"],
            unique=False,
            postgresql_where=sa.text("accepted_at IS NOT NULL"),
            sqlite_where=sa.text("accepted_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_message_harmed",
            ["playbook", "accepted_at"],
            unique=False,
            postgresql_where=sa.text("bounced_at IS NOT NULL OR complained_at IS NOT NULL"),
            sqlite_where=sa.text("bounced_at IS NOT NULL OR complained_at IS NOT NULL"),
        )

    with op.batch_alter_table("occasion", schema=None) as batch_op:
        batch_op.add_column(sa.Column("released_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            "ix_occasion_held",
            ["playbook"],
            unique=False,
            postgresql_where=sa.text("state = 'held'"),
            sqlite_where=sa.text("state = 'held'"),
        )
