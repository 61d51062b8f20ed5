"""What a fault does to one call: spoils the answer, holds it back, or ends the connection."""

import asyncio
import math
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate

from aiohttp import web

from sandbox.faults import Kind, Rule
from sandbox.performance import Performance
from sandbox.wire import REASONS, Answer, HttpRefusal, dumped, http_refused

OTHER_SHAPE = dumped({"result": {"rows": [{"unexpected": True}]}, "version": 2})
HTML = "<html><head><title>维护中</title></head><body>系统维护中，请稍后再试</body></html>"
NOT_APPLIED = Answer(200, dumped({"success": True, "code": "200", "message": "成功", "data": None}))
CUT_HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Len"
DRIPS = 20
PADDING = b" " * 65_536
# SO_LINGER on with time 0: closing sends RST instead of FIN.
RESETTING = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Streamed(Answer):
    """An answer that is sent bit by bit: over so many seconds, and padded with spaces to so many bytes."""

    over: float = 0
    size: int = 0


class Clock:
    """Waiting that a stop cuts short, so that no held answer holds the server."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()
        self._late: set[asyncio.Task[Answer]] = set()

    async def pause(self, seconds: float | None) -> None:
        """Wait ``seconds`` (None: for ever), or until the server stops."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    async def later(self, seconds: float, effect: Callable[[], Answer]) -> Answer:
        """Have an effect after ``seconds`` even if whoever waits for it is cancelled meanwhile."""

        async def wait() -> Answer:
            await self.pause(seconds)
            return effect()

        task = asyncio.get_running_loop().create_task(wait())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return await asyncio.shield(task)

    async def stop(self) -> None:
        """End every wait; late effects happen now."""
        self._stopped.set()
        await asyncio.gather(*self._late)


class Connection:
    """The client's connection, as far as a fault takes hold of it."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request

    def close(self) -> None:
        """End it in order, without an answer."""
        self._request.protocol.force_close()

    def reset(self) -> None:
        """End it with a reset."""
        transport = self._request.transport
        if transport is not None:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETTING)
            transport.abort()

    def cut_headers(self) -> None:
        """Begin an answer, and end in the middle of its headers."""
        transport = self._request.transport
        if transport is not None:
            transport.write(CUT_HEADERS)
        self.close()

    async def stream(self, answer: Streamed, clock: Clock) -> web.StreamResponse:
        """Send the whole answer slowly or with its padding, and keep the connection."""
        size = max(answer.size, len(answer.body))
        response = web.StreamResponse(
            status=answer.status, headers={"Content-Type": answer.content_type, "Content-Length": str(size)}
        )
        await response.prepare(self._request)
        step = max(1, math.ceil(len(answer.body) / DRIPS)) if answer.over else len(answer.body)
        for begin in range(0, len(answer.body), step):
            await response.write(answer.body[begin : begin + step])
            await clock.pause(answer.over / DRIPS)
        for left in range(size - len(answer.body), 0, -len(PADDING)):
            await response.write(PADDING[:left])
        await response.write_eof()
        return response

    async def half(self, answer: Answer) -> None:
        """Announce the whole body, send half of it, then end."""
        response = web.StreamResponse(
            status=answer.status,
            headers={"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))},
        )
        await response.prepare(self._request)
        await response.write(answer.body[: len(answer.body) // 2])
        self.close()


async def perform(rule: Rule, call: Performance, connection: Connection, clock: Clock) -> Answer | None:
    """Let ``rule`` have its effect on ``call``; None where the connection was ended instead of an answer."""
    if rule.effect is Kind.LATE_EFFECT:
        return await clock.later(rule.seconds or 0, call.carry_out)
    answer = _answer(rule, call)
    if rule.seconds and rule.effect is not Kind.DRIP:
        await clock.pause(rule.seconds)
    return None if await _ended(rule.effect, answer, connection, clock) else answer


async def _ended(effect: Kind, answer: Answer, connection: Connection, clock: Clock) -> bool:
    """Whether this effect ends the connection in place of the answer; if so it has."""
    match effect:
        case Kind.HANG:
            await clock.pause(None)
            connection.close()
        case Kind.LOST_ANSWER:
            connection.close()
        case Kind.RESET:
            connection.reset()
        case Kind.TRUNCATE:
            await connection.half(answer)
        case Kind.CUT_HEADERS:
            connection.cut_headers()
        case _:
            return False
    return True


def _answer(rule: Rule, call: Performance) -> Answer:
    """The effect on the supplier's books now, and the answer as the fault spoils it."""
    instead = INSTEAD.get(rule.effect)
    if instead is not None:
        return instead(rule, call)
    return SPOILT[rule.effect](rule, call.carry_out() if rule.is_applied else NOT_APPLIED)


