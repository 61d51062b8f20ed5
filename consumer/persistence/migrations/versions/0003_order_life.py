"""The whole life of an order: what YLH said, quantities, what is held; and by which order an event is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
NEW_IN_ORDERS = (
    ("intent_distribution_on", sa.Text()),
    ("intent_install_on", sa.Text()),
    ("applied_event_id", sa.Text()),
    ("goods", sa.Text()),
    ("answer_word", sa.Text()),
    ("answer_at", MOMENT),
    ("answer_digest", sa.Text()),
    ("ending_word", sa.Text()),
    ("ending_at", MOMENT),
    ("ending_digest", sa.Text()),
    ("fail_msg", sa.Text()),
    ("error", sa.Text()),
    ("held", sa.Text()),
    ("consignee", sa.Text()),
    ("mobile_end", sa.Text()),
    ("delivered_at", MOMENT),
)
CLOCK = {
    "sqlite": "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
}


def upgrade() -> None:
    for name, type_ in (("subject", sa.Text()), ("first_seen_at", MOMENT), ("attempts", sa.Text())):
        op.add_column("inbox", sa.Column(name, type_))
    op.create_index("ix_inbox_subject", "inbox", ["subject"])
    for name, type_ in NEW_IN_ORDERS:
        op.add_column("orders", sa.Column(name, type_))
    for name in ("created_at", "state_at", "updated_at"):
        op.add_column("orders", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    # Orders that are there already begin their ages now.
    now = CLOCK[op.get_bind().dialect.name]
    op.execute(f"UPDATE orders SET created_at = {now}, state_at = {now}, updated_at = {now}")  # noqa: S608 (constants)
    op.execute("UPDATE orders SET applied_event_id = paid_event_id")
    op.drop_index("ix_orders_state", "orders")
    op.create_index("ix_orders_state_state_at", "orders", ["state", "state_at"])
    for name, column in (("online_no", "online_no"), ("mobile_end", "mobile_end"), ("held", "so_id")):
        known = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_orders_{name}", "orders", [column], sqlite_where=known, postgresql_where=known)
    _customers()
    _logistics()


def _customers() -> None:
    ended = (
        "consignee IS NOT NULL AND state NOT IN"
        " ('pushing', 'pushed', 'confirmed', 'out_of_stock', 'cancelling', 'cancel_failed')"
    )
    delivered = "consignee IS NOT NULL AND delivered_at IS NOT NULL"
    for name, column, condition in (("ended", "state_at", ended), ("delivered", "delivered_at", delivered)):
        known = sa.text(condition)
        op.create_index(f"ix_orders_customer_{name}", "orders", [column], sqlite_where=known, postgresql_where=known)


def _logistics() -> None:
    open_orders = sa.text("delivered_at IS NULL AND state NOT IN ('new', 'pushing', 'refused', 'cancelled', 'settled')")
    op.create_index("ix_orders_open", "orders", ["so_id"], sqlite_where=open_orders, postgresql_where=open_orders)
    op.create_table(
        "shipments",
        sa.Column("so_id", sa.Text, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("company", sa.Text),
        sa.Column("number", sa.Text),
        sa.Column("delivery_record_code", sa.Text),
        sa.Column("sn_codes", sa.Text, nullable=False),
        sa.Column("traces", sa.Text, nullable=False),
        sa.Column("photos", sa.Text, nullable=False),
        sa.Column("sync_id", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("so_id", "place", name="pk_shipments"),
    )
    known = sa.text("number IS NOT NULL")
    op.create_index("ix_shipments_number", "shipments", ["number"], sqlite_where=known, postgresql_where=known)
    op.create_table(
        "sync_plans",
        sa.Column("sync_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("planned_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sync_id", name="pk_sync_plans"),
    )
    op.create_table(
        "sync_batches",
        sa.Column("sync_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("succeeded", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("failures", sa.Text),
        sa.Column("counted_at", MOMENT),
        sa.PrimaryKeyConstraint("sync_id", "number", name="pk_sync_batches"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sync_batches_counted_at", "sync_batches", ["counted_at"])
