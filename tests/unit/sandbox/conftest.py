"""A sandbox for each test, and a client that is logged in at both suppliers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from sandbox import SandboxConfig
from sandbox.calling import Caller, Calling
from sandbox.testing import running_sandbox


@asynccontextmanager
async def _calling(config: SandboxConfig | None = None, *, login: bool = True) -> AsyncIterator[Caller]:
    async with running_sandbox(config) as box, httpx.AsyncClient(base_url=box.url, timeout=5) as client:
        caller = Caller(box, client)
        if login:
            await caller.login()
        yield caller


@pytest.fixture
def calling() -> Calling:
    """A sandbox of the test's own configuration, and a client that is logged in at both suppliers."""
    return _calling


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with _calling() as logged_in:
        yield logged_in
