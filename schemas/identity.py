"""How events, bodies and results are told apart: pure functions from content to key (DESIGN section 5)."""

from __future__ import annotations

from hashlib import sha1, sha256
from json.encoder import encode_basestring_ascii
from uuid import UUID

_NAMESPACE = UUID("6f0a3b52-6d1f-5c0e-9f0c-3f3a5c1b7a10")
"""Fixed for ever: results that were sent once keep their ids."""


class Names:
    """Names within one namespace as version-5 UUIDs (RFC 9562, 5.5): one name, one id, wherever it is made.

    The same ids as `uuid.uuid5`, whose objects and checks made it a twentieth of what an event costs.

    Args:
        namespace: fixed for ever; another one has other ids for the same names.
    """

    def __init__(self, namespace: UUID) -> None:
        self._begun = sha1(namespace.bytes, usedforsecurity=False)

    def id_of(self, name: str) -> str:
        """Return the id of ``name``, as text."""
        digest = self._begun.copy()
        digest.update(name.encode())
        number = int.from_bytes(digest.digest()[:16], "big")
        text = f"{number & _NEITHER_VERSION_NOR_VARIANT | _VERSION_5:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_NEITHER_VERSION_NOR_VARIANT = ~(0xF << 76 | 0x3 << 62)
_VERSION_5 = 0x5 << 76 | 0x2 << 62
_RESULTS = Names(_NAMESPACE)


def _joined(*texts: str) -> str:
    # A JSON array, not a separator: no text can hold what ends the one before it.
    return f"[{','.join(map(encode_basestring_ascii, texts))}]"


def result_id(source: str, event_id: str, run: str, result_type: str, subject: str | None) -> str:
    """Return the id of a result: the same event, run, type and subject give the same id wherever it is made.

    Args:
        source: CloudEvents `source` of the event that caused it.
        event_id: CloudEvents `id` of that event.
        run: empty, or the id of the replay that it ran under.
        result_type: the result's event type.
        subject: the result's subject; several results of one type for one event differ in it.
    """
    return _RESULTS.id_of(_joined(source, event_id, run, result_type, subject or ""))


def body_digest(body: bytes) -> str:
    """Return the SHA-256 of a message's body, 64 hexadecimal digits: one id with two digests is an id used twice."""
    return sha256(body).hexdigest()


def unreadable_key(message_id: str | None, body: bytes) -> str:
    """Return the key of an event whose own id could not be read: its AMQP `message_id`, else the digest of its body."""
    return message_id or body_digest(body)
