"""The same client for programs without an event loop: each call blocks until the broker has confirmed.

    with BlockingRelayPublisher("amqp://shop:…@rabbit:5672/", source="/shop/orders") as relay:
        relay.order_status_requested(so_id="SO-1")

One thread runs one loop with one connection; the calls may come from any thread, and those of several threads travel
together.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from publishers.orders import RelayPublisher

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

P = ParamSpec("P")
R = TypeVar("R")


def _blocking(
    method: Callable[Concatenate[RelayPublisher, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[BlockingRelayPublisher, P], R]:
    @functools.wraps(method)
    def call(self: BlockingRelayPublisher, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.wait_for(method(self.client, *args, **kwargs))

    return call


class BlockingRelayPublisher:
    """`RelayPublisher` for threads; same arguments, same methods, same errors."""

    order_paid = _blocking(RelayPublisher.order_paid)
    order_cancelled = _blocking(RelayPublisher.order_cancelled)
    order_rescheduled = _blocking(RelayPublisher.order_rescheduled)
    order_status_requested = _blocking(RelayPublisher.order_status_requested)
    sync_products = _blocking(RelayPublisher.sync_products)
    sync_prices = _blocking(RelayPublisher.sync_prices)
    sync_stock = _blocking(RelayPublisher.sync_stock)
    sync_logistics = _blocking(RelayPublisher.sync_logistics)
    sync_balance = _blocking(RelayPublisher.sync_balance)
    publish_event = _blocking(RelayPublisher.publish_event)

    def __init__(
        self,
        amqp_url: str,
        *,
        source: str,
        name: str = "relay-publisher",
        wait_for_broker: float | None = 30,
        give_up_after: float = 60,
        max_in_flight: int = 1000,
    ) -> None:
        self._make = functools.partial(
            RelayPublisher,
            amqp_url,
            source=source,
            name=name,
            wait_for_broker=wait_for_broker,
            give_up_after=give_up_after,
            max_in_flight=max_in_flight,
        )
        self._client: RelayPublisher | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def client(self) -> RelayPublisher:
        """The client in the thread; raises `RuntimeError` before `start`."""
        if self._client is None:
            raise RuntimeError("the publisher is not started: use `with`, or call start() first")
        return self._client

    def start(self) -> None:
        """Start the thread and begin to connect; does not wait for the broker."""
        if self._thread is not None:
            return
        loop = self._loop = asyncio.new_event_loop()
        # A daemon: a program that forgets close() can still end.
        self._thread = threading.Thread(target=_run, args=(loop,), name="relay publisher", daemon=True)
        self._thread.start()
        client = self._make()
        self.wait_for(client.start())
        self._client = client

    def close(self) -> None:
        """Wait for what is under way, close the connection, end the thread."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        try:
            self.wait_for(self.client.close())
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            self._client = self._loop = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait_for(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine in the thread's loop and wait for what comes of it."""
        if self._loop is None or threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("not started, or called from the publisher's own thread")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()
