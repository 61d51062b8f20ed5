"""All tables of the service (DESIGN section 5), once, for both databases.

Every look-up and every claim of the hot path has an index that stays small or is a primary key, so that cost does not
grow with history. Text has no length in the database: the contract limits it (EVENTS), and SQLite would not enforce
it anyway.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from consumer.persistence import (  # noqa: F401 - tables of their own
    catalogue_tables,
    ledger_tables,
    order_kinds,
    schedule_tables,
    schema,
    sync_tables,
)
from consumer.persistence.columns import UTCDateTime
from consumer.persistence.schema import index_of_known, index_where

metadata = schema.metadata

inbox = Table(
    "inbox",
    metadata,
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("done_at", UTCDateTime, nullable=False),
    Column("subject", Text),
    Column("first_seen_at", UTCDateTime),
    Column("attempts", Text),
    PrimaryKeyConstraint("source", "event_id", "run"),
    Index("ix_inbox_done_at", "done_at"),
    Index("ix_inbox_subject", "subject"),
    # The key is the table: one tree to write instead of two.
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("routing_key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("mandatory", Boolean, nullable=False),
    Column("headers", Text, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("status", Text, nullable=False),
    # Whoever is sending it has until then, by `columns.clock`; meaningless once dispatched.
    Column("claimed_until", BigInteger, nullable=False),
    Column("dispatched_at", UTCDateTime),
    index_where("ix_outbox_pending", "claimed_until", "status = 'pending'"),
    Index("ix_outbox_event_id", "event_id"),
    Index("ix_outbox_created_at", "created_at"),
)

orders = Table(
    "orders",
    metadata,
    Column("so_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("applied_version", BigInteger),
    Column("content_digest", Text),
    Column("sequence", BigInteger, nullable=False),
    Column("row_version", BigInteger, nullable=False),
    Column("online_no", Text),
    Column("source_system", Text),
    Column("paid_event_id", Text),
    Column("retail_order_no", Text),
    Column("ext_order_no", Text),
    Column("intent_kind", Text),
    Column("intent_body", LargeBinary),
    Column("intent_digest", Text),
    Column("intent_version", BigInteger),
    Column("intent_outcome", Text),
    Column("intent_event_source", Text),
    Column("intent_event_id", Text),
    Column("intent_at", UTCDateTime),
    Column("intent_distribution_on", Text),
    Column("intent_install_on", Text),
    Column("distribution_on", Text),
    Column("install_on", Text),
    Column("applied_event_id", Text),
    Column("goods", Text),
    Column("answer_word", Text),
    Column("answer_at", UTCDateTime),
    Column("answer_digest", Text),
    Column("ending_word", Text),
    Column("ending_at", UTCDateTime),
    Column("ending_digest", Text),
    Column("fail_msg", Text),
    Column("error", Text),
    Column("held", Text),
    Column("consignee", Text),
    # The last four digits, by which a person looks for an order.
    Column("mobile_end", Text),
    Column("delivered_at", UTCDateTime),
    # By `columns.clock`: ages are told by one clock, whoever wrote.
    Column("created_at", BigInteger, nullable=False),
    Column("state_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # The last writer; it holds the lease while lease_until is neither NULL nor past, by `columns.clock`.
    Column("lease_owner", Text, nullable=False),
    Column("lease_until", BigInteger),
    Index("ix_orders_state_state_at", "state", "state_at"),
    index_of_known("orders", "online_no"),
    index_of_known("orders", "mobile_end"),
    index_where("ix_orders_held", "so_id", "held IS NOT NULL"),
    index_of_known("orders", "retail_order_no"),
    index_of_known("orders", "ext_order_no"),
    index_where("ix_orders_open", "so_id", order_kinds.OPEN),
    index_where("ix_orders_customer_ended", "state_at", order_kinds.ENDED_WITH_CUSTOMER),
    index_where("ix_orders_customer_delivered", "delivered_at", order_kinds.DELIVERED_WITH_CUSTOMER),
)

sync_log = Table(
    "haier_sync_log",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sync_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("total_count", Integer, nullable=False),
    Column("success_count", Integer, nullable=False),
    Column("failed_count", Integer, nullable=False),
    Column("started_at", UTCDateTime),
    Column("completed_at", UTCDateTime),
    Column("created_at", UTCDateTime, nullable=False),
    Column("config_id", Text),
    Column("event_id", Text),
    Index("ix_haier_sync_log_created_at", "created_at"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("lane", Text, nullable=False),
    Column("type", Text),
    Column("subject", Text),
    Column("event_source", Text),
    Column("event_id", Text),
    Column("message_id", Text),
    Column("body", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("error_class", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("supplier", Text),
    Column("supplier_code", Text),
    Column("supplier_message", Text),
    Column("traceback", Text),
    Column("attempts", Text, nullable=False),
    Column("attempt_count", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("first_seen_at", UTCDateTime, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    # The replay that it came from, and the letter that was replayed then.
    Column("run", Text, nullable=False, server_default=""),
    Column("follows", Text),
    # The replay that has it in hand, or had it last.
    Column("replay_id", Text),
    Column("closed_at", UTCDateTime),
    Index("ix_dead_letters_status_fingerprint", "status", "fingerprint"),
    Index("ix_dead_letters_status_created_at", "status", "created_at"),
    Index("ix_dead_letters_subject", "subject"),
    Index("ix_dead_letters_event_id", "event_id"),
    index_of_known("dead_letters", "follows"),
    index_of_known("dead_letters", "closed_at"),
    index_where("ix_dead_letters_run", "run", "run <> ''"),
)

suspects = Table(
    "suspects",
    metadata,
    Column("key", Text, primary_key=True),
    Column("runs", Integer, nullable=False),
    Column("marked_at", UTCDateTime, nullable=False),
)

supplier_quotas = Table(
    "supplier_quotas",
    metadata,
    Column("account", Text, primary_key=True),
    # Microseconds of the database's clock: at 2,000 calls a second a slot is half a millisecond.
    Column("next_slot", BigInteger, nullable=False),
)

supplier_pauses = Table(
    "supplier_pauses",
    metadata,
    Column("supplier", Text, primary_key=True),
    Column("paused_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("paused_at", UTCDateTime, nullable=False),
)

supplier_reports = Table(
    "supplier_reports",
    metadata,
    Column("process", Text, nullable=False),
    Column("supplier", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("reported_at", UTCDateTime, nullable=False),
    PrimaryKeyConstraint("process", "supplier"),
)

haier_config = Table(
    "haier_config",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Index("uq_haier_config_name", "name", unique=True),
    # At most one is active, whoever writes.
    Index(
        "uq_haier_config_is_active",
        "is_active",
        unique=True,
        sqlite_where=text("is_active"),
        postgresql_where=text("is_active"),
    ),
)

haier_config_revisions = Table(
    "haier_config_revisions",
    metadata,
    Column("config_id", Text, ForeignKey("haier_config.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("reason", Text),
    Column("changed_at", UTCDateTime, nullable=False),
    PrimaryKeyConstraint("config_id", "revision"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UTCDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text),
    Column("reason", Text),
    Column("detail", Text, nullable=False),
    Column("mac", Text),
    Index("ix_audit_log_at", "at"),
)
