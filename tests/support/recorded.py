"""A supplier that gives recorded answers over real HTTP, each in every shape that the papers allow.

An answer is written down once, with its amounts and numbers in `n` or `Number`; a `Shape` says how it goes out: bare or
in an envelope, numbers as JSON numbers or as texts, with further fields or without.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping


class Number(str):
    """A number as the papers leave it open: a JSON number or a text, with exactly these digits."""

    __slots__ = ()


class Refused(Exception):
    """A business refusal: HTTP 200 and ``success`` false, in whatever shape the others come."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How answers go out.

    Attributes:
        name: of the test.
        words: the envelope's key for its words; None: the bare value.
        texts: numbers go out as texts.
        more: every object has a field that no paper knows.
        success: the envelope's ``success``, as JSON.
    """

    name: str
    words: str | None
    texts: bool
    more: bool = False
    success: str = "true"

    def value(self, value: Any) -> str:
        """Return ``value`` as JSON, numbers digit by digit."""
        match value:
            case Number():
                return json.dumps(str(value)) if self.texts else str(value)
            case dict():
                more = {"aFieldOfTomorrow": [1, None, "x"]} if self.more else {}
                return "{" + ",".join(f"{json.dumps(k)}:{self.value(v)}" for k, v in (value | more).items()) + "}"
            case list():
                return "[" + ",".join(map(self.value, value)) + "]"
            case _:
                return json.dumps(value, ensure_ascii=False)

    def answer(self, value: Any) -> str:
        """Return the whole body."""
        data = self.value(value)
        if self.words is None:
            return data
        return f'{{"success":{self.success},"code":"200","{self.words}":"成功","data":{data}}}'


SHAPES = (
    Shape("recorded: bare, numbers", None, texts=False),
    Shape("recorded: bare, texts, further fields", None, texts=True, more=True),
    Shape("recorded: envelope with message, numbers, further fields", "message", texts=False, more=True),
    Shape("recorded: envelope with description, texts", "description", texts=True, success='"true"'),
)


@dataclass(slots=True)
class Recorded:
    """A running supplier of recorded answers: where it is, and what it was asked, by the end of the path."""

    url: str
    asked: dict[str, list[Any]]


@asynccontextmanager
async def recorded(shape: Shape, answers: Mapping[str, Callable[[Any], Any]], token: Any) -> AsyncIterator[Recorded]:
    """Serve ``answers`` (by whole path, from the parsed request) in ``shape``; any other path gives the token."""
    asked: dict[str, list[Any]] = {}

    async def answer(request: web.Request) -> web.Response:
        give = answers.get(request.path)
        if give is None:
            status = 200 if "/oauth" in request.path else 404
            return web.Response(status=status, text=json.dumps(token), content_type="application/json")
        if "recorded-token" not in request.headers.get("Authorization", ""):
            return web.Response(status=401)
        body = json.loads(await request.read())
        asked.setdefault(request.path.rsplit("/", 1)[-1], []).append(body)
        try:
            text = shape.answer(give(body))
        except Refused as refusal:
            text = json.dumps({"success": False, "code": "90001", "message": str(refusal)}, ensure_ascii=False)
        return web.Response(text=text, content_type="application/json")

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield Recorded(f"http://{host}:{port}", asked)
    finally:
        await runner.cleanup()
