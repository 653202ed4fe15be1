"""Keep what is derived: metrics, features, signals

Revision 0009, after 0008. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "derived_item",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("fault_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_derived_item")),
    )
    op.create_table(
        "feature_band",
        sa.Column("customer_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("feature", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("share", sa.Float(), nullable=True),
        sa.Column("band", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_feature_band_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", "feature", name=op.f("pk_feature_band")),
    )
    op.create_table(
        "metric_value",
        sa.Column("customer_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_metric_value_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", "metric", "day", name=op.f("pk_metric_value")),
    )
    op.create_table(
        "signal_episode",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("held_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evidence", DOCUMENT, nullable=True),
        sa.Column("is_existing", sa.Boolean(), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_signal_episode_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal_episode")),
    )
    with op.batch_alter_table("signal_episode", schema=None) as batch_op:
        batch_op.create_index("ix_signal_episode_changed", ["signal", "changed_at"], unique=False)
        batch_op.create_index("ix_signal_episode_customer", ["customer_id", "opened_at"], unique=False)
        batch_op.create_index(
            "ix_signal_episode_in_motion",
            ["signal"],
            unique=False,
            postgresql_where=sa.text("closed_at IS NULL AND (opened_at IS NULL OR released_at IS NOT NULL)"),
            sqlite_where=sa.text("closed_at IS NULL AND (opened_at IS NULL OR released_at IS NOT NULL)"),
        )
        batch_op.create_index(
            "ix_signal_episode_new",
            ["signal"],
            unique=False,
            postgresql_where=sa.text("is_new"),
            sqlite_where=sa.text("is_new"),
        )
        batch_op.create_index(
            "uq_signal_episode_running",
            ["customer_id", "signal"],
            unique=True,
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        )
