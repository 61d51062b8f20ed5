"""The first schema: inbox, outbox, orders, goods, sync log, dead letters, suspects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "brands",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_brands"),
    )
    op.create_table(
        "categories",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_categories"),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("type", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("event_source", sa.Text),
        sa.Column("event_id", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("error_class", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("supplier", sa.Text),
        sa.Column("supplier_code", sa.Text),
        sa.Column("supplier_message", sa.Text),
        sa.Column("traceback", sa.Text),
        sa.Column("attempts", sa.Text, nullable=False),
        sa.Column("attempt_count", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("first_seen_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_event_id", "dead_letters", ["event_id"])
    op.create_index("ix_dead_letters_status_created_at", "dead_letters", ["status", "created_at"])
    op.create_index("ix_dead_letters_status_fingerprint", "dead_letters", ["status", "fingerprint"])
    op.create_index("ix_dead_letters_subject", "dead_letters", ["subject"])
    op.create_table(
        "haier_sync_log",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("sync_type", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("total_count", sa.Integer, nullable=False),
        sa.Column("success_count", sa.Integer, nullable=False),
        sa.Column("failed_count", sa.Integer, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("completed_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("config_id", sa.Text),
        sa.Column("event_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_haier_sync_log"),
    )
    op.create_index("ix_haier_sync_log_created_at", "haier_sync_log", ["created_at"])
    op.create_table(
        "inbox",
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("done_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", "event_id", "run", name="pk_inbox"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_inbox_done_at", "inbox", ["done_at"])
    op.create_table(
        "orders",
        sa.Column("so_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("applied_version", sa.BigInteger),
        sa.Column("content_digest", sa.Text),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        sa.Column("online_no", sa.Text),
        sa.Column("source_system", sa.Text),
        sa.Column("paid_event_id", sa.Text),
        sa.Column("retail_order_no", sa.Text),
        sa.Column("ext_order_no", sa.Text),
        sa.Column("intent_kind", sa.Text),
        sa.Column("intent_body", sa.LargeBinary),
        sa.Column("intent_digest", sa.Text),
        sa.Column("intent_version", sa.BigInteger),
        sa.Column("intent_outcome", sa.Text),
        sa.Column("intent_event_source", sa.Text),
        sa.Column("intent_event_id", sa.Text),
        sa.Column("intent_at", MOMENT),
        sa.Column("distribution_on", sa.Text),
        sa.Column("install_on", sa.Text),
        sa.Column("lease_owner", sa.Text, nullable=False),
        sa.Column("lease_until", sa.BigInteger),
        sa.PrimaryKeyConstraint("so_id", name="pk_orders"),
    )
    op.create_index(
        "ix_orders_ext_order_no",
        "orders",
        ["ext_order_no"],
        sqlite_where=sa.text("ext_order_no IS NOT NULL"),
        postgresql_where=sa.text("ext_order_no IS NOT NULL"),
    )
    op.create_index(
        "ix_orders_retail_order_no",
        "orders",
        ["retail_order_no"],
        sqlite_where=sa.text("retail_order_no IS NOT NULL"),
        postgresql_where=sa.text("retail_order_no IS NOT NULL"),
    )
    op.create_index("ix_orders_state", "orders", ["state"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("routing_key", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("mandatory", sa.Boolean, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("claimed_until", sa.BigInteger, nullable=False),
        sa.Column("dispatched_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_created_at", "outbox", ["created_at"])
    op.create_index("ix_outbox_event_id", "outbox", ["event_id"])
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["claimed_until"],
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "suspects",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("runs", sa.Integer, nullable=False),
        sa.Column("marked_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_suspects"),
    )
    op.create_table(
        "products",
        sa.Column("product_code", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column("brand", sa.Text),
        sa.Column("image_url", sa.Text),
        sa.Column("page_image_urls", sa.Text, nullable=False),
        sa.Column("procurable", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("product_code", name="pk_products"),
        sa.ForeignKeyConstraint(["brand"], ["brands.name"], name="fk_products_brand"),
        sa.ForeignKeyConstraint(["category"], ["categories.name"], name="fk_products_category"),
    )
    op.create_index("ix_products_brand", "products", ["brand"])
    op.create_index("ix_products_category", "products", ["category"])


def downgrade() -> None:
    op.drop_table("products")
    op.drop_table("suspects")
    op.drop_table("outbox")
    op.drop_table("orders")
    op.drop_table("inbox")
    op.drop_table("haier_sync_log")
    op.drop_table("dead_letters")
    op.drop_table("categories")
    op.drop_table("brands")
