"""Replays of dead letters, notes on them, and what a letter knows of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def _index_where(name: str, table: str, column: str, condition: str) -> None:
    op.create_index(name, table, [column], sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def upgrade() -> None:
    op.add_column("dead_letters", sa.Column("run", sa.Text, nullable=False, server_default=""))
    op.add_column("dead_letters", sa.Column("follows", sa.Text))
    op.add_column("dead_letters", sa.Column("replay_id", sa.Text))
    op.add_column("dead_letters", sa.Column("closed_at", MOMENT))
    _index_where("ix_dead_letters_follows", "dead_letters", "follows", "follows IS NOT NULL")
    _index_where("ix_dead_letters_closed_at", "dead_letters", "closed_at", "closed_at IS NOT NULL")
    _index_where("ix_dead_letters_run", "dead_letters", "run", "run <> ''")
    # Those that were filed as done already have ended then.
    op.execute("UPDATE dead_letters SET closed_at = created_at WHERE status = 'closed'")
    op.create_table(
        "dead_letter_notes",
        sa.Column("letter_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("letter_id", "number", name="pk_dead_letter_notes"),
    )
    op.create_table(
        "replays",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("selection", sa.Text, nullable=False),
        sa.Column("planned_at", MOMENT, nullable=False),
        sa.Column("planned_by", sa.Text, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("started_by", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("rate", sa.Float),
        sa.Column("most", sa.Integer),
        sa.Column("canary", sa.Text),
        sa.Column("stop_at_error_rate", sa.Float),
        sa.Column("ended_at", MOMENT),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_replays"),
    )
    _index_where("ix_replays_under_way", "replays", "id", "started_at IS NOT NULL AND ended_at IS NULL")
    op.create_index("ix_replays_planned_at", "replays", ["planned_at"])
    op.create_table(
        "replay_letters",
        sa.Column("replay_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("letter_id", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("type", sa.Text),
        sa.Column("event_source", sa.Text),
        sa.Column("event_id", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("body", sa.LargeBinary),
        sa.Column("sent_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("new_letter_id", sa.Text),
        sa.PrimaryKeyConstraint("replay_id", "position", name="pk_replay_letters"),
    )
    op.create_index("ix_replay_letters_replay_id_status", "replay_letters", ["replay_id", "status", "position"])
    op.create_index("ix_replay_letters_replay_id_event_id", "replay_letters", ["replay_id", "event_id"])
    op.create_index("ix_replay_letters_letter_id", "replay_letters", ["letter_id"])


def downgrade() -> None:
    for table in ("replay_letters", "replays", "dead_letter_notes"):
        op.drop_table(table)
    for name in ("run", "closed_at", "follows"):
        op.drop_index(f"ix_dead_letters_{name}", "dead_letters")
    for name in ("closed_at", "replay_id", "follows", "run"):
        op.drop_column("dead_letters", name)
