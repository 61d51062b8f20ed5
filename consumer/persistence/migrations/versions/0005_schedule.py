"""The schedule: how far its entries are handled, what became of their due times, which process runs it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "schedule_runs",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("passed_over", sa.Integer, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", "due_at", name="pk_schedule_runs"),
    )
    op.create_index("ix_schedule_runs_at", "schedule_runs", ["at"])
    op.create_table(
        "schedule_entries",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("timing", sa.Text, nullable=False),
        sa.Column("handled_until", MOMENT, nullable=False),
        sa.Column("last_event_id", sa.Text),
        sa.PrimaryKeyConstraint("name", name="pk_schedule_entries"),
    )
    op.create_table(
        "schedule_lease",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("leased_until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schedule_lease"),
    )


def downgrade() -> None:
    for table in ("schedule_lease", "schedule_entries", "schedule_runs"):
        op.drop_table(table)
