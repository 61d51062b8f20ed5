"""How events, bodies and results are told apart: pure functions from content to key (DESIGN section 5)."""

from __future__ import annotations

import json
from hashlib import sha256
from uuid import UUID, uuid5

_NAMESPACE = UUID("6f0a3b52-6d1f-5c0e-9f0c-3f3a5c1b7a10")
"""Fixed for ever: results that were sent once keep their ids."""


def result_id(source: str, event_id: str, run: str, result_type: str, subject: str | None) -> str:
    """Return the id of a result: the same event, run, type and subject give the same id wherever it is made.

    Args:
        source: CloudEvents `source` of the event that caused it.
        event_id: CloudEvents `id` of that event.
        run: empty, or the id of the replay that it ran under.
        result_type: the result's event type.
        subject: the result's subject; several results of one type for one event differ in it.
    """
    # JSON, not a separator: no value can hold what ends the one before it.
    name = json.dumps([source, event_id, run, result_type, subject or ""], ensure_ascii=True, separators=(",", ":"))
    return str(uuid5(_NAMESPACE, name))


def body_digest(body: bytes) -> str:
    """Return the SHA-256 of a message's body, 64 hexadecimal digits: one id with two digests is an id used twice."""
    return sha256(body).hexdigest()


def unreadable_key(message_id: str | None, body: bytes) -> str:
    """Return the key of an event whose own id could not be read: its AMQP `message_id`, else the digest of its body."""
    return message_id or body_digest(body)
