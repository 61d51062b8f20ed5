"""The HTTP side: one address, POST only, one bounded form in, one answer out; one log line and one count for each.

Written on ASGI itself: routes, middleware, request and response objects would cost as much again as reading, checking
and publishing a callback (DESIGN section 13), and there is one route.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from consumer.callbacks import answers
from consumer.callbacks.form import LARGEST, is_form
from consumer.callbacks.limiting import RefusedCalls
from consumer.callbacks.receiving import Came, Outcome
from consumer.observability.logging import get_logger
from consumer.suppliers.fields import SHANGHAI

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from consumer.callbacks.receiving import Receiving

log = get_logger(__name__)

PATH: Final = "/callbacks/ylh"
AT_ONCE: Final = 500
"""Forms in hand at once: at the hundred a second that YLH speaks of, five seconds' worth."""
_SWALLOWED: Final = 1_048_576
"""Bytes of a body that is too large which are read and thrown away, so that the caller gets to read the answer."""


class Observer(Protocol):
    """Told about each call once; metrics hang here."""

    def callback(self, method: str, outcome: str) -> None:
        """Count a call."""
        ...


class _TooLarge(Exception):
    pass


class _Gone(Exception):
    pass


class CallbacksApp:
    """An ASGI app with `PATH` and nothing else.

    Args:
        receiving: takes forms in.
        observer: told about each call.
    """

    def __init__(self, receiving: Receiving, observer: Observer) -> None:
        self._receiving = receiving
        self._observer = observer
        self._refused = RefusedCalls()
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.perf_counter()
        try:
            came = await self._came(scope, receive)
        except _Gone:
            # Nobody is there to be answered; of a form that is not whole nothing can be told.
            return
        peer = scope["client"][0] if scope.get("client") else "unknown"
        explained = came.signed or self._refused.explained(peer, time.monotonic())
        if not explained and came.outcome is not Outcome.BUSY:
            came = Came(answers.LIMITED, Outcome.LIMITED)
        self._observer.callback(came.method, came.outcome.value)
        if explained:
            _tell(came, peer, time.perf_counter() - began)
        await _answer(send, came)

    async def _came(self, scope: Scope, receive: Receive) -> Came:
        if scope["path"] != PATH:
            return Came(answers.NOT_HERE, Outcome.MALFORMED, code=answers.NOT_HERE.code)
        if scope["method"] != "POST":
            return Came(answers.NOT_POST, Outcome.MALFORMED, code=answers.NOT_POST.code)
        headers = dict(scope["headers"])
        if not is_form(headers.get(b"content-type", b"").decode("latin-1")) or b"content-encoding" in headers:
            return Came(answers.NOT_THIS_TYPE, Outcome.MALFORMED, code=answers.NOT_THIS_TYPE.code)
        try:
            body = await _body(receive)
        except _TooLarge:
            return Came(answers.TOO_LARGE, Outcome.MALFORMED, code=answers.TOO_LARGE.code)
        return await self._form(body)

    async def _form(self, body: bytes) -> Came:
        # Only what is signed stays in hand for longer than a moment, so nobody else can take these places.
        if self._in_hand >= AT_ONCE:
            return Came(answers.BUSY, Outcome.BUSY)
        self._in_hand += 1
        try:
            return await self._receiving.receive(body)
        finally:
            self._in_hand -= 1


async def _body(receive: Receive) -> bytes:
    """Return the whole body; one that is too large is not kept while it is read."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body") and len(message["body"]) <= LARGEST:
        return bytes(message["body"])
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= LARGEST:
            parts.append(part)
        else:
            parts.clear()
        more = message.get("more_body", False)
        if size > LARGEST and (not more or size > _SWALLOWED):
            raise _TooLarge
        if not more:
            return b"".join(parts)
        message = await receive()
    raise _Gone


def _tell(came: Came, peer: str, seconds: float) -> None:
    """Write the call's one line; of a caller who has not signed nothing but the address."""
    fields: dict[str, object] = {"outcome": came.outcome.value, "status": came.answer.status}
    if came.signed:
        fields["method"] = came.method
    else:
        fields["host"] = peer
    if came.code is not None:
        fields["code"] = came.code
    if came.event is not None:
        fields["event_id"] = came.event.id
        fields["platform_order_no"] = came.event.platform_order_no
    write = log.info if came.answer.taken else log.warning
    write("callback", **fields, duration_ms=round(seconds * 1000, 1))


async def _answer(send: Send, came: Came) -> None:
    answer = came.answer
    body = answer.body(datetime.now(SHANGHAI), came.event.platform_order_no if came.event is not None else "")
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
    ]
    if answer.retry_after is not None:
        headers.append((b"retry-after", b"%d" % answer.retry_after))
    if answer is answers.NOT_POST:
        headers.append((b"allow", b"POST"))
    if not came.signed:
        # Whatever else it has to say, it may say on a new connection.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
