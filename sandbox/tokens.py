"""Tokens of one supplier: issued, accepted for their lifetime, taken back by a fault."""

import secrets
import time
from collections.abc import Callable

KEPT = 10_000


class TokenOffice:
    """Issues bearer tokens that live ``lifetime`` seconds by ``clock``."""

    def __init__(self, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._until: dict[str, float] = {}

    def issue(self) -> str:
        """A new token; the ones before it stay good until their own end."""
        now = self._clock()
        if len(self._until) >= KEPT:
            self._until = {token: until for token, until in self._until.items() if until > now}
        token = secrets.token_hex(16)
        self._until[token] = now + self._lifetime
        return token

    def accepts(self, token: str) -> bool:
        """Whether the token was issued here and still lives."""
        return self._until.get(token, 0.0) > self._clock()

    def withdraw(self, token: str) -> None:
        """Make one token invalid before its time."""
        self._until.pop(token, None)

    def withdraw_all(self) -> int:
        """Make every token invalid; tells how many there were."""
        count = len(self._until)
        self._until.clear()
        return count
