"""The broker's shape as data: which exchanges, queues and bindings there are, and why each argument is what it is.

Declaring it (:mod:`rabbitmq.declaring`), writing it as a definitions file (:mod:`rabbitmq.definitions`) and the rights
of users (:mod:`rabbitmq.permissions`) all read this one description (DESIGN section 3).

Queue arguments cannot be changed once a queue exists, so they hold only what safety needs and what is the queue's
identity; they mean the same on RabbitMQ 3.10 and 4.x. What an installation tunes (lengths, a shorter keep, the time-out
of consumers) belongs into a policy, which may tighten but not loosen: where both speak, the smaller figure holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from rabbitmq.delays import check_ladder, format_delay, milliseconds, parse_delays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EVENTS = "relay.events"
RESULTS = "relay.results"
RETURN = "relay.return"
UNROUTABLE = "relay.unroutable"
UNCLAIMED = "relay.results.unclaimed"
RETRY_PREFIX = "relay.retry."
DEFAULT_EXCHANGE = ""

DEFAULT_RETRY_DELAYS = parse_delays("5s,30s,2m,10m,1h")

LANE_DELIVERY_LIMIT = 20
"""A message that kills its consumer is dead-lettered by the broker after this many returns."""
PARKED_DELIVERY_LIMIT = 1_000_000
"""Practically never, said as a number: without one RabbitMQ 4 takes 20 and then drops; -1 drops at once on 3.10."""

UNCLAIMED_KEEP = timedelta(days=7)
UNCLAIMED_MAX_BYTES = 512 * 1024 * 1024
UNCLAIMED_MAX_MESSAGES = 1_000_000
"""Small results are bounded by number: each costs the broker memory, whatever its size."""

Argument = str | int
ExchangeType = Literal["topic", "direct", "fanout"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: ExchangeType
    arguments: Mapping[str, Argument] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue."""

    name: str
    arguments: Mapping[str, Argument]


@dataclass(frozen=True, slots=True)
class Binding:
    """From an exchange to a queue."""

    exchange: str
    queue: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A queue of events with its own prefetch and its own supplier, so that one supplier's outage stops only itself."""

    name: str
    bindings: tuple[str, ...]
    """Routing keys on ``relay.events``."""
    suppliers: tuple[str, ...]
    """Who is called from here: ``ylh``, ``haier``."""

    @property
    def dlq(self) -> str:
        """Where its dead letters go."""
        return f"{self.name}.dlq"


LANES: tuple[Lane, ...] = (
    Lane("relay.orders", ("order.*", "order.*.requested"), ("ylh",)),
    Lane("relay.callbacks", ("supplier.callback.*",), ()),
    Lane(
        "relay.catalog",
        ("sync.products.*", "sync.prices.*", "sync.stock.*", "sync.balance.*", "catalog.batch.*"),
        ("haier",),
    ),
    Lane("relay.logistics", ("sync.logistics.*",), ("ylh", "haier")),
)


@dataclass(frozen=True, slots=True)
class Retry:
    """One step of the delay ladder.

    Publish to the exchange ``name`` with the lane's name as routing key. The message rests in the queue of that name
    for ``delay`` and comes back through ``relay.return``, which routes by that key. A fanout exchange stands before
    each queue because the default exchange would put the queue's name where the lane's name has to be: such a message
    could never return.
    """

    delay: timedelta

    @property
    def name(self) -> str:
        """Of exchange and queue alike: ``relay.retry.5s``."""
        return retry_queue(self.delay)


