"""Tokens of one supplier: issued, accepted for their lifetime, taken back by a fault; and how often each happened."""

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
        # In front of each token of this office: one that has ended is known by it, without being kept.
        self._stamp = secrets.token_hex(6)
        self.logins = 0
        """Tokens issued."""
        self.revocations = 0
        """How often tokens were taken back, one or all at a time."""
        self.expired_calls = 0
        """Calls that showed a token which had been good once."""

    def issue(self) -> str:
        """A new token; the ones before it stay good until their own end."""
        now = self._clock()
        if len(self._until) >= KEPT:
            self._until = {token: until for token, until in self._until.items() if until > now}
        token = self._stamp + secrets.token_hex(10)
        self._until[token] = now + self._lifetime
        self.logins += 1
        return token

    def accepts(self, token: str) -> bool:
        """Whether the token was issued here and still lives; counts the calls that come with a dead one."""
        if self._until.get(token, 0.0) > self._clock():
            return True
        self.expired_calls += token.startswith(self._stamp)
        return False

    def withdraw(self, token: str) -> None:
        """Make one token invalid before its time."""
        self.revocations += self._until.pop(token, None) is not None

    def withdraw_all(self) -> int:
        """Make every token invalid; tells how many there were."""
        count = len(self._until)
        self._until.clear()
        self.revocations += 1
        return count

    def reset(self) -> None:
        """Forget the counts; tokens stay good."""
        self.logins = self.revocations = self.expired_calls = 0
