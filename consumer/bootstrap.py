"""The one place where things are wired together: plain constructor calls, from settings to a service that runs.

Also says what is checked where: a dependency registers its health check beside the line that creates it.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from consumer.deadletters.archivist import Archivist
from consumer.domain.errors import RelayError
from consumer.domain.recoverability import DATABASE, Policy
from consumer.handlers.order_calls import OrderCalls
from consumer.handlers.order_cancelled import OrderCancelledHandler
from consumer.handlers.order_paid import OrderPaidHandler
from consumer.handlers.sync_products import SyncProductsHandler
from consumer.observability.health import Health, NotReady
from consumer.observability.http import http_app, serve_http
from consumer.observability.logging import configure, get_logger
from consumer.observability.metrics import Metrics
from consumer.persistence.store import Store
from consumer.runtime.books import BatchedBooks
from consumer.runtime.broker import Broker
from consumer.runtime.courier import Courier
from consumer.runtime.measuring import BooksMeasuring, Forgetting, QueueMeasuring
from consumer.runtime.outbox_relay import OutboxRelay
from consumer.runtime.pauses import Fetching, PauseBoard
from consumer.runtime.pipeline import Pipeline
from consumer.runtime.service import Chore, Service
from consumer.runtime.subscriber import Subscriber
from consumer.runtime.turns import Solitude, Turns
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.calling import Unobserved
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.transport import AiohttpTransport
from consumer.suppliers.ylh.client import YlhClient
from publishers.confirms import ConfirmedPublisher, PublishError
from rabbitmq.connection import BrokerUnreachable
from rabbitmq.topology import LANES, UNROUTABLE, Lane, Topology
from schemas.registry import INBOUND

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from consumer.domain.outcome import Handler
    from consumer.runtime.pauses import Pause
    from consumer.settings import Settings
    from consumer.suppliers.calling import CallObserver

log = get_logger(__name__)

_ANSWERED: Final = frozenset({"ok", "rejected"})
CALLS_AT_ONCE: Final = 100
"""Calls under way together to one supplier: its documented limit is a hundred a second (SUPPLIERS, common facts)."""
LEASE_MARGIN: Final = timedelta(seconds=15)
"""What a lease outlasts the longest call by."""
ARCHIVIST_PREFETCH: Final = 200
CONFIRM_TIMEOUT: Final = 10.0
"""Seconds without one confirm after which the publishing connection is given up and opened anew."""
MEASURE_EVERY: Final = timedelta(seconds=15)
FORGET_EVERY: Final = timedelta(hours=1)


class Suppliers:
    """Both supplier clients over connection pools of their own, so that one supplier's trouble is not the other's.

    Args:
        settings: of both accounts.
        observer: hears of every HTTP call.
    """

    def __init__(self, settings: Settings, observer: CallObserver) -> None:
        conduct = Conduct.of(settings.limits, policy=policy_of(settings), observer=observer, at_once=CALLS_AT_ONCE)
        self._transports = tuple(AiohttpTransport(slots=conduct.connections) for _ in range(2))
        self.ylh = YlhClient(settings.ylh, self._transports[0], conduct)
        self.haier = HaierClient(settings.haier, self._transports[1], conduct)

    async def aclose(self) -> None:
        """Close both clients and their connections."""
        await self.ylh.aclose()
        await self.haier.aclose()
        for transport in self._transports:
            await transport.aclose()


class _CallWatch:
    """Counts each call, and ends a supplier's pause when a call to it got an answer.

    A login proves nothing: the calls behind it may still be refused.
    """

    def __init__(self, metrics: Metrics, pauses: PauseBoard) -> None:
        self._metrics = metrics
        self._pauses = pauses

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float) -> None:
        """Take note of one call."""
        self._metrics.supplier_call(supplier, operation, outcome, seconds=seconds)
        if operation != "token" and outcome in _ANSWERED:
            self._pauses.lift(supplier)


def policy_of(settings: Settings) -> Policy:
    """Return how patient the service is."""
    return Policy(
        delays=settings.broker.retry_delays,
        immediate_retries=settings.limits.immediate_retries,
        snooze_limit=settings.limits.snooze_limit,
    )


class Wiring:
    """The rooms of one consuming process, put together; nothing runs yet.

    Args:
        settings: with the broker.
        lanes: queue names of the lanes to consume; None for all.
        store: our database.
        observer: told about each message and each call.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        lanes: Collection[str] | None,
        store: Store,
        observer: Metrics,
    ) -> None:
        url = settings.broker.amqp_url.get_secret_value()
        self._settings = settings
        self._policy = policy_of(settings)
        self._observer = observer
        self._books = BatchedBooks(store)
        self._turns, self._solitude = Turns(), Solitude()
        self.store = store
        self.pauses = PauseBoard(on_change=self._tell_pause)
        self.suppliers = Suppliers(settings, _CallWatch(observer, self.pauses))
        self.topology = Topology.build(settings.broker.retry_delays)
        self._brokers: list[Broker] = []
        self._parked = self._broker("dead letters")
        self._publisher = ConfirmedPublisher(
            url, name="haier-relay publisher", wait_for_broker=10, confirm_timeout=CONFIRM_TIMEOUT
        )
        self._relay = OutboxRelay(self._books, self._publisher)
        self._handlers = self._all_handlers(self.suppliers)
        chosen = self._lanes = [lane for lane in LANES if lanes is None or lane.name in lanes]
        archivist = Archivist(self._books, self._relay, self.pauses, max_event_bytes=settings.broker.max_event_bytes)
        self.subscribers = [
            *(self._lane(lane) for lane in chosen),
            *(self._archive(queue, archivist) for queue in (*(lane.dlq for lane in chosen), UNROUTABLE)),
        ]

    @property
    def broker(self) -> Broker:
        """The connection for all that is no lane's own."""
        return self._parked

    def _broker(self, purpose: str) -> Broker:
        """Return a consuming connection: one for each lane, for what ends a connection must not end another lane's."""
        url = self._settings.broker.amqp_url.get_secret_value()
        broker = Broker(url, name=f"haier-relay consumer: {purpose}", topology=self.topology)
        self._brokers.append(broker)
        return broker

    def service(self, chores: Sequence[Chore]) -> Service:
        """Return the service, with what is done beside the work."""
        return Service(
            brokers=self._brokers,
            publishers=[self._publisher],
            relay=self._relay,
            subscribers=self.subscribers,
            chores=chores,
            check_database=self.store.check,
            shutdown_timeout=self._settings.limits.shutdown_timeout,
        )

    def _tell_pause(self, resource: str, pause: Pause | None) -> None:
        """Log a pause that begins, is renewed or is lifted, and show it on the lanes that need the resource."""
        if pause is None:
            log.info("pause lifted", resource=resource)
        else:
            tell = log.critical if pause.alert else log.warning
            tell("pause", resource=resource, error=pause.cause, seconds=round(pause.length, 1))
        for lane in self._lanes:
            resting = self.pauses.fetching(_resources(lane)) is not Fetching.FULL
            self._observer.lane_paused(lane.name, paused=resting)

    def _all_handlers(self, suppliers: Suppliers) -> Mapping[str, Handler]:
        calls = OrderCalls(self._books, suppliers.ylh, lease=suppliers.ylh.longest_call + LEASE_MARGIN)
        return {
            "order.paid": OrderPaidHandler(calls, suppliers.ylh),
            "order.cancelled": OrderCancelledHandler(calls, suppliers.ylh),
            "sync.products.requested": SyncProductsHandler(
                self._books, suppliers.haier, self._relay.hand_over, self._observer
            ),
        }

    def _lane(self, lane: Lane) -> Subscriber:
        resources = _resources(lane)
        broker = self._broker(lane.name)
        pipeline = Pipeline(
            lane.name,
            resources=resources,
            handlers=self._handlers,
            books=self._books,
            courier=Courier(lane.name, self._publisher, broker.repair),
            relay=self._relay,
            pauses=self.pauses,
            turns=self._turns,
            solitude=self._solitude,
            policy=self._policy,
            max_event_bytes=self._settings.broker.max_event_bytes,
            observer=self._observer,
        )
        return Subscriber(
            lane.name,
            broker=broker,
            prefetch=self._settings.broker.prefetch.of(lane.name),
            handle=pipeline.carry,
            pauses=self.pauses,
            resources=resources,
        )

    def _archive(self, queue: str, archivist: Archivist) -> Subscriber:
        return Subscriber(
            queue,
            broker=self._parked,
            prefetch=ARCHIVIST_PREFETCH,
            handle=archivist.archive,
            pauses=self.pauses,
            resources=frozenset((DATABASE,)),
        )


