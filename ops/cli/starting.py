"""What the commands that serve begin with: a look at the schema, and what a signal means."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from ops.cli.failing import Failure
from ops.cli.printing import say

if TYPE_CHECKING:
    from consumer.settings import Settings


async def refuse_old_schema(settings: Settings) -> None:
    """Say at once that migrations are missing; a database that is away is waited for by the service itself."""
    from consumer.domain.errors import BooksUnavailable
    from consumer.persistence import migrations

    try:
        current = await migrations.current(settings.database.url.get_secret_value())
    except BooksUnavailable as error:
        say(f"{error.message} The service starts, and waits for it.")
        return
    if current != migrations.head():
        raise Failure(
            f"The database {settings.database.shown_url} is at schema {current or 'none'}, this version needs "
            f"{migrations.head()}. Run `relay db upgrade`."
        )


def stop_on_signals(stop: asyncio.Event) -> None:
    """First signal: drain. Second: die of it, as if it had never been caught."""
    loop = asyncio.get_running_loop()

    def caught(number: int) -> None:
        if not stop.is_set():
            stop.set()
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, caught, number)
