"""Bytes to records: the same whatever pieces they come in, one event or many, never more than one in memory."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ops.events.records import Record, Records

EVENT = {"specversion": "1.0", "id": "1", "data": {"items": [{"a": 1}, {"b": "王"}]}}
LINE = json.dumps(EVENT, ensure_ascii=False).encode()
PRETTY = json.dumps(EVENT, ensure_ascii=False, indent=2).encode()


def read(text: bytes, *, limit: int = 10_000, sizes: list[int] | None = None) -> list[Record]:
    records = Records(limit)
    found: list[Record] = []
    rest = text
    for size in sizes or []:
        found += records.feed(rest[:size])
        rest = rest[size:]
    found += records.feed(rest)
    found += records.end()
    return found


def test_each_line_is_an_event_and_blank_lines_count_but_are_none() -> None:
    assert [(one.line, one.body) for one in read(LINE + b"\n\n" + LINE + b"\n")] == [(1, LINE), (3, LINE)]


def test_the_last_line_needs_no_line_break() -> None:
    assert [one.line for one in read(LINE + b"\n" + LINE)] == [1, 2]


def test_one_event_over_many_lines_is_one_record() -> None:
    (record,) = read(b"\n" + PRETTY + b"\n")
    assert record.line == 2
    assert json.loads(record.body) == EVENT


def test_windows_line_ends_and_byte_order_mark_do_no_harm() -> None:
    (record,) = read(b"\xef\xbb\xbf" + PRETTY.replace(b"\n", b"\r\n"))
    assert json.loads(record.body) == EVENT
    assert len(read(b"\xef\xbb\xbf" + LINE + b"\r\n" + LINE + b"\r\n")) == 2


def test_a_broken_first_line_does_not_swallow_the_events_after_it() -> None:
    found = read(b'{"specversion": "1.0", "id"\n' + LINE + b"\n" + LINE + b"\n")
    assert [one.line for one in found] == [1, 2, 3]


def test_what_is_no_json_at_all_is_taken_line_by_line() -> None:
    assert [one.body for one in read(b"hello\nworld\n")] == [b"hello", b"world"]


def test_a_line_beyond_the_limit_is_counted_and_not_kept() -> None:
    found = read(LINE + b"\n" + b"x" * 500 + b"\n" + LINE, limit=200)
    assert [(one.line, one.kept, one.length) for one in found] == [
        (1, True, len(LINE)),
        (2, False, 500),
        (3, True, len(LINE)),
    ]
    assert found[1].body == b""


def test_a_document_that_grows_beyond_the_limit_is_given_up_as_one() -> None:
    found = read(b"{\n" + b'"a": 1,\n' * 100, limit=50)
    assert len(found) == 101
    assert all(len(one.body) <= 50 for one in found)


def test_nothing_gives_nothing() -> None:
    assert read(b"") == read(b"\n\n  \n") == []


@given(
    lines=st.lists(st.sampled_from([LINE, PRETTY, b"", b"{", b"garbage", b"9" * 300, b"  "]), max_size=6),
    sizes=st.lists(st.integers(0, 40), max_size=30),
)
def test_the_pieces_it_comes_in_change_nothing(lines: list[bytes], sizes: list[int]) -> None:
    text = b"\n".join(lines)
    assert read(text, limit=250, sizes=sizes) == read(text, limit=250)
