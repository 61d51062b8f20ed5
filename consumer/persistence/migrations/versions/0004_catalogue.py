"""Prices with their history, stock by county; syncs that can be joined, and the parts of a whole list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("sync_plans", sa.Column("followers", sa.Integer, nullable=False, server_default="0"))
    op.add_column("sync_plans", sa.Column("scope", sa.Text))
    op.create_index("uq_sync_plans_scope", "sync_plans", ["scope"], unique=True)
    op.add_column("sync_batches", sa.Column("codes", sa.Text))
    op.create_table(
        "sync_followers",
        sa.Column("sync_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("joined_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sync_id", "source", "event_id", "run", name="pk_sync_followers"),
    )
    op.create_index("ix_sync_followers_event_id", "sync_followers", ["event_id"])
    op.create_index("ix_sync_followers_joined_at", "sync_followers", ["joined_at"])
    op.create_table(
        "prices",
        sa.Column("product_code", sa.Text, nullable=False),
        *_price(),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("product_code", name="pk_prices"),
    )
    op.create_table(
        "price_history",
        sa.Column("product_code", sa.Text, nullable=False),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        *_price(),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("product_code", "row_version", name="pk_price_history"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stock",
        sa.Column("product_code", sa.Text, nullable=False),
        sa.Column("county_code", sa.Text, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("storage_location", sa.Text),
        sa.Column("level", sa.Text),
        sa.Column("order_cut_off", sa.Text),
        sa.Column("delivery_estimate", sa.Text),
        sa.Column("hours", sa.Text),
        sa.Column("transferred", sa.Boolean),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("product_code", "county_code", name="pk_stock"),
        sqlite_with_rowid=False,
    )


def _price() -> list[sa.Column[object]]:
    return [
        sa.Column("supply_price", sa.Text),
        sa.Column("invoice_price", sa.Text),
        sa.Column("direct_discount", sa.Text, nullable=False),
        sa.Column("rebate_type", sa.Text),
        sa.Column("rebate", sa.Text, nullable=False),
        sa.Column("procurable", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("warning", sa.Text),
    ]
