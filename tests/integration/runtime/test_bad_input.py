"""Bad input: dead-lettered at once, `event.rejected` names the field, no supplier called, the lane goes on."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from publishers.outgoing import Outgoing
from tests.support.events import paid

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.relay import Relay


def _bytes(change: Callable[[dict[str, Any]], None]) -> bytes:
    document = copy.deepcopy(paid("BAD"))
    change(document)
    return json.dumps(document).encode()


def _data(**changes: Any) -> bytes:
    return _bytes(lambda document: document["data"].update(changes))


def _envelope(**changes: Any) -> bytes:
    return _bytes(lambda document: document.update(changes))


def _item(**changes: Any) -> bytes:
    return _bytes(lambda document: document["data"]["items"][0].update(changes))


BAD: dict[str, tuple[bytes, str]] = {
    "empty body": (b"", "body"),
    "broken JSON": (b'{"specversion": "1.0", ', "body"),
    "wrong UTF-8": (b'{"id": "\xff\xfe"}', "body"),
    "null": (b"null", "body"),
    "an array": (b"[1, 2]", "body"),
    "200 kB of digits": (b"9" * 200_000, "body"),
    "50,000 nested brackets": (b"[" * 50_000 + b"]" * 50_000, "body"),
    "a missing type": (_bytes(lambda document: document.pop("type")), "type"),
    "an unknown type": (_envelope(type="order.payed"), "type"),
    "a type unlike the routing key": (_envelope(type="order.cancelled"), "type"),
    "specversion 9.9": (_envelope(specversion="9.9"), "specversion"),
    "an empty id": (_envelope(id=""), "id"),
    "an amount 12,3": (_data(total_amount="12,3"), "data.total_amount"),
    "an amount NaN": (_data(total_amount="NaN"), "data.total_amount"),
    "a negative amount": (_item(actual_price="-5"), "data.items.0.actual_price"),
    "a day that does not exist": (_data(distribution_on="2026-02-30"), "data.distribution_on"),
    "empty items": (_data(items=[]), "data.items"),
    "a version of 0": (_data(version=0), "data.version"),
    "more bytes than allowed": (_data(remark="x" * 300_000), "body"),
    "an event of 1 MB": (_data(remark="x" * 1_000_000), "body"),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_each_is_rejected_at_once_and_the_lane_goes_on(relay: Relay) -> None:
    for name, (body, _) in BAD.items():
        await relay.publisher.publish(
            Outgoing(exchange="relay.events", routing_key="order.paid", body=body, message_id=name)
        )
    await relay.send(paid("GOOD"))
    await relay.result("order.push.succeeded", "GOOD")
    await relay.until(lambda: len(relay.of("event.rejected")) == len(BAD))

    told = {result["data"]["message_id"]: result["data"]["errors"][0] for result in relay.of("event.rejected")}
    for name, (_, field) in BAD.items():
        assert told[name]["field"] == field, name
        assert told[name]["expected"], name
        assert len(told[name]["input"]) <= 100, name
    assert (await relay.box.summary())["create_calls"] == 1
    assert len(await relay.store.open_letters(100)) == len(BAD)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_rejected_event_may_be_mended_and_sent_again_under_its_id(relay: Relay) -> None:
    await relay.publisher.publish(
        Outgoing(exchange="relay.events", routing_key="order.paid", body=_data(version=0), message_id="M1")
    )
    await relay.result("event.rejected")
    await relay.send(paid("BAD"))
    await relay.result("order.push.succeeded", "BAD")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_personal_data_in_a_rejection(relay: Relay) -> None:
    await relay.publisher.publish(
        Outgoing(
            exchange="relay.events",
            routing_key="order.paid",
            body=_bytes(lambda document: document["data"]["consignee"].update(mobile="13912345678" * 4)),
            message_id="M1",
        )
    )
    rejected = await relay.result("event.rejected")
    assert rejected["data"]["errors"][0]["field"] == "data.consignee.mobile"
    assert "139123" not in json.dumps(rejected)
    (letter,) = await relay.store.open_letters(1)
    assert "139123" not in letter.message