def retry_queue(delay: timedelta) -> str:
    """Name of the exchange, and of the queue, that hold a message back: ``relay.retry.5s``, ``.200ms``, ``.2m``."""
    return f"{RETRY_PREFIX}{format_delay(delay)}"


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that has to exist, in an order in which it can be declared."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    retries: tuple[Retry, ...]
    """Shortest first."""
    lanes: tuple[Lane, ...] = LANES

    @classmethod
    def build(cls, retry_delays: Sequence[timedelta] = DEFAULT_RETRY_DELAYS) -> Topology:
        """The shape for one delay ladder; raises :class:`rabbitmq.delays.InvalidDelay` unless it is ascending."""
        check_ladder(tuple(retry_delays))
        retries = tuple(Retry(delay) for delay in retry_delays)
        return cls(
            exchanges=(
                # An alternate exchange before the one that names it: an unknown one is accepted, and loses messages.
                Exchange(UNROUTABLE, "fanout"),
                Exchange(UNCLAIMED, "fanout"),
                Exchange(EVENTS, "topic", _frozen({"alternate-exchange": UNROUTABLE})),
                Exchange(RESULTS, "topic", _frozen({"alternate-exchange": UNCLAIMED})),
                Exchange(RETURN, "direct"),
                *(Exchange(retry.name, "fanout") for retry in retries),
            ),
            queues=(
                *(_parked(lane.dlq) for lane in LANES),
                *(_lane(lane) for lane in LANES),
                *(_retry(retry) for retry in retries),
                _parked(UNROUTABLE),
                _unclaimed(),
            ),
            bindings=(
                *(Binding(RETURN, lane.name, lane.name) for lane in LANES),
                *(Binding(retry.name, retry.name, "") for retry in retries),
                Binding(UNROUTABLE, UNROUTABLE, ""),
                Binding(UNCLAIMED, UNCLAIMED, ""),
                # Last, so that no event reaches a lane before its ways out are there.
                *(Binding(EVENTS, lane.name, key) for lane in LANES for key in lane.bindings),
            ),
            retries=retries,
        )


def lane(name: str) -> Lane:
    """The lane of that name; raises ``KeyError`` naming those that exist."""
    for candidate in LANES:
        if candidate.name == name:
            return candidate
    raise KeyError(f"there is no lane {name!r}; there are {', '.join(known.name for known in LANES)}")


def lane_of(type_: str) -> str | None:
    """The name of the lane that takes events of that type; None: there is none."""
    takes = (known.name for known in LANES if any(topic_binds(pattern, type_) for pattern in known.bindings))
    return next(takes, None)


def topic_binds(pattern: str, routing_key: str) -> bool:
    """Tell whether an AMQP topic pattern takes a key: `*` is one word, `#` any number of words, also none."""
    return _binds(pattern.split("."), routing_key.split("."))


def _binds(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_binds(pattern[1:], words[start:]) for start in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _binds(pattern[1:], words[1:])


def _frozen(arguments: dict[str, Argument]) -> Mapping[str, Argument]:
    return MappingProxyType(arguments)


def _dead_lettering(exchange: str, routing_key: str | None) -> dict[str, Argument]:
    """Arguments for a hop that loses nothing: the broker forgets a message only when the target has confirmed it.

    ``at-least-once`` needs ``reject-publish``, or the broker falls back to at-most-once with no more than a line in its
    log (RabbitMQ, "Quorum Queues", at-least-once dead lettering). These queues have no length, so nothing is rejected.
    """
    arguments: dict[str, Argument] = {
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    if routing_key is not None:
        arguments["x-dead-letter-routing-key"] = routing_key
    return arguments


def _lane(lane: Lane) -> Queue:
    arguments: dict[str, Argument] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": LANE_DELIVERY_LIMIT,
        # By the default exchange: a way that nobody can unbind.
        **_dead_lettering(DEFAULT_EXCHANGE, lane.dlq),
    }
    return Queue(lane.name, _frozen(arguments))


def _retry(retry: Retry) -> Queue:
    # No routing key of its own: each message keeps the one it came with, which is its lane's name.
    arguments: dict[str, Argument] = {
        "x-queue-type": "quorum",
        # A delay is the queue's identity, hence an argument. For a whole queue, never for a message: an expired message
        # leaves only from the head, and one with a long delay there would hold back all behind it.
        "x-message-ttl": milliseconds(retry.delay),
        **_dead_lettering(RETURN, None),
    }
    return Queue(retry.name, _frozen(arguments))


def _parked(name: str) -> Queue:
    return Queue(name, _frozen({"x-queue-type": "quorum", "x-delivery-limit": PARKED_DELIVERY_LIMIT}))


def _unclaimed() -> Queue:
    arguments: dict[str, Argument] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": PARKED_DELIVERY_LIMIT,
        "x-message-ttl": milliseconds(UNCLAIMED_KEEP),
        "x-max-length": UNCLAIMED_MAX_MESSAGES,
        "x-max-length-bytes": UNCLAIMED_MAX_BYTES,
        # Full, it forgets its oldest. To refuse the newest would nack the service's publishes, and results that
        # somebody does listen for would wait behind results that nobody wants.
        "x-overflow": "drop-head",
    }
    return Queue(UNCLAIMED, _frozen(arguments))
