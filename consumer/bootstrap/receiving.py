"""The life of the callback receiver: put together, served until it is told to stop, drained.

A process of its own, so that it alone need face the internet: it has the rights to publish ``supplier.callback.*``, it
writes the outbox and the ledger, and it calls nobody.
"""

from __future__ import annotations

import gc
import logging
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from consumer.callbacks.admission import Admission
from consumer.callbacks.app import PATH, CallbacksApp
from consumer.callbacks.connections import MOST_CONNECTIONS, BoundedConnection
from consumer.callbacks.parking import Parking
from consumer.callbacks.receiving import Receiving
from consumer.callbacks.taking import BOOKS_WITHIN, BROKER_WITHIN, Taking
from consumer.domain.errors import BooksUnavailable, RelayError
from consumer.observability.health import Health, NotReady
from consumer.observability.http import Bounds, http_app, serve_http
from consumer.observability.logging import configure, get_logger
from consumer.observability.metrics import Metrics
from consumer.persistence.store import Store
from consumer.runtime.books import BatchedBooks
from publishers.confirms import ConfirmedPublisher, PublishError
from publishers.supervision import Backoff
from rabbitmq.connection import BrokerUnreachable
from schemas.registry import INBOUND

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from consumer.observability.http import Served
    from consumer.settings import Settings

log = get_logger(__name__)

_CONFIRM_TIMEOUT: Final = 10.0
"""Seconds without one confirm after which the connection is given up and opened anew."""
_FAREWELL: Final = int(BROKER_WITHIN + BOOKS_WITHIN) + 2
"""Seconds for the callbacks in hand at the end: the longest that one can take, and some."""


async def receive(settings: Settings, *, stop: asyncio.Event, listening: Callable[[Served], None]) -> None:
    """Take callbacks in until ``stop`` is set; what is in hand then is still answered.

    Starts without broker and database, and says 503 for as long as both are away.

    Args:
        settings: with broker, database and callbacks.
        stop: set to drain and return.
        listening: told once where callbacks are taken.

    Raises:
        CannotListen: one of the two addresses is taken or not this machine's.
    """
    async with AsyncExitStack() as stack:
        logs = configure(
            level=settings.logging.level,
            directory=settings.logging.directory,
            timezone=settings.service.timezone,
            secrets=settings.secrets(),
            speaking=(RelayError, BrokerUnreachable, PublishError),
        )
        stack.callback(logs.close)
        _quieten()
        metrics = Metrics.create(version=version("haier-relay"), event_types=INBOUND)
        store = Store.open(settings.database.url.get_secret_value())
        stack.push_async_callback(store.close)
        publisher = await stack.enter_async_context(
            ConfirmedPublisher(
                settings.broker.amqp_url.get_secret_value(),
                name="haier-relay callbacks",
                wait_for_broker=BROKER_WITHIN,
                confirm_timeout=_CONFIRM_TIMEOUT,
                # Short: while it is away, callbacks take the longer way through the outbox.
                backoff=Backoff(longest=3.0),
            )
        )
        health = Health()
        health.register("taking", _CanTake(publisher, store))
        http = settings.http
        if http.callback_health_port:
            await stack.enter_async_context(
                serve_http(
                    http_app(health, metrics),
                    http.host,
                    http.callback_health_port,
                    port_setting="RELAY_CALLBACK_HEALTH_PORT",
                )
            )
        app = CallbacksApp(_receiving(settings, publisher, store), metrics)
        served = await stack.enter_async_context(
            serve_http(
                app,
                http.callback_host,
                http.callback_port,
                host_setting="RELAY_CALLBACK_HOST",
                port_setting="RELAY_CALLBACK_PORT",
                bounds=Bounds(MOST_CONNECTIONS, BoundedConnection, _FAREWELL),
            )
        )
        log.info("taking callbacks", url=f"{served.url}{PATH}")
        # What is loaded by now stays for good: no collection need look at it again, and hold callbacks up.
        gc.freeze()
        listening(served)
        await stop.wait()
        log.info("stopping: no new callbacks, those in hand are answered")


def _receiving(settings: Settings, publisher: ConfirmedPublisher, store: Store) -> Receiving:
    account = settings.callbacks
    books = BatchedBooks(store)
    admission = Admission(account.app_key, account.secret.get_secret_value(), account.window)
    return Receiving(admission, Taking(publisher, books), Parking(books))


class _CanTake:
    """Ready while a callback could be made durable: by the broker, or by the database."""

    def __init__(self, publisher: ConfirmedPublisher, store: Store) -> None:
        self._publisher = publisher
        self._store = store

    async def __call__(self) -> None:
        if self._publisher.is_connected:
            return
        try:
            await self._store.check()
        except BooksUnavailable as error:
            raise NotReady(
                "neither the broker nor the database can be used: callbacks are answered 503; the log says why"
            ) from error


def _quieten() -> None:
    """Keep lines out of the log that anybody on the internet could write there, or that we write ourselves."""
    for library in ("aiormq", "aio_pika"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    # A warning for each request that is no HTTP, and for each beyond the limit.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
