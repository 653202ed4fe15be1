"""keep of a mail what is its own

Revision 0024, after 0023. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "mail_skeleton",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("shared", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_mail_skeleton")),
    )
    op.add_column("message_content", sa.Column("skeleton", sa.String(), nullable=True))
    op.add_column("message_content", sa.Column("pieces", DOCUMENT, nullable=True))
