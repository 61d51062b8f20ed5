"""What `relay doctor` says of the receiver."""

from __future__ import annotations

import socket

from consumer.settings import Settings, load
from ops.doctor.checks import Status
from ops.doctor.receiver import callbacks
from tests.support.ylh_forms import ACCOUNT


def settings(**given: str) -> Settings:
    return load({**ACCOUNT, "RELAY_CALLBACK_PORT": "0", **given}, None, need=())


async def told(found: Settings) -> list[tuple[Status, str]]:
    return [(finding.status, f"{finding.message} {finding.cure or ''}") for finding in await callbacks(found)]


async def test_without_an_account_it_is_said_what_that_means() -> None:
    [(status, words)] = await told(load({}, None, need=()))
    assert status is Status.WARN
    assert "YLH_CALLBACK_SECRET" in words
    assert "relay callbacks" in words


async def test_half_an_account_is_a_fault() -> None:
    [(status, words)] = await told(load({"YLH_CALLBACK_APP_KEY": "k"}, None, need=()))
    assert status is Status.FAIL
    assert "YLH_CALLBACK_SECRET" in words


async def test_a_port_that_somebody_else_has_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        [(status, words)] = await told(settings(RELAY_CALLBACK_PORT=port, RELAY_CALLBACK_HEALTH_PORT="1"))
    assert status is Status.FAIL
    assert port in words


async def test_health_that_is_as_open_as_callbacks_is_told() -> None:
    (_, free), (status, words) = await told(settings(RELAY_HTTP_HOST="0.0.0.0", RELAY_CALLBACK_HOST="0.0.0.0"))  # noqa: S104 - a setting, nothing is bound
    assert "any free port" in free
    assert status is Status.WARN
    assert "health and metrics" in words
    assert len(await told(settings())) == 1
