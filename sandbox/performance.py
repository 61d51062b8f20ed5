"""One admitted call and what can become of it: carried out, refused, or its token withdrawn.

Faults work on this, so that they need to know neither suppliers nor HTTP requests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sandbox.tokens import TokenOffice
from sandbox.wire import JSON, Answer, Call, HttpRefusal, Refusal, Shape, accepted, http_refused, refused


class Performance(Protocol):
    """What a fault may do with a call."""

    @property
    def keys(self) -> tuple[str, ...]:
        """What rules match."""

    def carry_out(self, shape: Shape | None = None, *, order_number: bool = True) -> Answer:
        """Have the effect and give the answer; ``shape`` None is the configured one."""

    def refuse(self, code: str, message: str) -> Answer:
        """Refuse in business terms, without effect."""

    def expire(self) -> Answer:
        """Make the token that was shown invalid, and say so."""

    def revoke(self) -> Answer:
        """Make every token of the supplier invalid, and say that this one is."""


@dataclass(frozen=True, slots=True)
class BusinessCall:
    """A call behind limit and token."""

    call: Call
    payload: JSON
    keys: tuple[str, ...]
    token: str
    tokens: TokenOffice
    shape: Shape

    def carry_out(self, shape: Shape | None = None, *, order_number: bool = True) -> Answer:
        """As the protocol; a business refusal is an answer too."""
        try:
            data = self.call.carry_out(self.payload)
        except Refusal as refusal:
            return refused(refusal, words=self.call.words)
        if not order_number and isinstance(data, Mapping):
            data = {name: value for name, value in data.items() if name != "retailOrderNo"}
        return accepted(data, shape=shape or self.shape, words=self.call.words)

    def refuse(self, code: str, message: str) -> Answer:
        """As the protocol; the ledger notes it."""
        self.call.refused(self.payload)
        return refused(Refusal(code, message), words=self.call.words)

    def expire(self) -> Answer:
        """As the protocol."""
        self.tokens.withdraw(self.token)
        return http_refused(HttpRefusal(401))

    def revoke(self) -> Answer:
        """As the protocol."""
        self.tokens.withdraw_all()
        return http_refused(HttpRefusal(401))


@dataclass(frozen=True, slots=True)
class TokenCall:
    """A call for a token: nothing stands before it, and it has no keys."""

    grant: Callable[[Mapping[str, str], bytes], Answer]
    headers: Mapping[str, str]
    body: bytes
    tokens: TokenOffice
    keys: tuple[str, ...] = ()

    def carry_out(self, shape: Shape | None = None, *, order_number: bool = True) -> Answer:  # noqa: ARG002  (a token has one shape and no number)
        """As the protocol."""
        try:
            return self.grant(self.headers, self.body)
        except HttpRefusal as refusal:
            return http_refused(refusal)

    def refuse(self, code: str, message: str) -> Answer:
        """As the protocol."""
        return refused(Refusal(code, message), words="message")

    def expire(self) -> Answer:
        """As the protocol: no token is shown here, so that every one ends."""
        return self.revoke()

    def revoke(self) -> Answer:
        """As the protocol."""
        self.tokens.withdraw_all()
        return http_refused(HttpRefusal(401))
