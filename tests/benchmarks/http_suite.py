"""The suite ``http``: needs neither broker nor supplier, but a quiet machine, so it runs before they are started."""

from __future__ import annotations

# ruff: noqa: T201 -- a run takes long: what is measured is told
import asyncio
import json
import sys

from tests.benchmarks.crew import ROOT, RoundFailed
from tests.benchmarks.found.posts import Posts
from tests.benchmarks.http_transport import Rate


async def http(rounds: int) -> Posts:
    """Measure all ways in a process of its own: its figures are those of one core, and nothing else runs in its loop.

    Raises:
        RoundFailed: that process ended badly.
    """
    print(f"\nhttp: ways to send a POST, {rounds} rounds, in turn", flush=True)
    arguments = ("--rounds", str(rounds), "--seconds", "1", "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.http_transport", *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        told, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode:
        raise RoundFailed(f"tests.benchmarks.http_transport ended with {process.returncode}")
    return Posts([Rate(**one) for one in json.loads(told)])
