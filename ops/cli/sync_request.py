"""A request for a sync, whatever is synced: publish it, and follow it to its end where somebody waits."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from consumer.domain.results import sync_log_id
from consumer.domain.writes import InboxKey, SyncLogRow, SyncStatus
from ops.cli.asking import SOURCE, books, require_topology
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, Printer, say
from ops.cli.progress import counting
from ops.cli.sync import FIELDS
from ops.syncing import followed
from publishers.orders import RelayPublisher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from consumer.domain.writes import Letter
    from consumer.persistence.store import Store
    from consumer.settings import Settings
    from schemas.envelope import Event

_WAIT_FOR_BROKER: Final = 10.0
_CODES: Final = {SyncStatus.SUCCESS: ExitCode.OK, SyncStatus.PARTIAL: ExitCode.PARTLY}


async def request(
    settings: Settings,
    wish: Callable[[RelayPublisher], Awaitable[Event]],
    patience: timedelta | None,
    output: Output,
    *,
    items: str,
) -> ExitCode:
    """Publish the request; with ``patience`` wait that long for its end.

    Args:
        settings: with the broker; with the database too where somebody waits.
        wish: publishes the request and returns it.
        patience: how long to wait; None: not at all.
        output: how the end is printed.
        items: what is counted, for the progress bar.

    Raises:
        InvalidEvent: the wish breaks the contract; nothing was sent.
        Failure: the broker is not set up, or the end did not come in time.
    """
    async with AsyncExitStack() as stack:
        # Before anything is sent: who cannot see the end should not begin to wait for it.
        store = None if patience is None else await stack.enter_async_context(books(settings))
        await require_topology(settings)
        url = settings.broker.amqp_url.get_secret_value()
        async with RelayPublisher(url, source=SOURCE, name="relay sync", wait_for_broker=_WAIT_FOR_BROKER) as relay:
            event = await wish(relay)
        key = InboxKey(event.source, event.id)
        printer = Printer(output, settings.service.timezone)
        if store is None or patience is None:
            _tell_requested(printer, event, sync_log_id(key))
            return ExitCode.OK
        end = await _followed(store, key, patience, items)
    return _tell_end(printer, end)


async def _followed(store: Store, key: InboxKey, patience: timedelta, items: str) -> SyncLogRow | Letter:
    row_id = sync_log_id(key)
    with counting("waiting for the service") as bar:

        def tell(row: SyncLogRow | None) -> None:
            nonlocal row_id
            if row is None:
                return
            if row.id != row_id:
                row_id = row.id
                say(f"The same is being synced already: joined sync {row_id}, its end is the end of this one too.")
            bar(items, row.success_count + row.failed_count, row.total_count or None)

        try:
            async with asyncio.timeout(patience.total_seconds()):
                return await followed(store, key, tell)
        except TimeoutError:
            row = await store.sync_log(row_id)
            state = "it has not begun: does `relay consume` run?" if row is None else f"it is {row.status.value}."
            raise Failure(
                f"The sync has not ended within {patience}; {state} It is not lost: `relay sync show {row_id}` tells."
            ) from None


def _tell_requested(printer: Printer, event: Event, row_id: str) -> None:
    columns = [Column("event_id", "Event"), Column("sync_log_id", "Sync log")]
    printer.record({"event_id": event.id, "sync_log_id": row_id}, columns)
    if printer.for_people:
        say(f"Requested. `relay sync show {row_id}` tells how it goes.")


def _tell_end(printer: Printer, end: SyncLogRow | Letter) -> ExitCode:
    if isinstance(end, SyncLogRow):
        printer.record(asdict(end), FIELDS)
        return _CODES.get(end.status, ExitCode.FAILED)
    raise Failure(f"The request lies in the dead letters ({end.error_class.value}, letter {end.id}): {end.message}")
