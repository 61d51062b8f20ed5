"""A dead letter's event as a person changes it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.deadletters.editing import DEEPEST, differences, edited, merged, parsed
from consumer.domain.delivery import Delivery
from consumer.domain.errors import ErrorClass
from consumer.domain.letters import ErrorNote, letter_of
from consumer.domain.writes import InboxKey, LetterStatus
from schemas.faults import InvalidEvent
from tests.support.events import SOURCE, paid

AT = datetime(2026, 11, 23, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
DOCUMENT = paid("SO-1", event_id="first")
LETTER = letter_of(
    Delivery("relay.orders", json.dumps(DOCUMENT).encode(), "order.paid", {}, "first", None, AT),
    ErrorNote(ErrorClass.INVALID_EVENT, "invalid_event", "what it says"),
    id_="letter",
    lane="relay.orders",
    key=InboxKey(SOURCE, "first"),
    type_="order.paid",
    subject="SO-1",
    status=LetterStatus.OPEN,
    now=AT,
)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_is_merged_as_the_rfc_says(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


def test_the_new_event_says_what_it_comes_from() -> None:
    changed = merged(DOCUMENT, {"data": {"online_no": "T-2"}})
    made = edited(LETTER, changed, event_id="second", max_bytes=10_000)
    assert (made.event.id, made.event.causationid, made.event.correlationid) == ("second", "first", "first")
    assert made.event.source == SOURCE
    assert [one.field for one in differences(DOCUMENT, json.loads(made.body))] == ["data.online_no"]


def test_who_began_the_matter_stays() -> None:
    begun = {**DOCUMENT, "correlationid": "the-beginning"}
    made = edited(LETTER, begun, event_id="second", max_bytes=10_000)
    assert (made.event.correlationid, made.event.causationid) == ("the-beginning", "first")


@pytest.mark.parametrize("document", [[], "text", None, {"id": "x"}, {**DOCUMENT, "type": "order.of.tomorrow"}])
def test_what_breaks_the_contract_is_not_made(document: Any) -> None:
    with pytest.raises(InvalidEvent):
        edited(LETTER, document, event_id="second", max_bytes=10_000)


def test_a_letter_without_a_readable_event_takes_a_whole_one() -> None:
    unreadable = replace(LETTER, body=b"\xff", event_id="its-key")
    document = {name: value for name, value in DOCUMENT.items() if name != "id"}
    made = edited(unreadable, document, event_id="second", max_bytes=10_000)
    assert made.event.causationid == "its-key"


def test_a_difference_shows_no_customer() -> None:
    other = merged(DOCUMENT, {"data": {"consignee": {"mobile": "13900001111"}, "remark": None, "version": 2}})
    told = {one.field: (one.before, one.after) for one in differences(DOCUMENT, other)}
    assert told == {"data.consignee.mobile": ('"***"', '"***"'), "data.version": ("1", "2")}
    gone = {name: value for name, value in DOCUMENT.items() if name != "data"}
    [one] = differences(DOCUMENT, gone)
    assert (one.field, one.after) == ("data", None)
    assert "王小明" not in (one.before or "")


@given(JSON)
def test_nothing_differs_from_itself(document: Any) -> None:
    assert differences(document, document) == []


@given(JSON, JSON)
def test_what_differs_is_told(before: Any, after: Any) -> None:
    same = json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert (differences(before, after, "data") == []) == same


def test_what_is_nested_too_deep_is_no_document() -> None:
    fits, beyond = ('{"a":' * (depth - 1) + "[]" + "}" * (depth - 1) for depth in (DEEPEST, DEEPEST + 1))
    assert parsed(fits) == parsed(b"\xef\xbb\xbf" + fits.encode())
    for deep in (beyond, "[" * 100_000):
        with pytest.raises(ValueError, match="nested deeper than 100 levels"):
            parsed(deep)


def test_an_edited_event_comes_from_its_letters_event_whatever_the_person_wrote() -> None:
    other = paid("SO-1", event_id="somebody-elses")
    assert edited(LETTER, other, event_id="new", max_bytes=10_000).event.causationid == "first"
