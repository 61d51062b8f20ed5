"""What verifying finds: every change, removal, swap and insertion; and nothing in a log that is as it was written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from cryptography.fernet import Fernet
from hypothesis import assume, given
from hypothesis import strategies as st

from consumer.domain.audit import AuditEntry, AuditRow, ChainKey, chain
from consumer.domain.audit_check import ChainCheck, Finding, FindingKind, Head

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

KEYS = [ChainKey.derived(Fernet.generate_key().decode()) for _ in range(3)]
STRANGER = ChainKey.derived(Fernet.generate_key().decode())
AT = datetime(2026, 5, 1, tzinfo=UTC)

Rows = list[AuditRow]
T = TypeVar("T")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
entries = st.builds(
    AuditEntry,
    actor=texts,
    action=texts,
    at=st.datetimes(timezones=st.just(UTC)),
    subject=st.none() | texts,
    reason=st.none() | texts,
    detail=st.dictionaries(texts, st.none() | st.integers() | texts, max_size=2),
)


def signed(acts: Sequence[tuple[AuditEntry, ChainKey | None]]) -> Rows:
    rows: Rows = []
    for entry, key in acts:
        row = AuditRow.of(entry, len(rows) + 1)
        previous = rows[-1].mac if rows else None
        rows.append(row if key is None else replace(row, mac=chain(key, previous, row)))
    return rows


def logs(least: int = 0) -> st.SearchStrategy[Rows]:
    """Audit logs with an unsigned beginning, or none, and keys that change; ``least`` rows are signed."""
    rest = st.lists(st.tuples(entries, st.sampled_from(KEYS)), min_size=least, max_size=least + 5)
    return st.tuples(st.lists(st.tuples(entries, st.none()), max_size=3), rest).map(
        lambda parts: signed([*parts[0], *parts[1]])
    )


def in_pages(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (things[start : start + size] for start in range(0, len(things), size))


def found(
    rows: Sequence[AuditRow], heads: Sequence[Head] = (), *, keys: Sequence[ChainKey] = KEYS, page: int = 2
) -> list[Finding]:
    check = ChainCheck(keys)
    findings = [finding for some in in_pages(rows, page) for finding in check.page(some)]
    findings += check.end()
    macs = {row.sequence: row.mac for row in rows}
    for some in in_pages(heads, page):
        findings += check.compare(some, {head.sequence: macs[head.sequence] for head in some if head.sequence in macs})
    assert check.rows == len(rows)
    return findings


def heads_of(rows: Sequence[AuditRow]) -> list[Head]:
    return [Head(row.sequence, row.mac) for row in rows]


def kinds(findings: Collection[Finding]) -> list[FindingKind]:
    return sorted(finding.kind for finding in findings)


def numbered(rows: Sequence[AuditRow]) -> Rows:
    return [replace(row, sequence=number) for number, row in enumerate(rows, 1)]


def a_signed_place(data: st.DataObject, rows: Rows) -> int:
    return data.draw(st.sampled_from([place for place, row in enumerate(rows) if row.mac is not None]))


def test_page_sizes_are_of_no_matter() -> None:
    rows = signed([(AuditEntry("li", "a", AT), KEYS[0])] * 7)
    rows[4] = replace(rows[4], actor="wang")
    assert found(rows, page=1) == found(rows, page=3) == found(rows, page=100) != []


# ---- laws ----


@given(logs(), st.integers(1, 4))
def test_what_is_as_it_was_written_has_no_finding(rows: Rows, page: int) -> None:
    assert found(rows, heads_of(rows), page=page) == []
    assert found(rows, heads_of(rows)[::2], keys=(), page=page) == []


@given(logs(least=1), entries, st.data())
def test_any_change_of_any_field_is_found(rows: Rows, other: AuditEntry, data: st.DataObject) -> None:
    place = a_signed_place(data, rows)
    changed = AuditRow.of(other, rows[place].sequence)
    field = data.draw(st.sampled_from(["at", "actor", "action", "subject", "reason", "detail", "all"]))
    new = (
        replace(changed, mac=rows[place].mac)
        if field == "all"
        else replace(rows[place], **{field: getattr(changed, field)})
    )
    assume(new != rows[place])
    rows[place] = new
    assert place + 1 in {finding.sequence for finding in found(rows)}


@given(logs(least=2), st.data())
def test_a_changed_signature_is_found_also_one_of_a_key_that_is_not_given(rows: Rows, data: st.DataObject) -> None:
    place = a_signed_place(data, rows)
    mac = data.draw(
        st.sampled_from([one.mac for one in rows if one.mac != rows[place].mac])
        | st.sampled_from([None, f"{KEYS[0].name}:00", "", "no colon", chain(STRANGER, None, rows[place])])
    )
    log = heads_of(rows)
    rows[place] = replace(rows[place], mac=mac)
    assert found(rows, log)
    # Without the log, taking off the only signature there is, or the one at the end of the beginning, cannot show.
    assert found(rows) or (mac is None and all(row.mac is None for row in rows[: place + 2]))


@given(logs(least=2), st.data())
def test_any_removal_is_found(rows: Rows, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(rows) - 1))
    count = data.draw(st.integers(1, len(rows) - first))
    rest = [*rows[:first], *rows[first + count :]]
    log = heads_of(rows)
    assert found(rest, log)
    if rest[first:]:
        assert FindingKind.MISSING in kinds(found(rest))
    if any(row.mac is not None for row in rest[first:]) and rest[first:]:
        # The first signed one behind a beginning without signatures still has its number.
        assert found(numbered(rest))
    assert found(numbered(rest), log)


@given(logs(least=2), st.data())
def test_any_swap_is_found(rows: Rows, data: st.DataObject) -> None:
    one, two = a_signed_place(data, rows), data.draw(st.integers(0, len(rows) - 1))
    assume(one != two)
    rows[one], rows[two] = (
        replace(rows[two], sequence=rows[one].sequence),
        replace(rows[one], sequence=rows[two].sequence),
    )
    assert found(rows)


@given(logs(least=1), entries, st.none() | st.sampled_from([*KEYS, STRANGER]), st.data())
def test_any_insertion_is_found(rows: Rows, entry: AuditEntry, key: ChainKey | None, data: st.DataObject) -> None:
    """Whoever has a key of the service can write what he likes: the one who inserts signs with one, but of another row.

    Before the first signed row anybody can insert what is not signed, and number the unsigned rows anew; not that one.
    """
    place = data.draw(st.integers(0, len(rows)))
    new = AuditRow.of(entry, place + 1)
    new = new if key is None else replace(new, mac=chain(key, "another row's", new))
    assert found(numbered([*rows[:place], new, *rows[place:]]))


@given(logs(least=1), entries)
def test_a_number_that_occurs_twice_or_before_the_first_is_found(rows: Rows, entry: AuditEntry) -> None:
    assert FindingKind.INSERTED in kinds(found([AuditRow.of(entry, 0), *rows]))
    assert FindingKind.INSERTED in kinds(found([*rows, AuditRow.of(entry, len(rows))]))


@given(logs(least=1), st.data())
def test_a_cut_off_end_is_found_by_the_log_also_when_others_were_written_since(rows: Rows, data: st.DataObject) -> None:
    left = data.draw(st.integers(0, len(rows) - 1))
    log = heads_of(rows)
    short = rows[:left]
    assert FindingKind.CUT_OFF in kinds(found(short, log))
    assert found(short) == []
    since = AuditRow.of(AuditEntry("li", "since", AT, detail={"n": 1}), left + 1)
    short.append(replace(since, mac=chain(KEYS[0], short[-1].mac if short else None, since)))
    assert found(short) == []
    after = kinds(found(short, log))
    assert FindingKind.CUT_OFF in after or FindingKind.OTHER_HEAD in after


# ---- what it is called ----


def ten(key: ChainKey = KEYS[0]) -> Rows:
    return signed([(AuditEntry("li", "act", AT + timedelta(n), detail={"n": n}), key) for n in range(10)])


def test_rows_that_changed_places_are_told_by_the_number_they_were_written_as() -> None:
    rows = ten()
    rows[3], rows[4] = replace(rows[4], sequence=4), replace(rows[3], sequence=5)
    told = [(one.kind, one.sequence, one.sentence) for one in found(rows)]
    assert told == [
        (FindingKind.MOVED, 4, "row 4 was written as row 5"),
        (FindingKind.MOVED, 5, "row 5 was written as row 4"),
    ]


def test_a_change_is_told_of_the_row_alone() -> None:
    rows = ten()
    rows[3] = replace(rows[3], reason="another")
    assert [(one.kind, one.sequence) for one in found(rows)] == [(FindingKind.CHANGED, 4)]


def test_a_gap_is_one_finding_and_the_row_behind_it_is_not_called_changed() -> None:
    rows = ten()
    assert found([*rows[:3], *rows[6:]]) == [Finding(FindingKind.MISSING, 4, 6, "rows 4 to 6 are missing")]


def test_rows_of_an_old_key_are_one_finding_and_without_any_key_none() -> None:
    rows = signed([(AuditEntry("li", "act", AT), STRANGER if n < 5 else KEYS[0]) for n in range(10)])
    [finding] = found(rows)
    assert (finding.kind, finding.sequence, finding.last) == (FindingKind.UNKNOWN_KEY, 1, 5)
    assert STRANGER.name in finding.sentence
    assert found(rows, keys=()) == []
    assert found(rows, keys=[*KEYS, STRANGER]) == []


def test_rows_of_a_process_without_a_key_are_one_finding() -> None:
    acts = [(AuditEntry("li", "act", AT), None if 4 <= n < 7 else KEYS[0]) for n in range(10)]
    [finding] = found(signed(acts))
    assert (finding.kind, finding.sequence, finding.last) == (FindingKind.UNSIGNED, 5, 7)


def test_what_is_kept_does_not_grow_with_what_is_wrong() -> None:
    rows = signed([(AuditEntry("li", "act", AT), KEYS[0])] * 500)
    wrong = [replace(row, actor="wang") for row in rows]
    check = ChainCheck(KEYS)
    at_once = list(check.page(wrong))
    assert len(check._misfits) + len(at_once) == len(at_once) + len(list(check.end())) == 500
    assert len(check._misfits) <= 20
