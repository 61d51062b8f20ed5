"""What a person did: who, when, what, why. Written in the same transaction as the deed (DESIGN section 8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act of a person.

    Attributes:
        actor: who, as the machine knows them, e.g. ``li@ops-1``.
        action: what, in stable English, e.g. ``supplier.pause``, ``config.activate``.
        subject: on what, e.g. ``ylh`` or an account's name; None where there is no one thing.
        reason: why, in the person's words.
        at: when.
        detail: more for programs; no secret, no personal data.
    """

    actor: str
    action: str
    at: datetime
    subject: str | None = None
    reason: str | None = None
    detail: Mapping[str, str | int | None] = field(default_factory=dict)
