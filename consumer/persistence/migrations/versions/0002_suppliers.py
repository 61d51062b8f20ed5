"""Suppliers: shared quotas, pauses by a person, reports of processes, stored accounts with revisions, the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "supplier_quotas",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("next_slot", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_supplier_quotas"),
    )
    op.create_table(
        "supplier_pauses",
        sa.Column("supplier", sa.Text, nullable=False),
        sa.Column("paused_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("paused_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("supplier", name="pk_supplier_pauses"),
    )
    op.create_table(
        "supplier_reports",
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("supplier", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("reported_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("process", "supplier", name="pk_supplier_reports"),
    )
    op.create_table(
        "haier_config",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_haier_config"),
    )
    op.create_index("uq_haier_config_name", "haier_config", ["name"], unique=True)
    op.create_index(
        "uq_haier_config_is_active",
        "haier_config",
        ["is_active"],
        unique=True,
        sqlite_where=sa.text("is_active"),
        postgresql_where=sa.text("is_active"),
    )
    op.create_table(
        "haier_config_revisions",
        sa.Column("config_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("config_id", "revision", name="pk_haier_config_revisions"),
        sa.ForeignKeyConstraint(["config_id"], ["haier_config.id"], name="fk_haier_config_revisions_config_id"),
    )
    op.create_table(
        "audit_log",
        sa.Column("sequence", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("mac", sa.Text),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
