"""A long document read from a file says what the decoder of all other answers says of it, however it is cut."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.suppliers.answers import parsed
from consumer.suppliers.json_stream import LONGEST, LongList
from consumer.suppliers.operation import Misshapen

if TYPE_CHECKING:
    from consumer.suppliers.operation import JSON

texts = st.text(max_size=6) | st.sampled_from(("", "海尔", "😀", '"', "\\", "],[", "}{", "\u2028", "\x00", "data"))
numbers = (
    st.integers(-(10**20), 10**20) | st.decimals(-1000, 1000, places=3).map(float) | st.sampled_from((0, -1, 1e300))
)
values: st.SearchStrategy[Any] = st.recursive(
    texts | numbers | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
lists = st.lists(values, max_size=6)
blanks = st.text(st.sampled_from(" \t\r\n"), max_size=3)
blocks = st.integers(1, 40)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Draw a list, bare or in an envelope whose members come in any order, with blanks where JSON allows them."""
    indent = draw(st.none() | st.just(1))
    ascii_only = draw(st.booleans())

    def written(value: object) -> str:
        return json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    body = written(draw(lists))
    if draw(st.booleans()):
        members = draw(
            st.dictionaries(st.sampled_from(("code", "message", "more", "datA")) | texts, values, max_size=3)
        )
        members.pop("data", None)
        pairs = [(name, written(value)) for name, value in (members | {"success": True}).items()]
        pairs = draw(st.permutations([*pairs, ("data", body)]))
        body = "{" + ",".join(f"{json.dumps(name)}{draw(blanks)}:{draw(blanks)}{text}" for name, text in pairs) + "}"
    return draw(blanks) + body + draw(blanks)


def read(body: bytes, block: int = 64) -> tuple[JSON, list[JSON]]:
    document = LongList(BytesIO(body), block=block)
    entries = list(document)
    return document.with_list(entries), entries


@given(documents(), blocks, st.booleans())
def test_however_it_is_cut_it_has_the_entries_that_it_has(text: str, block: int, mark: bool) -> None:  # noqa: FBT001 -- drawn
    body = (b"\xef\xbb\xbf" if mark else b"") + text.encode()
    known = parsed(body)
    value, entries = read(body, block)
    assert value == known
    assert entries == (known["data"] if isinstance(known, dict) else known)
    assert repr(value) == repr(known), "and of the same types"


@given(documents(), st.data(), blocks)
def test_a_body_that_breaks_off_is_never_taken_for_a_list_that_ends(text: str, data: st.DataObject, block: int) -> None:
    body = text.strip().encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(ValueError):  # noqa: PT011 -- any: each is told as a body that is no JSON
        read(body[:cut], block)


@given(documents(), st.data(), blocks)
def test_a_spoilt_body_is_refused_where_the_other_decoder_refuses_it(
    text: str, data: st.DataObject, block: int
) -> None:
    body = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        body = body or bytearray(b" ")
    try:
        known = parsed(bytes(body))
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 -- as above
            read(bytes(body), block)
        return
    try:
        value, _ = read(bytes(body), block)
    except Misshapen:
        # Names its list twice.
        return
    assert value == known


@given(values, blocks)
def test_any_other_document_is_read_whole(value: Any, block: int) -> None:
    body = json.dumps(value).encode()
    assert read(body, block)[0] == parsed(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html>",
        b"[1,]",
        b"[1 2]",
        b"[1]]",
        b"[1]x",
        b'{"data": [1]',
        b'{"data": [1],}',
        b'{"data" [1]}',
        b"{1: []}",
        b'{"data": [1]}{}',
        b'["\xff"]',
        b'["\xe6\xb5"]',
        b"[NaN]",
        b"[1" + b"0" * 5000 + b"]",
        b"[1e99999999999999999999]",
        b"[" * 100_000,
        b'[{"a": tru}]',
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- as above
        parsed(body)
    with pytest.raises(ValueError):  # noqa: PT011 -- as above
        read(body)


def test_money_is_never_a_float() -> None:
    _, entries = read(b'[{"price": 1999.10}, 0.1, 3]')
    assert entries == [{"price": Decimal("1999.10")}, Decimal("0.1"), 3]


def test_what_cannot_be_stored_is_replaced_as_in_any_other_answer() -> None:
    _, entries = read(rb'["a\u0000b", "\ud800c", "\udc00", "\ud83d\ude00"]', block=3)
    assert entries == ["a\ufffdb", "\ufffdc", "\ufffd", "😀"]


def test_two_lists_are_not_guessed_between() -> None:
    with pytest.raises(Misshapen, match="one list"):
        read(b'{"data": [1], "data": [2]}')


def test_something_long_that_is_no_list_is_another_shape_with_its_place() -> None:
    rows = b"[" + b",".join([b'"row"'] * (LONGEST // 5)) + b"]"
    with pytest.raises(Misshapen, match="data: expected a list, or something short"):
        read(b'{"success": true, "data": {"rows": ' + rows + b"}}")
    with pytest.raises(Misshapen, match="rows: expected a list"):
        read(b'{"rows": ' + rows + b"}")


def test_many_short_things_around_the_list_are_not_held_either() -> None:
    many = b",".join(b'"%d": "%s"' % (number, b"x" * 100) for number in range(LONGEST // 100))
    with pytest.raises(Misshapen, match="something short"):
        read(b"{" + many + b', "data": []}')


def test_no_more_than_an_entry_and_a_block_of_the_file_are_held() -> None:
    body = b"[" + b",".join([b'{"productCode": "BX0000001"}'] * 50_000) + b"]"
    file = BytesIO(body)
    document = LongList(file, block=1000)
    held = 0
    for place, _ in enumerate(document):
        held = max(held, file.tell() - place * 29)
    assert held < 1100
    assert place == 49_999


def test_an_entry_that_never_ends_is_given_up() -> None:
    file = BytesIO(b'["' + b"x" * (8 * LONGEST))
    with pytest.raises(ValueError, match="more than"):
        list(LongList(file))
    assert file.tell() < 2 * LONGEST
