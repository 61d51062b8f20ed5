"""Acts of people from the command line: who did what and why, written down also where a rule refused it.

A command makes its act with `act` and does it within `acting`::

    entry = act("sync.cancel", sync_id, reason)
    async with books(settings) as store, acting(store, entry):
        row = await store.cancelling.cancel(sync_id, entry)
        if row is None:
            raise Failure("No such sync is under way; nothing was done.")

The deed itself writes its row in its own transaction. What ends the block as a refusal is a row too, of the same
action, with the sentence under ``refused`` in its detail; the exception goes on its way to the person.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from consumer.domain.audit import REFUSED, AuditEntry
from consumer.domain.errors import BooksUnavailable, RelayError, SupplierError
from consumer.settings import AccountRefused
from ops.actor import actor
from ops.cli.failing import ExitCode, Failure
from ops.cli.reasons import kept
from schemas.faults import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from consumer.domain.audit import AuditRow
    from consumer.persistence.store import Store

_LONGEST: Final = 300
"""Of a refusal in the audit log; the person at the terminal reads all of it."""
_NO_REFUSALS: Final = frozenset({ExitCode.USAGE, ExitCode.OUT_OF_REACH, ExitCode.INTERRUPTED})
"""A `Failure` with one of these codes says that nothing was tried yet, or that nobody could judge it."""


def act(
    action: str, subject: str | None, reason: str | None, detail: Mapping[str, str | int | None] | None = None
) -> AuditEntry:
    """Return what the person at this terminal does now.

    Args:
        action: stable English, e.g. ``sync.cancel``.
        subject: on what; None where there is no one thing.
        reason: why, in the person's words.
        detail: more for programs; no secret, no personal data.
    """
    whom = None if subject is None else kept(subject)
    return AuditEntry(actor(), action, datetime.now(UTC), whom, reason, detail or {})


async def refused(store: Store, entry: AuditEntry, why: str) -> AuditRow:
    """Write down that ``entry`` was tried and refused.

    For a refusal that is no exception, or that comes before the books are open; else `acting` does it.

    Args:
        store: the books.
        entry: what was tried.
        why: a sentence; its first line is kept, without a secret or a customer's data.
    """
    first = kept(why).partition("\n")[0].rstrip(":")[:_LONGEST]
    return await store.audit(replace(entry, detail={**entry.detail, REFUSED: first}))


@asynccontextmanager
async def acting(store: Store, entry: AuditEntry | None) -> AsyncIterator[None]:
    """For the length of the block, write down a refusal of ``entry``; None, for a dry run: of nothing.

    A refusal is an event that breaks the contract, a `Failure` (unless the command line was wrong or something is out
    of reach), a config that breaks the rules, or a `RelayError` that is no trouble with the database or a supplier.
    """
    try:
        yield
    except (Failure, RelayError, AccountRefused, InvalidEvent) as error:
        if entry is not None and _is_refusal(error):
            # Nothing was done. The person is told why in any case, also where it cannot be written down.
            with suppress(BooksUnavailable):
                await refused(store, entry, _why(error))
        raise


def _why(error: Failure | RelayError | AccountRefused | InvalidEvent) -> str:
    if isinstance(error, InvalidEvent):
        # Where, not what: what stands there may be a customer's.
        return f"it breaks the contract: {', '.join(one.field for one in error.errors)}"
    return error.sentence if isinstance(error, Failure) else str(error)


def _is_refusal(error: Failure | RelayError | AccountRefused | InvalidEvent) -> bool:
    if isinstance(error, Failure):
        return error.code not in _NO_REFUSALS
    return not isinstance(error, BooksUnavailable | SupplierError)
