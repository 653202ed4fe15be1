"""Tell people once, remind them, and know who has left

Revision 0010, after 0009. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "handoff_list",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("ts", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoff_list")),
    )
    op.create_table(
        "notice",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("handoff_id", BIG_KEY, nullable=True),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("content", DOCUMENT, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("ts", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["handoff_id"], ["handoff.id"], name=op.f("fk_notice_handoff_id_handoff"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_notice_key")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_handoff_id"), ["handoff_id"], unique=False)
        batch_op.create_index(
            "ix_notice_unfinished",
            ["id"],
            unique=False,
            postgresql_where=sa.text("state IN ('wanted', 'posted')"),
            sqlite_where=sa.text("state IN ('wanted', 'posted')"),
        )

    op.create_table(
        "staff_mail",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("handoff_id", BIG_KEY, nullable=True),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["handoff_id"], ["handoff.id"], name=op.f("fk_staff_mail_handoff_id_handoff"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_mail")),
        sa.UniqueConstraint("key", name=op.f("uq_staff_mail_key")),
    )
    with op.batch_alter_table("staff_mail", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_mail_handoff_id"), ["handoff_id"], unique=False)
        batch_op.create_index(
            "ix_staff_mail_owed",
            ["id"],
            unique=False,
            postgresql_where=sa.text("state IN ('owed', 'submitting')"),
            sqlite_where=sa.text("state IN ('owed', 'submitting')"),
        )

    with op.batch_alter_table("csm", schema=None) as batch_op:
        batch_op.add_column(sa.Column("urgent_hours", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("active", sa.Boolean(), nullable=True))

    with op.batch_alter_table("handoff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("post_fault_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("list_id", BIG_KEY, nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_handoff_list_id_handoff_list"), "handoff_list", ["list_id"], ["id"])
