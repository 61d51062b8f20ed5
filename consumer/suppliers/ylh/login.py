"""YLH's login: OAuth's password grant, form-encoded (SUPPLIERS, YLH, Token)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from consumer.domain.errors import SupplierError
from consumer.suppliers.oauth2 import LIFETIME, Grant, login_error
from consumer.suppliers.operation import Operation
from consumer.suppliers.ylh.addresses import token_address
from consumer.suppliers.ylh.wire import TokenWire, read_token

if TYPE_CHECKING:
    from consumer.settings import YlhSettings
    from consumer.suppliers.calling import Caller

CREDENTIALS: Final = "YLH_USERNAME, YLH_PASSWORD, YLH_CLIENT_ID, YLH_CLIENT_SECRET"


class YlhLogin:
    """Logs in at YLH; a call of it makes one login."""

    def __init__(self, settings: YlhSettings, caller: Caller, limit: float) -> None:
        self._caller = caller
        self._limit = limit
        self._operation: Operation[TokenWire] = Operation(
            supplier="ylh",
            name="token",
            url=token_address(settings),
            changes=False,
            read=read_token,
            settings="YLH_BASE_URL, YLH_ENV and YLH_AUTH_URL",
            private=True,
        )
        basic = b64encode(f"{settings.client_id}:{settings.client_secret.get_secret_value()}".encode())
        self._headers = (
            (b"Content-Type", b"application/x-www-form-urlencoded"),
            (b"Accept", b"application/json"),
            (b"Authorization", b"Basic " + basic),
            (b"system-name", b"ylh-open-api"),
        )
        self._body = urlencode(
            {
                "grant_type": "password",
                "username": settings.username,
                "password": settings.password.get_secret_value(),
            }
        ).encode()

    async def __call__(self) -> Grant:
        """Log in.

        Raises:
            SupplierError: as `consumer.suppliers.oauth2.login_error` says.
        """
        try:
            token = await self._caller.send(self._operation, self._headers, self._body, limit=self._limit)
        except SupplierError as error:
            raise login_error(error, CREDENTIALS) from error
        return Grant(f"{token.token_type or 'bearer'} {token.access_token}", token.expires_in or LIFETIME)
