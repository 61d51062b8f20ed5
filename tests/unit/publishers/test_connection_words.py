"""A broker that cannot be reached is told in words: where, why, what to do; never with the password."""

import asyncio

import pytest

from rabbitmq.connection import BrokerUnreachable, Cause, address, connect, redacted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://shop:s3cret@rabbit:5672/prod", "amqp://shop:***@rabbit:5672/prod"),
        ("amqp://shop:p@ss/w:rd@rabbit/", "amqp://shop:***@rabbit/"),
        ("amqp://:s3cret@rabbit/", "amqp://:***@rabbit/"),
        ("shop:s3cret@rabbit", "shop:***@rabbit"),
        ("amqp://rabbit:5672/", "amqp://rabbit:5672/"),
        ("amqp://shop@rabbit/", "amqp://shop@rabbit/"),
        ("", ""),
    ],
)
def test_the_password_is_never_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("amqp://u:p@rabbit/", "rabbit:5672"),
        ("amqps://u:p@rabbit/", "rabbit:5671"),
        ("amqp://u:p@rabbit:99/", "rabbit:99"),
        ("amqp://u:s3cret@:x/", "amqp://u:***@:x/"),
    ],
)
def test_the_address_is_host_and_port(url: str, where: str) -> None:
    assert address(url) == where


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "http://u:s3cret@rabbit/", "amqp://u:s3cret@rabbit:x/", "amqp://u:s3/cret@rabbit/", "amqp:///v"],
)
async def test_what_is_no_amqp_url_is_told_without_its_password(url: str) -> None:
    with pytest.raises(BrokerUnreachable) as caught:
        await connect(url, name="test")
    assert caught.value.cause is Cause.URL
    assert caught.value.is_lasting
    assert "s3" not in str(caught.value)
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "amqp://user:password@host:5672/vhost" in str(caught.value)


async def test_a_host_that_does_not_resolve_is_told_apart() -> None:
    with pytest.raises(BrokerUnreachable) as caught:
        await connect("amqp://u:s3cret@no-such-host.invalid/", name="test")
    assert caught.value.cause is Cause.UNRESOLVABLE
    assert "'no-such-host.invalid' does not resolve" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_a_port_where_nobody_listens_is_told_apart() -> None:
    server = await asyncio.start_server(_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(BrokerUnreachable) as caught:
        await connect(f"amqp://u:s3cret@127.0.0.1:{port}/", name="test")
    assert caught.value.cause is Cause.REFUSED
    assert not caught.value.is_lasting
    assert str(caught.value) == (
        f"RabbitMQ at 127.0.0.1:{port} cannot be used: nothing listens there. Start RabbitMQ, or correct host and port."
    )


async def test_a_listener_that_says_nothing_is_a_time_out() -> None:
    async with await asyncio.start_server(_silence, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(BrokerUnreachable) as caught:
            await connect(f"amqp://u:p@127.0.0.1:{port}/", name="test", timeout=0.2)
    assert caught.value.cause is Cause.TIMEOUT
    assert "no answer within 0.2 s" in str(caught.value)


async def test_another_protocol_is_told_apart() -> None:
    async with await asyncio.start_server(_http, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(BrokerUnreachable) as caught:
            await connect(f"amqp://u:p@127.0.0.1:{port}/", name="test")
        assert caught.value.cause is Cause.PROTOCOL
        with pytest.raises(BrokerUnreachable) as caught:
            await connect(f"amqps://u:p@127.0.0.1:{port}/", name="test")
        assert caught.value.cause is Cause.TLS


@pytest.mark.parametrize(
    "words", [b"", b"\x01", b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0b\xce"]
)
async def test_who_hangs_up_during_the_greeting_is_told_apart(words: bytes) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for _ in range(5):
            with pytest.raises(BrokerUnreachable) as caught:
                await connect(f"amqp://u:p@127.0.0.1:{port}/", name="test")
            assert caught.value.cause in {Cause.PROTOCOL, Cause.NETWORK}


async def test_who_is_cancelled_while_connecting_is_cancelled() -> None:
    async with await asyncio.start_server(_silence, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        task = asyncio.create_task(connect(f"amqp://u:p@127.0.0.1:{port}/", name="test"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def _nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(8)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    writer.close()
