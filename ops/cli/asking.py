"""What most commands begin with: the settings they need, the broker, an event loop."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from aio_pika.abc import AbstractConnection

    from consumer.settings import Settings
    from consumer.settings.loading import Need
    from rabbitmq.management import Management

T = TypeVar("T")

_SQLITE: Final = re.compile(r"sqlite[^:]*:///(?P<file>[^?]+)")


def settings_for(*need: Need) -> Settings:
    """Read the settings from the environment and ``.env``; only the sections in ``need`` have to be complete.

    Raises:
        SettingsError: with everything that is wrong.
    """
    from consumer.settings import load

    return load(need=need)


def run_fast(work: Coroutine[object, object, T]) -> T:
    """Run ``work`` to its end under uvloop where that is installed, else under asyncio's own loop."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return asyncio.run(work)
    return uvloop.run(work)


@asynccontextmanager
async def broker(settings: Settings, purpose: str) -> AsyncIterator[AbstractConnection]:
    """A connection to the broker for the length of the block; ``purpose`` is shown in the broker's list.

    Raises:
        BrokerUnreachable: where, why, and the cure.
    """
    from rabbitmq.connection import connect

    connection = await connect(settings.broker.amqp_url.get_secret_value(), name=f"relay {purpose}")
    try:
        yield connection
    finally:
        await connection.close()


def vhost_of(settings: Settings) -> str:
    """Return the name of the virtual host in the broker's URL."""
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(settings.broker.amqp_url.get_secret_value()).path[1:]) or "/"


def management_of(settings: Settings) -> Management | None:
    """Return where the management API is, if RELAY_MANAGEMENT_URL says so."""
    from rabbitmq.management import Management

    url = settings.broker.management_url
    return None if url is None else Management(url.get_secret_value(), vhost_of(settings))


def sqlite_file(settings: Settings) -> Path | None:
    """Return the file of an SQLite database; None for a server. To look for it before a look would create it."""
    match = _SQLITE.match(settings.database.url.get_secret_value())
    return Path(match["file"]) if match else None
