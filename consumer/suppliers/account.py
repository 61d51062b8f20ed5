"""One account at a supplier: its tokens, its business calls, and the probe that asks whether they may go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from consumer.domain.errors import Rejected
from consumer.suppliers.authorised import Authorised
from consumer.suppliers.json_text import JSON_HEADERS
from consumer.suppliers.oauth2 import TokenProvider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from consumer.suppliers.authorised import Conduct
    from consumer.suppliers.calling import Caller
    from consumer.suppliers.oauth2 import Grant
    from consumer.suppliers.operation import Operation
    from consumer.suppliers.retrying import Tries

T = TypeVar("T")


class Account:
    """What both clients do alike.

    Args:
        supplier: ``ylh`` or ``haier``.
        login: makes one login.
        caller: sends single calls; the login's too.
        conduct: time-outs, repeats, limits, metrics.
        credentials: the settings that hold the credentials, for error messages.
    """

    def __init__(
        self, supplier: str, login: Callable[[], Awaitable[Grant]], caller: Caller, conduct: Conduct, credentials: str
    ) -> None:
        self._conduct = conduct
        self._probing = conduct.probing()
        self._tokens = TokenProvider(login, supplier=supplier)
        self._calls = Authorised(caller, self._tokens, conduct, JSON_HEADERS, credentials)
        self._probes = Authorised(caller, self._tokens, self._probing, JSON_HEADERS, credentials)

    @property
    def longest(self) -> timedelta:
        """How long one business call takes at most, repeats included."""
        return self._conduct.longest

    def tries(self) -> Tries:
        """Begin the tries of one business call; the deadline runs from here."""
        return self._conduct.tries()

    async def call(
        self, operation: Operation[T], body: bytes, *, subject: str | None = None, tries: Tries | None = None
    ) -> T:
        """Make one business call and return what the answer says.

        Args:
            operation: which call.
            body: JSON.
            subject: the order or goods, for errors.
            tries: from `tries`, where the caller wants to know afterwards what they left open.

        Raises:
            SupplierError: of the last try.
        """
        return await self._calls.call(operation, body, tries or self._conduct.tries(), subject=subject)

    async def login(self) -> None:
        """Log in anew, whether or not there is a token.

        Raises:
            SupplierError: the login failed.
        """
        await self._tokens.renewed()

    async def probe(self, look: Operation[T], body: bytes) -> None:
        """Make ``look`` once, past the brake, to learn whether the supplier answers and lets us in.

        A refusal is an answer, and so is a readable one of any shape: what is asked about does not exist, and what is
        said of it then is not documented. A login alone would not do: the calls behind it may still be refused.

        Raises:
            SupplierError: no answer, or it does not let us in.
            ValueError: ``look`` changes something there.
        """
        operation = look.probe()
        if self._tokens.ready() is None:
            # A call's own login may have to wait after setbacks; a probe is there to try again.
            await self._tokens.renewed()
        try:
            await self._probes.call(operation, body, self._probing.tries())
        except Rejected:
            return

    async def aclose(self) -> None:
        """End a login that is under way."""
        await self._tokens.aclose()
