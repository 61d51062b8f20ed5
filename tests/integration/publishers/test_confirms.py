"""Every message gets exactly its own outcome, however many travel together and whatever happens to the line."""

import asyncio

import pytest
from aio_pika.abc import AbstractChannel, DeliveryMode

from publishers.confirms import BrokerAway, ConfirmedPublisher, Outgoing, Refused, Unconfirmed, Unroutable
from publishers.supervision import Backoff
from tests.integration.publishers.line import Line, drain, until

QUICK = Backoff(first=0.02, longest=0.1)


def message(number: int, key: str = "in", *, message_id: str | None = None, mandatory: bool = True) -> Outgoing:
    return Outgoing(
        exchange="t",
        routing_key=key,
        body=f"body {number}".encode(),
        message_id=message_id or f"id-{number}",
        mandatory=mandatory,
    )


async def test_a_batch_is_confirmed_persistent_and_in_order(amqp_url: str, channel: AbstractChannel) -> None:
    async with ConfirmedPublisher(amqp_url, name="test", max_in_flight=100) as publisher:
        sent = [
            Outgoing(
                exchange="t",
                routing_key="in",
                body=str(number).encode(),
                message_id=f"id-{number}",
                headers={"x-relay-attempt": number},
                type="order.paid",
            )
            for number in range(1000)
        ]
        assert await publisher.publish_many(sent) == [None] * 1000
        assert publisher.in_flight == 0
    arrived = await drain(channel, "q")
    assert [m.message_id for m in arrived] == [m.message_id for m in sent]
    assert {m.delivery_mode for m in arrived} == {DeliveryMode.PERSISTENT}
    assert arrived[7].headers == {"x-relay-attempt": 7}
    assert arrived[7].type == "order.paid"
    assert arrived[7].content_type == "application/cloudevents+json"
    assert arrived[7].body == b"7"


async def test_a_return_belongs_to_exactly_its_message(amqp_url: str, channel: AbstractChannel) -> None:
    batch = [message(n, "in" if n % 3 else "nowhere") for n in range(600)]
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        outcomes = await publisher.publish_many(batch)
    assert [isinstance(outcome, Unroutable) for outcome in outcomes] == [n % 3 == 0 for n in range(600)]
    assert {o.message.message_id for o in outcomes if o} == {f"id-{n}" for n in range(0, 600, 3)}
    assert "NO_ROUTE" in str(outcomes[0])
    assert len(await drain(channel, "q")) == 400


async def test_two_messages_of_one_id_do_not_take_each_others_outcome(amqp_url: str, channel: AbstractChannel) -> None:
    """The library tells returns apart by message id only: unguarded, the returned one would count as confirmed."""
    batch = [message(n, key, message_id=f"id-{n}") for n in range(50) for key in ("nowhere", "in", "nowhere")]
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        outcomes = await publisher.publish_many(batch)
        singles = await asyncio.gather(*(publisher.publish(m) for m in batch), return_exceptions=True)
    expected = [True, False, True] * 50
    assert [isinstance(outcome, Unroutable) for outcome in outcomes] == expected
    assert [isinstance(outcome, Unroutable) for outcome in singles] == expected
    assert len(await drain(channel, "q")) == 100


async def test_what_is_not_mandatory_is_confirmed_without_a_queue(amqp_url: str, channel: AbstractChannel) -> None:
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        await publisher.publish(message(1, "nowhere", mandatory=False))
    assert await drain(channel, "q") == []


