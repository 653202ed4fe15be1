"""Keep who wrote the mail of a hand-off

Revision 0011, after 0010. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "handoff_mail",
        sa.Column("handoff_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("message_id", BIG_KEY, nullable=True),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("changes", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"], name=op.f("fk_handoff_mail_handoff_id_handoff")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_handoff_mail_message_id_message")),
        sa.PrimaryKeyConstraint("handoff_id", name=op.f("pk_handoff_mail")),
        sa.UniqueConstraint("message_id", name=op.f("uq_handoff_mail_message_id")),
    )
    with op.batch_alter_table("handoff_mail", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_handoff_mail_at"), ["at"], unique=False)
