"""What the broker says no to at the login is told apart, with what to do."""

from urllib.parse import urlsplit, urlunsplit

import pytest

from rabbitmq.connection import BrokerUnreachable, Cause, connect


async def test_a_wrong_password_is_told_apart_and_not_repeated(amqp_url: str) -> None:
    with pytest.raises(BrokerUnreachable) as caught:
        await connect(_with(amqp_url, password="wr0ng"), name="test")
    assert caught.value.cause is Cause.CREDENTIALS
    assert caught.value.is_lasting
    assert "refused the login of user 'guest'" in str(caught.value)
    assert "wr0ng" not in str(caught.value)


async def test_a_missing_vhost_is_told_apart(amqp_url: str) -> None:
    with pytest.raises(BrokerUnreachable) as caught:
        await connect(_with(amqp_url, path="/no%2Fsuch"), name="test")
    assert caught.value.cause is Cause.VHOST
    assert "virtual host 'no/such' does not exist" in str(caught.value)
    assert "rabbitmqctl add_vhost no/such" in str(caught.value)


async def test_the_connection_has_its_name_and_heartbeat(amqp_url: str) -> None:
    async with await connect(amqp_url, name="who am I") as connection:
        transport = connection.transport
        assert transport is not None
        assert transport.connection.connection_tune.heartbeat == 20
    async with await connect(f"{amqp_url}?heartbeat=7", name="who am I") as connection:
        transport = connection.transport
        assert transport is not None
        assert transport.connection.connection_tune.heartbeat == 7


def _with(url: str, *, password: str | None = None, path: str | None = None) -> str:
    parts = urlsplit(url)
    netloc = f"{parts.username}:{password or parts.password}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=netloc, path=path or parts.path))
