"""What most commands begin with: the settings they need, the broker, an event loop."""

# ruff: noqa: PLC0415 - a command imports what it needs when it runs (see ops.cli.app)

from __future__ import annotations

import asyncio
import io
import re
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from ops.cli.failing import ExitCode, Failure, debugging

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from datetime import tzinfo

    from aio_pika.abc import AbstractConnection

    from consumer.persistence.store import Store
    from consumer.settings import Settings
    from consumer.settings.loading import Need
    from rabbitmq.management import Management

T = TypeVar("T")

SOURCE: Final = "/haier-relay/cli"
"""CloudEvents ``source`` of events that a command makes."""
_SQLITE: Final = re.compile(r"sqlite[^:]*:///(?P<file>[^?]+)")


def settings_for(*need: Need) -> Settings:
    """Read the settings from the environment and ``.env``; only the sections in ``need`` have to be complete.

    Raises:
        SettingsError: with everything that is wrong.
    """
    from consumer.settings import load

    return load(need=need)


@contextmanager
def quiet_log() -> Iterator[None]:
    """For the length of the block, keep what the service's own modules would log: the command tells it itself."""
    from consumer.observability import logging

    logs = logging.configure(level="critical", console=sys.stderr if debugging() else io.StringIO())
    try:
        yield
    finally:
        logs.close()


@contextmanager
def traced_log(secrets: frozenset[str], timezone: tzinfo) -> Iterator[None]:
    """For the length of the block, show on stderr all that the service's own modules log, calls with masked bodies."""
    from consumer.observability import logging

    logs = logging.configure(level="debug", timezone=timezone, secrets=secrets)
    try:
        yield
    finally:
        logs.close()


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
        Failure: it was lost on the way.
    """
    from aiormq.exceptions import AMQPError

    from rabbitmq.connection import connect, is_cancelled

    connection = await connect(settings.broker.amqp_url.get_secret_value(), name=f"relay {purpose}")
    try:
        yield connection
    except (AMQPError, OSError, RuntimeError, asyncio.CancelledError) as error:
        # aiormq says a lost connection in all of these ways, depending on what was being waited for.
        # aio-pika's own `is_closed` only knows of a close that was asked for.
        transport = connection.transport
        if is_cancelled() or (transport is not None and not transport.connection.is_closed):
            raise
        raise Failure(
            f"The connection to RabbitMQ at {settings.broker.shown_url} was lost on the way. Run the command again; "
            "`relay doctor` says more.",
            ExitCode.OUT_OF_REACH,
        ) from error
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


@asynccontextmanager
async def books(settings: Settings) -> AsyncIterator[Store]:
    """Our database for the length of the block, to read in it, or to act: acts are signed with RELAY_SECRET_KEY.

    Each act is told in the log, too, where there is one.

    Raises:
        Failure: its SQLite file is not there.
        BooksUnavailable: it cannot be used, or its schema is not this version's.
    """
    from consumer.domain.audit import ChainKey
    from consumer.persistence.store import Store
    from ops.audit.heads import announcing

    file = sqlite_file(settings)
    if file is not None and not file.exists():
        raise Failure(
            f"There is no database file {file.absolute()}. Run this where the service runs, set RELAY_DATABASE_URL to "
            "its database, or make one with `relay db upgrade`.",
            ExitCode.OUT_OF_REACH,
        )
    chain_key = ChainKey.first_of(settings.service.secret_keys)
    url = settings.database.url.get_secret_value()
    async with Store.open(url, chain_key=chain_key, announce=announcing(settings)) as store:
        await store.check()
        yield store


async def require_topology(settings: Settings) -> None:
    """Reach the broker, and refuse one that nobody has set up: a publish to it would be refused without a reason.

    Raises:
        BrokerUnreachable: it does not answer.
        Failure: it has no exchange for events.
    """
    from aiormq.exceptions import ChannelNotFoundEntity

    from rabbitmq.topology import EVENTS

    async with broker(settings, "looking for the topology") as connection, connection.channel() as channel:
        try:
            await channel.declare_exchange(EVENTS, passive=True)
        except ChannelNotFoundEntity:
            raise Failure(f"The broker has no exchange {EVENTS} yet. Run `relay topology apply` first.") from None
