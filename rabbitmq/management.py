"""Reads a broker's exchanges, queues and bindings through its management API, which sees what AMQP does not show.

Always optional: everything works without it (DESIGN section 3). The standard library's HTTP client is enough for a few
requests, and keeps what an order system installs light.
"""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from rabbitmq import drift
from rabbitmq.topology import Binding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rabbitmq.drift import Drift
    from rabbitmq.topology import Exchange, Queue, Topology

_TIMEOUT = 10.0
# Of all that we declare.
_FLAGS = {"durable": True, "auto_delete": False}


class ManagementUnreachable(RuntimeError):
    """The management API gave no readable answer; the text says which address and why, without the password."""


@dataclass(frozen=True, slots=True)
class Management:
    """Where the management API is, and for which virtual host.

    Raises ``ValueError`` where ``url`` is no http(s) address.
    """

    url: str = field(repr=False)
    """With user and password in it: ``http://guest:guest@127.0.0.1:15672``."""
    vhost: str = "/"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(
                "The management address has to look like http://user:password@host:15672 (RELAY_MANAGEMENT_URL)."
            )

    @property
    def address(self) -> str:
        """The URL without user and password, for messages and requests."""
        parts = urlsplit(self.url)
        netloc = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))

    def _authorization(self) -> str:
        parts = urlsplit(self.url)
        user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """One request; ``path`` is what follows ``/api``, quoted already. Its JSON, or None for an empty answer."""
        return await asyncio.to_thread(self._call, method, path, body)

    def _call(self, method: str, path: str, body: object) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked at construction
            f"{self.address}/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._authorization(), "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310 - as above
                text = response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise ManagementUnreachable(_refusal(self.address, method, path, error)) from error
        except (OSError, urllib.error.URLError) as error:
            raise ManagementUnreachable(
                f"{self.address} does not answer ({error}). Is the plugin on, and RELAY_MANAGEMENT_URL right?"
            ) from error
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise ManagementUnreachable(
                f"{self.address} answered something else than JSON: is it RabbitMQ's?"
            ) from error


def _refusal(address: str, method: str, path: str, error: urllib.error.HTTPError) -> str:
    said = f"{address} answered {method} /api{path} with {error.code}"
    if error.code == 401:  # noqa: PLR2004 - an HTTP status explains itself
        return f"{said}: user or password in RELAY_MANAGEMENT_URL are wrong, or the user lacks the tag `management`."
    return f"{said}: {error.read(300).decode(errors='replace')}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What is on a broker, as far as it has to do with names of ours."""

    exchanges: Mapping[str, Mapping[str, str]]
    """By name: properties and arguments in one mapping, values as text."""
    queues: Mapping[str, Mapping[str, str]]
    bindings: frozenset[Binding]

    def drifts(self, topology: Topology) -> Iterator[Drift]:
        """Every difference to ``topology``: objects, arguments, bindings."""
        for exchange in topology.exchanges:
            yield from _compared("exchange", exchange.name, self.exchanges.get(exchange.name), _of_exchange(exchange))
        for queue in topology.queues:
            yield from _compared("queue", queue.name, self.queues.get(queue.name), _of_queue(queue))
        ours = {queue.name for queue in topology.queues}
        expected = set(topology.bindings)
        for binding in topology.bindings:
            if binding not in self.bindings:
                yield drift.missing_binding(binding)
        for binding in sorted(self.bindings - expected, key=drift.binding_text):
            # Every queue is bound to the default exchange by its name, which is no binding that anyone made.
            if binding.queue in ours and binding.exchange:
                yield drift.foreign_binding(binding)


async def read_shape(management: Management) -> Shape:
    """Read it; raises :class:`ManagementUnreachable`."""
    vhost = quote(management.vhost, safe="")
    exchanges, queues, bindings = await asyncio.gather(
        management.call("GET", f"/exchanges/{vhost}"),
        management.call("GET", f"/queues/{vhost}"),
        management.call("GET", f"/bindings/{vhost}"),
    )
    return Shape(
        exchanges={
            one["name"]: _texts({key: one[key] for key in ("type", *_FLAGS)} | one["arguments"]) for one in exchanges
        },
        queues={one["name"]: _texts({key: one[key] for key in _FLAGS} | one["arguments"]) for one in queues},
        bindings=frozenset(
            Binding(one["source"], one["destination"], one["routing_key"])
            for one in bindings
            if one["destination_type"] == "queue"
        ),
    )


def _of_exchange(exchange: Exchange) -> Mapping[str, str]:
    return _texts({"type": exchange.type, **_FLAGS, **exchange.arguments})


def _of_queue(queue: Queue) -> Mapping[str, str]:
    return _texts({**_FLAGS, **queue.arguments})


def _texts(values: Mapping[str, object]) -> Mapping[str, str]:
    return {
        name: "true" if value is True else "false" if value is False else str(value) for name, value in values.items()
    }


def _compared(
    kind: drift.Kind, name: str, found: Mapping[str, str] | None, expected: Mapping[str, str]
) -> Iterator[Drift]:
    if found is None:
        yield drift.missing(kind, name)
        return
    for argument in sorted(expected.keys() | found.keys()):
        wanted, there = expected.get(argument, drift.NOTHING), found.get(argument, drift.NOTHING)
        if wanted != there:
            yield drift.different(kind, name, argument, wanted or "''", there or "''")
