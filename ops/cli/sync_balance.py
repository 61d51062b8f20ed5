"""`relay sync balance`: ask for the payers' balances; who waits is shown the report."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from consumer.domain.writes import InboxKey
from ops.cli.asking import SOURCE, books, require_topology
from ops.cli.failing import ExitCode, Failure
from ops.cli.printing import Column, Output, Printer, say
from publishers.orders import RelayPublisher
from schemas.codec import decode
from schemas.results import AccountBalanceReported

if TYPE_CHECKING:
    from datetime import timedelta

    from consumer.persistence.store import Store
    from consumer.settings import Settings

_WAIT_FOR_BROKER: Final = 10.0
_LOOK_EVERY: Final = 0.5
_COLUMNS: Final = [
    Column("payer_account_code", "Payer"),
    Column("payer_account_name", "Name"),
    Column("sale_group_code", "Group"),
    Column("sale_group_name", "Group's name"),
    Column("payer_account_balance", "Balance", right=True),
]


async def request(settings: Settings, patience: timedelta | None, output: Output) -> ExitCode:
    """Publish the request; with ``patience`` wait that long and show what is reported.

    Raises:
        Failure: the broker is not set up, nothing was reported in time, or the request lies in the dead letters.
    """
    async with AsyncExitStack() as stack:
        store = None if patience is None else await stack.enter_async_context(books(settings))
        await require_topology(settings)
        url = settings.broker.amqp_url.get_secret_value()
        async with RelayPublisher(url, source=SOURCE, name="relay sync", wait_for_broker=_WAIT_FOR_BROKER) as relay:
            event = await relay.sync_balance()
        printer = Printer(output, settings.service.timezone)
        if store is None or patience is None:
            printer.record({"event_id": event.id}, [Column("event_id", "Event")])
            if printer.for_people:
                say("Requested. The answer is published as account.balance.reported.")
            return ExitCode.OK
        try:
            async with asyncio.timeout(patience.total_seconds()):
                report = await _reported(store, InboxKey(event.source, event.id))
        except TimeoutError:
            raise Failure(
                f"Nothing was reported within {patience}: does `relay consume` run? The request {event.id} is not lost."
            ) from None
    printer.rows([payer.model_dump(mode="json") for payer in report.payers], _COLUMNS, empty="No payer.")
    return ExitCode.OK


async def _reported(store: Store, key: InboxKey) -> AccountBalanceReported:
    while True:
        for message in await store.outbox_of(key):
            data = decode(message.body, routing_key=message.routing_key).data
            if isinstance(data, AccountBalanceReported):
                return data
        letter = await store.letter_of_event(key.event_id)
        if letter is not None:
            where = f"{letter.error_class.value}, letter {letter.id}"
            raise Failure(f"The request lies in the dead letters ({where}): {letter.message}")
        await asyncio.sleep(_LOOK_EVERY)
