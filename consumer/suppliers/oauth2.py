"""One token for each account, however many calls want it: single-flight login, refresh ahead of time, generations.

A token has a generation. A 401 takes away only the generation that was used, so that of fifty calls refused together
one logs in and the others find the new token. Whether a generation was ever accepted tells an expiry (log in again)
from wrong credentials (pause; DESIGN section 6, ``auth``).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import Malformed, Misconfigured, Rejected, SupplierError, Unauthorised
from consumer.observability.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = get_logger(__name__)

LIFETIME: Final = 3600.0
"""Seconds that a token lives if the answer does not say (SUPPLIERS, Haier, Token)."""
REFRESH_AHEAD: Final = 600.0
"""Seconds before its end that a token is renewed (SUPPLIERS, Common facts)."""
NEXT_REFRESH: Final = 30.0
"""Seconds until the next attempt after a refresh ahead of time failed; the old token serves on."""


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """What a login brought: the value of the ``Authorization`` header, and how many seconds it lives."""

    authorization: str
    lifetime: float


@dataclass(slots=True, repr=False, eq=False)
class Token:
    """A token in use. ``accepted`` becomes True with the first call that the supplier let in."""

    authorization: bytes
    generation: int
    expires_at: float
    accepted: bool = False


class TokenProvider:
    """Holds the token of one account.

    Args:
        login: makes one login; raises `SupplierError`.
        supplier: for log lines.
        clock: seconds, never going back.
    """

    def __init__(
        self, login: Callable[[], Awaitable[Grant]], *, supplier: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._login = login
        self._supplier = supplier
        self._clock = clock
        self._token: Token | None = None
        self._refresh_at = 0.0
        self._generation = 0
        self._flight: asyncio.Task[Token] | None = None

    def ready(self) -> Token | None:
        """Return the token if it lives, else None: there has to be a login (`renewed`).

        In the last minutes of its life a token is renewed in the background while it goes on serving.
        """
        token, now = self._token, self._clock()
        if token is None or now >= token.expires_at:
            return None
        if now >= self._refresh_at:
            self._refresh_at = now + NEXT_REFRESH
            self._take_off()
        return token

    async def renewed(self) -> Token:
        """Log in, or join the login that is under way; a waiter that is cancelled does not harm the others.

        Raises:
            SupplierError: the login failed (`login_error`).
        """
        return await asyncio.shield(self._take_off())

    def drop(self, token: Token) -> None:
        """Forget ``token``, which was refused, unless a newer one has taken its place."""
        if self._token is token:
            self._token = None

    async def aclose(self) -> None:
        """End a login that is under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    def _take_off(self) -> asyncio.Task[Token]:
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly(), name=f"login at {self._supplier}")
            self._flight.add_done_callback(self._landed)
        return self._flight

    async def _fly(self) -> Token:
        grant = await self._login()
        now = self._clock()
        self._generation += 1
        # A short life shrinks the margin with it: ten minutes of an hour are a sixth.
        margin = min(REFRESH_AHEAD, grant.lifetime * REFRESH_AHEAD / LIFETIME)
        self._refresh_at = now + grant.lifetime - margin
        self._token = Token(grant.authorization.encode("latin-1"), self._generation, now + grant.lifetime)
        return self._token

    def _landed(self, flight: asyncio.Task[Token]) -> None:
        self._flight = None
        if flight.cancelled():
            return
        error = flight.exception()
        if error is None:
            _log.info("logged in", supplier=self._supplier)
        elif isinstance(error, SupplierError):
            # Waiters get the error too; this line is for the refresh ahead of time, which has none.
            _log.warning(
                "login failed",
                supplier=self._supplier,
                error_class=error.error_class.value,
                code=error.code,
                status=error.status,
            )
        else:
            _log.error("login failed", supplier=self._supplier, exc_info=error)


def login_error(error: SupplierError, settings: str) -> SupplierError:
    """Return what a failed login means for the call that wanted a token: never that an order is refused or parked.

    Args:
        error: as raised by the call to the token endpoint.
        settings: which settings hold the credentials, for the one sentence that cures it.
    """
    match error:
        case Rejected(status=status) if status not in {200, 400}:
            kind, what = Misconfigured, f"the token endpoint refused the request (HTTP {status})"
        case Rejected() | Unauthorised():
            return Unauthorised(
                f"{error.supplier} refused the login (HTTP {error.status}): check {settings}",
                code="login_refused",
                supplier=error.supplier,
                operation=error.operation,
                expired=False,
                supplier_message=error.supplier_message,
                status=error.status,
            )
        case Malformed():
            kind, what = Misconfigured, f"the token endpoint gave no token ({error.message})"
        case _:
            return error
    return kind(
        f"{error.supplier}: {what}: check {settings}",
        code="login_unusable",
        supplier=error.supplier,
        operation=error.operation,
        supplier_code=error.supplier_code,
        supplier_message=error.supplier_message,
        status=error.status,
    )
