"""Conditions on ``orders`` that a partial index and its queries share word for word, or the index is not used.

They say ``NOT IN`` where ``IN`` would be shorter: for that SQLite would take the index on ``state``, and sort.
"""

OPEN = "delivered_at IS NULL AND state NOT IN ('new', 'pushing', 'refused', 'cancelled', 'settled')"
"""At YLH, and its delivery is awaited; without delivered ones, so that they are found at the same cost for ever."""

ENDED_WITH_CUSTOMER = (
    "consignee IS NOT NULL AND state NOT IN"
    " ('pushing', 'pushed', 'confirmed', 'out_of_stock', 'cancelling', 'cancel_failed')"
)
"""Nothing of it will be delivered any more, and its customer is still known; or YLH refused it at once (``new``).

That one may be sent again, and brings its customer along then.
"""

DELIVERED_WITH_CUSTOMER = "consignee IS NOT NULL AND delivered_at IS NOT NULL"
"""It was delivered, and its customer is still known."""
