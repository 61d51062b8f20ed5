"""The generated definitions file."""

from __future__ import annotations

import copy
import json

from rabbitmq.definitions import FILE, definitions, differences, rendered, stale
from rabbitmq.topology import Topology

EXPECTED = definitions(Topology.build())


def test_the_committed_file_is_current() -> None:
    assert stale() == []


def test_holds_no_user_and_no_secret() -> None:
    assert set(json.loads(FILE.read_text())) == {"vhosts", "exchanges", "queues", "bindings"}


def test_what_is_rendered_has_no_difference_to_what_it_came_from() -> None:
    assert differences(EXPECTED, json.loads(rendered(Topology.build()))) == []


def test_differences_name_section_object_and_field() -> None:
    found = copy.deepcopy(EXPECTED)
    found["queues"][0]["arguments"]["x-delivery-limit"] = 3
    found["exchanges"].pop(0)
    found["bindings"][0]["routing_key"] = "elsewhere"

    lines = differences(EXPECTED, found)

    assert "exchanges: / relay.unroutable is missing" in lines
    assert any("relay.orders.dlq, arguments.x-delivery-limit: expected 1000000, found 3" in line for line in lines)
    assert sum(line.startswith("bindings:") for line in lines) == 2
