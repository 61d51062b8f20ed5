"""The metrics' names are public; their labels come from closed sets."""

from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumer.observability.metrics import Metrics, QueueFigures
from schemas.registry import ALL

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics.create(version="1.2.3", event_types=ALL)


def series(metrics: Metrics) -> Series:
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return series(metrics).get((name, tuple(sorted(labels.items()))))


def test_the_names_are_those_of_the_design(metrics: Metrics) -> None:
    metrics.began("relay.orders")
    metrics.ended("relay.orders", "order.paid", "done", seconds=0.1, age=0.2)
    metrics.lane_paused("relay.orders", paused=True)
    metrics.supplier_call("ylh", "create", "ok", seconds=0.02, status=200)
    metrics.supplier_call("ylh", "token", "ok", seconds=0.1, status=200)
    metrics.queues({"relay.orders": QueueFigures(messages=5, consumers=2)})
    metrics.dead_letters({("relay.orders", "bug"): 1})
    metrics.orders({"pushed": 3})
    metrics.outbox(pending=4, oldest_age_seconds=1.5)
    metrics.letters_replayed("succeeded", 1)
    metrics.sync_ended("products", changed=20, unchanged=3, failed=0, success=True)
    metrics.results_unclaimed(9)
    metrics.circuit_open("ylh", open=True)
    metrics.supplier_alert("ylh", "auth", raised=True)
    metrics.quota_used("ylh", 0.4)
    metrics.payer_balance("8800123456", Decimal("10.50"))
    metrics.payer_balance_low("8800123456", low=False)
    metrics.cache_used("products", 3, 1)
    found = {(name, tuple(label for label, _ in labels if label != "le")) for name, labels in series(metrics)}
    assert {(name, labels) for name, labels in found if not name.startswith("process_")} == {
        ("relay_messages_total", ("lane", "outcome", "type")),
        *((f"relay_message_duration_seconds_{end}", ("lane",)) for end in ("bucket", "sum", "count")),
        *((f"relay_message_age_seconds_{end}", ("lane",)) for end in ("bucket", "sum", "count")),
        ("relay_in_flight", ("lane",)),
        ("relay_queue_messages", ("queue",)),
        ("relay_queue_consumers", ("queue",)),
        ("relay_dead_letters", ("error_class", "lane")),
        ("relay_orders", ("state",)),
        ("relay_supplier_up", ("supplier",)),
        ("relay_supplier_requests_total", ("operation", "outcome", "supplier")),
        ("relay_supplier_answers_total", ("operation", "status", "supplier")),
        ("relay_supplier_circuit_open", ("supplier",)),
        ("relay_supplier_alert", ("error_class", "supplier")),
        ("relay_supplier_quota_used_ratio", ("supplier",)),
        ("relay_payer_balance", ("account",)),
        ("relay_payer_balance_low", ("account",)),
        ("relay_cache_hits_total", ("cache",)),
        ("relay_cache_misses_total", ("cache",)),
        *(
            (f"relay_supplier_request_duration_seconds_{end}", ("operation", "supplier"))
            for end in ("bucket", "sum", "count")
        ),
        ("relay_lane_paused", ("lane",)),
        ("relay_outbox_pending", ()),
        ("relay_outbox_oldest_age_seconds", ()),
        ("relay_sync_items_total", ("outcome", "sync_type")),
        ("relay_replay_messages_total", ("outcome",)),
        ("relay_sync_last_success_timestamp_seconds", ("sync_type",)),
        ("relay_results_unclaimed", ()),
        ("relay_build_info", ("python", "version")),
    }
    assert ("process_resident_memory_bytes", ()) in found


