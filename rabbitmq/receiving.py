"""Frames as they come from the broker, many in one read (AMQP 0-9-1, 2.3.5 and 4.2).

aiormq waits three times for each frame, under a lock, and pamqp finds each field's place and type anew: for a delivery,
three frames, that was a twelfth of what an event costs. This reads what has come, cuts it up and takes apart by hand
what there is much of: deliveries, their headers, acks of the broker. All else is pamqp's.

What a publisher wrote into a message's properties need not be readable: the broker takes any bytes for a text, and any
number for a time. To pamqp that is a broken connection, which would break again with each delivery of the message, for
all lanes that share it. Here such a text has U+FFFD for what is no UTF-8, and what has no value is left out.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from aiormq.connection import FrameReceiver
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError
from pamqp import frame as pamqp_frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.constants import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD
from pamqp.decode import by_type, embedded_value, field_table
from pamqp.exceptions import PAMQPException
from pamqp.header import ContentHeader

if TYPE_CHECKING:
    import asyncio

    from pamqp.base import Frame
    from pamqp.frame import FrameTypes

    Received = tuple[int, int, FrameTypes]

_AT_ONCE: Final = 64 * 1024
"""Bytes that are asked for; asyncio's reader holds back twice as many before it stops the broker."""

_HEAD: Final = struct.Struct(">BHI")
_CONTENT: Final = struct.Struct(">HHQH")
_INDEX: Final = struct.Struct(">I")
_TAG_AND_BITS: Final = struct.Struct(">QB")
_DELIVER: Final = Basic.Deliver.index
_ACK: Final = Basic.Ack.index
_PROPERTIES: Final = tuple(
    (Basic.Properties.flags[name], name, Basic.Properties.amqp_type(name)) for name in Basic.Properties.__slots__
)
_SIZES: Final = {"octet": 1, "timestamp": 8}
_MORE_FLAGS: Final = 1
_UNREADABLE: Final = (struct.error, ValueError, IndexError, TypeError, OverflowError, OSError)
"""What pamqp raises for a value that it cannot decode; the last two come from times that no calendar has."""
_TIME: Final = b"T"
_WITH_LENGTH: Final = (b"S", b"x", b"A", b"F")


class Receiver(FrameReceiver):
    """Yields frames, as the receiver of aiormq does and with the errors that it raises.

    The login asks for one frame after the other (`get_frame`, aiormq's own); then the connection iterates.

    Args:
        reader: of the connection.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._frames: deque[Received] = deque()
        self._rest = b""

    async def __anext__(self) -> Received:
        """Return the next frame.

        Raises:
            StopAsyncIteration: the connection's end was read before.
            AMQPConnectionError: it ends here.
            InvalidFrameError: what came is no frame.
        """
        while not self._frames:
            await self._read()
        return self._frames.popleft()

    async def _read(self) -> None:
        if self.reader.at_eof():
            raise StopAsyncIteration
        try:
            block = await self.reader.read(_AT_ONCE)
        except OSError as error:
            raise AMQPConnectionError(f"the connection was lost: {error!r}") from error
        if not block:
            raise AMQPConnectionError("the broker closed the connection without a word")
        data = self._rest + block if self._rest else block
        start, size = 0, len(data)
        while size - start > _HEAD.size:
            kind, channel, length = _HEAD.unpack_from(data, start)
            end = start + _HEAD.size + length
            if end >= size:
                break
            if data[end] != FRAME_END:
                raise InvalidFrameError(f"a frame of {length} bytes for channel {channel} does not end as one")
            self._frames.append(_taken_apart(kind, channel, data, start, end))
            start = end + 1
        self._rest = data[start:]


def _taken_apart(kind: int, channel: int, data: bytes, start: int, end: int) -> Received:
    """Return the frame from ``start`` to ``end``, where its last byte is."""
    payload = data[start + _HEAD.size : end]
    if kind == FRAME_BODY:
        return end + 1 - start, channel, ContentBody(payload)
    try:
        quick: Frame | ContentHeader | None = None
        if kind == FRAME_HEADER:
            quick = _content_header(payload)
        elif kind == FRAME_METHOD:
            quick = _method(payload)
    except _UNREADABLE:
        # pamqp finds the words for what is wrong with it.
        quick = None
    if quick is not None:
        return end + 1 - start, channel, quick
    try:
        return pamqp_frame.unmarshal(data[start : end + 1])
    except PAMQPException as error:
        raise InvalidFrameError(str(error)) from error


def _method(payload: bytes) -> Frame | None:
    (index,) = _INDEX.unpack_from(payload)
    if index == _DELIVER:
        at = 5 + payload[4]
        tag, redelivered = _TAG_AND_BITS.unpack_from(payload, at)
        exchange = at + 10
        routing_key = exchange + payload[at + 9] + 1
        end = routing_key + payload[routing_key - 1]
        if end != len(payload):
            return None
        deliver = Basic.Deliver()
        deliver.consumer_tag = _text(payload[5:at])
        deliver.delivery_tag = tag
        deliver.redelivered = redelivered & 1 == 1
        deliver.exchange = _text(payload[exchange : routing_key - 1])
        deliver.routing_key = _text(payload[routing_key:end])
        return deliver
    if index == _ACK:
        tag, multiple = _TAG_AND_BITS.unpack_from(payload, 4)
        return Basic.Ack(tag, multiple & 1 == 1)
    return None


def _content_header(payload: bytes) -> ContentHeader | None:
    class_id, weight, size, flags = _CONTENT.unpack_from(payload)
    if flags & _MORE_FLAGS:
        return None
    properties = Basic.Properties()
    at = _CONTENT.size
    for flag, name, kind in _PROPERTIES:
        if flags & flag:
            if kind == "shortstr":
                end = at + 1 + payload[at]
                setattr(properties, name, _text(payload[at + 1 : end]))
            elif kind == "table":
                end = at + 4 + _INDEX.unpack_from(payload, at)[0]
                properties.headers = _headers(payload[at:end])
            else:
                end = at + _SIZES[kind]
                setattr(properties, name, _value(payload[at:end], kind))
            at = end
    if at != len(payload):
        return None
    header = ContentHeader(weight, size, properties)
    header.class_id = class_id
    return header


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _value(data: bytes, kind: str) -> Any:
    try:
        return by_type(data, kind)[1]
    except _UNREADABLE:
        return None


def _headers(table: bytes) -> dict[str, Any]:
    try:
        return field_table(table)[1]
    except _UNREADABLE:
        return _readable(table[4:])


def _readable(entries: bytes) -> dict[str, Any]:
    """Return the entries of a table that can be read, up to the first whose length nobody knows."""
    found: dict[str, Any] = {}
    at = 0
    while at < len(entries):
        value = at + 1 + entries[at]
        try:
            used, found[_text(entries[at + 1 : value])] = embedded_value(entries[value:])
        except _UNREADABLE:
            kind = entries[value : value + 1]
            if kind == _TIME:
                used = 9
            elif kind in _WITH_LENGTH:
                used = 5 + _INDEX.unpack_from(entries, value + 1)[0]
            else:
                break
        at = value + used
    return found
