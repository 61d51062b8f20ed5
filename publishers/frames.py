"""The frames of one persistent message as bytes (AMQP 0-9-1, 2.3.5 and 4.2.6).

What pamqp writes, byte for byte, and its own encoders for texts and tables; but put together here, because its frame
objects find each property's place and type anew for every message and take four times as long.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from pamqp.commands import Basic
from pamqp.constants import FRAME_BODY, FRAME_END_CHAR, FRAME_HEADER
from pamqp.encode import field_table, short_string

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAGS: Final = Basic.Properties.flags
_ALWAYS: Final = _FLAGS["content_type"] | _FLAGS["delivery_mode"] | _FLAGS["message_id"]
_LONGEST: Final = 255
_PERSISTENT: Final = b"\x02"
_FRAME: Final = Struct(">BHI")
_HEADER: Final = Struct(">BHIHxxQH")
_FIXED: Final = _HEADER.size - _FRAME.size
"""Bytes of a header frame's payload before the properties: class, weight, size of the body, flags."""


def content_header(
    channel: int, size: int, *, content_type: str, headers: Mapping[str, Any], message_id: str, type_: str | None
) -> bytes:
    """Return the header frame of a persistent message.

    Args:
        channel: its number.
        size: bytes of the body.
        content_type: at most 255 bytes and not empty, as are the next texts.
        headers: none where empty.
        message_id: always there.
        type_: left out where None.

    Raises:
        ValueError, TypeError, struct.error: pamqp's words for a text that is too long, or a header's value that AMQP
            has no type for.
    """
    # In the order of the flags, from the highest bit down.
    flags, parts = _ALWAYS, [_of_few(content_type)]
    if headers:
        flags |= _FLAGS["headers"]
        parts.append(field_table(dict(headers)))
    parts += (_PERSISTENT, _short(message_id))
    if type_ is not None:
        flags |= _FLAGS["message_type"]
        parts.append(_of_few(type_))
    properties = b"".join(parts)
    head = _HEADER.pack(FRAME_HEADER, channel, _FIXED + len(properties), Basic.frame_id, size, flags)
    return head + properties + FRAME_END_CHAR


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes((len(data),)) + data if len(data) <= _LONGEST else short_string(text)


_of_few = lru_cache(maxsize=128)(_short)
"""Content types and types of events: there are a few, and they come again in every message."""


def content_body(channel: int, body: bytes, largest: int) -> list[bytes]:
    """Return ``body`` as frames of at most ``largest`` bytes each, none where it is empty."""
    frames: list[bytes] = []
    for start in range(0, len(body), largest):
        part = body[start : start + largest]
        frames += (_FRAME.pack(FRAME_BODY, channel, len(part)), part, FRAME_END_CHAR)
    return frames
