"""One token for each account, however many calls want it: single-flight login, refresh ahead of time, generations.

A token has a generation. A 401 takes away only the generation that was used, so that of fifty calls refused together
one logs in and the others find the new token. Whether a generation was ever accepted tells an expiry (log in again)
from wrong credentials (pause; DESIGN section 6, ``auth``); the case between the two stands in
`consumer.suppliers.setbacks`.

    ready      the token, if it lives; in its last minutes it is renewed in the background while it goes on serving
    obtain     join the login under way, or begin one once the pause after the last setback is over
    renewed    log in now: probes, ``relay doctor``
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from consumer.domain.errors import Malformed, Misconfigured, Rejected, SupplierError, Transient, Unauthorised
from consumer.observability.logging import get_logger
from consumer.suppliers.setbacks import Setbacks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = get_logger(__name__)

LIFETIME: Final = 3600.0
"""Seconds that a token lives if the answer does not say (SUPPLIERS, Haier, Token)."""
SHORTEST_LIFE: Final = 1.0
"""Seconds that a token lives at least, whatever the answer says: else each call would log in again and again."""
REFRESH_AHEAD: Final = 600.0
"""Seconds before its end that a token is renewed (SUPPLIERS, Common facts)."""
FIRST_REFRESH_PAUSE: Final = 1 / 20
"""Share of those ten minutes until the next attempt after a refresh ahead of time failed: half a minute, then twice as
long each time; the old token serves on."""
LONGEST_REFRESH_PAUSE: Final = 1 / 4
"""Share of the ten minutes that such a pause grows to."""


_WELL: Final = ("ok", "ok", None)
"""As a login that worked is remembered for the log."""


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """What a login brought: the value of the ``Authorization`` header, and how many seconds it lives."""

    authorization: str
    lifetime: float


@dataclass(slots=True, repr=False, eq=False)
class Token:
    """A token in use; ``accepted`` once the supplier has let a call in with it (`TokenProvider.let_in`)."""

    authorization: bytes
    generation: int
    expires_at: float
    accepted: bool = False


class TokenProvider:
    """Holds the token of one account.

    Args:
        login: makes one login; raises `SupplierError`. It ends by itself (`Timeouts.token`).
        supplier: for log lines and errors.
        clock: seconds, never going back.
        sleep: waits for so many seconds of ``clock``.
    """

    def __init__(
        self,
        login: Callable[[], Awaitable[Grant]],
        *,
        supplier: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._login = login
        self._supplier = supplier
        self._clock = clock
        self._sleep = sleep
        self._setbacks = Setbacks(clock)
        self._token: Token | None = None
        self._refresh_at = self._refresh_pause = self._longest_refresh_pause = 0.0
        self._generation = 0
        self._flight: asyncio.Task[Token] | None = None
        self._closed = False
        # What was logged last of a login: its class, code and status.
        self._told: tuple[str, str, int | None] | None = None

    def ready(self) -> Token | None:
        """Return the token if it lives, else None: there has to be a login (`obtain`)."""
        token, now = self._token, self._clock()
        if token is None or now >= token.expires_at:
            return None
        if now >= self._refresh_at and not self._closed:
            self._refresh_at = now + self._refresh_pause
            self._refresh_pause = min(2 * self._refresh_pause, self._longest_refresh_pause)
            self._take_off(0.0)
        return token

    async def obtain(self) -> Token:
        """Join the login that is under way, or log in once the pause after the last setback is over.

        However many wait, and however many of them are cancelled, there is one login, and all get what it brings.

        Raises:
            SupplierError: the login failed (`login_error`); or what the last one said, while its pause lasts and it
                would pause the lane anyway.
        """
        if self._flight is None:
            standing = self._setbacks.standing()
            if standing is not None:
                # One error for many tasks: without this its traceback would grow with each.
                raise standing.with_traceback(None)
        return await self._landing(self._take_off(self._setbacks.pause()))

    async def renewed(self) -> Token:
        """Log in now, whether or not there is a token, or join the login that is under way.

        Raises:
            SupplierError: the login failed (`login_error`).
        """
        return await self._landing(self._take_off(0.0))

    def let_in(self, token: Token) -> None:
        """Take note that the supplier let a call in with ``token``, whatever it said to the call itself."""
        if not token.accepted:
            token.accepted = True
            self._setbacks.let_in()

    def refused(self, token: Token, error: Unauthorised) -> bool:
        """Forget ``token``, which a 401 refused, unless a newer one has taken its place.

        Args:
            token: as sent with the call.
            error: what its user is told if this is no expiry.

        Returns:
            Whether it is an expiry, so that a new login is worth it: calls were let in with it; or a newer one has
            been issued, so that nothing follows from the end of this one; or the account is known to be good
            (`consumer.suppliers.setbacks`).
        """
        if self._token is token:
            self._token = None
            if not token.accepted:
                self._setbacks.token_in_vain(error)
        return token.accepted or token.generation < self._generation or not self._setbacks.account_in_doubt

    def forbidden(self, token: Token, error: Unauthorised) -> None:
        """Forget ``token``, which a 403 turned away, unless a newer one has taken its place.

        Permissions may be part of a token: once they are granted, only a new one has them.
        """
        if self._token is token:
            self._token = None
            self._setbacks.forbidden(error)

    async def aclose(self) -> None:
        """End a login that is under way; there is none afterwards."""
        self._closed = True
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    async def _landing(self, flight: asyncio.Task[Token]) -> Token:
        # Not awaited itself: who waits may be cancelled, the login not.
        await asyncio.wait([flight])
        if flight.cancelled():
            raise self._error(Transient, "the client was closed before there was a token; nothing was sent", "closed")
        return flight.result()

    def _take_off(self, pause: float) -> asyncio.Task[Token]:
        if self._closed:
            raise self._error(Transient, "the client is closed; nothing was sent", "closed")
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly(pause), name=f"login at {self._supplier}")
            self._flight.add_done_callback(self._landed)
        return self._flight

    async def _fly(self, pause: float) -> Token:
        if pause:
            await self._sleep(pause)
        grant = await self._login()
        if not (grant.authorization.isascii() and grant.authorization.isprintable()):
            raise self._error(Misconfigured, "the login's token cannot be sent in a header", "login_unusable")
        lifetime = max(grant.lifetime, SHORTEST_LIFE) if math.isfinite(grant.lifetime) else LIFETIME
        now = self._clock()
        # A short life shrinks the margin with it: ten minutes of an hour are a sixth.
        margin = min(REFRESH_AHEAD, lifetime * REFRESH_AHEAD / LIFETIME)
        self._refresh_at = now + lifetime - margin
        self._refresh_pause = margin * FIRST_REFRESH_PAUSE
        self._longest_refresh_pause = margin * LONGEST_REFRESH_PAUSE
        self._generation += 1
        self._token = Token(grant.authorization.encode(), self._generation, now + lifetime)
        return self._token

    def _landed(self, flight: asyncio.Task[Token]) -> None:
        self._flight = None
        if flight.cancelled():
            return
        error = flight.exception()
        if error is None:
            self._setbacks.login_worked()
            tell = _log.debug if self._told == _WELL else _log.info
            self._told = _WELL
            tell("logged in", supplier=self._supplier)
        elif isinstance(error, SupplierError):
            self._setbacks.login_failed(error)
            # Waiters get the error too; this line is for the refresh ahead of time, which has none. Once for each
            # change: a supplier that nobody calls is tried every minute.
            told = (error.error_class.value, error.code, error.status)
            tell = _log.debug if self._told == told else _log.warning
            self._told = told
            tell(
                "login failed",
                supplier=self._supplier,
                error_class=error.error_class.value,
                code=error.code,
                status=error.status,
            )
        else:
            self._setbacks.login_failed(None)
            _log.error("login failed", supplier=self._supplier, exc_info=error)

    def _error(self, kind: type[Transient | Misconfigured], what: str, code: str) -> SupplierError:
        return kind(f"{self._supplier}.token: {what}", code=code, supplier=self._supplier, operation="token")


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
            # Where the address is not on the supplier's list, no credentials help.
            where = " and whether this machine's IP address is allowed" if error.status == HTTPStatus.FORBIDDEN else ""
            return Unauthorised(
                f"{error.supplier} refused the login (HTTP {error.status}): check {settings}{where}",
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
