"""Sending one call and learning what came of it: the way out to a supplier, without tokens, repeats or limits.

The transport is asked directly rather than through `httpx.AsyncClient`, whose cookies, redirects, authentication
flows and environment we do not use and which costs as much again as the call (ADR 0003).
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar, runtime_checkable

import httpx

from consumer.domain.errors import Misconfigured, SupplierError
from consumer.observability.logging import get_logger
from consumer.suppliers.answers import read_answer
from consumer.suppliers.arriving import keep, read_arrived, too_large
from consumer.suppliers.excerpts import traced
from consumer.suppliers.operation import MEGABYTE
from consumer.suppliers.transport import CertificateUnfit, HostUnresolvable

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Sequence

    from consumer.suppliers.operation import Operation

T = TypeVar("T")

_log = get_logger(__name__)
_LEVEL: Final = logging.getLogger(__name__)
"""Asked first: a line that nobody wants must not be put together, least of all from bodies."""

Header = tuple[bytes, bytes]

LONGEST_CONNECT: Final = 10.0
"""Seconds for the wait for a connection, and again for making one; less where the call's own time-out is short."""


class CallObserver(Protocol):
    """Hears of every HTTP call, also logins and repeats; for metrics. On the hot path: be quick, do not raise."""

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        """Take note of one call.

        Args:
            supplier: ``ylh`` or ``haier``.
            operation: e.g. ``create``, ``cancel``, ``products``, ``token``.
            outcome: ``ok``, or the error class (DESIGN section 6).
            seconds: from the first step to the last byte of the answer.
            status: of the HTTP answer; None when none came.
        """
        ...


@runtime_checkable
class FailureListener(Protocol):
    """What an observer may be besides: one that also hears why a call failed, in words for a person."""

    def supplier_failed(self, error: SupplierError) -> None:
        """Take note of a call that failed; `CallObserver.supplier_call` was told of it too."""
        ...


class Unobserved:
    """The observer of who does not want to know."""

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        """Let it pass."""


