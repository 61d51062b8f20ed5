"""What all tables share: one set of metadata with names for keys and indexes that migrations can rely on."""

from __future__ import annotations

from sqlalchemy import Index, MetaData, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def index_of_known(table: str, column: str) -> Index:
    """Return an index on ``column`` without the rows that have no value there: it is not written for them."""
    return index_where(f"ix_{table}_{column}", column, f"{column} IS NOT NULL")


def index_where(name: str, column: str, condition: str) -> Index:
    """Return an index on ``column`` of the rows for which ``condition`` (SQL of both databases) holds."""
    return Index(name, column, sqlite_where=text(condition), postgresql_where=text(condition))
