"""Haier's login: OAuth's client credentials, but as JSON (SUPPLIERS, Haier, Token)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from consumer.domain.errors import Misconfigured, SupplierError
from consumer.suppliers.haier.wire import TokenWire, read_token
from consumer.suppliers.json_text import JSON_HEADERS, encode
from consumer.suppliers.oauth2 import LIFETIME, Grant, login_error
from consumer.suppliers.operation import Operation

if TYPE_CHECKING:
    from consumer.settings import HaierSettings
    from consumer.suppliers.calling import Caller

CREDENTIALS: Final = "HAIER_CLIENT_ID, HAIER_CLIENT_SECRET and HAIER_AUTH_SCHEME"

_FIRST, _SECOND = "/oauth2/auth", "/oauth2/token"
_NOT_FOUND = 404


class HaierLogin:
    """Logs in at Haier; a call of it makes one login, at the second address once the first has answered 404."""

    def __init__(self, settings: HaierSettings, caller: Caller, limit: float) -> None:
        self._caller = caller
        self._limit = limit
        self._scheme = settings.auth_scheme
        self._operation = _token(settings.token_url)
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
            raise login_error(error, CREDENTIALS) from error
        return Grant(f"{self._scheme} {token.token}".strip(), token.expires_in or LIFETIME)

    async def _asked(self) -> TokenWire:
        try:
            return await self._send(self._operation)
        except Misconfigured as missing:
            url = str(self._operation.url)
            if missing.status != _NOT_FOUND or not url.endswith(_FIRST):
                raise
            second = _token(url.removesuffix(_FIRST) + _SECOND)
            token = await self._send(second)
            self._operation = second
            return token

    async def _send(self, operation: Operation[TokenWire]) -> TokenWire:
        return await self._caller.send(operation, JSON_HEADERS, self._body, limit=self._limit)


def _token(url: str) -> Operation[TokenWire]:
    return Operation(
        supplier="haier",
        name="token",
        url=httpx.URL(url),
        changes=False,
        read=read_token,
        settings="HAIER_TOKEN_URL and HAIER_BASE_URL",
        private=True,
    )
