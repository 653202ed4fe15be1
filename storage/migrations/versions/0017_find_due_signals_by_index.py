"""find due signals by index

Revision 0017, after 0016. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OPENING = sa.text("closed_at IS NULL AND opened_at IS NULL")
CLOSING = sa.text("closed_at IS NULL AND released_at IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("signal_episode") as batch_op:
        batch_op.drop_index("ix_signal_episode_in_motion")
        batch_op.create_index(
            "ix_signal_episode_opening", ["signal", "held_since"], postgresql_where=OPENING, sqlite_where=OPENING
        )
        batch_op.create_index(
            "ix_signal_episode_closing", ["signal", "released_at"], postgresql_where=CLOSING, sqlite_where=CLOSING
        )
