"""The rights of each kind of user, as data for ``relay topology show --permissions`` (DESIGN section 3, last point).

RabbitMQ knows two layers. Permissions say which exchanges and queues a user may configure, write to and read from
(binding a queue to an exchange reads the exchange and writes the queue). Topic permissions then say with which routing
keys it may write to, or bind from, a topic exchange: they keep an order system from publishing a supplier's callback.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbitmq.topology import EVENTS, LANES, RESULTS, UNCLAIMED, UNROUTABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING = "^$"


@dataclass(frozen=True, slots=True)
class TopicRight:
    """Regular expressions over routing keys on one topic exchange."""

    exchange: str
    write: str
    read: str


@dataclass(frozen=True, slots=True)
class UserKind:
    """One kind of user; the three regular expressions are over names of exchanges and queues."""

    name: str
    purpose: str
    configure: str
    write: str
    read: str
    topics: tuple[TopicRight, ...] = ()
    tags: tuple[str, ...] = ()

    def commands(self, user: str | None = None, vhost: str = "/") -> list[str]:
        """The ``rabbitmqctl`` commands that give these rights to an existing user."""
        account = user or f"relay-{self.name}"
        whom = f"-p '{vhost}' '{account}'"
        lines = [f"rabbitmqctl set_permissions {whom} '{self.configure}' '{self.write}' '{self.read}'"]
        lines.extend(
            f"rabbitmqctl set_topic_permissions {whom} '{right.exchange}' '{right.write}' '{right.read}'"
            for right in self.topics
        )
        if self.tags:
            lines.append(f"rabbitmqctl set_user_tags '{account}' {' '.join(self.tags)}")
        return lines


def _exactly(names: Sequence[str]) -> str:
    return f"^({'|'.join(re.escape(name) for name in names)})$"


_LANES_AND_DLQS = [name for lane in LANES for name in (lane.name, lane.dlq)]
_OWN = r"^relay\."
# The default exchange, by the name that permissions know it under: dead letters are published there by queue name.
_DEFAULT_EXCHANGE = r"amq\.default"

KINDS: tuple[UserKind, ...] = (
    UserKind(
        name="setup",
        purpose="relay topology apply and check: declares everything, carries nothing",
        configure=_OWN,
        # Binding writes the queue and reads the exchange. Naming a dead-letter or alternate exchange writes to that
        # exchange, and reads the queue or exchange that names it.
        write=rf"^(relay\..*|{_DEFAULT_EXCHANGE})$",
        read=_OWN,
        topics=(TopicRight(EVENTS, NOTHING, ".*"), TopicRight(RESULTS, NOTHING, ".*")),
    ),
    UserKind(
        name="service",
        purpose="relay consume, and the archivist and replays in it",
        configure=NOTHING,
        write=rf"^({re.escape(EVENTS)}|{re.escape(RESULTS)}|relay\.retry\..*|{_DEFAULT_EXCHANGE})$",
        read=_exactly([*_LANES_AND_DLQS, UNROUTABLE]),
        topics=(
            # Events of its own (batches, requests by the schedule), and of others when a dead letter is replayed.
            TopicRight(EVENTS, r"^(catalog\.batch|order|sync|supplier\.callback)\..+$", NOTHING),
            TopicRight(RESULTS, ".*", NOTHING),
        ),
    ),
    UserKind(
        name="orders",
        purpose="the order system: publishes events, listens for results on queues named shop.*",
        configure=r"^shop\.",
        write=rf"^({re.escape(EVENTS)}|shop\..*)$",
        read=rf"^({re.escape(RESULTS)}|{re.escape(UNCLAIMED)}|shop\..*)$",
        topics=(TopicRight(EVENTS, r"^(order|sync)\..+$", NOTHING), TopicRight(RESULTS, NOTHING, ".*")),
    ),
    UserKind(
        name="callbacks",
        purpose="relay callbacks: publishes what the suppliers' callbacks say",
        configure=NOTHING,
        write=_exactly([EVENTS]),
        read=NOTHING,
        topics=(TopicRight(EVENTS, r"^supplier\.callback\..+$", NOTHING),),
    ),
    UserKind(
        name="monitor",
        purpose="relay queues and relay doctor: depths, consumers and rates",
        configure=NOTHING,
        write=NOTHING,
        read=NOTHING,
        tags=("monitoring",),
    ),
)
