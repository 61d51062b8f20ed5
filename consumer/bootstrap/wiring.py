"""One consuming process, put together: lanes with their pipelines and handlers, the books, the broker."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from consumer.accounts.choosing import AccountChoice
from consumer.bootstrap.pausing import BoardBrake, CallWatch, PauseTelling
from consumer.bootstrap.suppliers import Suppliers, policy_of
from consumer.bootstrap.watching import process_name
from consumer.deadletters.archivist import Archivist
from consumer.deadletters.replaying import Replaying
from consumer.domain.recoverability import DATABASE
from consumer.handlers.callback import CALLBACKS, CallbackHandler
from consumer.handlers.catalog_batch_prices import CatalogBatchPricesHandler
from consumer.handlers.catalog_batch_products import CatalogBatchProductsHandler
from consumer.handlers.catalog_batch_stock import CatalogBatchStockHandler
from consumer.handlers.held_lapsing import HeldLapsing
from consumer.handlers.order_calls import OrderCalls
from consumer.handlers.order_cancel_requested import OrderCancelRequestedHandler
from consumer.handlers.order_cancelled import OrderCancelledHandler
from consumer.handlers.order_paid import OrderPaidHandler
from consumer.handlers.order_rescheduled import OrderRescheduledHandler
from consumer.handlers.order_status import OrderStatusHandler
from consumer.handlers.sync_balance import SyncBalanceHandler
from consumer.handlers.sync_logistics import SyncLogisticsHandler
from consumer.handlers.sync_logistics_batch import SyncLogisticsBatchHandler
from consumer.handlers.sync_prices import SyncPricesHandler
from consumer.handlers.sync_products import SyncProductsHandler
from consumer.handlers.sync_stock import SyncStockHandler
from consumer.handlers.whole_list import WholeList
from consumer.observability.logging import get_logger
from consumer.observability.redaction import Redactor
from consumer.runtime.books import BatchedBooks
from consumer.runtime.broker import Broker
from consumer.runtime.call_window import CallWindow
from consumer.runtime.courier import Courier
from consumer.runtime.holds import Holds
from consumer.runtime.outbox_relay import OutboxRelay
from consumer.runtime.pause_board import PauseBoard
from consumer.runtime.pipeline import Pipeline
from consumer.runtime.probing import Probing
from consumer.runtime.service import Chore, Service
from consumer.runtime.subscriber import Subscriber
from consumer.runtime.sync_closing import SyncClosing
from consumer.runtime.turns import Solitude, Turns
from consumer.suppliers.audience import Audience
from publishers.confirms import ConfirmedPublisher
from rabbitmq.topology import LANES, UNROUTABLE, Lane, Topology

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from consumer.accounts.switching import SwitchedHaier
    from consumer.domain.outcome import Handler
    from consumer.observability.metrics import Metrics
    from consumer.persistence.store import Store
    from consumer.runtime.pauses import Change
    from consumer.settings import Settings

log = get_logger(__name__)

LEASE_MARGIN: Final = timedelta(seconds=15)
"""What a lease outlasts the longest call by."""
ARCHIVIST_PREFETCH: Final = 200
LOOK_FOR_HOLDS_EVERY: Final = timedelta(seconds=2)
"""How soon a running service heeds a person's pause."""
LOOK_FOR_ACCOUNT_EVERY: Final = timedelta(seconds=3)
"""How soon a running service takes up an account that was activated (ten seconds are promised)."""
LOOK_FOR_LAPSED_EVERY: Final = timedelta(minutes=1)
"""How late a reschedule may be told that no order came for it."""
CONFIRM_TIMEOUT: Final = 10.0
"""Seconds without one confirm after which the publishing connection is given up and opened anew."""


