"""find what is about content by index

Revision 0023, after 0022. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

CONTENT = sa.text("name IN ('content_viewed', 'content.noticed')")


def upgrade() -> None:
    op.create_index("ix_event_content", "event", ["name", "at"], postgresql_where=CONTENT, sqlite_where=CONTENT)
