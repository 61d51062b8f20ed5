"""How full the service's queues are, and who takes from them: by AMQP alone; with the management API also how fast.

The broker knows no age for messages of a quorum queue; the service's metric `relay_message_age_seconds` tells that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from aiormq.exceptions import ChannelNotFoundEntity

from rabbitmq.topology import UNCLAIMED, UNROUTABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aio_pika.abc import AbstractConnection

    from rabbitmq.management import Management
    from rabbitmq.topology import Topology

Kind = Literal["lane", "dead letters", "retry", "unroutable", "unclaimed"]


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue at one moment.

    Attributes:
        queue: its name.
        kind: what it is for.
        messages: waiting to be delivered; None: there is no such queue.
        consumers: who takes from it.
        in_flight: delivered and not acked yet; None unless the management API told.
        in_rate: messages a second that come in; None as above.
        out_rate: messages a second that are acked; None as above.
    """

    queue: str
    kind: Kind
    messages: int | None
    consumers: int | None
    in_flight: int | None = None
    in_rate: float | None = None
    out_rate: float | None = None

    @property
    def drain_seconds(self) -> float | None:
        """How long until it is empty at this pace; None: it does not shrink, or nobody knows."""
        if not self.messages or self.in_rate is None or self.out_rate is None or self.out_rate <= self.in_rate:
            return None
        return self.messages / (self.out_rate - self.in_rate)


def names(topology: Topology) -> list[tuple[str, Kind]]:
    """Return all queues in the order in which they are looked at: lanes first, then where their messages go."""
    return [
        *((lane.name, "lane") for lane in topology.lanes),
        *((lane.dlq, "dead letters") for lane in topology.lanes),
        *((retry.name, "retry") for retry in topology.retries),
        (UNROUTABLE, "unroutable"),
        (UNCLAIMED, "unclaimed"),
    ]


async def look(
    connection: AbstractConnection, queues: Sequence[tuple[str, Kind]], management: Management | None
) -> list[QueueState]:
    """Ask the broker about each queue.

    Raises:
        ManagementUnreachable: it is named and does not answer.
        AMQPError: the connection was lost.
    """
    states = [await _by_amqp(connection, name, kind) for name, kind in queues]
    if management is None:
        return states
    vhost = quote(management.vhost, safe="")
    known = {entry["name"]: entry for entry in await management.call("GET", f"/queues/{vhost}")}
    return [_with_rates(state, known.get(state.queue)) for state in states]


async def _by_amqp(connection: AbstractConnection, name: str, kind: Kind) -> QueueState:
    # A channel for each: the broker closes the one on which a queue was not found.
    channel = connection.channel(publisher_confirms=False)
    await channel.initialize()
    try:
        queue = await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        return QueueState(name, kind, None, None)
    declared = queue.declaration_result
    await channel.close()
    return QueueState(name, kind, declared.message_count or 0, declared.consumer_count or 0)


def _with_rates(state: QueueState, entry: dict[str, Any] | None) -> QueueState:
    if entry is None or state.messages is None:
        return state
    stats = entry.get("message_stats", {})
    return replace(
        state,
        in_flight=entry.get("messages_unacknowledged", 0),
        in_rate=_rate(stats, "publish"),
        out_rate=_rate(stats, "ack"),
    )


def _rate(stats: dict[str, Any], name: str) -> float:
    return float(stats.get(f"{name}_details", {}).get("rate", 0.0))
