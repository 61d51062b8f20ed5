"""The life of one consuming process: logs, health, metrics, chores, and the service, until it is told to stop.

A dependency registers its health check beside the line that creates it.
"""

from __future__ import annotations

import gc
import logging
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from consumer.bootstrap.watching import SupplierWatch
from consumer.bootstrap.wiring import Wiring
from consumer.domain.audit import ChainKey
from consumer.domain.errors import RelayError
from consumer.observability.health import Health, NotReady
from consumer.observability.http import http_app, serve_http
from consumer.observability.logging import configure, get_logger
from consumer.observability.metrics import Metrics
from consumer.persistence.store import Store
from consumer.runtime.audit_heads import HeadWatch, log_head
from consumer.runtime.measuring import BooksMeasuring, Forgetting, QueueMeasuring
from consumer.runtime.service import Chore, Service
from consumer.settings import AccountRefused
from publishers.confirms import PublishError
from rabbitmq.connection import BrokerUnreachable
from schemas.registry import INBOUND

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection

    from consumer.settings import Settings

log = get_logger(__name__)

MEASURE_EVERY: Final = timedelta(seconds=15)
_YOUNG: Final = 20_000
"""Objects more than were freed after which the youngest are looked through (gc.set_threshold). What a hundred messages
in hand hold is far more than the default of 700, so nearly all of it was looked at again and again and found in use."""
FORGET_EVERY: Final = timedelta(hours=1)
HEAD_EVERY: Final = timedelta(minutes=1)


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
            speaking=(RelayError, BrokerUnreachable, PublishError, AccountRefused),
        )
        stack.callback(logs.close)
        # They log each failed attempt, and a traceback for each loss; our own supervision says it once for each cause.
        for library in ("aiormq", "aio_pika"):
            logging.getLogger(library).setLevel(logging.CRITICAL)
        for problem in settings.warnings:
            log.warning("setting not known", setting=problem.setting)
        metrics = Metrics.create(version=version("haier-relay"), event_types=INBOUND)
        health = Health()
        store = Store.open(
            settings.database.url.get_secret_value(),
            chain_key=ChainKey.first_of(settings.service.secret_keys),
            announce=log_head,
        )
        stack.push_async_callback(store.close)
        health.register("database", store.check)
        wiring = Wiring(settings, lanes=lanes, store=store, observer=metrics, learn=logs.learn)
        stack.push_async_callback(wiring.suppliers.aclose)
        watch = SupplierWatch(settings, wiring, metrics)
        stack.push_async_callback(watch.reporting.withdraw)
        service = wiring.service([*_chores(settings, wiring, metrics), *watch.chores()])
        health.register("consuming", partial(_consuming, service))
        await stack.enter_async_context(serve_http(http_app(health, metrics), settings.http.host, settings.http.port))
        # What is loaded by now stays for good. A collection that looks at it all again holds calls up for a tenth of a
        # second, and they then go out too close together for the suppliers' quota.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
        await service.run(stop)


async def _consuming(service: Service) -> None:
    if not service.consuming:
        raise NotReady("not every lane has its consumer; the log says what it waits for")


def _chores(settings: Settings, wiring: Wiring, metrics: Metrics) -> list[Chore]:
    queues = [queue.name for queue in wiring.topology.queues]
    retention = settings.retention
    return [
        Chore("measure queues", MEASURE_EVERY, QueueMeasuring(wiring.broker, queues, metrics).run),
        Chore("log head of the audit log", HEAD_EVERY, HeadWatch(wiring.store).run),
        Chore("measure books", MEASURE_EVERY, BooksMeasuring(wiring.store, metrics).run),
        Chore(
            "delete old rows",
            FORGET_EVERY,
            Forgetting(wiring.store, retention.messages, retention.letters, retention.personal_data).run,
        ),
    ]
