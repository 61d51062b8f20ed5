"""What the service counts of the suppliers: calls, health, limits, money (names: DESIGN section 10).

Part of `consumer.observability.metrics.Metrics`. Labels take their values from closed sets: suppliers, the names of
our calls, error classes, the accounts that money is paid from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from decimal import Decimal

    from prometheus_client import CollectorRegistry

UP: Final = frozenset({"ok", "rejected", "throttled", "malformed"})
"""Outcomes of a call to a supplier that is up: it answered, whatever it said."""

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper bounds of the buckets of a duration."""

_STATUSES: Final = frozenset({200, 400, 401, 403, 404, 405, 408, 429, 500, 502, 503, 504})
"""Those that the suppliers document and that gateways before them give (SUPPLIERS, Common facts); others are one."""


@dataclass(frozen=True, slots=True)
class SupplierFamilies:
    """The metrics that speak of the suppliers."""

    up: Gauge
    requests: Counter
    answers: Counter
    request_duration: Histogram
    circuit_open: Gauge
    alert: Gauge
    quota_used: Gauge
    payer_balance: Gauge
    payer_balance_low: Gauge
    cache_hits: Counter
    cache_misses: Counter

    @classmethod
    def registered(cls, registry: CollectorRegistry) -> SupplierFamilies:
        """Create them all in ``registry``."""

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        return cls(
            up=gauge("relay_supplier_up", "1 if the supplier answered last.", "supplier"),
            requests=counter(
                "relay_supplier_requests_total", "Calls to suppliers.", "supplier", "operation", "outcome"
            ),
            answers=counter("relay_supplier_answers_total", "Calls by HTTP status.", "supplier", "operation", "status"),
            request_duration=Histogram(
                "relay_supplier_request_duration_seconds",
                "How long calls took.",
                ("supplier", "operation"),
                buckets=SECONDS,
                registry=registry,
            ),
            circuit_open=gauge("relay_supplier_circuit_open", "1 while the circuit breaker is open.", "supplier"),
            alert=gauge(
                "relay_supplier_alert", "1 while the cause stands and wants a person.", "supplier", "error_class"
            ),
            quota_used=gauge("relay_supplier_quota_used_ratio", "Share of the account's calls in use.", "supplier"),
            payer_balance=gauge("relay_payer_balance", "What is left on a payer's account.", "account"),
            payer_balance_low=gauge("relay_payer_balance_low", "1 while it is below RELAY_LOW_BALANCE.", "account"),
            cache_hits=counter("relay_cache_hits_total", "Look-ups that a cache answered.", "cache"),
            cache_misses=counter("relay_cache_misses_total", "Look-ups that a cache could not answer.", "cache"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierMetrics:
    """What is said of the suppliers; fits ``CallObserver`` without knowing it."""

    _suppliers: SupplierFamilies
    _calls: dict[tuple[str, str, str, int | None], tuple[Counter, Counter, Histogram]] = field(default_factory=dict)

    _up: dict[str, bool] = field(default_factory=dict)

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        """Count a call to a supplier.

        Args:
            supplier: ``ylh`` or ``haier``.
            operation: e.g. ``create``, ``products``, ``token``.
            outcome: ``ok`` or the error class.
            seconds: how long the call took.
            status: of the HTTP answer; None when none came.
        """
        key = (supplier, operation, outcome, status)
        children = self._calls.get(key)
        if children is None:
            families = self._suppliers
            children = (
                families.requests.labels(supplier, operation, outcome),
                families.answers.labels(supplier, operation, _status(status)),
                families.request_duration.labels(supplier, operation),
            )
            if status is None or status in _STATUSES:
                # An unusual status is looked up each time: the memory must not grow with what a supplier makes up.
                self._calls[key] = children
        requests, answers, durations = children
        requests.inc()
        answers.inc()
        durations.observe(seconds)
        self.supplier_up(supplier, outcome in UP)

    def supplier_up(self, supplier: str, up: bool) -> None:  # noqa: FBT001 -- the value of the gauge, not an option
        """Say whether a probe found the supplier well."""
        if self._up.get(supplier) is not up:
            self._up[supplier] = up
            self._suppliers.up.labels(supplier).set(up)

    def circuit_open(self, supplier: str, *, open: bool) -> None:  # noqa: A002 -- the word for it
        """Say whether the supplier's circuit breaker is open."""
        self._suppliers.circuit_open.labels(supplier).set(open)

    def supplier_alert(self, supplier: str, error_class: str, *, raised: bool) -> None:
        """Raise or withdraw the alert that a supplier's trouble wants a person (``auth``, ``misconfigured``)."""
        self._suppliers.alert.labels(supplier, error_class).set(raised)

    def quota_used(self, supplier: str, ratio: float) -> None:
        """Say which share of the account's calls a second is in use by all processes, 0 to 1."""
        self._suppliers.quota_used.labels(supplier).set(ratio)

    def payer_balance(self, account: str, amount: Decimal) -> None:
        """Say what is left on a payer's account."""
        self._suppliers.payer_balance.labels(account).set(float(amount))

    def payer_balance_low(self, account: str, low: bool) -> None:  # noqa: FBT001 -- the value of the gauge
        """Say whether that is below the low-water mark."""
        self._suppliers.payer_balance_low.labels(account).set(low)

    def forget_payers(self) -> None:
        """Say nothing of payers' accounts any more: they are gone, or another process tells of them."""
        self._suppliers.payer_balance.clear()
        self._suppliers.payer_balance_low.clear()

    def cache_used(self, cache: str, hits: int, misses: int) -> None:
        """Add look-ups of a cache, e.g. ``products``: those it answered, and those it could not."""
        self._suppliers.cache_hits.labels(cache).inc(hits)
        self._suppliers.cache_misses.labels(cache).inc(misses)


def _status(status: int | None) -> str:
    if status is None:
        return "none"
    return str(status) if status in _STATUSES else "other"
