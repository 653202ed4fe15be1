"""say what changed about a customer

Revision 0025, after 0024. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customer_change", sa.Column("about", sa.String(), server_default="", nullable=False))
