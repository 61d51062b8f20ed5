"""Trying a supplier: a login, and one harmless call to each endpoint that only reads.

A call that changes something (create, cancel, reschedule) is never tried: a real order would be made or lost. A
refusal of a made-up number counts as an answer: who refuses is there, and has let us in.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import (
    Malformed,
    Misconfigured,
    Rejected,
    Resting,
    SupplierError,
    Throttled,
    Unauthorised,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from consumer.suppliers.haier.client import HaierClient
    from consumer.suppliers.ylh.client import YlhClient

NOT_TRIED: Final = "not tried: it would change something"


@dataclass(frozen=True, slots=True)
class Subjects:
    """What is asked about; made up unless given.

    Attributes:
        product: a product code.
        county: six digits.
        order: an SO number.
    """

    product: str = "RELAY-TEST"
    county: str = "370212"
    order: str = "SO.20000101.000000"


class Verdict(StrEnum):
    """What a try came to."""

    ANSWERS = "answers"
    REFUSED = "refused"
    OUT_OF_REACH = "out_of_reach"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class Tried:
    """One try.

    Attributes:
        supplier: ``ylh`` or ``haier``.
        call: its name.
        verdict: in one word.
        told: in words.
        seconds: how long it took; None for what was not tried.
        code: of the error, stable English; None without one.
    """

    supplier: str
    call: str
    verdict: Verdict
    told: str
    seconds: float | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A call to try; without ``run`` it changes something."""

    supplier: str
    call: str
    run: Callable[[], Awaitable[str]] | None = None


def haier_trials(client: HaierClient, subjects: Subjects) -> list[Trial]:
    """Return the calls of Haier, the login first."""

    async def login() -> str:
        await client.login()
        return "lets us in"

    async def products() -> str:
        return _counted((await client.products([subjects.product])).found, "product")

    async def prices() -> str:
        return _counted((await client.prices([subjects.product])).found, "price")

    async def stock() -> str:
        found = await client.stock(subjects.product, subjects.county)
        return f"{found.quantity} in stock"

    async def logistics() -> str:
        return _counted(await client.shipments(subjects.order), "shipment")

    async def balance() -> str:
        return _counted(await client.balances(), "balance")

    calls = {
        "login": login,
        "products": products,
        "prices": prices,
        "stock": stock,
        "logistics": logistics,
        "balance": balance,
    }
    return [Trial("haier", name, run) for name, run in calls.items()]


def ylh_trials(client: YlhClient, subjects: Subjects) -> list[Trial]:
    """Return the calls of YLH, the login first."""

    async def login() -> str:
        await client.login()
        return "lets us in"

    async def photos() -> str:
        return _counted(await client.photos(subjects.order), "photo")

    async def logistics() -> str:
        return _counted(await client.shipments([subjects.order]), "shipment")

    calls = {"login": login, "photos": photos, "logistics": logistics}
    return [
        *(Trial("ylh", name, run) for name, run in calls.items()),
        *(Trial("ylh", name) for name in ("create", "cancel", "reschedule")),
    ]


async def tried(trials: Sequence[Trial]) -> AsyncIterator[Tried]:
    """Make the calls one after the other; after a failed login none of the others."""
    shut = False
    for trial in trials:
        if trial.run is None:
            yield Tried(trial.supplier, trial.call, Verdict.NOT_TRIED, NOT_TRIED)
        elif shut:
            yield Tried(trial.supplier, trial.call, Verdict.NOT_TRIED, "not tried: the login has to work first")
        else:
            result = await _try(trial, trial.run)
            shut = trial.call == "login" and result.verdict is not Verdict.ANSWERS
            yield result


async def _try(trial: Trial, run: Callable[[], Awaitable[str]]) -> Tried:
    began = time.perf_counter()
    try:
        told = await run()
    except SupplierError as error:
        verdict = _verdict(error)
        told = _told(error, verdict)
        return Tried(trial.supplier, trial.call, verdict, told, time.perf_counter() - began, error.code)
    return Tried(trial.supplier, trial.call, Verdict.ANSWERS, told, time.perf_counter() - began)


def _told(error: SupplierError, verdict: Verdict) -> str:
    match verdict:
        case Verdict.ANSWERS:
            return "answers: it refuses what was asked about"
        case Verdict.OUT_OF_REACH:
            where = {"haier": "HAIER_BASE_URL (a stored account: its base_url)", "ylh": "YLH_BASE_URL"}[error.supplier]
            return f"{error.message}: check {where}, and that this machine may reach it"
        case _:
            return error.message


def _verdict(error: SupplierError) -> Verdict:
    match error:
        case Rejected():
            return Verdict.ANSWERS
        case Unauthorised() | Misconfigured() | Malformed():
            return Verdict.REFUSED
        case Throttled() | Resting():
            # It is there; the account has no call to spare at this moment.
            return Verdict.REFUSED
        case _:
            return Verdict.OUT_OF_REACH


def _counted(found: Sequence[object], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"
