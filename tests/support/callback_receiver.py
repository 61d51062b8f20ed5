"""A receiver of YLH's callbacks that only writes down what came: for tests of whoever sends them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

YES = {"success": True, "code": "success", "description": "成功"}


@dataclass
class Receiver:
    """Takes callbacks in, and says yes unless told otherwise."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    says: dict[str, object] = field(default_factory=lambda: dict(YES))
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        assert request.content_type == "application/x-www-form-urlencoded"
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        self.came.set()
        return web.json_response(self.says)

    async def wait(self, count: int) -> None:
        """Wait until so many forms have come."""
        async with asyncio.timeout(5):
            while len(self.forms) < count:
                self.came.clear()
                await self.came.wait()

    def data(self, so_id: str) -> list[dict[str, Any]]:
        """What was said of an order, in order of arrival: ``Data`` with ``Method`` and ``TimeStamp``."""
        told = [
            {**json.loads(form["Data"]), "Method": form["Method"].rpartition(".")[2], "TimeStamp": form["TimeStamp"]}
            for form in self.forms
        ]
        return [data for data in told if data["PlatformOrderNo"] == so_id]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/callbacks/ylh"
    try:
        yield receiver
    finally:
        await runner.cleanup()