class Wiring:
    """The rooms of one consuming process, put together; nothing runs yet.

    Args:
        settings: with the broker.
        lanes: queue names of the lanes to consume; None for all.
        store: our database.
        observer: told about each message and each call.
        learn: told the secrets of a stored account before it is used; the log must not show them.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        lanes: Collection[str] | None,
        store: Store,
        observer: Metrics,
        learn: Callable[[frozenset[str]], None] = lambda _: None,
    ) -> None:
        url = settings.broker.amqp_url.get_secret_value()
        self._settings = settings
        self._policy = policy_of(settings)
        self._observer = observer
        self._counted = asyncio.Event()
        self._books = BatchedBooks(store, on_count=self._counted.set)
        self._turns, self._solitude = Turns(), Solitude()
        self.store = store
        chosen = [lane for lane in LANES if lanes is None or lane.name in lanes]
        self._telling = PauseTelling(observer, {lane.name: _resources(lane) for lane in chosen}, _all_suppliers())
        self.pauses = PauseBoard(on_change=self._tell_pause)
        self._holds = Holds(store, self.pauses)
        self._redactor = Redactor(secrets=settings.secrets())
        self._tell_log = learn
        self.mask = self._redactor.text
        self.window = CallWindow(self.mask)
        audience = Audience([CallWatch(observer, self.pauses, self._policy), self.window])
        self.suppliers = Suppliers(
            settings,
            audience,
            store,
            AccountChoice.of(settings, store.accounts),
            brake_of=partial(BoardBrake, self.pauses),
            caches=observer,
            learn=self._learn,
            # What Haier rests for was the account before.
            on_switch=partial(self.pauses.try_now, "haier"),
        )
        self.topology = Topology.build(settings.broker.retry_delays)
        self._brokers: list[Broker] = []
        self._parked = self._broker("dead letters")
        self._publisher = ConfirmedPublisher(
            url, name="haier-relay publisher", wait_for_broker=10, confirm_timeout=CONFIRM_TIMEOUT
        )
        self._relay = OutboxRelay(self._books, self._publisher)
        self._handlers = self._all_handlers(self.suppliers)
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
            chores=[*chores, *self._following(), *self._probing()],
            check_database=self._ready_to_fetch,
            shutdown_timeout=self._settings.limits.shutdown_timeout,
        )

    async def _ready_to_fetch(self) -> None:
        """Raise `BooksUnavailable` unless the database is usable; know what people have paused before anything begins.

        A supplier that a person has paused sees no call of a process that has just started.
        """
        await self.store.check()
        await self._holds.read()

    def _following(self) -> Sequence[Chore]:
        """Return what takes up while the service runs what people or other processes have changed in the books."""
        lapsing = HeldLapsing(self._books, self._relay.hand_over, keep=self._policy.snooze_limit)
        closing = SyncClosing(self._books, self._relay.hand_over, self._observer, self._counted)
        replaying = Replaying(self.store.replay_steps, self._relay.hand_over, self._observer, owner=process_name())
        return [
            Chore("close syncs", timedelta(0), closing.once),
            Chore("carry out replays", timedelta(0), replaying.once),
            Chore("lapse held reschedules", LOOK_FOR_LAPSED_EVERY, lapsing.once),
            Chore("heed pauses of people", LOOK_FOR_HOLDS_EVERY, self._holds.follow),
            Chore("follow the active account", LOOK_FOR_ACCOUNT_EVERY, self.suppliers.haier.follow),
        ]

    def _probing(self) -> Sequence[Chore]:
        """Return what ends pauses: none of them may end only because a message comes by."""
        checks = {"ylh": self.suppliers.ylh.check, "haier": self.suppliers.haier.check}
        return [
            Chore(f"probe {supplier}", timedelta(0), Probing(supplier, self.pauses, check, self._policy).once)
            for supplier, check in checks.items()
        ]

    def _learn(self, secrets: frozenset[str]) -> None:
        """Show these nowhere from now on."""
        self._redactor.learn(secrets)
        self._tell_log(secrets)

    def _tell_pause(self, resource: str, change: Change) -> None:
        self._telling.tell(self.pauses, resource, change)

    def _all_handlers(self, suppliers: Suppliers) -> Mapping[str, Handler]:
        calls = OrderCalls(self._books, suppliers.ylh, lease=suppliers.ylh.longest_call + LEASE_MARGIN)
        return {
            "order.paid": OrderPaidHandler(calls, suppliers.ylh),
            "order.cancelled": OrderCancelledHandler(calls, suppliers.ylh),
            "order.rescheduled": OrderRescheduledHandler(calls, suppliers.ylh),
            "order.status.requested": OrderStatusHandler(calls),
            "order.cancel.requested": OrderCancelRequestedHandler(calls, suppliers.ylh),
            **dict.fromkeys(CALLBACKS, CallbackHandler(self._books)),
            **self._catalogue_handlers(suppliers.haier),
            "sync.logistics.requested": SyncLogisticsHandler(self._books, suppliers.haier.config_id),
            "sync.logistics.batch": SyncLogisticsBatchHandler(
                self._books, suppliers.ylh, suppliers.haier, self._relay.hand_over
            ),
        }

    def _catalogue_handlers(self, haier: SwitchedHaier) -> Mapping[str, Handler]:
        whole_list = WholeList(self._books, haier, self._relay.hand_over_in_turn)
        return {
            "sync.products.requested": SyncProductsHandler(self._books, haier.sync_account),
            "sync.prices.requested": SyncPricesHandler(self._books, haier.sync_account),
            "sync.stock.requested": SyncStockHandler(self._books, haier.sync_account),
            "sync.balance.requested": SyncBalanceHandler(haier, haier.sync_account, self._observer),
            "catalog.batch.products": CatalogBatchProductsHandler(self._books, haier, whole_list, haier.sync_account),
            "catalog.batch.prices": CatalogBatchPricesHandler(self._books, haier),
            "catalog.batch.stock": CatalogBatchStockHandler(self._books, haier),
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


def _all_suppliers() -> frozenset[str]:
    return frozenset(supplier for lane in LANES for supplier in lane.suppliers)
