"""Opening one AMQP connection, with a failure that tells the operator what is wrong and what to do about it.

The library's own errors name frames and futures; an operator needs "wrong password" or "nobody listens there". The
connection is a plain one on purpose: whoever uses it decides what a loss means (publishers report `Unconfirmed`,
subscribers start over), which aio-pika's robust connection would hide.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import aio_pika
import aiormq.connection
from aiormq.exceptions import AMQPError, AuthenticationError, InvalidFrameError, ProbableAuthenticationError
from yarl import URL

from rabbitmq.receiving import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aio_pika.abc import AbstractConnection

HEARTBEAT: Final = 20
"""Seconds. The broker drops a silent client after two of them; aiormq drops a silent broker after three."""

CHANNEL_ERRORS: Final = (AMQPError, OSError, TimeoutError, RuntimeError)
"""What a call on a channel may raise once it, or its connection, is gone; RuntimeError is aiormq's word for that."""

_COMES_THROUGH: Final = 1.0
"""Seconds that a cancelled attempt may take to come through or to end."""

_PORTS: Final = {"amqp": 5672, "amqps": 5671}
_PASSWORD: Final = re.compile(r"^((?:[^:/?#@]*://)?+[^:@/]*):.*@", re.DOTALL)

# aiormq has no other way to be given another: its connections look the class up by this name.
aiormq.connection.FrameReceiver = Receiver  # type: ignore[misc]


class Cause(StrEnum):
    """Why the broker could not be reached; `credentials`, `vhost`, `url` and `tls` do not mend themselves."""

    URL = "url"
    UNRESOLVABLE = "unresolvable"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    CREDENTIALS = "credentials"
    VHOST = "vhost"
    PROTOCOL = "protocol"
    NETWORK = "network"


_LASTING: Final = frozenset({Cause.URL, Cause.TLS, Cause.CREDENTIALS, Cause.VHOST})


class BrokerUnreachable(ConnectionError):
    """No usable connection to the broker: where, why and what to do; never with the password.

    Attributes:
        address: "host:port" as tried.
        cause: one of `Cause`.
        cure: one sentence on what to do.
    """

    def __init__(self, address: str, cause: Cause, what: str, cure: str) -> None:
        super().__init__(f"RabbitMQ at {address} cannot be used: {what}. {cure}")
        self.address = address
        self.cause = cause
        self.cure = cure

    @property
    def is_lasting(self) -> bool:
        """True when waiting will not help: somebody has to change a setting, a user or a virtual host."""
        return self.cause in _LASTING


def redacted(url: str) -> str:
    """`url` with the password replaced by `***`, also when it is no valid URL."""
    return _PASSWORD.sub(r"\1:***@", url)


def address(url: str) -> str:
    """`host:port` of an AMQP URL, for messages and logs; the URL itself, redacted, where it cannot be read."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return redacted(url)
    if not host:
        return redacted(url)
    return f"{host}:{port or _PORTS.get(parts.scheme, 5672)}"


async def connect(url: str, *, name: str, timeout: float = 10, heartbeat: int = HEARTBEAT) -> AbstractConnection:  # noqa: ASYNC109 - handed on to the library, which cleans up after itself
    """Open a plain connection.

    Args:
        url: `amqp://user:password@host:port/vhost` or `amqps://…`; `heartbeat` in its query wins over the argument.
        name: what the broker shows as the connection's name.
        timeout: seconds for name look-up, TCP, TLS and login together.
        heartbeat: seconds.

    Raises:
        BrokerUnreachable: always this one, with the library's error as its cause.
    """
    _check_url(url)
    try:
        full = URL(url) if "heartbeat=" in urlsplit(url).query else URL(url).update_query(heartbeat=heartbeat)
        connection = aio_pika.Connection(full, client_properties={"connection_name": name})
    except ValueError:
        # No chain: the parser quotes pieces of the URL, and one of them may be the password.
        raise _bad_url(url) from None
    opening = asyncio.create_task(connection.connect(timeout=timeout))
    try:
        await asyncio.shield(opening)
    except BaseException as error:
        await _abandon(connection, opening)
        # RuntimeError: what aiormq's reader makes of a peer that hangs up before it has said a word.
        if isinstance(error, AMQPError | OSError | EOFError | RuntimeError) or (
            isinstance(error, asyncio.CancelledError) and not is_cancelled()
        ):
            raise _explained(url, error, timeout) from error
        raise
    return connection


async def _abandon(connection: AbstractConnection, opening: asyncio.Task[None]) -> None:
    """Leave nothing open behind an attempt that failed or was cancelled.

    An attempt that is under way may come through first: cancelled in its last steps, the library would lose sight of a
    connection that is open, and keep it alive by heartbeats for ever.
    """
    await asyncio.wait({opening}, timeout=_COMES_THROUGH)
    if not opening.done():
        opening.cancel()
        await asyncio.wait({opening}, timeout=_COMES_THROUGH)
    if opening.done() and not opening.cancelled():
        # Looked at, so that what became of an attempt that nobody waits for is no line in the log.
        opening.exception()
    # Left open, it would close itself at some later time, in a task of its own.
    await connection.close()


@contextmanager
def own_cancels_only() -> Iterator[None]:
    """Turn a `CancelledError` that nobody sent to this task into the lost connection that it stands for.

    Raises:
        ConnectionError: the connection went during the block.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise ConnectionError("the connection to RabbitMQ went meanwhile") from error


