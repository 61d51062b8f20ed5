"""The chain of the audit log: whatever is changed, taken out, put in or moved shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet
from hypothesis import assume, given
from hypothesis import strategies as st

from consumer.domain.audit import AuditEntry, AuditRow, ChainKey, chain

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = ChainKey.derived(Fernet.generate_key().decode())

texts = st.text(max_size=12)
entries = st.builds(
    AuditEntry,
    actor=texts,
    action=texts,
    at=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants it naive
    subject=st.none() | texts,
    reason=st.none() | texts,
    detail=st.dictionaries(texts, st.none() | st.integers() | texts, max_size=3),
)


def signed(given_entries: Sequence[AuditEntry]) -> list[AuditRow]:
    rows: list[AuditRow] = []
    for entry in given_entries:
        row = AuditRow.of(entry, len(rows) + 1)
        rows.append(replace(row, mac=chain(KEY, rows[-1].mac if rows else None, row)))
    return rows


def holds(rows: Sequence[AuditRow]) -> bool:
    previous: str | None = None
    for number, row in enumerate(rows, 1):
        if row.sequence != number or row.mac != chain(KEY, previous, row):
            return False
        previous = row.mac
    return True


@given(st.lists(entries, max_size=6))
def test_what_was_written_holds(given_entries: list[AuditEntry]) -> None:
    assert holds(signed(given_entries))


@given(st.lists(entries, min_size=1, max_size=6), st.data())
def test_any_changed_field_shows(given_entries: list[AuditEntry], data: st.DataObject) -> None:
    rows = signed(given_entries)
    place = data.draw(st.integers(0, len(rows) - 1))
    other = AuditRow.of(data.draw(entries), rows[place].sequence)
    assume(replace(rows[place], mac=None) != other)
    rows[place] = replace(other, mac=rows[place].mac)
    assert not holds(rows)


@given(st.lists(entries, min_size=2, max_size=6), st.data())
def test_a_row_that_was_taken_out_shows_although_the_rest_is_numbered_anew(
    given_entries: list[AuditEntry], data: st.DataObject
) -> None:
    rows = signed(given_entries)
    place = data.draw(st.integers(0, len(rows) - 2))
    rest = [*rows[:place], *rows[place + 1 :]]
    assert not holds(rest)
    assert not holds([replace(row, sequence=number) for number, row in enumerate(rest, 1)])


@given(entries, st.none() | texts)
def test_another_key_or_another_row_before_gives_another_mac(entry: AuditEntry, previous: str | None) -> None:
    row = AuditRow.of(entry, 2)
    mac = chain(KEY, previous, row)
    other = ChainKey.derived(Fernet.generate_key().decode())
    assert mac.startswith(f"{KEY.name}:")
    assert chain(other, previous, row) != mac
    assert chain(KEY, f"{previous or ''}x", row) != mac


def test_none_is_not_the_empty_text_and_texts_do_not_flow_together() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        AuditRow(1, at, "a", "b", None, None, "{}"),
        AuditRow(1, at, "a", "b", "", None, "{}"),
        AuditRow(1, at, "a", "b", None, "", "{}"),
        AuditRow(1, at, "ab", "", None, None, "{}"),
    ]
    assert len({chain(KEY, None, row) for row in rows}) == len(rows)


def test_a_moment_is_the_same_in_every_time_zone() -> None:
    utc = AuditRow(1, datetime(2026, 1, 1, 12, 0, 0, 5, tzinfo=UTC), "a", "b", None, None, "{}")
    shanghai = replace(utc, at=utc.at.astimezone(timezone(timedelta(hours=8))))
    assert chain(KEY, None, utc) == chain(KEY, None, shanghai)


def test_the_key_is_not_shown() -> None:
    secret = Fernet.generate_key().decode()
    key = ChainKey.derived(secret)
    assert secret not in repr(key)
    assert key._secret.hex() not in repr(key)
    assert repr(key._secret) not in repr(key)
