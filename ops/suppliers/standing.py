"""How the suppliers are, added up from what all running processes report and what people have paused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.domain.call_figures import CallFigures
from consumer.domain.supplier_report import SUPPLIERS, TOKEN, Rest, RestKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.domain.interventions import SupplierPause
    from consumer.domain.supplier_report import AccountSeen, LastError, StoredReport
    from consumer.persistence.store import Store


@dataclass(frozen=True, slots=True)
class OneCall:
    """Figures of one kind of call.

    Attributes:
        figures: of the last five minutes, over all processes.
        per_minute: calls a minute.
    """

    figures: CallFigures
    per_minute: float


@dataclass(frozen=True, slots=True)
class Resting:
    """A cause for which processes make no calls, or but one at a time.

    Attributes:
        rest: as the process sees it that is to probe first.
        processes: how many see it.
    """

    rest: Rest
    processes: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How one supplier is.

    Attributes:
        supplier: ``ylh`` or ``haier``.
        processes: how many report; without any all figures are empty.
        up: did the call that ended last get an answer; None: nobody knows.
        pause: a person's pause, as it stands in the books.
        resting: other causes for which no calls are made.
        token_age: seconds since the last login of any process.
        business: all calls but logins.
        calls: by the name of the call, logins too.
        quota_used: share of the account's calls a second, over the last minute and all processes.
        last_error: the newest one.
        accounts: whose calls processes make, as far as they choose: each account once, those with trouble first.
    """

    supplier: str
    processes: int
    up: bool | None
    pause: SupplierPause | None
    resting: Sequence[Resting]
    token_age: float | None
    business: OneCall
    calls: Mapping[str, OneCall]
    quota_used: float | None
    last_error: LastError | None
    accounts: Sequence[AccountSeen] = ()

    @property
    def state(self) -> str:
        """Return it in one word, the gravest of all processes'.

        ``paused`` (by a person), ``circuit_open``, ``resting`` (for another cause), ``trial``, ``normal`` or
        ``unknown``.
        """
        if self.pause is not None:
            return "paused"
        kinds = {one.rest.kind for one in self.resting}
        if RestKind.CIRCUIT in kinds:
            return "circuit_open"
        if kinds - {RestKind.TRIAL}:
            return "resting"
        if kinds:
            return "trial"
        return "normal" if self.processes else "unknown"


async def standings(store: Store) -> list[Standing]:
    """Look at all suppliers.

    Raises:
        BooksUnavailable: the database does not answer.
    """
    reports, pauses = await store.reports.fresh(), await store.supplier_pauses()
    return [
        standing(supplier, [one for one in reports if one.report.supplier == supplier], pauses.get(supplier))
        for supplier in SUPPLIERS
    ]


def standing(supplier: str, reports: Sequence[StoredReport], pause: SupplierPause | None) -> Standing:
    """Add up what processes report of one supplier."""
    names = sorted({name for stored in reports for name in stored.report.calls})
    latest = min(
        (stored for stored in reports if stored.report.idle is not None),
        key=lambda stored: (stored.report.idle or 0) + stored.age.total_seconds(),
        default=None,
    )
    ages = [
        stored.report.token_age + stored.age.total_seconds()
        for stored in reports
        if stored.report.token_age is not None
    ]
    errors = [stored.report.last_error for stored in reports if stored.report.last_error is not None]
    return Standing(
        supplier=supplier,
        processes=len({stored.process for stored in reports}),
        up=None if latest is None else latest.report.up,
        pause=pause,
        resting=_resting(reports),
        token_age=min(ages, default=None),
        business=_summed(reports, [name for name in names if name != TOKEN]),
        calls={name: _summed(reports, [name]) for name in names},
        quota_used=sum(stored.report.quota_used for stored in reports) if reports else None,
        last_error=max(errors, key=lambda error: error.at, default=None),
        accounts=_accounts(reports),
    )


def _accounts(reports: Iterable[StoredReport]) -> list[AccountSeen]:
    seen = {stored.report.account for stored in reports if stored.report.account is not None}
    return sorted(seen, key=lambda one: (one.trouble is None, one.name or "", one.revision or 0))


def _summed(reports: Iterable[StoredReport], names: Sequence[str]) -> OneCall:
    parts = [
        (stored.report.calls[name], stored.report.window)
        for stored in reports
        for name in names
        if name in stored.report.calls
    ]
    # Each process has its own window: one that has just started saw its calls in a shorter time.
    per_minute = sum(figures.calls * 60 / window for figures, window in parts)
    return OneCall(CallFigures.sum(figures for figures, _ in parts), per_minute)


def _resting(reports: Iterable[StoredReport]) -> list[Resting]:
    """Return what processes see at rest by kind and class of error; people's pauses stand in the books."""
    found: dict[tuple[RestKind, str | None], list[Rest]] = {}
    for stored in reports:
        rest = stored.report.rest
        if rest is not None and rest.kind is not RestKind.PERSON:
            found.setdefault((rest.kind, rest.error_class), []).append(rest)
    return [Resting(min(rests, key=_next_probe), len(rests)) for rests in found.values()]


def _next_probe(rest: Rest) -> float:
    return float("inf") if rest.next_probe is None else rest.next_probe.timestamp()