async def test_a_nack_is_refused_and_harms_no_neighbour(amqp_url: str, channel: AbstractChannel) -> None:
    full = await channel.declare_queue("full", arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    await full.bind("t", "full")
    batch = [message(n, "full" if n % 2 else "in") for n in range(40)]
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        outcomes = await publisher.publish_many(batch)
    assert [o for n, o in enumerate(outcomes) if n % 2 == 0] == [None] * 20
    refused = [o for n, o in enumerate(outcomes) if n % 2 == 1 and o is not None]
    assert len(refused) == 18
    assert all(isinstance(o, Refused) for o in refused)


async def test_a_missing_exchange_is_refused_with_a_cure_and_closes_nobody_elses_channel(
    amqp_url: str, channel: AbstractChannel
) -> None:
    lost = [Outgoing(exchange="missing", routing_key="in", body=b"x", message_id=f"lost-{n}") for n in range(20)]
    good = [message(n) for n in range(20)]
    mixed = [m for pair in zip(lost, good, strict=True) for m in pair]
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        outcomes = await publisher.publish_many(mixed)
        assert outcomes[1::2] == [None] * 20
        assert all(isinstance(o, Refused) for o in outcomes[::2])
        assert "relay topology apply" in str(outcomes[0])
        await channel.declare_exchange("missing")
        (again,) = await publisher.publish_many(lost[:1])
        assert isinstance(again, Unroutable)
    assert len(await drain(channel, "q")) == 20


async def test_what_cannot_be_written_as_amqp_is_refused_alone(amqp_url: str, channel: AbstractChannel) -> None:
    batch = [
        message(1),
        Outgoing(exchange="t", routing_key="k" * 300, body=b"x", message_id="long-key"),
        Outgoing(exchange="t", routing_key="in", body=b"x", message_id="m" * 300),
        Outgoing(exchange="t", routing_key="in", body=b"x", message_id="header", headers={"x": object()}),  # type: ignore[dict-item] # the point
        Outgoing(exchange="t", routing_key="in", body=b"x", message_id="headers", headers={"x": "y" * 140_000}),
        message(2),
    ]
    async with ConfirmedPublisher(amqp_url, name="test", max_in_flight=2) as publisher:
        outcomes = await publisher.publish_many(batch)
        assert [type(o) for o in outcomes] == [type(None), Refused, Refused, Refused, Refused, type(None)]
        assert publisher.in_flight == 0
    assert [m.message_id for m in await drain(channel, "q")] == ["id-1", "id-2"]


@pytest.mark.parametrize("size", [0, 1, 131_064, 131_065, 400_000])
async def test_bodies_of_any_size_arrive_whole(amqp_url: str, channel: AbstractChannel, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        await publisher.publish(Outgoing(exchange="t", routing_key="in", body=body[:size], message_id="big"))
    (arrived,) = await drain(channel, "q")
    assert arrived.body == body[:size]


async def test_a_message_without_an_id_travels_under_the_digest_of_its_body(
    amqp_url: str, channel: AbstractChannel
) -> None:
    twins = [Outgoing(exchange="t", routing_key="in", body=b"x")] * 3
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        assert await publisher.publish_many(twins) == [None] * 3
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert [m.message_id for m in await drain(channel, "q")] == [digest] * 3


async def test_many_tasks_share_a_small_window(amqp_url: str, channel: AbstractChannel) -> None:
    async with ConfirmedPublisher(amqp_url, name="test", max_in_flight=7) as publisher:
        most = 0

        async def one(number: int) -> None:
            nonlocal most
            await publisher.publish(message(number))
            most = max(most, publisher.in_flight)

        await asyncio.gather(*(one(number) for number in range(300)))
        assert most <= 7
        assert publisher.in_flight == 0
    assert len(await drain(channel, "q")) == 300


@pytest.mark.usefixtures("channel")
async def test_who_gives_up_waiting_leaves_no_slot_taken(line: Line, line_url: str) -> None:
    async with ConfirmedPublisher(line_url, name="test", max_in_flight=3) as publisher:
        await publisher.publish(message(0))
        line.mute()
        tasks = [asyncio.create_task(publisher.publish(message(n))) for n in range(1, 10)]
        await asyncio.sleep(0.1)
        assert publisher.in_flight == 3
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        line.unmute()
        assert await publisher.publish_many([message(n) for n in range(10, 30)]) == [None] * 20
        assert publisher.in_flight == 0


async def test_what_is_in_flight_when_the_line_breaks_is_unconfirmed_and_the_next_goes_through(
    line: Line, line_url: str, channel: AbstractChannel
) -> None:
    async with ConfirmedPublisher(line_url, name="test", backoff=QUICK) as publisher:
        await publisher.publish(message(0))
        line.mute()
        under_way = asyncio.create_task(publisher.publish_many([message(n) for n in range(1, 51)]))
        await asyncio.sleep(0.2)
        assert publisher.in_flight == 50
        line.cut()
        line.unmute()
        outcomes = await under_way
        assert all(isinstance(outcome, Unconfirmed) for outcome in outcomes)
        assert "may have arrived" in str(outcomes[0])
        assert publisher.in_flight == 0
        assert await publisher.publish_many([message(n) for n in range(51, 101)]) == [None] * 50
    arrived = {m.message_id for m in await drain(channel, "q")}
    assert arrived >= {f"id-{n}" for n in range(51, 101)}


async def test_a_silent_broker_is_given_up(line: Line, line_url: str, channel: AbstractChannel) -> None:
    async with ConfirmedPublisher(line_url, name="test", confirm_timeout=0.3, backoff=QUICK) as publisher:
        await publisher.publish(message(0))
        line.mute()
        under_way = asyncio.create_task(publisher.publish(message(1)))
        with pytest.raises(Unconfirmed, match=r"no confirm within 0\.3 s"):
            await under_way
        line.unmute()
        await publisher.publish(message(2))
    assert "id-2" in {m.message_id for m in await drain(channel, "q")}


async def test_messages_wait_for_a_broker_that_comes_back(line: Line, line_url: str, channel: AbstractChannel) -> None:
    async with ConfirmedPublisher(line_url, name="test", wait_for_broker=10, backoff=QUICK) as publisher:
        await publisher.publish(message(0))
        await line.refuse()
        await until(lambda: not publisher.is_connected)
        waiting = [asyncio.create_task(publisher.publish(message(n))) for n in range(1, 20)]
        batch = asyncio.create_task(publisher.publish_many([message(n) for n in range(20, 40)]))
        await asyncio.sleep(0.3)
        assert not batch.done()
        assert not any(task.done() for task in waiting)
        await line.open()
        await asyncio.gather(*waiting)
        assert await batch == [None] * 20
    assert len({m.message_id for m in await drain(channel, "q")}) == 40


async def test_a_broker_that_stays_away_is_told_with_the_cure_and_nothing_was_sent(
    line: Line, line_url: str, channel: AbstractChannel
) -> None:
    await line.refuse()
    async with ConfirmedPublisher(line_url, name="test", wait_for_broker=0.3, backoff=QUICK) as publisher:
        clock = asyncio.get_running_loop().time
        began = clock()
        outcomes = await asyncio.gather(*(publisher.publish(message(n)) for n in range(50)), return_exceptions=True)
        assert clock() - began < 2
        assert all(isinstance(outcome, BrokerAway) for outcome in outcomes)
        assert "nothing listens there. Start RabbitMQ" in str(outcomes[0])
        await line.open()
        await publisher.publish(message(1))
    assert len(await drain(channel, "q")) == 1


async def test_a_wrong_password_is_told_at_once(amqp_url: str) -> None:
    wrong = amqp_url.replace("guest:guest@", "guest:wr0ng@")
    async with ConfirmedPublisher(wrong, name="test", wait_for_broker=30) as publisher:
        async with asyncio.timeout(10):
            with pytest.raises(BrokerAway, match="refused the login of user 'guest'") as caught:
                await publisher.publish(message(1))
        assert "wr0ng" not in str(caught.value)


async def test_closing_waits_for_what_is_under_way(amqp_url: str, channel: AbstractChannel) -> None:
    publisher = ConfirmedPublisher(amqp_url, name="test", max_in_flight=20)
    await publisher.start()
    tasks = [asyncio.create_task(publisher.publish(message(n))) for n in range(500)]
    await asyncio.sleep(0)
    await publisher.close()
    assert await asyncio.gather(*tasks) == [None] * 500
    (late,) = await publisher.publish_many([message(999)])
    assert isinstance(late, BrokerAway)
    with pytest.raises(BrokerAway, match="closed"):
        await publisher.publish(message(999))
    assert len(await drain(channel, "q")) == 500


async def test_closing_ends_also_while_the_broker_is_away(line: Line, line_url: str) -> None:
    await line.refuse()
    publisher = ConfirmedPublisher(line_url, name="test", wait_for_broker=None, backoff=QUICK)
    await publisher.start()
    task = asyncio.create_task(publisher.publish(message(1)))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        await publisher.close(within=0.1)
    with pytest.raises(BrokerAway):
        await task


async def test_closing_at_any_moment_of_connecting_ends_and_leaves_nothing_behind(amqp_url: str) -> None:
    """Cancelled in its last steps, the library's connect loses sight of a connection that is open."""
    before = asyncio.all_tasks()
    for step in range(80):
        publisher = ConfirmedPublisher(amqp_url, name="test")
        await publisher.start()
        await asyncio.sleep(step * 0.0003)
        async with asyncio.timeout(5):
            await publisher.close()
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == before


async def test_an_empty_batch_is_no_work(amqp_url: str) -> None:
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        assert await publisher.publish_many([]) == []


async def test_a_publisher_that_was_not_started_says_so(amqp_url: str) -> None:
    publisher = ConfirmedPublisher(amqp_url, name="test")
    with pytest.raises(RuntimeError, match="not started"):
        await publisher.publish(message(1))


@pytest.mark.usefixtures("channel")
async def test_a_fault_of_the_publisher_itself_reaches_the_caller(
    amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("publishers.framing._INSIDES", ("gone in a later aiormq",))
    async with ConfirmedPublisher(amqp_url, name="test") as publisher:
        with pytest.raises(TypeError, match=r"another channel than 7\.2"):
            await publisher.publish(message(1))
        with pytest.raises(TypeError, match=r"another channel than 7\.2"):
            await publisher.publish_many([message(1), message(2)])
        assert publisher.in_flight == 0
