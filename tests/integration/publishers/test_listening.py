"""What a listener does when the broker goes, lacks the exchange, or will not let it have its queue."""

import asyncio

import pytest
from aio_pika.abc import AbstractChannel

from publishers.listening import ListeningRefused, ResultListener
from rabbitmq.topology import RESULTS
from tests.integration.publishers.line import Line, drain, until
from tests.integration.publishers.sides import RealSide, encoded


async def test_a_listener_comes_back_and_misses_nothing(line: Line, line_url: str, real_side: RealSide) -> None:
    seen: list[str | None] = []
    async with ResultListener(line_url, queue="mine", types=["order.#"]) as results:

        async def read() -> None:
            async for event in results:
                seen.append(event.subject)  # noqa: PERF401 - it has to be seen while it goes on

        task = asyncio.create_task(read())
        await until(lambda: results.is_listening)
        await real_side.send(encoded("A", 1), "order.confirmed")
        await until(lambda: seen == ["A"])
        await line.refuse()
        await until(lambda: not results.is_listening)
        await real_side.send(encoded("B", 1), "order.confirmed")
        await line.open()
        await until(lambda: "B" in seen)
        line.cut()
        await real_side.send(encoded("C", 1), "order.confirmed")
        await until(lambda: "C" in seen)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert seen == ["A", "B", "C"]


async def test_what_nobody_heard_waits_in_the_queue(amqp_url: str, real_side: RealSide) -> None:
    async with ResultListener(amqp_url, queue="mine") as results:
        await until(lambda: results.is_listening)
    await real_side.send(encoded("A", 1), "order.confirmed")
    async with ResultListener(amqp_url, queue="mine") as results, asyncio.timeout(10):
        assert (await anext(results)).subject == "A"


async def test_a_handler_that_is_cut_off_gets_its_result_again(amqp_url: str, real_side: RealSide) -> None:
    async with ResultListener(amqp_url, queue="mine") as results:
        await until(lambda: results.is_listening)
        await real_side.send(encoded("A", 1), "order.confirmed")
        begun = asyncio.Event()

        async def handler(_: object) -> None:
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(results.run(handler))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with ResultListener(amqp_url, queue="mine") as results, asyncio.timeout(10):
        assert (await anext(results)).subject == "A"


async def test_a_listener_waits_for_the_exchange(amqp_url: str, channel: AbstractChannel) -> None:
    async with ResultListener(amqp_url, queue="mine") as results:
        await asyncio.sleep(0.3)
        assert not results.is_listening
        await channel.declare_exchange(RESULTS, "topic", durable=True)
        await until(lambda: results.is_listening)


async def test_a_queue_that_is_deleted_is_made_anew(
    amqp_url: str, real_side: RealSide, channel: AbstractChannel
) -> None:
    async with ResultListener(amqp_url, queue="mine") as results, asyncio.timeout(20):
        await until(lambda: results.is_listening)
        await channel.queue_delete("mine")
        await until(lambda: not results.is_listening)
        await until(lambda: results.is_listening)
        await real_side.send(encoded("A", 1), "order.confirmed")
        assert (await anext(results)).subject == "A"


@pytest.mark.usefixtures("contract")
async def test_a_queue_of_another_shape_is_told_with_a_cure(amqp_url: str, channel: AbstractChannel) -> None:
    await channel.declare_queue("mine", durable=True)
    async with ResultListener(amqp_url, queue="mine") as results, asyncio.timeout(10):
        with pytest.raises(ListeningRefused, match=r"'mine' or 'mine\.dlq' exists with other arguments"):
            await anext(results)


async def test_the_queues_arguments_hold_what_a_listener_promises(
    amqp_url: str, real_side: RealSide, channel: AbstractChannel
) -> None:
    async with ResultListener(amqp_url, queue="mine") as results:
        await until(lambda: results.is_listening)
        again = await channel.declare_queue(
            "mine",
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": 20,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "mine.dlq",
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        )
        assert again.declaration_result.consumer_count == 1
        await real_side.send(b"unreadable", "order.confirmed")
        reading = asyncio.ensure_future(anext(results))
        async with asyncio.timeout(10):
            while not (parked := await drain(channel, "mine.dlq")):  # noqa: ASYNC110 - a queue on a broker tells of nothing
                await asyncio.sleep(0.02)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert [m.body for m in parked] == [b"unreadable"]


@pytest.mark.parametrize(
    "wrong", [{"queue": ""}, {"queue": "q", "types": []}, {"queue": "q", "attempts": 0}, {"queue": "q", "attempts": 21}]
)
def test_a_listener_that_cannot_be_meant_so_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"needs|attempts"):
        ResultListener("amqp://127.0.0.1/", **wrong)  # type: ignore[arg-type] # the point
