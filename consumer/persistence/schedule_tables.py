"""The tables of `relay schedule`; the others stand in `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from consumer.persistence.columns import UTCDateTime
from consumer.persistence.schema import metadata

# What became of each due time that was looked at; those passed over with it are counted in its row.
schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("name", Text, nullable=False),
    Column("due_at", UTCDateTime, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("passed_over", Integer, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    PrimaryKeyConstraint("name", "due_at"),
    Index("ix_schedule_runs_at", "at"),
)

# How far each entry of the settings is handled; a row goes when its entry does.
schedule_entries = Table(
    "schedule_entries",
    metadata,
    Column("name", Text, primary_key=True),
    Column("timing", Text, nullable=False),
    Column("handled_until", UTCDateTime, nullable=False),
    Column("last_event_id", Text),
)

# One row: which process is the running scheduler. Moments by `columns.clock`.
schedule_lease = Table(
    "schedule_lease",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("leased_until", BigInteger, nullable=False),
)
