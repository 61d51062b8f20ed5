"""The tables of what Haier says of goods: each row is written only where something really changed.

Money and fractions are kept as the texts that they are, so that no database rounds them. ``updated_at`` is when the
look was taken that brought the row's values.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text

from consumer.persistence.columns import UTCDateTime
from consumer.persistence.schema import metadata

brands = Table(
    "brands",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created_at", UTCDateTime, nullable=False),
)

categories = Table(
    "categories",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created_at", UTCDateTime, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("product_code", Text, primary_key=True),
    Column("model", Text),
    Column("category", Text, ForeignKey("categories.name")),
    Column("brand", Text, ForeignKey("brands.name")),
    Column("image_url", Text),
    Column("page_image_urls", Text, nullable=False),
    Column("procurable", Boolean, nullable=False),
    Column("reason", Text),
    Column("row_version", BigInteger, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Index("ix_products_category", "category"),
    Index("ix_products_brand", "brand"),
)

prices = Table(
    "prices",
    metadata,
    Column("product_code", Text, primary_key=True),
    Column("supply_price", Text),
    Column("invoice_price", Text),
    Column("direct_discount", Text, nullable=False),
    Column("rebate_type", Text),
    Column("rebate", Text, nullable=False),
    Column("procurable", Boolean, nullable=False),
    Column("reason", Text),
    # Where the invoice price is not what the others make: told, never an error.
    Column("warning", Text),
    Column("row_version", BigInteger, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
)

# Every price that a product has had since it is known, by the version of its row in prices.
price_history = Table(
    "price_history",
    metadata,
    Column("product_code", Text, nullable=False),
    Column("row_version", BigInteger, nullable=False),
    Column("supply_price", Text),
    Column("invoice_price", Text),
    Column("direct_discount", Text, nullable=False),
    Column("rebate_type", Text),
    Column("rebate", Text, nullable=False),
    Column("procurable", Boolean, nullable=False),
    Column("reason", Text),
    Column("warning", Text),
    Column("seen_at", UTCDateTime, nullable=False),
    PrimaryKeyConstraint("product_code", "row_version"),
    sqlite_with_rowid=False,
)

stock = Table(
    "stock",
    metadata,
    Column("product_code", Text, nullable=False),
    Column("county_code", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("storage_location", Text),
    Column("level", Text),
    Column("order_cut_off", Text),
    Column("delivery_estimate", Text),
    Column("hours", Text),
    Column("transferred", Boolean),
    Column("row_version", BigInteger, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    PrimaryKeyConstraint("product_code", "county_code"),
    sqlite_with_rowid=False,
)
