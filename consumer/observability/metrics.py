"""The service's Prometheus metrics, with a registry of their own for each instance (names: DESIGN section 10).

Callers speak of what happened and never of labels, so that no order number, fingerprint or unknown event type can
become one: a label takes its values from closed sets only. `Metrics` fits the observers that the pipeline and the
suppliers ask for (``PipelineObserver``, ``CallObserver``) without knowing them; what it says of the suppliers is in
`consumer.observability.supplier_metrics`.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from consumer.observability.supplier_metrics import SECONDS, SupplierFamilies, SupplierMetrics

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

UNKNOWN = "unknown"
"""The label of every event type that the contract does not know."""

_AGES = (0.05, 0.25, 1, 5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600)


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """What the broker says of one queue."""

    messages: int
    consumers: int


@dataclass(frozen=True, slots=True)
class _Families:
    """All metrics, registered with ``registry``."""

    registry: CollectorRegistry
    messages: Counter
    message_duration: Histogram
    message_age: Histogram
    in_flight: Gauge
    queue_messages: Gauge
    queue_consumers: Gauge
    dead_letters: Gauge
    orders: Gauge
    order_oldest_age: Gauge
    lane_paused: Gauge
    outbox_pending: Gauge
    outbox_oldest_age: Gauge
    callbacks: Counter
    sync_items: Counter
    replayed: Counter
    sync_last_success: Gauge
    results_unclaimed: Gauge


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics(SupplierMetrics):
    """What the service counts. Not shared between instances; build it with `create`."""

    event_types: frozenset[str]
    _families: _Families
    _messages: dict[tuple[str, str, str], Counter] = field(default_factory=dict)
    _durations: dict[str, tuple[Histogram, Histogram, Gauge]] = field(default_factory=dict)

    @classmethod
    def create(cls, *, version: str, event_types: Collection[str]) -> Metrics:
        """Build the metrics of one service instance.

        Args:
            version: of this service, for ``relay_build_info``.
            event_types: the types of the contract; others are counted as `UNKNOWN`.
        """
        families = _families(version)
        return cls(
            event_types=frozenset(event_types),
            _families=families,
            _suppliers=SupplierFamilies.registered(families.registry),
        )

    @property
    def registry(self) -> CollectorRegistry:
        """Where all of them are registered."""
        return self._families.registry

    def began(self, lane: str) -> None:
        """Count a delivery into those in flight; ``lane`` is the queue's name, e.g. ``relay.orders``."""
        self._of_lane(lane)[2].inc()

    def ended(self, lane: str, type_: str | None, outcome: str, *, seconds: float, age: float) -> None:
        """Count a delivery that has come to an end.

        Args:
            lane: the queue's name.
            type_: the event's type as the envelope says; None when it could not be read.
            outcome: how, e.g. ``done``, ``duplicate``, ``retry``, ``snoozed``, ``rejected``, ``dead_lettered``.
            seconds: from delivery to settlement.
            age: seconds since the event was first seen.
        """
        key = (lane, type_ if type_ in self.event_types else UNKNOWN, outcome)
        counter = self._messages.get(key)
        if counter is None:
            counter = self._messages[key] = self._families.messages.labels(*key)
        counter.inc()
        durations, ages, in_flight = self._of_lane(lane)
        durations.observe(seconds)
        ages.observe(age)
        in_flight.dec()

    def lane_paused(self, lane: str, *, paused: bool) -> None:
        """Say whether a lane rests."""
        self._families.lane_paused.labels(lane).set(paused)

    def queues(self, figures: Mapping[str, QueueFigures]) -> None:
        """Replace what is known of the queues, by name."""
        families = self._families
        families.queue_messages.clear()
        families.queue_consumers.clear()
        for queue, known in figures.items():
            families.queue_messages.labels(queue).set(known.messages)
            families.queue_consumers.labels(queue).set(known.consumers)

    def dead_letters(self, open_letters: Mapping[tuple[str, str], int]) -> None:
        """Replace the number of open dead letters by (lane, error class)."""
        _replace(self._families.dead_letters, open_letters.items())

    def orders(self, by_state: Mapping[str, int]) -> None:
        """Replace the number of orders by state."""
        _replace(self._families.orders, (((state,), count) for state, count in by_state.items()))

    def orders_waiting(self, oldest: Mapping[str, float]) -> None:
        """Replace by state for how many seconds its oldest order has been in it."""
        _replace(self._families.order_oldest_age, (((state,), round(age)) for state, age in oldest.items()))

    def outbox(self, *, pending: int, oldest_age_seconds: float) -> None:
        """Say how many results wait to be published, and since when the oldest does (0 for none)."""
        self._families.outbox_pending.set(pending)
        self._families.outbox_oldest_age.set(oldest_age_seconds)

    def callback(self, method: str, outcome: str) -> None:
        """Count a call of YLH's; both words are from the receiver's closed sets (`consumer.callbacks.receiving`)."""
        self._families.callbacks.labels(method, outcome).inc()

    def sync_ended(self, sync_type: str, *, changed: int, unchanged: int, failed: int, success: bool) -> None:
        """Count the items of a sync that has ended, and record the time if it ended with success."""
        for outcome, count in (("changed", changed), ("unchanged", unchanged), ("failed", failed)):
            self._families.sync_items.labels(sync_type, outcome).inc(count)
        if success:
            self._families.sync_last_success.labels(sync_type).set_to_current_time()

    def letters_replayed(self, outcome: str, count: int) -> None:
        """Count letters of replays that ended so (`consumer.domain.replay.ItemStatus`)."""
        self._families.replayed.labels(outcome).inc(count)

    def results_unclaimed(self, count: int) -> None:
        """Say how many results lie in ``relay.results.unclaimed``."""
        self._families.results_unclaimed.set(count)

    def render(self) -> tuple[bytes, str]:
        """Return the metrics as Prometheus scrapes them, and their content type."""
        return generate_latest(_WithoutBirthdays(self.registry)), CONTENT_TYPE_LATEST

    def _of_lane(self, lane: str) -> tuple[Histogram, Histogram, Gauge]:
        children = self._durations.get(lane)
        if children is None:
            families = self._families
            children = self._durations[lane] = (
                families.message_duration.labels(lane),
                families.message_age.labels(lane),
                families.in_flight.labels(lane),
            )
        return children


