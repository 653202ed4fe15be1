"""remember who of ours seems gone and lists that are somebody's morning

Revision 0018, after 0017. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("csm", sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("csm", sa.Column("gone_why", sa.String(), nullable=True))
    op.add_column("handoff_list", sa.Column("digest_day", sa.Date(), nullable=True))
