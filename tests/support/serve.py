"""``python -m tests.support.serve``: the service as a process of its own, settings from the environment.

``KILL_SO_ID`` makes the process die (SIGKILL) whenever the ``order.paid`` of that order is being handled: a message
that kills its consumer. ``LEASE_MARGIN_SECONDS`` shortens leases, so that the orders of who was killed are free sooner.
"""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import uvloop

from consumer import bootstrap
from consumer.bootstrap import wiring
from consumer.handlers.order_paid import OrderPaidHandler
from consumer.settings import load

if TYPE_CHECKING:
    from consumer.domain.outcome import Outcome
    from consumer.domain.writes import InboxKey
    from schemas.envelope import Event


class _Deadly(OrderPaidHandler):
    async def __call__(self, event: Event, key: InboxKey) -> Outcome:
        if event.subject == os.environ["KILL_SO_ID"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().__call__(event, key)


async def _main() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await bootstrap.serve(load(dotenv=None), lanes=None, stop=stop)


if __name__ == "__main__":
    if "LEASE_MARGIN_SECONDS" in os.environ:
        wiring.LEASE_MARGIN = timedelta(seconds=float(os.environ["LEASE_MARGIN_SECONDS"]))  # type: ignore[misc] # final but here
    if "KILL_SO_ID" in os.environ:
        # The one place where the handler is constructed.
        setattr(wiring, "OrderPaidHandler", _Deadly)  # noqa: B010 - the module does not export it
    uvloop.run(_main())
