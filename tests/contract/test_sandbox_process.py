"""The sandbox as people start it: its command, its port, its end; and the two other ways for tests."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox import Rule, SandboxConfig
from sandbox.testing import ROOT, running_sandbox, sandbox_in_thread, sandbox_process

COMMAND = (sys.executable, "-m", "sandbox")


def run(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  (our own command)
        (*COMMAND, *options), cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, timeout=20,
        check=False,
    )  # fmt: skip


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_one_line_and_ends_cleanly_on_a_signal(ending: signal.Signals) -> None:
    process = subprocess.Popen(  # noqa: S603  (our own command)
        (*COMMAND, "--port", "0"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    url = line.split()[-1]
    assert httpx.get(f"{url}/_sandbox/health").json()["status"] == "ok"
    begun = time.monotonic()
    process.send_signal(ending)
    out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (0, "", "")
    assert time.monotonic() - begun < 2


def test_a_port_in_use_is_one_sentence_and_exit_code_1(taken_port: int) -> None:
    done = run(RELAY_SANDBOX_PORT=str(taken_port))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{taken_port}" in done.stderr
    assert "RELAY_SANDBOX_PORT" in done.stderr


@pytest.mark.parametrize("port", ["many", "-1", "65536"])
def test_a_port_that_is_none_is_a_usage_error(port: str) -> None:
    done = run(RELAY_SANDBOX_PORT=port)
    assert (done.returncode, "0 to 65535" in done.stderr) == (2, True)


def test_a_bad_file_is_named_with_its_field(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"products": -1, "colour": "blue"}')
    done = run("--port", "0", "--config", str(config))
    assert done.returncode == 2
    assert all(word in done.stderr for word in (str(config), "products", "colour"))
    faults = tmp_path / "faults.json"
    faults.write_text('[{"effect": "explode"}]')
    done = run("--port", "0", "--faults", str(faults))
    assert (done.returncode, "effect" in done.stderr) == (2, True)
    assert run("--port", "0", "--config", str(tmp_path / "none.json")).returncode == 2


def test_faults_from_a_file_are_in_force(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('[{"call": "haier.token", "effect": "status", "status": 503}]')
    process = subprocess.Popen(  # noqa: S603  (our own command)
        (*COMMAND, "--port", "0", "--faults", str(faults)), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert httpx.post(f"{url}/oauth2/auth", json={}).status_code == 503
    finally:
        process.terminate()
        process.communicate(timeout=10)


async def test_a_process_of_its_own_takes_the_whole_configuration() -> None:
    rule = Rule.model_validate({"call": "haier.token", "effect": "status", "status": 503, "times": 1})
    async with sandbox_process(SandboxConfig(products=7, ylh_env="prod", faults=(rule,))) as box:
        assert len(await box.catalogue()) == 7
        assert [found["effect"] for found in await box.faults()] == ["status"]
        assert box.environment()["YLH_ENV"] == "prod"
        url = box.url
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/_sandbox/health")


async def test_a_process_of_its_own_refuses_connects_for_its_seconds_and_comes_back() -> None:
    async with sandbox_process() as box, httpx.AsyncClient(base_url=box.url) as client:
        assert (await client.get("/_sandbox/health")).status_code == 200
        await box.refuse_connects(0.5)
        with pytest.raises(httpx.ConnectError):
            await client.get("/_sandbox/health")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                assert (await client.get("/_sandbox/health")).status_code == 200
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
        assert (await box.summary())["worst_second"] == {"ylh": 0, "haier": 0}


def test_a_thread_serves_a_test_that_blocks() -> None:
    with sandbox_in_thread(SandboxConfig(products=5)) as box:
        assert len(httpx.get(f"{box.url}/_sandbox/catalogue").json()) == 5
        url = box.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/_sandbox/health")


async def test_one_configuration_starts_two_sandboxes_that_share_nothing() -> None:
    rule = Rule.model_validate({"call": "haier.token", "effect": "status", "status": 503, "times": 1})
    config = SandboxConfig(faults=(rule,))
    async with running_sandbox(config) as one, running_sandbox(config) as two, httpx.AsyncClient() as client:
        for box in (one, two):
            assert (await client.post(f"{box.url}/oauth2/auth", json={})).status_code == 503
        assert one.url != two.url


async def test_a_stop_with_an_open_connection_is_quick() -> None:
    async with httpx.AsyncClient() as client:
        async with running_sandbox() as box:
            await client.get(f"{box.url}/_sandbox/health")
            begun = time.monotonic()
        assert time.monotonic() - begun < 1
