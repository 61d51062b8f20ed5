"""Is the audit log as it was written? Pure: rows come in pages, in order, and heads of the chain from the log.

Nothing grows with the number of rows: what is wrong with many rows in a row is one finding, and rows that may have
changed places are kept up to a number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING, Final

from consumer.domain.audit import chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from consumer.domain.audit import AuditRow, ChainKey

_EXAMINED: Final = 20
"""Of so many rows that do not fit their signature it is found out whether they only changed places."""


class FindingKind(StrEnum):
    """What can be wrong with an audit log."""

    CHANGED = "changed"
    MOVED = "moved"
    MISSING = "missing"
    INSERTED = "inserted"
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown_key"
    CUT_OFF = "cut_off"
    OTHER_HEAD = "other_head"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: what.
        sequence: number of the row, of the first one where there are several.
        last: number of the last row; the same where it is one.
        sentence: for a person.
    """

    kind: FindingKind
    sequence: int
    last: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Head:
    """A head of the chain as the log tells it.

    Attributes:
        sequence: number of the row.
        mac: its signature; None where the service had no key: then it only tells that there was such a row.
    """

    sequence: int
    mac: str | None


@dataclass(frozen=True, slots=True)
class _Misfit:
    row: AuditRow
    previous: str | None


@dataclass(slots=True)
class _Run:
    """Rows one after the other that cannot be checked for one reason; ``key`` is None where they are unsigned."""

    key: str | None
    first: int
    last: int


class ChainCheck:
    """Follows the chain from its first row; feed it with `page`, then ask for the `end`.

    Args:
        keys: all that rows may have been signed with; none: signatures are not checked, and only gaps show.

    Attributes:
        rows: how many there were.
        first_at: time of the first row.
        head: the last row.
        signed: how many rows have a signature that was checked and held.
        unsigned: how many rows have none.
    """

    def __init__(self, keys: Iterable[ChainKey]) -> None:
        self._keys = {key.name: key for key in keys}
        self._run: _Run | None = None
        self._misfits: list[_Misfit] = []
        self._any_signed = False
        self.rows = 0
        self.first_at: datetime | None = None
        self.head: AuditRow | None = None
        self.signed = 0
        self.unsigned = 0

    def page(self, rows: Sequence[AuditRow]) -> Iterator[Finding]:
        """Take the next rows, in the order of the table; yield what is wrong with them."""
        for row in rows:
            yield from self._row(row)

    def end(self) -> Iterator[Finding]:
        """Yield what can only be said when all rows were seen."""
        yield from self._run_ended()
        places = _places(self._misfits, self._keys)
        for row in (misfit.row for misfit in self._misfits):
            written_as = places.get(row.sequence)
            if written_as != row.sequence:
                yield _changed(row, written_as)

    def compare(self, heads: Iterable[Head], macs: Mapping[int, str | None]) -> Iterator[Finding]:
        """Compare heads that the log tells with the table; to be called behind the last page, for all or for some.

        Args:
            heads: from the log.
            macs: by number of the row, its signature in the table; rows that are not there are not in it.
        """
        end = 0 if self.head is None else self.head.sequence
        for head in heads:
            number = head.sequence
            if number not in macs:
                # A gap before the end is told already.
                if number > end:
                    yield _finding(
                        FindingKind.CUT_OFF, number, f"row {number} is not there, and the log tells that it was written"
                    )
            elif head.mac is not None and head.mac != macs[number]:
                yield _finding(
                    FindingKind.OTHER_HEAD,
                    number,
                    f"row {number} does not bear the signature that the log tells of it",
                )

    def _row(self, row: AuditRow) -> Iterator[Finding]:
        before = self.head
        expected = 1 if before is None else before.sequence + 1
        if row.sequence > expected:
            yield _missing(expected, row.sequence - 1)
        elif row.sequence < expected:
            yield _finding(
                FindingKind.INSERTED, row.sequence, f"row {row.sequence} stands where row {expected} belongs"
            )
        self.rows += 1
        self.head = row
        if before is None:
            self.first_at = row.at
        yield from self._signature(row, None if before is None else before.mac, follows=row.sequence == expected)

    def _signature(self, row: AuditRow, previous: str | None, *, follows: bool) -> Iterator[Finding]:
        if row.mac is None:
            self.unsigned += 1
            # At the beginning the service may have had no key yet.
            yield from self._run_of(row, None) if self._any_signed else ()
            return
        self._any_signed = True
        name = row.mac.partition(":")[0]
        key = self._keys.get(name)
        if key is None:
            yield from self._run_of(row, name) if self._keys else ()
            return
        yield from self._run_ended()
        if chain(key, previous, row) == row.mac:
            self.signed += 1
        elif not follows:
            # It was signed together with a row that is not before it: what it says cannot be checked. That is told.
            return
        elif len(self._misfits) < _EXAMINED:
            self._misfits.append(_Misfit(row, previous))
        else:
            yield _changed(row, None)

    def _run_of(self, row: AuditRow, key: str | None) -> Iterator[Finding]:
        if self._run is not None and self._run.key == key:
            self._run.last = row.sequence
            return
        yield from self._run_ended()
        self._run = _Run(key, row.sequence, row.sequence)

    def _run_ended(self) -> Iterator[Finding]:
        run, self._run = self._run, None
        if run is None:
            return
        rows, verb = _rows(run.first, run.last)
        if run.key is None:
            told = f"{rows} {verb} not signed, although rows before are"
            yield Finding(FindingKind.UNSIGNED, run.first, run.last, told)
        else:
            told = f"{rows} {verb} signed with the key {run.key}, which is not among those of RELAY_SECRET_KEY"
            yield Finding(FindingKind.UNKNOWN_KEY, run.first, run.last, told)


def _places(misfits: Sequence[_Misfit], keys: Mapping[str, ChainKey]) -> dict[int, int]:
    """Return the number that rows were written as, by the number that they have now, where that can be found out.

    One whose own number comes out is as it was: only the row before it is another one, which has a finding itself.
    """
    numbers = sorted({number for misfit in misfits for number in (misfit.row.sequence, misfit.row.sequence + 1)})
    macs = {misfit.row.mac for misfit in misfits}
    befores = macs | {misfit.previous for misfit in misfits}
    found = {}
    for row in (misfit.row for misfit in misfits):
        key = keys[(row.mac or "").partition(":")[0]]
        for number, before in product(numbers, befores):
            elsewhere = number != row.sequence or before in macs
            if elsewhere and chain(key, before, replace(row, sequence=number)) == row.mac:
                found[row.sequence] = number
    return found


def _missing(first: int, last: int) -> Finding:
    rows, verb = _rows(first, last)
    return Finding(FindingKind.MISSING, first, last, f"{rows} {verb} missing")


def _changed(row: AuditRow, written_as: int | None) -> Finding:
    number = row.sequence
    if written_as is not None:
        return _finding(FindingKind.MOVED, number, f"row {number} was written as row {written_as}")
    return _finding(
        FindingKind.CHANGED, number, f"row {number} does not fit its signature: it, or the row before it, was changed"
    )


def _finding(kind: FindingKind, number: int, sentence: str) -> Finding:
    return Finding(kind, number, number, sentence)


def _rows(first: int, last: int) -> tuple[str, str]:
    return (f"row {first}", "is") if first == last else (f"rows {first} to {last}", "are")
