"""``python -m tests.benchmarks.callback_load URL``: signed callbacks at a fixed rate, each answer timed.

The rate is offered, whatever the receiver does: an answer's time counts from when its callback was due, so that one
that waits behind a slow one is slow too. A process of its own on another core, over connections that stay open.
"""

from __future__ import annotations

# ruff: noqa: T201 -- the figures are the output of this program
import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import uvloop

from tests.support.ylh_forms import body, callback

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = 64


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back; times in milliseconds."""

    offered: int
    seconds: float
    """From the first callback's moment to the last answer."""
    successes: int
    others: int
    p50: float
    p99: float
    longest: float


async def load(url: str, *, rate: int, seconds: float) -> Heard:
    """Offer ``rate`` callbacks a second for ``seconds``, each about an order of its own."""
    parts = urlsplit(url)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    forms = [body(callback(f"SO-{number:08}")) for number in range(int(rate * seconds))]
    requests = [f"{head}Content-Length: {len(form)}\r\n\r\n".encode() + form for form in forms]
    due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    times: list[float] = []
    others = 0
    clock = time.perf_counter  # uvloop's own clock counts whole milliseconds

    async def line() -> None:
        nonlocal others
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while (task := await due.get()) is not None:
            at, request = task
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            told = await reader.readexactly(length)
            if answer.startswith(b"HTTP/1.1 200 ") and b'"success":true' in told:
                times.append(clock() - at)
            else:
                others += 1
        writer.close()

    lines = [asyncio.create_task(line()) for _ in range(LINES)]
    await asyncio.sleep(0.5)
    start = clock()
    for number, request in enumerate(requests):
        at = start + number / rate
        if (pause := at - clock()) > 0:
            await asyncio.sleep(pause)
        due.put_nowait((at, request))
    for _ in lines:
        due.put_nowait(None)
    await asyncio.gather(*lines)
    ordered = sorted(times) or [0.0]
    return Heard(
        offered=len(requests),
        seconds=round(clock() - start, 3),
        successes=len(times),
        others=others,
        p50=round(ordered[len(ordered) // 2] * 1000, 2),
        p99=round(ordered[int(len(ordered) * 0.99)] * 1000, 2),
        longest=round(ordered[-1] * 1000, 2),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Load and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.callback_load", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args(arguments)
    print(json.dumps(asdict(uvloop.run(load(given.url, rate=given.rate, seconds=given.seconds)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
