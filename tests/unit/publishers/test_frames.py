"""The frames that we put together ourselves are pamqp's, byte for byte, and so is what cannot be put into one."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from publishers.frames import content_body, content_header

TEXTS = st.text(max_size=60)
PROPERTIES = st.text(min_size=1, max_size=60)
"""An empty one pamqp leaves out, and we have none."""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def by_pamqp(
    channel: int, size: int, *, content_type: str, headers: dict[str, object], message_id: str, type_: str | None
) -> bytes:
    properties = Basic.Properties(
        content_type=content_type,
        headers=headers or None,  # type: ignore[arg-type]  # whatever Hypothesis thinks of
        delivery_mode=2,
        message_id=message_id,
        message_type=type_,
    )
    return marshal(ContentHeader(body_size=size, properties=properties), channel)


@given(
    st.integers(1, 65_535),
    st.integers(0, 2**40),
    PROPERTIES,
    st.dictionaries(TEXTS, VALUES, max_size=4),
    PROPERTIES,
    st.none() | PROPERTIES,
)
def test_a_header_is_what_pamqp_writes(
    channel: int, size: int, content_type: str, headers: dict[str, object], message_id: str, type_: str | None
) -> None:
    assert content_header(
        channel, size, content_type=content_type, headers=headers, message_id=message_id, type_=type_
    ) == by_pamqp(channel, size, content_type=content_type, headers=headers, message_id=message_id, type_=type_)


@given(st.binary(max_size=100), st.integers(1, 40))
def test_a_body_is_cut_as_pamqp_would_write_it(body: bytes, largest: int) -> None:
    whole = [marshal(ContentBody(body[start : start + largest]), 7) for start in range(0, len(body), largest)]
    assert b"".join(content_body(7, body, largest)) == b"".join(whole)


@pytest.mark.parametrize(
    ("message_id", "headers"),
    [("x" * 256, {}), ("id", {"value": object()}), ("id", {"number": 2**70}), ("id", {"inner": {"a": [object()]}})],
)
def test_what_amqp_has_no_room_for_is_said(message_id: str, headers: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, struct.error)):
        content_header(1, 0, content_type="text/plain", headers=headers, message_id=message_id, type_=None)
