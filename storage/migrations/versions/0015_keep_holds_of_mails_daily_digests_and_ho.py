"""Keep holds of mails, daily digests and how long a pause lasts

Revision 0015, after 0014. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "daily_digest",
        sa.Column("csm", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted_ts", sa.String(), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("csm", "day", name=op.f("pk_daily_digest")),
    )
    op.create_table(
        "desk_habit",
        sa.Column("csm", sa.String(), nullable=False),
        sa.Column("daily_digest", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("csm", name=op.f("pk_desk_habit")),
    )
    op.create_table(
        "held_step",
        sa.Column("enrollment_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollment.id"], name=op.f("fk_held_step_enrollment_id_enrollment")
        ),
        sa.PrimaryKeyConstraint("enrollment_id", "step", name=op.f("pk_held_step")),
    )
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.add_column(sa.Column("until", sa.DateTime(timezone=True), nullable=True))
