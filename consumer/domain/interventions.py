"""What a person has told the running service to do, as it stands in the books."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class SupplierPause:
    """A person wants no calls to a supplier, until a person says otherwise.

    Attributes:
        supplier: ``ylh`` or ``haier``.
        paused_by: who.
        reason: why, in the person's words.
        paused_at: since when (aware).
    """

    supplier: str
    paused_by: str
    reason: str
    paused_at: datetime
