"""Makes a broker have the topology's shape, and tells where it has another one; AMQP alone is enough for both.

Declaring is idempotent: what is there stays, what is missing is added, nothing is ever deleted. The broker refuses to
declare what exists with other arguments, closes the channel over it and names the argument in words; each declaration
therefore has a channel of its own, and those words become a :class:`rabbitmq.drift.Drift`.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from rabbitmq import drift
from rabbitmq.management import ManagementUnreachable, read_shape

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from aio_pika.abc import AbstractChannel, AbstractConnection

    from rabbitmq.drift import Drift
    from rabbitmq.management import Management
    from rabbitmq.topology import Binding, Exchange, Queue, Topology

_AT_ONCE = 8
"""Declarations under way together; a new quorum queue takes some 20 ms of waiting."""


class TopologyConflict(RuntimeError):
    """Something exists on the broker with other arguments; the text names each, what is there and what to do."""

    def __init__(self, conflicts: Iterable[Drift]) -> None:
        self.conflicts = tuple(conflicts)
        lines = "\n".join(f"- {conflict}" for conflict in self.conflicts)
        super().__init__(f"The broker holds exchanges or queues of our names with another shape:\n{lines}")


class TopologyRefused(RuntimeError):
    """The broker's user may not do what is asked; the text holds the broker's words and the right that is missing."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a comparison found, and what it could not look at."""

    drifts: tuple[Drift, ...]
    unseen: tuple[str, ...]


async def apply(connection: AbstractConnection, topology: Topology) -> None:
    """Add to the broker what it lacks of ``topology``.

    Raises:
        TopologyConflict: with every conflict found; all that does not conflict has been declared nevertheless.
        TopologyRefused: the user lacks a right.
    """
    conflicts: list[Drift] = []
    blocked: set[str] = set()

    async def declare(kind: drift.Kind, name: str, step: Callable[[AbstractChannel], Awaitable[object]]) -> None:
        try:
            async with _own_channel(connection) as channel:
                await step(channel)
        except ChannelPreconditionFailed as error:
            blocked.add(name)
            conflicts.append(drift.from_refusal(kind, name, str(error)))
        except ChannelLockedResource:
            blocked.add(name)
            conflicts.append(drift.different(kind, name, "owner", "everybody", "another connection, for itself alone"))

    # One after another: an alternate exchange has to be there before the exchange that names it.
    for exchange in topology.exchanges:
        await declare("exchange", exchange.name, _declaring_exchange(exchange))
    await _together(partial(declare, "queue", queue.name, _declaring_queue(queue)) for queue in topology.queues)
    async with _own_channel(connection) as channel:
        for binding in topology.bindings:
            # What conflicts is left as it is; all else is bound, so that one conflict stops no other lane.
            if not blocked.intersection((binding.exchange, binding.queue)):
                await _bind(channel, binding)
    if conflicts:
        raise TopologyConflict(conflicts)


async def check(
    connection: AbstractConnection, topology: Topology, management: Management | None = None
) -> list[Drift]:
    """Every difference between the broker and ``topology`` that can be seen; :func:`survey` also says what cannot."""
    return list((await survey(connection, topology, management)).drifts)


async def survey(connection: AbstractConnection, topology: Topology, management: Management | None = None) -> Survey:
    """Compare without changing anything.

    AMQP shows what is missing and what exists with other arguments (the first one of each queue), but no bindings; the
    management API, where its address is given and it answers, shows all.
    """
    unseen: list[str] = []
    if management is not None:
        try:
            return Survey(tuple((await read_shape(management)).drifts(topology)), ())
        except ManagementUnreachable as error:
            unseen.append(f"The management API did not help, so this is what AMQP alone shows: {error}")
    found: list[Drift] = []

    async def look(
        kind: drift.Kind,
        name: str,
        exists: Callable[[AbstractChannel], Awaitable[object]],
        same: Callable[[AbstractChannel], Awaitable[object]],
    ) -> None:
        try:
            async with _own_channel(connection) as channel:
                await exists(channel)
                # It is there, so declaring it once more creates nothing and makes the broker compare.
                await same(channel)
        except ChannelNotFoundEntity:
            found.append(drift.missing(kind, name))
        except ChannelPreconditionFailed as error:
            found.append(drift.from_refusal(kind, name, str(error)))
        except ChannelLockedResource:
            found.append(drift.different(kind, name, "owner", "everybody", "another connection, for itself alone"))
        except TopologyRefused as error:
            unseen.append(f"The arguments of {kind} {name}: {error}")

    exchanges = [
        partial(look, "exchange", e.name, _declaring_exchange(e, passive=True), _declaring_exchange(e))
        for e in topology.exchanges
    ]
    queues = [
        partial(look, "queue", q.name, _declaring_queue(q, passive=True), _declaring_queue(q)) for q in topology.queues
    ]
    await _together([*exchanges, *queues])
    unseen.append(
        "Bindings: AMQP has no way to read them. `relay topology apply` puts back those that are missing; "
        "with RELAY_MANAGEMENT_URL set they are compared."
    )
    found.sort(key=lambda one: one.what)
    return Survey(tuple(found), tuple(unseen))


def _declaring_exchange(exchange: Exchange, *, passive: bool = False) -> Callable[[AbstractChannel], Awaitable[object]]:
    return lambda channel: channel.declare_exchange(
        exchange.name, exchange.type, durable=True, arguments=dict(exchange.arguments), passive=passive
    )


def _declaring_queue(queue: Queue, *, passive: bool = False) -> Callable[[AbstractChannel], Awaitable[object]]:
    return lambda channel: channel.declare_queue(
        queue.name, durable=True, arguments=dict(queue.arguments), passive=passive
    )


async def _bind(channel: AbstractChannel, binding: Binding) -> None:
    queue = await channel.get_queue(binding.queue, ensure=False)
    await queue.bind(binding.exchange, binding.routing_key)


@asynccontextmanager
async def _own_channel(connection: AbstractConnection) -> AsyncIterator[AbstractChannel]:
    """A channel that may be lost to an error without taking anything else along."""
    channel = connection.channel()
    await channel.initialize()
    try:
        yield channel
    except ChannelAccessRefused as error:
        raise TopologyRefused(
            f"the broker refuses it to this user ({error}). `relay topology show --permissions` prints the rights "
            "for each kind of user."
        ) from error
    finally:
        if not channel.is_closed:
            await channel.close()


async def _together(steps: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run all, some at a time; the first error that is not part of the answer ends it after the others have ended."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(step: Callable[[], Awaitable[None]]) -> None:
        async with places:
            await step()

    results = await asyncio.gather(*(one(step) for step in steps), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
