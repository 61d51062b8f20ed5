"""Health and metrics as a probe and Prometheus see them, over real HTTP."""

import asyncio
import json
import signal
import socket

import httpx
import pytest

from consumer.observability.health import Health, NotReady
from consumer.observability.http import CannotListen, PortInUse, http_app, serve_http
from consumer.observability.metrics import Metrics


@pytest.fixture
def health() -> Health:
    return Health()


async def get(url: str) -> tuple[int, str, str]:
    async with httpx.AsyncClient(timeout=5) as client:
        answer = await client.get(url)
    return answer.status_code, answer.headers["content-type"], answer.text


async def test_ready_turns_with_its_checks(health: Health) -> None:
    up = False

    async def consuming() -> None:
        if not up:
            raise NotReady("waiting for the broker")

    health.register("consuming", consuming)
    async with serve_http(http_app(health, Metrics.create(version="0", event_types=())), "127.0.0.1", 0) as served:
        status, kind, body = await get(f"{served.url}/health/ready")
        assert (status, kind) == (503, "application/json")
        answer = json.loads(body)
        assert answer["status"] == "not ready"
        assert answer["checks"]["consuming"]["detail"] == "waiting for the broker"
        assert (await get(f"{served.url}/health/live"))[0] == 200
        up = True
        assert (await get(f"{served.url}/health/ready"))[0] == 200


async def test_metrics_are_served_as_prometheus_wants_them(health: Health) -> None:
    async with serve_http(http_app(health, Metrics.create(version="9.9", event_types=())), "127.0.0.1", 0) as served:
        status, kind, body = await get(f"{served.url}/metrics")
    assert status == 200
    assert kind.startswith("text/plain; version=")
    assert 'version="9.9"' in body
    assert "process_cpu_seconds_total" in body


async def test_a_port_in_use_is_told_with_the_setting_to_change(health: Health) -> None:
    app = http_app(health, Metrics.create(version="0", event_types=()))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"port {port} on 127.0.0.1 is in use.*RELAY_CALLBACK_HEALTH_PORT"):
            async with serve_http(app, "127.0.0.1", port, port_setting="RELAY_CALLBACK_HEALTH_PORT"):
                pass


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_an_address_that_is_not_ours_is_told_with_the_setting_to_change(health: Health, host: str) -> None:
    app = http_app(health, Metrics.create(version="0", event_types=()))
    with pytest.raises(CannotListen, match=f"{host}.*RELAY_HTTP_HOST"):
        async with serve_http(app, host, 0):
            pass


async def test_the_port_is_free_again_afterwards_even_when_the_service_fails(health: Health) -> None:
    app = http_app(health, Metrics.create(version="0", event_types=()))
    with pytest.raises(RuntimeError, match="service"):
        async with serve_http(app, "127.0.0.1", 0) as served:
            raise RuntimeError("service")
    async with serve_http(app, "127.0.0.1", served.port) as again:
        assert (await get(f"{again.url}/health/live"))[0] == 200


async def test_the_services_signal_handlers_stay_its_own(health: Health) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    try:
        async with serve_http(http_app(health, Metrics.create(version="0", event_types=())), "127.0.0.1", 0) as served:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(stopped.wait(), 5)
            await asyncio.sleep(0.4)  # uvicorn looks every 0.1 s at whether it should exit
            assert (await get(f"{served.url}/health/live"))[0] == 200, "it serves until the service has drained"
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def test_a_client_that_hangs_does_not_hold_up_the_end(health: Health) -> None:
    app = http_app(health, Metrics.create(version="0", event_types=()))
    async with asyncio.timeout(10):
        async with serve_http(app, "127.0.0.1", 0) as served:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET /health/live HTTP/1.1\r\n")
            await writer.drain()
        writer.close()
