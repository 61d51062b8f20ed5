"""Keeping one connection open: connect, wait until it is lost, connect again with growing, jittered pauses.

A plain connection under our own supervision rather than aio-pika's robust one: a publisher must know which messages
were in flight when the line broke, and a listener must drop deliveries whose ack the broker will never see.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiormq.exceptions import AMQPError

from rabbitmq.connection import BrokerUnreachable, address, connect, is_cancelled

if TYPE_CHECKING:
    from aio_pika.abc import AbstractConnection

_log = logging.getLogger("haier_relay.publishers")

_GLANCE: Final = 1.0
"""Seconds between two looks at whether a blocked connection still lives."""

_FAREWELL: Final = 3.0
"""Seconds for an orderly goodbye on a connection that may be dead already."""

_STEADY: Final = 5.0
"""Seconds that a connection must have lived for its loss to count as the first failure of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Pauses between attempts, in seconds: `first`, doubled up to `longest`, each cut by up to half at random.

    The jitter keeps a fleet of clients from coming back in one wave after a restart of the broker.
    """

    first: float = 0.2
    longest: float = 15.0

    def pause(self, failures: int, roll: float) -> float:
        """The pause after `failures` (1 = the first) failed attempts, for `roll` in [0, 1)."""
        ceiling = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return ceiling * (1.0 - roll / 2.0)


class Link:
    """One live connection and the moment of its loss."""

    def __init__(self, connection: AbstractConnection) -> None:
        transport = connection.transport
        if transport is None:
            raise RuntimeError("a link needs an open connection")
        self.connection = connection
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Resolves, never fails: why the connection is gone."""
        self._underlay = transport.connection
        self._underlay.closing.add_done_callback(self._on_closing)

    @property
    def is_up(self) -> bool:
        """False from the moment of the loss on."""
        return not self.lost.done()

    async def taking(self, within: float | None) -> bool:
        """Wait until the broker takes messages (`connection.blocked`: memory or disk alarm); False if it does not."""
        clock = asyncio.get_running_loop().time
        deadline = None if within is None else clock() + within
        while self.is_up:
            left = _GLANCE if deadline is None else min(_GLANCE, deadline - clock())
            try:
                async with asyncio.timeout(max(left, 0.001)):
                    await self._underlay.ready()
            except TimeoutError:
                if deadline is not None and clock() >= deadline:
                    return False
            else:
                return True
        return False

    async def drop(self, reason: str) -> None:
        """Give the connection up; what is in flight is lost with `reason`."""
        self._lose(reason)
        try:
            async with asyncio.timeout(_FAREWELL):
                await self.connection.close()
        except (AMQPError, OSError, RuntimeError) as error:
            _log.debug("closing a connection that is given up anyway: %r", error)
        except asyncio.CancelledError:
            if is_cancelled():
                raise

    def _on_closing(self, closing: asyncio.Future[object]) -> None:
        error = None if closing.cancelled() else closing.exception()
        self._lose("connection closed" if error is None else f"connection lost ({error or type(error).__name__})")

    def _lose(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)


class Supervised:
    """A connection that comes back by itself; `link()` hands out the live one."""

    def __init__(self, url: str, *, name: str, backoff: Backoff | None = None, connect_timeout: float = 10) -> None:
        self._url = url
        self._name = name
        self._backoff = backoff or Backoff()
        self._connect_timeout = connect_timeout
        self._task: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._attempts = 0
        self._failure: BrokerUnreachable | None = None
        self._news = asyncio.Event()

    @property
    def address(self) -> str:
        """`host:port`, for messages."""
        return address(self._url)

    @property
    def failure(self) -> BrokerUnreachable | None:
        """Why the latest attempt failed; None while connected or before the first attempt has ended."""
        return self._failure

    @property
    def is_up(self) -> bool:
        """Is there a live connection right now."""
        return self._link is not None and self._link.is_up

    def start(self) -> None:
        """Begin to connect in the background; does not wait for the broker."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name=f"{self._name}: connection")
            # A fault in the supervision itself must be seen, not kept in a task that nobody awaits.
            self._task.add_done_callback(_report)

    async def link(self, within: float | None) -> Link | None:
        """The live connection, or None when there is none within so many seconds (None: wait for ever).

        Does not wait out the time where waiting cannot help (wrong password, no such virtual host): one attempt made
        during the wait is enough. Whoever waits for ever has asked for it and gets it.
        """
        clock = asyncio.get_running_loop().time
        deadline = None if within is None else clock() + within
        seen = self._attempts
        while self._task is not None and not self._task.done():
            if self._link is not None and self._link.is_up:
                return self._link
            hopeless = self._failure is not None and self._failure.is_lasting and self._attempts > seen
            if hopeless and deadline is not None:
                return None
            news = self._news
            try:
                async with asyncio.timeout_at(deadline):
                    await news.wait()
            except TimeoutError:
                return None
        return None

    async def close(self) -> None:
        """Close the connection and stop coming back."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        link, self._link = self._link, None
        if link is not None:
            await link.drop("closed by ourselves")
        self._tell()

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                connection = await connect(self._url, name=self._name, timeout=self._connect_timeout)
            except BrokerUnreachable as error:
                failures += 1
                self._failed(error, failures)
                await asyncio.sleep(self._backoff.pause(failures, random.random()))  # noqa: S311 - jitter, no secret
                continue
            since = asyncio.get_running_loop().time()
            self._failure = None
            self._link = Link(connection)
            self._attempts += 1
            self._tell()
            _log.info("%s: connected to RabbitMQ at %s", self._name, self.address)
            reason = await asyncio.shield(self._link.lost)
            _log.warning("%s: %s; connecting again to RabbitMQ at %s", self._name, reason, self.address)
            await self._link.drop(reason)
            # A broker that lets us in and throws us out at once must not be hammered either.
            lived = asyncio.get_running_loop().time() - since
            failures = failures + 1 if lived < _STEADY else 0
            if failures:
                await asyncio.sleep(self._backoff.pause(failures, random.random()))  # noqa: S311 - jitter, no secret

    def _failed(self, error: BrokerUnreachable, failures: int) -> None:
        known = self._failure is not None and self._failure.cause == error.cause
        self._failure = error
        self._attempts += 1
        self._tell()
        # Once for each cause, so that an outage of an hour is one line and not hundreds.
        level = logging.DEBUG if known else logging.WARNING
        _log.log(level, "%s: attempt %d failed, trying again until it works: %s", self._name, failures, error)

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("%s ended by a fault of its own", task.get_name(), exc_info=error)
