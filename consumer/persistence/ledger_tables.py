"""The tables of replays and of notes on dead letters; `dead_letters` itself stands in `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from consumer.persistence.columns import UTCDateTime
from consumer.persistence.schema import index_where, metadata

letter_notes = Table(
    "dead_letter_notes",
    metadata,
    Column("letter_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("letter_id", "number"),
)

# A plan, and the replay that it becomes once it is started.
replays = Table(
    "replays",
    metadata,
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("selection", Text, nullable=False),
    Column("planned_at", UTCDateTime, nullable=False),
    Column("planned_by", Text, nullable=False),
    Column("started_at", UTCDateTime),
    Column("started_by", Text),
    Column("reason", Text),
    Column("rate", Float),
    Column("most", Integer),
    Column("canary", Text),
    Column("stop_at_error_rate", Float),
    Column("ended_at", UTCDateTime),
    Column("message", Text, nullable=False),
    # The process that carries it out holds it while lease_until is not past, by `columns.clock`.
    Column("lease_owner", Text),
    Column("lease_until", BigInteger),
    index_where("ix_replays_under_way", "id", "started_at IS NOT NULL AND ended_at IS NULL"),
    Index("ix_replays_planned_at", "planned_at"),
)

# The letters of a plan, frozen, in the order in which they go.
replay_letters = Table(
    "replay_letters",
    metadata,
    Column("replay_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("letter_id", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("type", Text),
    Column("event_source", Text),
    Column("event_id", Text),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    # What goes in place of the letter's own, where a person has edited it.
    Column("body", LargeBinary),
    Column("sent_at", UTCDateTime),
    Column("ended_at", UTCDateTime),
    # The letter that it came back as.
    Column("new_letter_id", Text),
    PrimaryKeyConstraint("replay_id", "position"),
    Index("ix_replay_letters_replay_id_status", "replay_id", "status", "position"),
    Index("ix_replay_letters_replay_id_event_id", "replay_id", "event_id"),
    Index("ix_replay_letters_letter_id", "letter_id"),
)
