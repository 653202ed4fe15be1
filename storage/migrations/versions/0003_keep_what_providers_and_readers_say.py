"""Keep what providers and readers say

Revision 0003, after 0002. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "stray_event",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("details", DOCUMENT, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stray_event")),
        sa.UniqueConstraint("key", name=op.f("uq_stray_event_key")),
    )
    with op.batch_alter_table("stray_event", schema=None) as batch_op:
        batch_op.create_index("ix_stray_event_received", ["received_at", "reason"], unique=False)

    op.create_table(
        "webhook_post",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_post")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "reply",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("message_id", BIG_KEY, nullable=True),
        sa.Column("customer_id", BIG_KEY, nullable=True),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.Column("from_address", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("attachments", DOCUMENT, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_reply_contact_id_contact")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_reply_customer_id_customer")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_reply_message_id_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply")),
        sa.UniqueConstraint("key", name=op.f("uq_reply_key")),
    )
    with op.batch_alter_table("reply", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reply_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reply_from_address"), ["from_address"], unique=False)

    with op.batch_alter_table("delivery_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fingerprint", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_delivery_event_fingerprint"), ["fingerprint"])

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("complained_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("delivery", sa.String(), nullable=True))
