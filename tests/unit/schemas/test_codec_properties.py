"""Random bytes and random changes of good events: an event comes out, or an `InvalidEvent` that can be published."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from schemas.codec import Event, InvalidEvent, decode, encode, new_event
from schemas.registry import ALL
from schemas.results import EventRejected, RejectedField

EXAMPLES = [
    json.loads(path.read_bytes())
    for path in sorted((Path(schemas.__file__).parent / "examples").glob("*/valid-*.json"))
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=40)
    | st.sampled_from(["", " ", "\x00", "1e5", "-5", "12,3", "2026-02-30", "9" * 400, "\u2028", "\ud800"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


def check(body: bytes, routing_key: str | None) -> None:
    try:
        event = decode(body, routing_key=routing_key)
    except InvalidEvent as error:
        refused(error)
    else:
        assert isinstance(event, Event)
        assert decode(encode(event), routing_key=routing_key) == event


def refused(error: InvalidEvent) -> None:
    errors = tuple(RejectedField(field=e.field, expected=e.expected, input=e.input) for e in error.errors)
    answer = EventRejected(errors=errors, message_id=None, body_sha256="0" * 64)
    answered = new_event(
        "event.rejected", answer, source="/haier-relay", correlationid=error.event_id, subject=error.subject
    )
    assert decode(encode(answered)) == answered


KEYS = st.none() | st.sampled_from(sorted(ALL)) | st.text(max_size=10)


@given(st.binary(max_size=200), KEYS)
def test_any_bytes(body: bytes, routing_key: str | None) -> None:
    check(body, routing_key)


@given(VALUES, KEYS)
def test_any_json(document: object, routing_key: str | None) -> None:
    check(json.dumps(document).encode("utf-8", "surrogatepass"), routing_key)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """Take a good event and set, remove or add values at random places, or damage its bytes."""
    document = json.loads(json.dumps(draw(st.sampled_from(EXAMPLES))))
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = document
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(holder[key], (dict, list)) and draw(st.booleans()):
                holder = holder[key]
                continue
            act = draw(st.sampled_from(["set", "drop", "add"]))
            if act == "drop":
                del holder[key]
            elif act == "add" and isinstance(holder, dict):
                holder[draw(st.text(max_size=6))] = draw(VALUES)
            else:
                holder[key] = draw(VALUES)
            break
    body = json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + draw(st.integers(0, 3)) :]
    return body


@settings(max_examples=300)
@given(changed(), st.booleans())
def test_changed_events(body: bytes, with_key: bool) -> None:  # noqa: FBT001  # drawn
    check(body, "order.paid" if with_key else None)
