"""The list of 100,000 goods, some 60 MB, costs our client hardly more memory than that of 10,000 (DESIGN section 7).

Our client runs in a process of its own, for its memory, and so does the sandbox, whose memory does not count.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.config import SandboxConfig
from sandbox.testing import ROOT, sandbox_process

if TYPE_CHECKING:
    from collections.abc import Mapping

MB = 1_000_000
PICTURES = 9
"""Make some 600 bytes of an article."""


async def reading(products: int) -> Mapping[str, float]:
    async with sandbox_process(SandboxConfig(products=products, pictures=PICTURES)) as box:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.listing_memory", "500"),
            env={**os.environ, **box.environment()},
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
    assert process.returncode == 0
    told: Mapping[str, float] = json.loads(said.splitlines()[-1])
    return told


@pytest.mark.timeout(300)
async def test_memory_does_not_grow_with_the_catalogue() -> None:
    small, large = await reading(10_000), await reading(100_000)
    assert (small["found"], large["found"]) == (9_500, 95_000), "one in twenty is not procurable"
    assert large["unreadable"] == 0
    assert large["largest_part"] == 500
    assert large["body"] > 55 * MB
    assert large["peak"] < 150 * MB, "imports included"
    assert large["peak"] - small["peak"] < 15 * MB
    assert large["peak"] - large["peak_before"] < 30 * MB
