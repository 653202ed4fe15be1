"""say what changed about a customer

Revision 0023, after 0022. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customer_change", sa.Column("about", sa.String(), server_default="", nullable=False))
