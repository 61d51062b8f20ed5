"""Reads the whole audit log and its heads in the log, page by page, and says what is proven and what is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from consumer.domain.audit_check import ChainCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from consumer.domain.audit import ChainKey
    from consumer.domain.audit_check import Finding, Head
    from consumer.persistence.store import Store

MOST: Final = 1_000
"""So many findings are kept; the others are counted."""
_PAGE: Final = 1_000
_HEADS: Final = 500
_BEFORE_ALL: Final = -(2**63)
"""Rows begin at 1; what somebody put before that is looked at, too."""


@dataclass(slots=True)
class Findings:
    """The first `MOST`, and how many there are.

    Attributes:
        kept: in the order of the table.
        count: of all.
    """

    kept: list[Finding] = field(default_factory=list)
    count: int = 0
    _known: set[Finding] = field(default_factory=set, repr=False)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take more; one that is kept already is the same one again, since several processes tell a head."""
        for finding in findings:
            if finding in self._known:
                continue
            self.count += 1
            if len(self.kept) < MOST:
                self.kept.append(finding)
                self._known.add(finding)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at, and what came of it.

    Attributes:
        check: of the table; it has the rows, the head and how many are signed.
        findings: what is wrong.
        heads: how many lines of the log were compared.
        newest_head: the highest number among them.
        not_proven: sentences on what could not be found out, and what that takes.
        keyed: there was a key to check signatures with.
    """

    check: ChainCheck
    findings: Findings
    heads: int
    newest_head: int | None
    not_proven: list[str]
    keyed: bool

    @property
    def sound(self) -> bool:
        """Was nothing found."""
        return not self.findings.count

    @property
    def proves_nothing(self) -> bool:
        """Is there a key, and neither a signature nor a head in the log: as after somebody took all signatures out."""
        return self.keyed and self.check.rows > 0 and self.check.unsigned == self.check.rows and not self.heads


async def verify(store: Store, keys: Sequence[ChainKey], heads: Iterable[Head], directories: Sequence[Path]) -> Verdict:
    """Check the audit log.

    Args:
        store: the books.
        keys: all of ``RELAY_SECRET_KEY``.
        heads: what the log tells.
        directories: where it was looked for; empty: nowhere.

    Raises:
        BooksUnavailable: the table cannot be read.
        OSError: a log file cannot be read.
    """
    check, findings = ChainCheck(keys), Findings()
    after = _BEFORE_ALL
    while page := await store.audit_log(after=after, limit=_PAGE):
        findings.add(check.page(page))
        after = page[-1].sequence
    findings.add(check.end())
    # Behind the table: what is written meanwhile is there when the log tells it.
    compared, newest = 0, None
    rest = iter(heads)
    while some := list(islice(rest, _HEADS)):
        macs = await store.audit_macs({head.sequence for head in some})
        findings.add(check.compare(dict.fromkeys(some), macs))
        compared += len(some)
        newest = max(newest or 0, *(head.sequence for head in some))
    findings.kept.sort(key=lambda finding: finding.sequence)
    return Verdict(check, findings, compared, newest, _not_proven(check, keys, newest, directories), bool(keys))


def _not_proven(
    check: ChainCheck, keys: Sequence[ChainKey], newest: int | None, directories: Sequence[Path]
) -> list[str]:
    told = []
    if not keys:
        told.append(
            "RELAY_SECRET_KEY is not set, so no signature was checked: a row that was changed, moved or put in does "
            "not show. Set it as the service has it."
        )
    if check.unsigned and keys and check.unsigned == check.rows:
        told.append(
            "No row is signed, although there is a RELAY_SECRET_KEY: either nobody has acted since it was set, or "
            "somebody took all signatures out. Only the log of a service tells which."
        )
    elif check.unsigned and keys:
        told.append(
            f"{check.unsigned} rows are not signed, since whoever wrote them had no RELAY_SECRET_KEY: a change in them "
            "does not show."
        )
    end = 0 if check.head is None else check.head.sequence
    if not directories:
        told.append(
            "There is no log to compare with: newest rows that were cut off do not show. Set RELAY_LOG_DIR, or give "
            "--log-dir with the log files of the service."
        )
    elif newest is None:
        where = " and ".join(str(directory) for directory in directories)
        told.append(
            f"The log in {where} tells no head of the chain: newest rows that were cut off do not show. A running "
            "service with a log writes them, unless RELAY_LOG_LEVEL is above info."
        )
    elif newest < end:
        told.append(
            f"The newest head in the log is row {newest}: that rows behind row {end} were cut off would not show."
        )
    return told
