"""What one process tells of one supplier, every few seconds; `relay supplier status` adds the reports up."""

from __future__ import annotations

# ruff: noqa: TC001 -- pydantic reads the annotations when a report is stored
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from consumer.domain.call_figures import CallFigures

SUPPLIERS: Final = ("haier", "ylh")
"""In the order in which people are shown them."""
WINDOW: Final = timedelta(minutes=5)
"""How far back a report's figures of calls reach."""
REPORT_EVERY: Final = timedelta(seconds=5)
FRESH: Final = timedelta(seconds=20)
"""A process whose report is older has ended, hangs, or cannot reach the database."""
TOKEN: Final = "token"  # noqa: S105 -- the name of the call that logs in
"""The one call that is no business call and takes nothing from the account's quota."""


class RestKind(StrEnum):
    """Why no calls are made to a supplier."""

    PERSON = "person"
    CIRCUIT = "circuit"
    PAUSE = "pause"
    TRIAL = "trial"
    """The rest is over; messages go one at a time until something gets through."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A supplier at rest, as one process sees it.

    Attributes:
        kind: who or what ordered it: a person, the circuit breaker, or an answer (throttled, auth, misconfigured); or
            that it is on trial.
        cause: in words, masked.
        error_class: of the error that began it; None for a person's.
        since: when it began; None where nobody noted it.
        next_probe: when it is tried next; None where only a person ends it, and on trial.
        alert: a person has to mend something.
    """

    kind: RestKind
    cause: str
    error_class: str | None = None
    since: datetime | None = None
    next_probe: datetime | None = None
    alert: bool = False


@dataclass(frozen=True, slots=True)
class LastError:
    """The last call that failed.

    Attributes:
        at: when.
        operation: which call.
        error_class: DESIGN section 6.
        code: stable English.
        status: of the HTTP answer; None without one.
        message: in words, masked.
    """

    at: datetime
    operation: str
    error_class: str
    code: str
    status: int | None
    message: str


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """The account that a process makes its calls with.

    Attributes:
        told: which one, in words; None: there is none that can be used.
        name: of the stored account; None: it is the environment's.
        revision: of the stored account.
        trouble: why the active stored account is not the one, in words; None: it is.
    """

    told: str | None
    name: str | None = None
    revision: int | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class SupplierReport:
    """One process on one supplier.

    Attributes:
        supplier: ``ylh`` or ``haier``.
        window: seconds that the figures cover: `WINDOW`, or less while the process is young.
        calls: figures by the name of the call, logins (`TOKEN`) too.
        quota_used: share of the account's quota that this process used; the processes' shares add up.
        up: did the last call or probe get an answer; None before the first.
        token_age: seconds since the last login; None before the first.
        idle: seconds since the last call of any kind; None before the first.
        rest: set while the supplier is at rest.
        last_error: of the last call that failed.
        account: whose calls they are, where accounts can be stored; None before the first call.
    """

    supplier: str
    window: float
    calls: dict[str, CallFigures] = field(default_factory=dict)
    quota_used: float = 0.0
    up: bool | None = None
    token_age: float | None = None
    idle: float | None = None
    rest: Rest | None = None
    last_error: LastError | None = None
    account: AccountSeen | None = None


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as it lies in the database.

    Attributes:
        process: who wrote it, e.g. ``ops-1:4711:9f3c``.
        age: how long ago, by the database's clock.
        report: what it says.
    """

    process: str
    age: timedelta
    report: SupplierReport
