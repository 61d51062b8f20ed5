"""Haier's login: OAuth's client credentials, but as JSON (SUPPLIERS, Haier, Token)."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx

from consumer.domain.errors import Misconfigured, SupplierError
from consumer.settings import ENVIRONMENT
from consumer.suppliers.haier.wire import TokenWire, read_token
from consumer.suppliers.json_text import JSON_HEADERS, encode
from consumer.suppliers.oauth2 import LIFETIME, Grant, login_error
from consumer.suppliers.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.settings import HaierSettings, Origin
    from consumer.suppliers.calling import Caller

_CREDENTIALS: Final = "HAIER_CLIENT_ID, HAIER_CLIENT_SECRET and HAIER_AUTH_SCHEME"
_ADDRESS: Final = "HAIER_TOKEN_URL and HAIER_BASE_URL"

LEAST_TIME: Final = 1.0
"""Seconds for the second address, however slowly the first one said that it is not there."""

_FIRST, _SECOND = "/oauth2/auth", "/oauth2/token"


class HaierLogin:
    """Logs in at Haier; a call of it makes one login, at the other address where one answers 404.

    Args:
        settings: of the account.
        caller: sends single calls.
        limit: seconds for the login, both addresses together.
        origin: where the settings stand.

    Attributes:
        credentials: the settings that hold the credentials, for error messages.
    """

    def __init__(self, settings: HaierSettings, caller: Caller, limit: float, origin: Origin = ENVIRONMENT) -> None:
        self.credentials = origin.naming(_CREDENTIALS)
        self._caller = caller
        self._limit = limit
        self._scheme = settings.auth_scheme
        self._operations = tuple(_token(url, origin.naming(_ADDRESS)) for url in _addresses(settings.token_url))
        self._body = encode(
            {
                "client_id": settings.client_id,
                "client_secret": settings.client_secret.get_secret_value(),
                "grant_type": "client_credentials",
            }
        )

    async def __call__(self) -> Grant:
        """Log in.

        Raises:
            SupplierError: as `consumer.suppliers.oauth2.login_error` says.
        """
        try:
            token = await self._asked()
        except SupplierError as error:
            raise login_error(error, self.credentials) from error
        return Grant(f"{self._scheme} {token.token}".strip(), token.expires_in or LIFETIME)

    async def _asked(self) -> TokenWire:
        until = time.monotonic() + self._limit
        known, *others = self._operations
        try:
            return await self._send(known, self._limit)
        except Misconfigured as missing:
            if missing.status != HTTPStatus.NOT_FOUND or not others:
                raise
        token = await self._send(others[0], max(until - time.monotonic(), LEAST_TIME))
        # Also back again: whoever moved the endpoint once may do so twice, and no restart should be needed.
        self._operations = (others[0], known)
        return token

    async def _send(self, operation: Operation[TokenWire], limit: float) -> TokenWire:
        return await self._caller.send(operation, JSON_HEADERS, self._body, limit=limit)


def _addresses(url: str) -> Sequence[str]:
    """Return where the token may be: ``/oauth2/token`` beside ``/oauth2/auth``, and any other address as it is."""
    root = url.removesuffix(_FIRST)
    return (url,) if root == url else (url, root + _SECOND)


def _token(url: str, settings: str) -> Operation[TokenWire]:
    return Operation(
        supplier="haier",
        name="token",
        url=httpx.URL(url),
        changes=False,
        read=read_token,
        settings=settings,
        private=True,
    )
