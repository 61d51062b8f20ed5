"""`relay callbacks`: the receiver of YLH's callbacks, until it is told to stop."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

import asyncio
from typing import TYPE_CHECKING

from ops.cli.asking import run_fast, settings_for
from ops.cli.printing import say
from ops.cli.starting import refuse_old_schema, stop_on_signals

if TYPE_CHECKING:
    from consumer.observability.http import Served
    from consumer.settings import Settings


def callbacks() -> None:
    """Take YLH's callbacks in: POST /callbacks/ylh on RELAY_CALLBACK_PORT, the one port that may face the internet.

    Health and metrics are on RELAY_CALLBACK_HEALTH_PORT (0: off). Ends on Ctrl-C or SIGTERM once what is in hand is
    answered; a second signal ends it at once.
    """
    run_fast(_callbacks(settings_for("broker", "database", "callbacks")))


async def _callbacks(settings: "Settings") -> None:
    from consumer.bootstrap.receiving import receive

    await refuse_old_schema(settings)
    stop = asyncio.Event()
    stop_on_signals(stop)
    await receive(settings, stop=stop, listening=lambda served: _tell(settings, served))


def _tell(settings: "Settings", served: "Served") -> None:
    from consumer.callbacks.app import PATH

    health = settings.http.callback_health_port
    watched = f"health and metrics on port {health}" if health else "no health, no metrics"
    say(f"Ready: taking callbacks on {served.url}{PATH}; {watched}.")
