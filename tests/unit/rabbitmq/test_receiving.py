"""Frames that are cut up and taken apart by us are those that pamqp reads, however the bytes are torn."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiormq.connection
import pytest
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel
from pamqp.frame import marshal, unmarshal
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

import rabbitmq.connection  # noqa: F401 - puts it there
from rabbitmq.receiving import Receiver

if TYPE_CHECKING:
    from pamqp.frame import FrameTypes

SHORT = st.text(max_size=40)
EXCHANGE = st.from_regex(r"[a-z.]{0,30}", fullmatch=True)
TAG = st.integers(0, 2**63 - 1)
TABLE = st.dictionaries(SHORT, SHORT | st.integers(-(2**31), 2**31) | st.booleans() | st.none(), max_size=4)
PROPERTIES = st.builds(
    Basic.Properties,
    content_type=st.none() | SHORT,
    content_encoding=st.none() | SHORT,
    headers=st.none() | TABLE,
    delivery_mode=st.none() | st.sampled_from([1, 2]),
    priority=st.none() | st.integers(0, 255),
    correlation_id=st.none() | SHORT,
    expiration=st.none() | SHORT,
    message_id=st.none() | SHORT,
    timestamp=st.none() | st.integers(0, 2**31).map(lambda second: datetime.fromtimestamp(second, UTC)),
    message_type=st.none() | SHORT,
    app_id=st.none() | SHORT,
)
FRAMES = st.one_of(
    st.builds(Basic.Deliver, SHORT, TAG, st.booleans(), EXCHANGE, SHORT),
    st.builds(Basic.Ack, TAG, st.booleans()),
    st.builds(Basic.Nack, TAG, st.booleans(), st.booleans()),
    st.builds(Basic.Return, st.just(312), SHORT, EXCHANGE, SHORT),
    st.builds(Channel.Close, st.just(406), SHORT, st.just(60), st.just(80)),
    st.builds(ContentHeader, st.just(0), st.integers(0, 2**40), PROPERTIES),
    st.binary(min_size=1, max_size=300).map(ContentBody),
    st.builds(Heartbeat),
)


async def received(*blocks: bytes) -> list[tuple[int, int, FrameTypes]]:
    reader = asyncio.StreamReader()
    receiver = Receiver(reader)
    for block in blocks:
        reader.feed_data(block)
    reader.feed_eof()
    return [frame async for frame in receiver]


def shown(frame: FrameTypes) -> object:
    """All that a frame says; frames themselves are equal where they are the same only."""
    if isinstance(frame, ContentHeader):
        properties = {name: getattr(frame.properties, name) for name in Basic.Properties.__slots__}
        return "header", frame.class_id, frame.weight, frame.body_size, properties
    if isinstance(frame, ContentBody):
        return "body", frame.value
    return frame.name, dict(frame) if hasattr(frame, "__iter__") else None


@given(st.lists(st.tuples(st.integers(0, 65_535), FRAMES), max_size=12), st.data())
def test_they_are_what_pamqp_reads_however_they_come(sent: list[tuple[int, FrameTypes]], data: st.DataObject) -> None:
    frames = [marshal(frame, channel) for channel, frame in sent]
    wire = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    blocks = [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]

    async def each_read_by_itself() -> list[tuple[int, int, FrameTypes]]:
        reader = asyncio.StreamReader()
        receiver = Receiver(reader)
        found = []
        for block in blocks:
            reader.feed_data(block)
            while (frame := await _at_hand(receiver)) is not None:
                found.append(frame)
        return found

    expected = [(size, channel, shown(frame)) for size, channel, frame in map(unmarshal, frames)]
    assert [(size, channel, shown(frame)) for size, channel, frame in asyncio.run(each_read_by_itself())] == expected


async def _at_hand(receiver: Receiver) -> tuple[int, int, FrameTypes] | None:
    """The next frame, or None where bytes are missing."""
    waiting = asyncio.ensure_future(anext(receiver))
    for _ in range(3):
        await asyncio.sleep(0)
    if waiting.done():
        return waiting.result()
    waiting.cancel()
    await asyncio.wait({waiting})
    return None


async def test_the_end_between_two_frames_ends_the_iteration() -> None:
    beat = marshal(Heartbeat(), 0)
    assert len(await received(beat, beat)) == 2


async def test_the_end_within_a_frame_is_a_lost_connection() -> None:
    reader = asyncio.StreamReader()
    receiver = Receiver(reader)
    reader.feed_data(marshal(Basic.Ack(1), 1)[:-3])
    waiting = asyncio.ensure_future(anext(receiver))
    await asyncio.sleep(0)
    reader.feed_eof()
    with pytest.raises(AMQPConnectionError):
        await waiting


async def test_an_end_that_is_waited_for_is_a_lost_connection() -> None:
    reader = asyncio.StreamReader()
    waiting = asyncio.ensure_future(anext(Receiver(reader)))
    await asyncio.sleep(0)
    reader.feed_eof()
    with pytest.raises(AMQPConnectionError):
        await waiting


@pytest.mark.parametrize(
    "wire",
    [
        marshal(Basic.Ack(1), 1)[:-1] + b"\x00",
        b"\x01\x00\x01\x00\x00\x00\x04\xff\xff\xff\xff\xce",
        b"\x02\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x00\xce",
        b"\x07\x00\x01\x00\x00\x00\x01\x00\xce",
    ],
    ids=["last-byte", "method", "header", "kind"],
)
async def test_what_is_no_frame_is_refused(wire: bytes) -> None:
    with pytest.raises(InvalidFrameError):
        await received(wire)


def test_what_a_publisher_wrote_need_not_be_readable() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    stamp = int(moment.timestamp()).to_bytes(8, "big")
    properties = Basic.Properties(
        headers={"MARK1": 1, "time": moment, "deep": {"MARK2": "x"}, "text": "MARK3", "last": 7},
        message_id="MARK4",
        timestamp=moment,
        message_type="order.paid",
    )
    wire = marshal(Basic.Deliver("tag", 5, False, "relay.events", "MARK5"), 1) + marshal(
        ContentHeader(body_size=3, properties=properties), 1
    )
    for number in range(1, 6):
        wire = wire.replace(b"MARK%d" % number, b"MA\xff\xfe%d" % number)
    wire = wire.replace(stamp, b"\x7f" + b"\xff" * 7)
    (_, _, deliver), (_, _, header) = asyncio.run(received(wire))
    assert isinstance(deliver, Basic.Deliver)
    assert isinstance(header, ContentHeader)
    assert (deliver.delivery_tag, deliver.routing_key) == (5, "MA\ufffd\ufffd5")
    read = header.properties
    assert read.headers == {"MA\ufffd\ufffd1": 1, "text": b"MA\xff\xfe3", "last": 7}
    assert (read.message_id, read.timestamp, read.message_type) == ("MA\ufffd\ufffd4", None, "order.paid")


def test_connections_use_it() -> None:
    assert aiormq.connection.FrameReceiver is Receiver
