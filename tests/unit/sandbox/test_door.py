"""An outage: connects are refused, what stood is dropped, and the same port answers again."""

import asyncio
import time

import httpx
import pytest

from sandbox import Outage, SandboxConfig
from sandbox.calling import Caller, Calling
from sandbox.testing import sandbox_in_thread


async def test_connects_are_refused_until_they_are_accepted_again(caller: Caller) -> None:
    assert (await caller.create("SO-1")).status_code == 200
    await caller.box.refuse_connects()
    for _ in range(2):
        with pytest.raises(httpx.ConnectError):
            await caller.create("SO-2")
    await caller.box.accept_connects()
    assert (await caller.create("SO-2")).json()["success"] is True
    assert (await caller.box.summary())["create_calls"] == 2


async def test_a_call_in_flight_loses_its_connection(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "hang", "applied": True, "times": 1})
    call = asyncio.ensure_future(caller.create("SO-1"))
    await asyncio.sleep(0.1)
    await caller.box.refuse_connects()
    with pytest.raises(httpx.RemoteProtocolError):
        await call
    assert (await caller.box.order("SO-1"))["creates"] == 1, "the box answers while the port is shut"
    with pytest.raises(LookupError):
        await caller.box.order("SO-2")


async def test_refusing_and_accepting_twice_is_the_same_as_once(caller: Caller) -> None:
    for _ in range(2):
        await caller.box.refuse_connects()
    for _ in range(2):
        await caller.box.accept_connects()
    assert (await caller.create("SO-1")).status_code == 200


async def test_an_outage_of_some_seconds_ends_by_itself_and_the_longest_counts(caller: Caller) -> None:
    begun = time.monotonic()
    await asyncio.gather(caller.box.refuse_connects(0.3), caller.box.refuse_connects(0.1))
    while True:
        try:
            await caller.create("SO-1")
            break
        except httpx.ConnectError:
            await asyncio.sleep(0.01)
    assert 0.3 <= time.monotonic() - begun < 2


async def test_an_outage_on_a_schedule(calling: Calling) -> None:
    async with calling(SandboxConfig(outages=(Outage(after=0.5, seconds=0.3),))) as caller:
        reached: list[bool] = []
        deadline = time.monotonic() + 10
        while reached.count(True) < 2 and time.monotonic() < deadline:
            try:
                await caller.balance()
            except httpx.TransportError:
                now = False
            else:
                now = True
            if reached[-1:] != [now]:
                reached.append(now)
            await asyncio.sleep(0.01)
    assert reached == [True, False, True]


async def test_a_stop_while_the_port_is_shut_frees_it(calling: Calling) -> None:
    async with calling() as caller:
        port = int(caller.box.url.rpartition(":")[2])
        await caller.box.refuse_connects()
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
    server.close()
    await server.wait_closed()


async def test_elsewhere_it_comes_back_after_its_seconds() -> None:
    with sandbox_in_thread() as box:
        with pytest.raises(ValueError, match="seconds"):
            await box.refuse_connects()
        with pytest.raises(ValueError, match="by itself"):
            await box.accept_connects()
        await box.refuse_connects(0.3)
        async with httpx.AsyncClient(base_url=box.url) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("/_sandbox/health")
            await asyncio.sleep(0.5)
            assert (await client.get("/_sandbox/health")).status_code == 200


@pytest.mark.parametrize("wanted", [{}, {"seconds": 0}, {"seconds": 1, "after": -1}, {"seconds": 1, "when": "now"}])
async def test_a_bad_outage_is_refused(caller: Caller, wanted: dict[str, object]) -> None:
    answer = await caller.client.post("/_sandbox/outages", json=wanted)
    assert (answer.status_code, "Not an outage" in answer.json()["error"]) == (400, True)
