"""Where on a broker the demo stands, so that it disturbs nobody.

A broker that was started for the demo is all its own. One that somebody named is not: there the demo makes a virtual
host of its own where the management API lets it. Without one it uses the virtual host of the URL only if none of our
queues are there: the demo's service would take, and "push" to a sandbox, whatever real event arrived meanwhile.
"""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from aiormq.exceptions import ChannelNotFoundEntity

from ops.demo.failing import DemoRefused
from rabbitmq.connection import connect
from rabbitmq.declaring import apply
from rabbitmq.management import Management, ManagementUnreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from aio_pika.abc import AbstractConnection

    from ops.demo.texts import Texts
    from rabbitmq.finding import FoundBroker
    from rabbitmq.topology import Topology

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_AMQP_PORT: Final = 5672
_ALL: Final = ".*"


@dataclass(frozen=True, slots=True)
class Ground:
    """A virtual host with the topology declared, and nobody else in it."""

    amqp_url: str
    management_url: str | None


@asynccontextmanager
async def ground(
    broker: FoundBroker, topology: Topology, environ: Mapping[str, str], texts: Texts, say: Callable[[str], None]
) -> AsyncIterator[Ground]:
    """Take possession for the length of the block.

    Raises:
        DemoRefused: somebody else's queues are there.
    """
    if not environ.get("RELAY_AMQP_URL"):
        await _declare(broker.amqp_url, topology)
        yield Ground(broker.amqp_url, broker.management_url)
        return
    management_url = broker.management_url or _guessed(broker.amqp_url)
    name = f"relay-demo-{secrets.token_hex(4)}"
    if management_url is not None and await _made(management_url, name, broker.amqp_url):
        say(texts("step.own_vhost", name=name))
        url = urlunsplit(urlsplit(broker.amqp_url)._replace(path=f"/{name}"))
        try:
            await _declare(url, topology)
            yield Ground(url, management_url)
        finally:
            await _removed(management_url, name, texts, say)
        return
    async with _borrowed(broker.amqp_url, topology, texts):
        yield Ground(broker.amqp_url, broker.management_url)


async def _declare(url: str, topology: Topology) -> None:
    connection = await connect(url, name="relay demo: topology")
    async with connection:
        await apply(connection, topology)


@asynccontextmanager
async def _borrowed(url: str, topology: Topology, texts: Texts) -> AsyncIterator[None]:
    """Use an empty virtual host, and take away again what was declared in it."""
    connection = await connect(url, name="relay demo: topology")
    async with connection:
        there = [queue.name for queue in topology.queues if await _exists(connection, queue.name)]
        if there:
            raise DemoRefused(texts("fail.occupied", queues=", ".join(there)))
        try:
            await apply(connection, topology)
            yield
        finally:
            async with connection.channel() as channel:
                for queue in topology.queues:
                    await channel.queue_delete(queue.name)
                for exchange in reversed(topology.exchanges):
                    await channel.exchange_delete(exchange.name)


async def _exists(connection: AbstractConnection, queue: str) -> bool:
    channel = connection.channel()
    await channel.initialize()
    try:
        await channel.declare_queue(queue, passive=True)
    except ChannelNotFoundEntity:
        return False
    await channel.close()
    return True


def _guessed(amqp_url: str) -> str | None:
    """Where the management API of this machine's ordinary broker is, with the same user."""
    parts = urlsplit(amqp_url)
    if parts.hostname not in _LOOPBACK or parts.port not in {None, _AMQP_PORT}:
        return None  # elsewhere a password is not ours to try; on another port it may be another broker's
    user = parts.netloc.rpartition("@")[0] or "guest:guest"
    return f"http://{user}@127.0.0.1:15672"


async def _made(management_url: str, name: str, amqp_url: str) -> bool:
    """Make a virtual host that the broker's user may use; False where the management API does not let us."""
    management = Management(management_url)
    user = quote(unquote(urlsplit(amqp_url).username or "guest"), safe="")
    try:
        await management.call("PUT", f"/vhosts/{name}")
    except ManagementUnreachable:
        return False
    rights = {"configure": _ALL, "write": _ALL, "read": _ALL}
    try:
        await management.call("PUT", f"/permissions/{name}/{user}", rights)
    except ManagementUnreachable:
        await management.call("DELETE", f"/vhosts/{name}")
        return False
    return True


async def _removed(management_url: str, name: str, texts: Texts, say: Callable[[str], None]) -> None:
    try:
        await Management(management_url).call("DELETE", f"/vhosts/{name}")
    except ManagementUnreachable as error:
        say(texts("fail.vhost_stays", name=name, reason=error))