def _resources(lane: Lane) -> frozenset[str]:
    return frozenset((*lane.suppliers, DATABASE))


async def serve(settings: Settings, *, lanes: Collection[str] | None, stop: asyncio.Event) -> None:
    """Run one consuming process until ``stop`` is set.

    Args:
        settings: with broker, database and both suppliers.
        lanes: queue names of the lanes to consume; None for all.
        stop: set to drain and return.

    Raises:
        PortInUse: the health port is taken.
        TopologyConflict: the broker holds queues of our names with another shape.
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
        # They log each failed attempt, and a traceback for each loss; our own supervision says it once for each cause.
        for library in ("aiormq", "aio_pika"):
            logging.getLogger(library).setLevel(logging.CRITICAL)
        for problem in settings.warnings:
            log.warning("setting not known", setting=problem.setting)
        metrics = Metrics.create(version=version("haier-relay"), event_types=INBOUND)
        health = Health()
        store = Store.open(settings.database.url.get_secret_value())
        stack.push_async_callback(store.close)
        health.register("database", store.check)
        wiring = Wiring(settings, lanes=lanes, store=store, observer=metrics)
        stack.push_async_callback(wiring.suppliers.aclose)
        service = wiring.service(_chores(settings, wiring, metrics))
        health.register("consuming", partial(_consuming, service))
        await stack.enter_async_context(serve_http(http_app(health, metrics), settings.http.host, settings.http.port))
        await service.run(stop)


async def _consuming(service: Service) -> None:
    if not service.consuming:
        raise NotReady("not every lane has its consumer; the log says what it waits for")


def _chores(settings: Settings, wiring: Wiring, metrics: Metrics) -> list[Chore]:
    queues = [queue.name for queue in wiring.topology.queues]
    return [
        Chore("measure queues", MEASURE_EVERY, QueueMeasuring(wiring.broker, queues, metrics).run),
        Chore("measure books", MEASURE_EVERY, BooksMeasuring(wiring.store, metrics).run),
        Chore("delete old rows", FORGET_EVERY, Forgetting(wiring.store, settings.retention.messages).run),
    ]


def supplier_logins(settings: Settings) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """Return for each supplier a function that logs in once and raises `SupplierError` if it may not."""

    async def login(name: str) -> None:
        suppliers = Suppliers(settings, Unobserved())
        try:
            await (suppliers.ylh if name == "ylh" else suppliers.haier).login()
        finally:
            await suppliers.aclose()

    return {name: partial(login, name) for name in ("ylh", "haier")}
