"""What a person did: who, when, what, why. Written in the same transaction as the deed (DESIGN section 8).

Rows are chained: each carries a MAC over itself and the MAC of the row before it, so that a row that was changed,
taken out or put in later shows. What a chain cannot show is that its newest rows are gone: for that the head is kept
elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import SecretStr

_PURPOSE: Final = b"haier-relay audit chain 1"
_NAMING: Final = b"haier-relay audit chain 1, name of the key"
_NAME_CHARACTERS: Final = 8

REFUSED: Final = "refused"
"""Key in the detail of an act that was tried and refused by a rule: its value says why. Nothing was done then."""
HEAD_LINE: Final = "audit"
"""Message of the log line that tells a head of the chain; `told` has its fields."""
HEAD_STREAM: Final = "auth"
"""Where such lines go: who was let in and who did what. Few lines do, so that they outlive those of the daily work."""


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


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry as it stands in ``audit_log``.

    Attributes:
        sequence: 1, 2, 3 … without a gap.
        at: when, aware, to the microsecond.
        actor: as in `AuditEntry`, like all that follow.
        action: what.
        subject: on what.
        reason: why.
        detail: JSON text, byte for byte as it was signed.
        mac: what `chain` returned for it; None where the service had no key.
    """

    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str | None
    reason: str | None
    detail: str
    mac: str | None = None

    @classmethod
    def of(cls, entry: AuditEntry, sequence: int) -> Self:
        """Return ``entry`` as row ``sequence``, not signed yet."""
        detail = json.dumps(dict(entry.detail), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return cls(sequence, entry.at, entry.actor, entry.action, entry.subject, entry.reason, detail)


def told(row: AuditRow) -> dict[str, str | int | None]:
    """Return what the log is told of a row that was committed."""
    return {"sequence": row.sequence, "mac": row.mac, "action": row.action, "actor": row.actor}


@dataclass(frozen=True, slots=True)
class ChainKey:
    """What rows are signed with; derived, so that a row's MAC tells nothing of what secrets are encrypted with.

    Attributes:
        name: tells keys apart after a change of ``RELAY_SECRET_KEY``; part of every MAC, and no secret.
    """

    name: str
    _secret: bytes = field(repr=False)

    @classmethod
    def derived(cls, secret_key: str) -> Self:
        """Derive the key from one key of ``RELAY_SECRET_KEY``."""
        secret = hmac.digest(secret_key.encode(), _PURPOSE, hashlib.sha256)
        return cls(hmac.digest(secret, _NAMING, hashlib.sha256).hex()[:_NAME_CHARACTERS], secret)

    @classmethod
    def first_of(cls, secret_keys: Sequence[SecretStr]) -> Self | None:
        """Derive the key from the first key of ``RELAY_SECRET_KEY``; None where there is none."""
        return cls.derived(secret_keys[0].get_secret_value()) if secret_keys else None

    def sign(self, message: bytes) -> str:
        """Return ``<name>:<HMAC-SHA256 in hex>``."""
        return f"{self.name}:{hmac.digest(self._secret, message, hashlib.sha256).hex()}"


def chain(key: ChainKey, previous: str | None, row: AuditRow) -> str:
    """Return the MAC of ``row``, whose own is left out of account.

    Args:
        key: the one in use; to verify, the one that the row's MAC names.
        previous: the MAC of the row before it; None for the first one, and after a row without a MAC.
        row: as it stands in the table.
    """
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    fields = [previous, row.sequence, at, row.actor, row.action, row.subject, row.reason, row.detail]
    # JSON keeps apart what a mere joining would not: where one text ends and the next begins, None and "".
    return key.sign(json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode())
