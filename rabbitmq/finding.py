"""Where a broker comes from on a machine that we know nothing about (DESIGN section 12), for the demo and the tests.

In this order: the one that ``RELAY_AMQP_URL`` names; a container, where a Docker engine answers; a private node of the
``rabbitmq-server`` that is installed here; the same after installing it with apt, where root or sudo allow it. A way
that fails says why and gives way to the next, except the first: whoever names a broker wants that one.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbitmq.connection import BrokerUnreachable, connect
from rabbitmq.container import DEFAULT_IMAGE, ContainerFailed, container_broker, engine_answers
from rabbitmq.installing import InstallFailed, apt_prefix, install_by_apt, install_command
from rabbitmq.node import NodeFailed, private_node, server_executable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence


class BrokerNotAvailable(RuntimeError):
    """No broker can be had here; the text says what was tried and the command that gets one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBroker:
    """A broker that answers."""

    amqp_url: str
    management_url: str | None
    """None where there is no management API that we know of."""
    origin: str
    """For people: ``a private node (/usr/lib/rabbitmq/bin/rabbitmq-server)``; without a password."""


@asynccontextmanager
async def find_broker(
    say: Callable[[str], None],
    *,
    environ: Mapping[str, str] = os.environ,
    plugins: Sequence[str] = (),
) -> AsyncIterator[FoundBroker]:
    """A broker for the length of the block; what was started for it is gone afterwards.

    Args:
        say: told in one line what is being done, each time that something takes a while.
        environ: read are ``RELAY_AMQP_URL``, ``RELAY_MANAGEMENT_URL`` and ``RELAY_RABBITMQ_IMAGE``.
        plugins: for a private node; a container has the management plugin in any case.

    Raises:
        BrokerNotAvailable: none can be had, or the one that is named does not answer.
    """
    if environ.get("RELAY_AMQP_URL"):
        yield await _named(environ)
        return
    tried: list[str] = []
    async with AsyncExitStack() as stack:
        broker = (
            await _contained(stack, say, environ, tried)
            or await _private(stack, say, plugins, tried)
            or await _installed(stack, say, plugins, tried)
        )
        if broker is None:
            raise BrokerNotAvailable(_advice(tried))
        yield broker


async def _named(environ: Mapping[str, str]) -> FoundBroker:
    url = environ["RELAY_AMQP_URL"]
    try:
        connection = await connect(url, name="relay: looking for a broker")
    except BrokerUnreachable as error:
        raise BrokerNotAvailable(
            f"{error} (RELAY_AMQP_URL names this broker; without it, one is looked for.)"
        ) from error
    await connection.close()
    return FoundBroker(
        amqp_url=url,
        management_url=environ.get("RELAY_MANAGEMENT_URL") or None,
        origin="the one that RELAY_AMQP_URL names",
    )


async def _contained(
    stack: AsyncExitStack, say: Callable[[str], None], environ: Mapping[str, str], tried: list[str]
) -> FoundBroker | None:
    if not await engine_answers():
        tried.append("Docker: no engine answers `docker info`.")
        return None
    image = environ.get("RELAY_RABBITMQ_IMAGE") or DEFAULT_IMAGE
    say(f"Starting RabbitMQ in a container ({image}) …")
    try:
        broker = await stack.enter_async_context(container_broker(image, say))
    except ContainerFailed as error:
        say(f"{error}\nTrying without Docker.")
        tried.append(f"Docker: {error}")
        return None
    return FoundBroker(amqp_url=broker.amqp_url, management_url=broker.management_url, origin=f"a container of {image}")


async def _private(
    stack: AsyncExitStack, say: Callable[[str], None], plugins: Sequence[str], tried: list[str]
) -> FoundBroker | None:
    executable = server_executable()
    if executable is None:
        tried.append("This machine: no rabbitmq-server is installed.")
        return None
    say(f"Starting a private RabbitMQ ({executable}) …")
    try:
        node = await stack.enter_async_context(private_node(plugins=plugins))
    except NodeFailed as error:
        tried.append(f"This machine: {error}")
        return None
    return FoundBroker(
        amqp_url=node.amqp_url, management_url=node.management_url, origin=f"a private node ({executable})"
    )


async def _installed(
    stack: AsyncExitStack, say: Callable[[str], None], plugins: Sequence[str], tried: list[str]
) -> FoundBroker | None:
    if server_executable() is not None:
        return None  # It is installed and did not start: installing it again changes nothing.
    prefix = await apt_prefix()
    if prefix is None:
        tried.append("apt: not here, or neither root nor `sudo` without a password.")
        return None
    say("Installing rabbitmq-server with apt, without starting its service (some 35 MB, once) …")
    try:
        await install_by_apt(prefix)
    except InstallFailed as error:
        tried.append(f"apt: {error}")
        return None
    return await _private(stack, say, plugins, tried)


def _advice(tried: Sequence[str]) -> str:
    command = install_command()
    ways = [
        "start Docker",
        "set RELAY_AMQP_URL to a broker of yours (amqp://user:password@host:5672/)",
        *([f"install RabbitMQ: {command}"] if command else ["install the package rabbitmq-server of your system"]),
    ]
    lines = ["There is no RabbitMQ to work with. Tried:", *(f"  - {one}" for one in tried), "Do one of these:"]
    return "\n".join([*lines, *(f"  - {way}" for way in ways)])