def is_cancelled() -> bool:
    """Tell whether it is the running task that somebody cancels.

    aiormq also raises `CancelledError` for a wait that a dying connection has ended, to tasks that nobody cancelled.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise _bad_url(url)


def _bad_url(url: str) -> BrokerUnreachable:
    cure = "Write it as amqp://user:password@host:5672/vhost and percent-encode / @ : in user and password."
    return BrokerUnreachable(redacted(url), Cause.URL, "this is not an AMQP URL", cure)


def _explained(url: str, error: BaseException, timeout: float) -> BrokerUnreachable:
    # aiormq wraps what the network said in its own error; the network's word is the better one.
    root = error.__cause__ if isinstance(error.__cause__, OSError) else error
    cause, what, cure = _from_login(url, error) or _from_network(url, root, timeout) or _NOT_AMQP
    return BrokerUnreachable(address(url), cause, what, cure)


def _from_login(url: str, error: BaseException) -> tuple[Cause, str, str] | None:
    parts = urlsplit(url)
    user = unquote(parts.username or "guest")
    vhost = unquote(parts.path[1:]) or "/"
    if isinstance(error, ProbableAuthenticationError):
        cure = "Check user and password; the user guest may only log in from the broker's own machine."
        return Cause.CREDENTIALS, f"it refused the login of user {user!r}", cure
    if isinstance(error, AuthenticationError):
        what = "it offers no login mechanism that this client knows"
        return Cause.CREDENTIALS, what, "Enable PLAIN on the broker, or choose another with ?auth= in the URL."
    if isinstance(error, InvalidFrameError) and "Connection.Close" in str(error):
        # RabbitMQ answers connection.open with connection.close 530; aiormq 7.2 reports the frame, not its text.
        what = f"virtual host {vhost!r} does not exist, or user {user!r} has no right to it"
        cure = f"rabbitmqctl add_vhost {vhost}; rabbitmqctl set_permissions -p {vhost} {user} '.*' '.*' '.*'"
        return Cause.VHOST, what, cure
    return None


def _from_network(url: str, root: BaseException, timeout: float) -> tuple[Cause, str, str] | None:
    if isinstance(root, socket.gaierror):
        what = f"the name {urlsplit(url).hostname!r} does not resolve"
        return Cause.UNRESOLVABLE, what, "Check the host in the URL and this machine's DNS."
    if isinstance(root, ssl.SSLError):
        cure = "amqps:// needs a TLS port (usually 5671) and a certificate that this machine trusts (?cafile=)."
        return Cause.TLS, f"TLS failed ({root.reason or root})", cure
    # Where a name has several addresses, asyncio folds their errors into one plain OSError with a text.
    if isinstance(root, ConnectionRefusedError) or (isinstance(root, OSError) and "refused" in str(root).lower()):
        return Cause.REFUSED, "nothing listens there", "Start RabbitMQ, or correct host and port."
    if isinstance(root, TimeoutError):
        return Cause.TIMEOUT, f"no answer within {timeout:g} s", "Check firewall and port; is RabbitMQ still booting?"
    if isinstance(root, OSError) and root.errno is not None:
        return Cause.NETWORK, f"the network said: {root.strerror or root}", "Check the route to it."
    return None


_NOT_AMQP: Final = (
    Cause.PROTOCOL,
    "what listens there does not speak AMQP 0-9-1, or hung up during the login",
    "Check the port: AMQP is usually 5672, TLS 5671; 15672 is the management page.",
)
