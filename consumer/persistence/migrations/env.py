"""Alembic's entry: run the migrations on the connection that this package hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from consumer.persistence import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    # The caller's transaction covers everything; alembic would not trust SQLite with DDL in one, our engine does
    # (BEGIN IMMEDIATE).
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