def test_messages_are_counted_by_lane_type_and_outcome(metrics: Metrics) -> None:
    for _ in range(3):
        metrics.began("relay.orders")
    metrics.ended("relay.orders", "order.paid", "done", seconds=0.1, age=1)
    metrics.ended("relay.orders", "order.paid", "done", seconds=0.3, age=1)
    assert value(metrics, "relay_messages_total", lane="relay.orders", type="order.paid", outcome="done") == 2
    assert value(metrics, "relay_in_flight", lane="relay.orders") == 1
    assert value(metrics, "relay_message_duration_seconds_sum", lane="relay.orders") == pytest.approx(0.4)
    assert value(metrics, "relay_message_age_seconds_count", lane="relay.orders") == 2


def test_types_that_nobody_knows_share_one_label(metrics: Metrics) -> None:
    for number in range(100):
        metrics.ended("relay.orders", f"made.up.{number}", "rejected", seconds=0, age=0)
    metrics.ended("relay.orders", None, "rejected", seconds=0, age=0)
    assert value(metrics, "relay_messages_total", lane="relay.orders", type="unknown", outcome="rejected") == 101
    assert sum(name == "relay_messages_total" for name, _ in series(metrics)) == 1


def test_calls_are_counted_by_outcome_and_timed_by_operation(metrics: Metrics) -> None:
    metrics.supplier_call("ylh", "create", "ok", seconds=0.1, status=200)
    metrics.supplier_call("ylh", "create", "transient", seconds=0.2, status=503)
    assert value(metrics, "relay_supplier_requests_total", supplier="ylh", operation="create", outcome="transient") == 1
    assert value(metrics, "relay_supplier_request_duration_seconds_count", supplier="ylh", operation="create") == 2


def test_calls_are_counted_by_status_and_a_made_up_one_gets_no_series_of_its_own(metrics: Metrics) -> None:
    def answers(status: str) -> float | None:
        return value(metrics, "relay_supplier_answers_total", supplier="ylh", operation="create", status=status)

    metrics.supplier_call("ylh", "create", "ok", seconds=0.1, status=200)
    metrics.supplier_call("ylh", "create", "transient", seconds=0.1, status=None)
    for status in (599, 598, 599):
        metrics.supplier_call("ylh", "create", "transient", seconds=0.1, status=status)
    assert (answers("200"), answers("none"), answers("other"), answers("599")) == (1, 1, 3, None)


def test_a_supplier_is_up_as_the_last_call_or_probe_found_it(metrics: Metrics) -> None:
    metrics.supplier_call("ylh", "create", "rejected", seconds=0.1, status=200)
    assert value(metrics, "relay_supplier_up", supplier="ylh") == 1
    metrics.supplier_up("ylh", up=False)
    assert value(metrics, "relay_supplier_up", supplier="ylh") == 0


def test_look_ups_of_a_cache_add_up(metrics: Metrics) -> None:
    metrics.cache_used("products", 3, 1)
    metrics.cache_used("products", 2, 0)
    assert value(metrics, "relay_cache_hits_total", cache="products") == 5
    assert value(metrics, "relay_cache_misses_total", cache="products") == 1


def test_what_is_gone_is_not_reported_with_its_last_value(metrics: Metrics) -> None:
    metrics.dead_letters({("relay.orders", "bug"): 2, ("relay.catalog", "transient"): 1})
    metrics.dead_letters({("relay.orders", "bug"): 1})
    metrics.queues({"old": QueueFigures(1, 1)})
    metrics.queues({})
    assert value(metrics, "relay_dead_letters", lane="relay.orders", error_class="bug") == 1
    assert value(metrics, "relay_dead_letters", lane="relay.catalog", error_class="transient") is None
    assert value(metrics, "relay_queue_messages", queue="old") is None


def test_two_instances_do_not_share_their_figures(metrics: Metrics) -> None:
    other = Metrics.create(version="1.2.3", event_types=ALL)
    metrics.results_unclaimed(7)
    assert value(other, "relay_results_unclaimed") == 0


def test_the_build_says_its_version(metrics: Metrics) -> None:
    assert any(name == "relay_build_info" and ("version", "1.2.3") in labels for name, labels in series(metrics))
