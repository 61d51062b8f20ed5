"""The service itself, as `relay consume` runs it: all lanes, all guarantees, health and metrics, INFO lines as usual.

They go as text to stderr, which is a file here, and as JSON lines to the log directory. With ``BENCHMARK_PROFILE`` set
to a directory, CPU time by function is written there (`profiling` beside this one).
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import uvloop

from consumer import bootstrap, settings
from consumer.persistence import migrations
from tests.benchmarks.contestants.profiling import profiled


async def main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    read = settings.load(os.environ, dotenv=None)
    await migrations.upgrade(read.database.url.get_secret_value())
    await bootstrap.serve(read, lanes=None, stop=stop)


if __name__ == "__main__":
    directory = os.environ.get("BENCHMARK_PROFILE")
    with profiled(Path(directory) if directory else None):
        uvloop.run(main())
