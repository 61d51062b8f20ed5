"""POST/s of the ways to send one, on one core, in one run: the figures behind docs/adr/0003 and the suite ``http``.

Run it with ``python -m tests.benchmarks.http_transport``. The server runs in a process of its own and answers at once
with some 100 bytes, so that what is measured is the client. Ways whose package is not installed (``httpx-aiohttp`` and
``httpx2`` are no dependencies of ours) are left out. The ways take turns; the best round of each counts, since what
disturbs a round only ever makes it slower; ratios are to stock httpx.
"""

from __future__ import annotations

# ruff: noqa: T201 -- the figures are the output of this script
import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import socket
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final, cast

import structlog
import uvloop

from tests.benchmarks.http_ways import PAYLOAD, STOCK, WHOLE, Way, ways

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.synchronize import Event

AT_ONCE: Final = (10, 100)
TARGET_RATIO: Final = 4.0
"""A create by our client to a POST by stock httpx, at the higher concurrency."""
WARM_UP: Final = 0.3
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(PAYLOAD), PAYLOAD)


@dataclass(frozen=True, slots=True)
class Rate:
    """The best round of one way.

    Attributes:
        way: its name (`tests.benchmarks.http_ways`).
        at_once: POSTs under way together.
        rate: POSTs a second.
        ratio: to stock httpx, at the same concurrency.
        cpu: microseconds of the processor for each.
    """

    way: str
    at_once: int
    rate: float
    ratio: float
    cpu: float


class _Answering(asyncio.Protocol):
    """Answers each request with `ANSWER`; knows just enough HTTP to find where a request ends."""

    def __init__(self) -> None:
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not instances of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._unread) < end + 4 + length:
                return
            self._unread = self._unread[end + 4 + length :]
            self._transport.write(ANSWER)


def _serve(listener: socket.socket, ready: Event) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Answering, sock=listener)
        ready.set()
        await server.serve_forever()

    uvloop.run(main())


async def _round(way: Way, url: str, at_once: int, seconds: float) -> tuple[float, float]:
    """Return POSTs a second, and microseconds of the processor for each."""
    async with AsyncExitStack() as stack:
        post = await way(stack, url, at_once)
        until = 0.0
        done = 0

        async def worker() -> None:
            nonlocal done
            while time.perf_counter() < until:
                assert await post() == PAYLOAD
                done += 1

        until = time.perf_counter() + WARM_UP
        await asyncio.gather(*(worker() for _ in range(at_once)))
        done, began, used = 0, time.perf_counter(), time.process_time()
        until = began + seconds
        await asyncio.gather(*(worker() for _ in range(at_once)))
        return done / (time.perf_counter() - began), 1e6 * (time.process_time() - used) / done


def _rates(url: str, seconds: float, rounds: int) -> list[Rate]:
    found, missing = ways()
    for package in missing:
        print(f"{package} is not installed: left out", file=sys.stderr)
    best: dict[tuple[int, str], tuple[float, float]] = {}
    for at_once in AT_ONCE:
        for _ in range(rounds):
            for name, way in found.items():
                one = uvloop.run(_round(way, url, at_once, seconds))
                best[at_once, name] = max(best.get((at_once, name), (0.0, 0.0)), one)
    return [
        Rate(name, at_once, rate, rate / best[at_once, STOCK][0], cpu) for (at_once, name), (rate, cpu) in best.items()
    ]


def table(rates: Sequence[Rate]) -> list[str]:
    """Return the figures for a terminal, one way a line."""
    return [
        f"{one.way:40} {one.at_once:4} at once {one.rate:8,.0f} POST/s {one.ratio:6.1f} x {one.cpu:7,.0f} µs CPU each"
        for one in rates
    ]


def reached(rates: Sequence[Rate]) -> float:
    """Return the ratio that the target is about: what the service does, all in, at the higher concurrency."""
    return next(one.ratio for one in rates if one.way == WHOLE and one.at_once == max(AT_ONCE))


def measure(seconds: float, rounds: int) -> list[Rate]:
    """Measure all ways, from the first of the cores that this process may use."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/orders"
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    server = context.Process(target=_serve, args=(listener, ready), daemon=True)
    server.start()
    ready.wait(5)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])
    if len(cores) > 1:
        os.sched_setaffinity(server.pid or 0, cores[1:])
    try:
        return _rates(url, seconds, rounds)
    finally:
        server.terminate()
        server.join()
        listener.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each way and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="for the suite: a list of rates on stdout")
    wished = parser.parse_args()
    # Our client says when it logs in; stdout is for the figures.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    rates = measure(wished.seconds, wished.rounds)
    if wished.json:
        print(json.dumps([asdict(one) for one in rates]))
        return
    packages = ("httpx", "sniffio", "httpx-aiohttp", "httpx2", "aiohttp", "uvloop")
    print(f"one core; Python {platform.python_version()}, {', '.join(map(_version, packages))}")
    print("\n".join(table(rates)))


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"no {package}"


if __name__ == "__main__":
    main()