class Caller:
    """Sends single calls over one transport.

    Args:
        transport: any transport of httpx; in the service our own.
        observer: hears of every call.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, observer: CallObserver) -> None:
        self._transport = transport
        self._observer = observer
        self._listener = observer if isinstance(observer, FailureListener) else None

    async def send(
        self,
        operation: Operation[T],
        headers: Sequence[Header],
        body: bytes,
        *,
        limit: float,
        subject: str | None = None,
    ) -> T:
        """POST ``body`` and return what the answer says.

        Args:
            operation: which call.
            headers: all but ``Host`` and ``Content-Length``.
            body: as sent.
            limit: seconds for the whole call, answer included.
            subject: the order or goods, for errors.

        Raises:
            SupplierError: anything else than a success (`consumer.suppliers.answers`).
        """
        began = time.perf_counter()
        content = b""
        try:
            status, answered, content = await self._exchange(operation, headers, body, limit, subject)
            if (intake := operation.intake) is not None and _is_success(status):
                read = await read_arrived(operation, intake, status=status, headers=answered, subject=subject)
            else:
                read = read_answer(operation, status=status, headers=answered, body=content, subject=subject)
        except SupplierError as error:
            seconds = time.perf_counter() - began
            self._observer.supplier_call(
                operation.supplier, operation.name, error.error_class.value, seconds=seconds, status=error.status
            )
            if self._listener is not None:
                self._listener.supplier_failed(error)
            if _LEVEL.isEnabledFor(logging.DEBUG):
                _trace(operation, body, content, outcome=error.error_class.value, status=error.status, seconds=seconds)
            raise
        seconds = time.perf_counter() - began
        self._observer.supplier_call(operation.supplier, operation.name, "ok", seconds=seconds, status=status)
        if _LEVEL.isEnabledFor(logging.DEBUG):
            _trace(operation, body, content, outcome="ok", status=status, seconds=seconds)
        return read

    async def _exchange(
        self, operation: Operation[T], headers: Sequence[Header], body: bytes, limit: float, subject: str | None
    ) -> tuple[int, httpx.Headers, bytes]:
        # Waiting and connecting get two thirds at most: once all the time is gone, something may have been sent.
        waiting = min(LONGEST_CONNECT, limit / 3)
        request = httpx.Request(
            "POST",
            operation.url,
            headers=_request_headers(operation.host, tuple(headers), len(body)),
            stream=httpx.ByteStream(body),
            extensions={
                "target": operation.target,
                "timeout": {"connect": waiting, "pool": waiting, "write": limit, "read": limit},
            },
        )
        try:
            async with asyncio.timeout(limit):
                response = await self._transport.handle_async_request(request)
                try:
                    content = b""
                    status = response.status_code
                    if (intake := operation.intake) is not None and _is_success(status):
                        await keep(_chunks(response), operation, intake, status=status, subject=subject)
                    else:
                        content = await _bounded(response, operation, subject)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TransportError, httpx.DecodingError) as error:
            raise _without_answer(operation, error, limit, subject) from error
        return status, response.headers, content


@lru_cache(maxsize=1024)
def _request_headers(host: bytes, headers: tuple[Header, ...], length: int) -> httpx.Headers:
    # By hand, as httpx works out the same for twice the price of all else here; and kept, as calls differ by the length
    # of their bodies only: putting headers in order is most of what httpx does for a call.
    return httpx.Headers([(b"Host", host), (b"Content-Length", b"%d" % length), *headers])


def _trace(
    operation: Operation[T], request: bytes, answer: bytes, *, outcome: str, status: int | None, seconds: float
) -> None:
    """Write down one call, its bodies masked; those of a login not at all, for they hold what lets one in."""
    bodies = {} if operation.private else {"request_excerpt": traced(request), "answer_excerpt": traced(answer)}
    size = len(answer)
    if operation.intake is not None and not answer:
        size = operation.intake.size
        bodies["answer_excerpt"] = "a list that was not held whole"
    _log.debug(
        "supplier call",
        supplier=operation.supplier,
        operation=operation.name,
        outcome=outcome,
        status=status,
        seconds=round(seconds, 4),
        bytes=size,
        **bodies,
    )


async def _bounded(response: httpx.Response, operation: Operation[T], subject: str | None) -> bytes:
    # With an intake this is no success, whose body is no list either.
    most = operation.largest if operation.intake is None else MEGABYTE
    chunks: list[bytes] = []
    size = 0
    async for chunk in _chunks(response):
        size += len(chunk)
        if size > most:
            raise too_large(operation, most, response.status_code, subject)
        chunks.append(chunk)
    return b"".join(chunks)


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _chunks(response: httpx.Response) -> AsyncIterable[bytes]:
    """Return the body as it came: httpx's own iteration costs several times as much, and unpacks what is not packed."""
    # Not `in response.headers`, which looks for the encoding of all of them first.
    for name, _ in response.headers.raw:
        if name.lower() == b"content-encoding":
            return response.aiter_bytes()
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("the transport gave a synchronous body")
    return response.stream


def _without_answer(operation: Operation[T], error: Exception, limit: float, subject: str | None) -> SupplierError:
    """Return what it means that no answer came: whose fault it is, or whether something was sent."""
    for kinds, code, what in _SET_UP_WRONG:
        if isinstance(error, kinds):
            where = f"{what} ({operation.url.host}: {error}); nothing was sent. Check {operation.settings}"
            return operation.error(Misconfigured, where, code=code, subject=None)
    for kinds, code, what in _NOT_SENT:
        if isinstance(error, kinds):
            return operation.not_sent(f"{what} ({error})", code=code, subject=subject)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return operation.no_answer(f"no answer within {limit:g} s", code="timeout", subject=subject)
    if isinstance(error, httpx.DecodingError):
        return operation.no_answer("the answer cannot be unpacked", code="broken_body", subject=subject)
    return operation.no_answer(f"the connection broke ({error})", code="disconnected", subject=subject)


_Kinds: TypeAlias = type[Exception] | tuple[type[Exception], ...]
_SET_UP_WRONG: Final[tuple[tuple[_Kinds, str, str], ...]] = (
    (HostUnresolvable, "host_unresolvable", "the host does not resolve"),
    (CertificateUnfit, "certificate_unfit", "TLS with the host cannot work"),
    ((httpx.UnsupportedProtocol, httpx.LocalProtocolError), "unusable_url", "the address cannot be called"),
)
_NOT_SENT: Final[tuple[tuple[_Kinds, str, str], ...]] = (
    (httpx.PoolTimeout, "no_connection_free", "no connection became free in time"),
    (httpx.ConnectTimeout, "connect_timeout", "connecting took too long"),
    (httpx.ConnectError, "connect_failed", "connecting failed"),
)
