"""What the client publishes on a broker, the official CloudEvents SDK reads from a queue."""

from datetime import UTC, datetime
from decimal import Decimal

from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq_event

from publishers.orders import RelayPublisher
from rabbitmq.connection import connect
from rabbitmq.declaring import apply
from rabbitmq.topology import Topology


async def test_a_published_order_is_read_by_the_sdk_from_its_lane(amqp_url: str) -> None:
    async with await connect(amqp_url, name="test") as connection:
        await apply(connection, Topology.build())
        channel = await connection.channel()
        async with RelayPublisher(amqp_url, source="/shop/orders") as relay:
            event = await relay.order_paid(
                so_id="SO-1",
                online_no="3456789012345678",
                version=1,
                created_at=datetime(2026, 1, 31, 1, 30, tzinfo=UTC),
                consignee={
                    "name": "张三",
                    "mobile": "13800000000-1234",
                    "province": "北京市",
                    "city": "北京市",
                    "area": "朝阳区",
                    "address": "阜通东大街6号院",
                },
                items=[
                    {
                        "product_code": "GA0SZC00U",
                        "quantity": 1,
                        "retail_price": Decimal("3299.00"),
                        "discount": Decimal(300),
                        "actual_price": Decimal("2999.00"),
                        "is_gift": False,
                    }
                ],
                total_amount=Decimal("2999.00"),
                government_subsidy=False,
                correlationid="checkout-77",
            )
        lane = await channel.get_queue("relay.orders", ensure=False)
        message = await lane.get(timeout=5)
        assert message is not None
        await message.ack()
    headers = {name: value for name, value in message.headers.items() if isinstance(value, str)}
    read = from_rabbitmq_event(RabbitMQMessage(headers=headers, content_type=message.content_type, body=message.body))
    assert read.get_id() == event.id == message.message_id
    assert read.get_type() == "order.paid" == message.routing_key
    assert read.get_source() == "/shop/orders"
    assert read.get_subject() == "SO-1"
    assert read.get_time() == event.time
    assert read.get_extension("correlationid") == "checkout-77"
    data = read.get_data()
    assert isinstance(data, dict)
    assert data["consignee"]["name"] == "张三"
    assert data["items"][0]["actual_price"] == "2999.00"
    assert data["total_amount"] == "2999.00"
