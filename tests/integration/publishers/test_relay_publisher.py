"""The client of an order system on a line that breaks, and its blocking face."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from aio_pika.abc import AbstractChannel

from publishers.blocking import BlockingRelayPublisher
from publishers.confirms import ConfirmedPublisher, Unroutable
from publishers.orders import RelayPublisher
from publishers.outgoing import BrokerAway, Refused, Unconfirmed
from publishers.results import EncodedEvent, ResultPublisher
from rabbitmq.topology import EVENTS, RESULTS
from schemas.faults import InvalidEvent
from tests.integration.publishers.line import Line, drain, until


async def test_an_event_whose_confirm_was_lost_is_sent_again_under_its_id(
    line: Line, line_url: str, contract: AbstractChannel
) -> None:
    async with RelayPublisher(line_url, source="/shop/orders") as relay:
        first = await relay.sync_balance()
        line.mute()
        task = asyncio.create_task(relay.order_status_requested(so_id="SO-1"))
        await asyncio.sleep(0.2)
        line.cut()
        line.unmute()
        event = await task
    arrived = await drain(contract, "seen")
    assert [m.message_id for m in arrived] == [first.id, event.id, event.id]
    assert arrived[1].body == arrived[2].body


async def test_after_the_deadline_it_is_unconfirmed_and_may_be_sent_again(
    line: Line, line_url: str, contract: AbstractChannel
) -> None:
    async with RelayPublisher(line_url, source="/shop/orders", give_up_after=0.3, wait_for_broker=0.3) as relay:
        await relay.sync_balance()
        line.mute()
        task = asyncio.create_task(relay.order_status_requested(so_id="SO-1", event_id="mine"))
        await asyncio.sleep(0.1)
        await line.refuse()
        with pytest.raises(Unconfirmed, match="may have arrived"):
            await task
        with pytest.raises(BrokerAway):
            await relay.order_status_requested(so_id="SO-1", event_id="mine")
        line.unmute()
        await line.open()
        await until(lambda: relay.is_connected)
        await relay.order_status_requested(so_id="SO-1", event_id="mine")
    assert [m.message_id for m in await drain(contract, "seen")][-1] == "mine"


async def test_a_broker_without_the_topology_is_told_with_the_cure(amqp_url: str) -> None:
    async with RelayPublisher(amqp_url, source="/shop/orders") as relay:
        with pytest.raises(Refused, match="relay topology apply"):
            await relay.sync_balance()


async def test_who_stops_reading_outcomes_stops_the_sending(amqp_url: str, contract: AbstractChannel) -> None:
    read = 0

    def lines() -> object:
        nonlocal read
        for number in range(10_000):
            read += 1
            yield f'{{"specversion":"1.0","id":"{number}","source":"/s","type":"sync.balance.requested"}}'

    async with RelayPublisher(amqp_url, source="/shop/orders") as relay:
        outcomes = relay.publish_lines(lines(), window=40)  # type: ignore[arg-type] # a generator of text
        async for outcome in outcomes:
            if outcome.number == 100:
                break
        await outcomes.aclose()  # type: ignore[attr-defined] # it is a generator
    assert read < 300
    assert 100 <= len(await drain(contract, "seen")) < 300


def test_the_blocking_client_serves_many_threads(amqp_url: str, contract: AbstractChannel) -> None:
    with BlockingRelayPublisher(amqp_url, source="/shop/orders") as relay:
        with ThreadPoolExecutor(8) as pool:
            events = list(pool.map(lambda n: relay.order_status_requested(so_id=f"SO-{n}"), range(100)))
        assert len({event.id for event in events}) == 100
        with pytest.raises(InvalidEvent, match=r"data\.version"):
            relay.order_cancelled(so_id="SO-1", version=0, reason="x", cancelled_at="2026-01-31T12:00:00Z")
    assert not [thread for thread in threading.enumerate() if thread.name == "relay publisher"]
    with pytest.raises(RuntimeError, match="not started"):
        relay.sync_balance()
    assert contract.is_closed is False


def test_the_blocking_client_tells_of_a_broker_that_is_away() -> None:
    with (
        BlockingRelayPublisher("amqp://guest:guest@127.0.0.1:9/", source="/s", wait_for_broker=0.2) as relay,
        pytest.raises(BrokerAway, match="nothing listens there"),
    ):
        relay.sync_balance()


def _stored(id_: str, exchange: str, type_: str, body: bytes, *, mandatory: bool) -> EncodedEvent:
    return EncodedEvent(id=id_, exchange=exchange, routing_key=type_, body=body, mandatory=mandatory)


async def test_results_go_their_two_ways(amqp_url: str, contract: AbstractChannel) -> None:
    heard = await contract.declare_queue("heard", durable=True)
    await heard.bind(RESULTS, "order.#")
    rows = [
        _stored("r-1", RESULTS, "order.confirmed", b"1", mandatory=False),
        _stored("r-2", EVENTS, "catalog.batch.products", b"2", mandatory=True),
        _stored("r-3", RESULTS, "product.changed", b"3", mandatory=False),
    ]
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        results = ResultPublisher(publisher)
        assert await results.publish(rows) == [None, None, None]
        await contract.exchange_delete(EVENTS)
        await contract.declare_exchange(EVENTS, "topic", durable=True)
        answers = await results.publish(rows)
    assert [type(a) for a in answers] == [type(None), Unroutable, type(None)]
    assert [m.message_id for m in await drain(contract, "heard")] == ["r-1", "r-1"]
    (batch,) = await drain(contract, "seen")
    assert (batch.message_id, batch.routing_key, batch.body) == ("r-2", "catalog.batch.products", b"2")
