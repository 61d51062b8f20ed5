"""A business call as a whole: gate, token, the call, a new login after an expiry, repeats under one deadline."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from consumer.domain.errors import Rejected, Resting, SupplierError, Unauthorised
from consumer.domain.recoverability import Policy
from consumer.suppliers.calling import Caller, CallObserver, Unobserved
from consumer.suppliers.limits import Brake, Gate, Quota, Released, Timeouts, Unlimited
from consumer.suppliers.retrying import Tries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from consumer.settings import LimitSettings
    from consumer.suppliers.calling import Header
    from consumer.suppliers.oauth2 import Token, TokenProvider
    from consumer.suppliers.operation import Operation

T = TypeVar("T")

LOGIN_CONNECTIONS: Final = 4
"""So that a login finds a connection although every call waits for an answer."""

MOST_LOGINS: Final = 3
"""New logins within one message's call (DESIGN section 6, ``auth``)."""

LEAST_TIME: Final = 0.5
"""Share of a call's time-out that must be left when it is sent: cut short, it would end as an unknown outcome."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How calls to a supplier are made.

    Attributes:
        timeouts: of a login and of a call.
        policy: what is repeated at once.
        at_once: business calls under way together.
        observer: hears of every HTTP call.
        quota: of the account.
        brake: of the supplier.
        longest: the deadline of one business call; a lease on what it changes must outlast it.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    policy: Policy = field(default_factory=Policy)
    at_once: int = 100
    observer: CallObserver = field(default_factory=Unobserved)
    quota: Quota = field(default_factory=Unlimited)
    brake: Brake = field(default_factory=Released)
    longest: timedelta = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "longest", self.timeouts.total(self.policy))

    @property
    def connections(self) -> int:
        """Slots that the supplier's transport needs: one for each call, and some for logins beside them."""
        return self.at_once + LOGIN_CONNECTIONS

    @classmethod
    def of(
        cls,
        limits: LimitSettings,
        *,
        policy: Policy,
        observer: CallObserver,
        at_once: int,
        quota: Quota,
        brake: Brake,
    ) -> Conduct:
        """Return the conduct that the settings ask for; ``policy`` says how often a call is repeated at once."""
        timeouts = Timeouts(limits.token_timeout.total_seconds(), limits.supplier_timeout.total_seconds())
        return cls(timeouts, policy, at_once, observer, quota, brake)

    def probing(self) -> Conduct:
        """Return the conduct of a probe: one try, also while the supplier is at rest."""
        return replace(self, policy=replace(self.policy, immediate_retries=0), brake=Released())

    def tries(self) -> Tries:
        """Begin the tries of one business call; the deadline runs from here."""
        return Tries(self.policy, self.longest)


class Authorised:
    """Business calls of one account.

    Args:
        caller: sends single calls.
        tokens: the account's tokens.
        conduct: time-outs and limits.
        headers: of every call, without ``Authorization``.
        credentials: the settings that hold the credentials, for error messages.
    """

    def __init__(
        self, caller: Caller, tokens: TokenProvider, conduct: Conduct, headers: Sequence[Header], credentials: str
    ) -> None:
        self._caller = caller
        self._tokens = tokens
        self._conduct = conduct
        self._headers = tuple(headers)
        self._credentials = credentials
        self._gate = Gate(conduct.at_once, conduct.quota, conduct.brake)

    async def call(self, operation: Operation[T], body: bytes, tries: Tries, *, subject: str | None = None) -> T:
        """Make the call, with its repeats, and return what the answer says.

        Raises:
            SupplierError: of the last try; ``tries`` remembers whether an earlier one is unanswered.
        """

        async def once() -> T:
            return await self._once(operation, body, tries, subject)

        return await tries.run(once)

    async def _once(self, operation: Operation[T], body: bytes, tries: Tries, subject: str | None) -> T:
        await self._gate.enter(operation, within=self._limit(tries), subject=subject)
        try:
            waits = 0
            while True:
                token = self._tokens.ready() or await self._logged_in(operation, tries, subject)
                await self._cleared(operation, tries, subject)
                current, waits = self._tokens.ready(), waits + 1
                if current is None and waits <= MOST_LOGINS:
                    # It ended while we waited. A login takes a while, and the slots that come meanwhile, kept for after
                    # it, would all be used at once: each waits for another.
                    continue
                token = current or token
                headers = (*self._headers, (b"Authorization", token.authorization))
                limit = self._limit(tries)
                tries.sending = True
                try:
                    answer = await self._caller.send(operation, headers, body, limit=limit, subject=subject)
                except Unauthorised as refusal:
                    tries.sending = False
                    self._after_refusal(refusal, token, tries)
                except SupplierError as error:
                    tries.sending = False
                    if isinstance(error, Rejected) or error.status == HTTPStatus.OK:
                        self._tokens.let_in(token)
                    raise
                else:
                    self._tokens.let_in(token)
                    return answer
        finally:
            self._gate.leave()

    def _limit(self, tries: Tries) -> float:
        """Return the seconds that the next step may take."""
        return min(self._conduct.timeouts.call, tries.remaining)

    async def _logged_in(self, operation: Operation[T], tries: Tries, subject: str | None) -> Token:
        # A supplier at rest is not logged in to either: of a hundred calls under way each repeat would.
        self._gate.unless_held(operation, subject)
        try:
            async with asyncio.timeout(tries.remaining):
                return await self._tokens.obtain()
        except TimeoutError as error:
            raise operation.not_sent("no token before the deadline", code="token_timeout", subject=subject) from error

    async def _cleared(self, operation: Operation[T], tries: Tries, subject: str | None) -> None:
        """Wait for a slot, and only as long as the call still has time enough for an answer afterwards."""
        least = self._conduct.timeouts.call * LEAST_TIME
        if tries.remaining < least:
            raise operation.not_sent("too little of its time is left", code="deadline", subject=subject)
        await self._gate.clear(operation, within=tries.remaining - least, subject=subject)
        if tries.remaining < least:
            raise operation.error(
                Resting, "its turn came too late; nothing was sent", code="quota_taken", subject=subject
            )

    def _after_refusal(self, refusal: Unauthorised, token: Token, tries: Tries) -> None:
        """Return if the call is worth another login; else raise."""
        if refusal.status != HTTPStatus.UNAUTHORIZED:
            self._tokens.forbidden(token, refusal)
            raise refusal
        fresh = _with_words(refusal, f"it was fresh: check {self._credentials}", expired=False)
        if not self._tokens.refused(token, fresh):
            raise fresh from refusal
        if tries.expiries >= MOST_LOGINS:
            again = f"it expired again and again, after {MOST_LOGINS} new logins"
            raise _with_words(refusal, again, expired=True) from refusal
        tries.expiries += 1


def _with_words(refusal: Unauthorised, words: str, *, expired: bool) -> Unauthorised:
    return Unauthorised(
        f"{refusal.message}; {words}",
        code="token_expired" if expired else "token_refused",
        supplier=refusal.supplier,
        operation=refusal.operation,
        expired=expired,
        supplier_message=refusal.supplier_message,
        status=refusal.status,
    )
