"""The tables of syncs that go in batches, and of what a sync of logistics brings; the others stand in `tables`."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from consumer.persistence.columns import UTCDateTime
from consumer.persistence.schema import index_of_known, metadata

shipments = Table(
    "shipments",
    metadata,
    Column("so_id", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("company", Text),
    Column("number", Text),
    Column("delivery_record_code", Text),
    Column("sn_codes", Text, nullable=False),
    Column("traces", Text, nullable=False),
    Column("photos", Text, nullable=False),
    Column("sync_id", Text),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    PrimaryKeyConstraint("so_id", "place"),
    index_of_known("shipments", "number"),
)

# Syncs that go in batches and are under way; a row goes when its sync is closed.
sync_plans = Table(
    "sync_plans",
    metadata,
    Column("sync_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("traceparent", Text),
    Column("planned_at", UTCDateTime, nullable=False),
    Column("followers", Integer, nullable=False),
    # What it is about: the same is not under way twice.
    Column("scope", Text),
    Index("uq_sync_plans_scope", "scope", unique=True),
)

# Requests that joined a sync under way, and are told its end.
sync_followers = Table(
    "sync_followers",
    metadata,
    Column("sync_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("traceparent", Text),
    Column("joined_at", UTCDateTime, nullable=False),
    PrimaryKeyConstraint("sync_id", "source", "event_id", "run"),
    Index("ix_sync_followers_event_id", "event_id"),
    Index("ix_sync_followers_joined_at", "joined_at"),
)

sync_batches = Table(
    "sync_batches",
    metadata,
    Column("sync_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("succeeded", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("failures", Text),
    # Of a part of the whole list: its products, so that the list read anew leaves them out.
    Column("codes", Text),
    Column("counted_at", UTCDateTime),
    PrimaryKeyConstraint("sync_id", "number"),
    Index("ix_sync_batches_counted_at", "counted_at"),
    sqlite_with_rowid=False,
)