@dataclass(frozen=True, slots=True)
class _WithoutBirthdays(Collector):
    """A registry without the ``…_created`` series, which the library adds to each counter and histogram."""

    registry: CollectorRegistry

    def collect(self) -> Iterator[Metric]:
        for family in self.registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


def _replace(gauge: Gauge, values: Iterable[tuple[tuple[str, ...], int]]) -> None:
    # What is no longer there must not go on being reported with its last value.
    gauge.clear()
    for labels, value in values:
        gauge.labels(*labels).set(value)


def _families(version: str) -> _Families:
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    build = Gauge("relay_build_info", "Version of this service; always 1.", ["version", "python"], registry=registry)
    build.labels(version, platform.python_version()).set(1)

    def counter(name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=registry)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=registry)

    def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=registry)

    return _Families(
        registry=registry,
        messages=counter("relay_messages_total", "Deliveries that ended, by how.", "lane", "type", "outcome"),
        message_duration=histogram("relay_message_duration_seconds", "From delivery to settlement.", SECONDS, "lane"),
        message_age=histogram("relay_message_age_seconds", "Age of an event at its end.", _AGES, "lane"),
        in_flight=gauge("relay_in_flight", "Deliveries being worked on.", "lane"),
        queue_messages=gauge("relay_queue_messages", "Messages that wait in a queue.", "queue"),
        queue_consumers=gauge("relay_queue_consumers", "Consumers that the broker has on a queue.", "queue"),
        dead_letters=gauge("relay_dead_letters", "Open dead letters.", "lane", "error_class"),
        orders=gauge("relay_orders", "Orders by state.", "state"),
        order_oldest_age=gauge(
            "relay_order_oldest_age_seconds",
            "How long the oldest order of a state that is not final is in it.",
            "state",
        ),
        lane_paused=gauge("relay_lane_paused", "1 while the lane rests.", "lane"),
        outbox_pending=gauge("relay_outbox_pending", "Results that wait to be published."),
        outbox_oldest_age=gauge("relay_outbox_oldest_age_seconds", "Age of the oldest of them, 0 for none."),
        callbacks=counter("relay_callbacks_total", "Calls at the receiver, by how they ended.", "method", "outcome"),
        sync_items=counter("relay_sync_items_total", "Items of syncs.", "sync_type", "outcome"),
        replayed=counter("relay_replay_messages_total", "Letters of replays, by how they ended.", "outcome"),
        sync_last_success=gauge(
            "relay_sync_last_success_timestamp_seconds", "When a sync last ended with success.", "sync_type"
        ),
        results_unclaimed=gauge("relay_results_unclaimed", "Results in relay.results.unclaimed."),
    )