def _status(rule: Rule) -> Answer:
    status = rule.status or 500
    headers = _retry_after(rule)
    if rule.body is None:
        return http_refused(HttpRefusal(status, REASONS.get(status), headers))
    return Answer(status, rule.body.encode(), headers=headers)


def _retry_after(rule: Rule) -> dict[str, str]:
    if rule.retry_after_date is not None:
        # A date has whole seconds: rounded up, so that it is never sooner than was asked for.
        return {"Retry-After": formatdate(math.ceil(time.time() + rule.retry_after_date), usegmt=True)}
    return {} if rule.retry_after is None else {"Retry-After": rule.retry_after}


def _redirect(rule: Rule, _answer: Answer) -> Answer:
    return Answer(rule.status or 302, b"", headers={"Location": rule.location})


def _streamed(rule: Rule, answer: Answer) -> Answer:
    slowly, padded = rule.effect is Kind.DRIP, rule.effect is Kind.HUGE_BODY
    return Streamed(
        answer.status,
        answer.body,
        answer.content_type,
        over=(rule.seconds or 0) if slowly else 0,
        size=rule.size if padded else 0,
    )


def _cut(_rule: Rule, answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) * 2 // 3])


def _other_shape(rule: Rule, answer: Answer) -> Answer:
    return replace(answer, body=OTHER_SHAPE if rule.body is None else rule.body.encode())


def _page(rule: Rule, answer: Answer) -> Answer:
    page = HTML if rule.body is None else rule.body
    return replace(answer, body=page.encode(), content_type="text/html; charset=utf-8")


def _unchanged(_rule: Rule, answer: Answer) -> Answer:
    return answer


INSTEAD: Mapping[Kind, Callable[[Rule, Performance], Answer]] = {
    Kind.EXPIRE_TOKEN: lambda _rule, call: call.expire(),
    Kind.REVOKE_TOKENS: lambda _rule, call: call.revoke(),
    Kind.REFUSE: lambda rule, call: call.refuse(rule.code, rule.message),
    Kind.NO_ORDER_NUMBER: lambda _rule, call: call.carry_out(order_number=False),
    Kind.ENVELOPE: lambda _rule, call: call.carry_out("envelope"),
    Kind.BARE: lambda _rule, call: call.carry_out("bare"),
    Kind.DELAY: lambda _rule, call: call.carry_out(),
}
SPOILT: Mapping[Kind, Callable[[Rule, Answer], Answer]] = {
    Kind.STATUS: lambda rule, _answer: _status(rule),
    Kind.REDIRECT: _redirect,
    Kind.BROKEN_JSON: _cut,
    Kind.OTHER_SHAPE: _other_shape,
    Kind.WRONG_CONTENT_TYPE: _page,
    Kind.HANG: _unchanged,
    Kind.LOST_ANSWER: _unchanged,
    Kind.RESET: _unchanged,
    Kind.TRUNCATE: _unchanged,
    Kind.CUT_HEADERS: _unchanged,
    Kind.DRIP: _streamed,
    Kind.HUGE_BODY: _streamed,
}
