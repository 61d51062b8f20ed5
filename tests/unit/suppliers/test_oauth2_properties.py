"""The token provider as a state machine in virtual time: whatever happens, one login at a time and none for nothing."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.domain.errors import SupplierError, Throttled, Transient, Unauthorised
from consumer.suppliers.oauth2 import FIRST_REFRESH_PAUSE, LIFETIME, REFRESH_AHEAD, Grant, Token, TokenProvider
from consumer.suppliers.setbacks import FIRST_PAUSE, LEAST_SHARE, LONGEST_PAUSE, SPARE
from tests.support.virtual_time import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

SLOWEST_LOGIN = 10.0
JUST = 1e-6


def unauthorised(operation: str) -> Unauthorised:
    return Unauthorised("…", code="x", supplier="ylh", operation=operation, expired=False, status=401)


ANSWERS: dict[str, SupplierError | None] = {
    "token": None,
    "down": Transient("…", code="timeout", supplier="ylh", operation="token"),
    "refused": unauthorised("token"),
    "throttled": Throttled("…", supplier="ylh", operation="token", retry_after=timedelta(seconds=20)),
}


@dataclass
class Wait:
    """Somebody who waits for a token."""

    task: asyncio.Task[Token]
    probe: bool
    given_up: bool = False


class Tokens(RuleBasedStateMachine):
    """Calls, probes, time, the supplier's moods; the machine keeps books of its own on which token is good."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.loop = self.runner.get_loop()
        self.answer, self.takes, self.lifetime = "token", 0.0, 3600.0
        self.under_way = self.logins = 0
        self.waits: list[Wait] = []
        self.seen: list[Token] = []
        self.good: Token | None = None
        self.refresh_from = 0.0
        self.failed_at = -float("inf")
        self.account_good = False
        self.in_vain = 0
        self.faults: list[str] = []
        """Of logins and waits: raised there, a fault that nobody waits for would be lost."""
        self.provider = TokenProvider(self.login, supplier="ylh", clock=self.loop.time)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    # ---- the supplier ----

    async def login(self) -> Grant:
        if self.under_way:
            self.faults.append("two logins at once")
        self.justify()
        self.under_way += 1
        self.logins += 1
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.under_way -= 1
        error = ANSWERS[self.answer]
        if error is not None:
            self.failed_at = self.loop.time()
            raise error
        return Grant(f"bearer {self.logins}", self.lifetime)

    def justify(self) -> None:
        """Nobody logs in while a token is good, but to renew it; nor right after a setback, but to probe."""
        now = self.loop.time()
        if any(wait.probe and not wait.task.done() for wait in self.waits):
            return
        if self.good is not None and now < self.good.expires_at:
            if now < self.refresh_from - JUST:
                self.faults.append("a login although there was a good token")
            self.refresh_from = now + FIRST_REFRESH_PAUSE * self.margin()
            return
        if now - self.failed_at < FIRST_PAUSE * LEAST_SHARE - JUST:
            self.faults.append("a login right after a setback")

    def margin(self) -> float:
        return min(REFRESH_AHEAD, self.lifetime * REFRESH_AHEAD / LIFETIME)

    # ---- rules ----

    @initialize(lifetime=st.sampled_from([2.0, 60.0, 3600.0, 86400.0]))
    def opens(self, lifetime: float) -> None:
        self.lifetime = lifetime

    @rule(answer=st.sampled_from(sorted(ANSWERS)), takes=st.sampled_from([0.0, 0.0, 0.2, 3.0, SLOWEST_LOGIN]))
    def supplier_becomes(self, answer: str, takes: float) -> None:
        self.answer, self.takes = answer, takes

    @rule(count=st.integers(1, 30))
    def calls_come(self, count: int) -> None:
        async def begin() -> None:
            for _ in range(count):
                self.begin(self.token_for_a_call(), probe=False)
            await asyncio.sleep(0)

        self.run(begin())

    @rule()
    def probe_comes(self) -> None:
        async def begin() -> None:
            self.begin(self.provider.renewed(), probe=True)
            await asyncio.sleep(0)

        self.run(begin())

    @precondition(lambda self: self.waits)
    @rule(which=st.integers(0, 10**6))
    def a_waiter_is_cancelled(self, which: int) -> None:
        wait = self.waits[which % len(self.waits)]

        async def cancel() -> None:
            wait.given_up = True
            wait.task.cancel()
            await asyncio.wait([wait.task])

        self.run(cancel())
        self.collect()

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.1, 0.3, 1.0, 6.0, 20.0, 300.0, 1000.0, 3000.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))
        self.collect()

    @precondition(lambda self: self.seen)
    @rule(which=st.integers(0, 10**6))
    def a_call_is_let_in(self, which: int) -> None:
        token = self.some(which)
        if not token.accepted:
            self.account_good, self.in_vain, self.failed_at = True, 0, -float("inf")
        self.provider.let_in(token)

    @precondition(lambda self: self.seen)
    @rule(which=st.integers(0, 10**6), users=st.integers(1, 5))
    def a_call_is_refused(self, which: int, users: int) -> None:
        self.refuse(self.some(which), users)

    @rule(times=st.integers(1, 10), users=st.integers(1, 3))
    def each_token_is_taken_back_before_its_first_use(self, times: int, users: int) -> None:
        for _ in range(times):
            token = self.one_call()
            if token is not None:
                self.refuse(token, users)

    @rule(times=st.integers(1, 10))
    def calls_come_one_after_the_other(self, times: int) -> None:
        for _ in range(times):
            self.one_call()

    @precondition(lambda self: self.good is not None)
    @rule(beyond=st.floats(0, 1))
    def the_last_minutes_of_the_token_come(self, beyond: float) -> None:
        if self.good is not None:
            moment = self.good.expires_at - self.margin() * (1 - beyond)
            self.time_passes(max(0.0, moment - self.loop.time()))

    def refuse(self, token: Token, users: int) -> None:
        self.note()
        newest = max(self.seen, key=lambda seen: seen.generation)
        if token is self.good:
            self.good = None
            if not token.accepted:
                self.in_vain += 1
                self.failed_at = self.loop.time()
        expiry = token.accepted or token is not newest or (self.account_good and self.in_vain <= SPARE)
        assert {self.provider.refused(token, unauthorised("create")) for _ in range(users)} == {expiry}

    @precondition(lambda self: self.seen)
    @rule(which=st.integers(0, 10**6))
    def a_call_is_forbidden(self, which: int) -> None:
        token = self.some(which)
        if token is self.good:
            self.good = None
            self.in_vain += 1
            self.failed_at = self.loop.time()
        self.provider.forbidden(token, unauthorised("create"))

    # ---- what holds always ----

    @invariant()
    def the_token_is_the_one_that_is_good(self) -> None:
        token = self.run(self.ready())
        if self.good is None or self.loop.time() >= self.good.expires_at:
            assert token is None
        else:
            assert token is self.good

    @invariant()
    def nothing_went_wrong_unseen(self) -> None:
        assert not self.faults

    def teardown(self) -> None:
        self.run(asyncio.sleep(LONGEST_PAUSE + SLOWEST_LOGIN + JUST))
        self.collect()
        assert not self.waits, "somebody waits for ever"
        self.run(self.provider.aclose())
        assert not self.under_way
        self.runner.close()

    # ---- how it is done ----

    async def ready(self) -> Token | None:
        self.note()
        return self.provider.ready()

    async def token_for_a_call(self) -> Token:
        self.note()
        token = self.provider.ready() or await self.provider.obtain()
        assert self.loop.time() < token.expires_at, "a token that has ended"
        return token

    def one_call(self) -> Token | None:
        """Wait for a token as a call does; None where there is none to be had."""
        before, joins = self.logins, bool(self.under_way)
        with contextlib.suppress(Unauthorised, Throttled):
            try:
                return self.run(self.in_time(self.token_for_a_call()))
            except Transient:
                if self.logins == before and not joins:
                    self.faults.append("a failure that passes was told again rather than waited out")
        return None

    def begin(self, work: Coroutine[Any, Any, Token], *, probe: bool) -> None:
        self.waits.append(Wait(self.loop.create_task(self.in_time(work)), probe))

    async def in_time(self, work: Coroutine[Any, Any, Token]) -> Token:
        began = self.loop.time()
        try:
            return await work
        finally:
            # The login that was under way, its pause before it, and one more in case the token has ended again.
            if self.loop.time() - began > LONGEST_PAUSE + 2 * SLOWEST_LOGIN:
                self.faults.append("somebody waited too long")

    def some(self, which: int) -> Token:
        # The last few most often: that is where the races are.
        return self.seen[-1 - which % min(3, len(self.seen))]

    def note(self) -> None:
        """Take a token that has been issued into the books."""
        # The one thing that cannot be seen without beginning a refresh.
        token = self.provider._token
        if token is not None and (not self.seen or self.seen[-1] is not token):
            self.seen.append(token)
            self.good = token
            self.refresh_from = token.expires_at - self.margin()

    def collect(self) -> None:
        self.note()
        for wait in self.waits:
            if wait.task.done() and not wait.given_up:
                error = wait.task.exception()
                assert error is None or (isinstance(error, SupplierError) and error.code != "closed"), error
        self.waits = [wait for wait in self.waits if not wait.task.done()]


Tokens.TestCase.settings = settings(max_examples=200, stateful_step_count=40)
test_tokens = Tokens.TestCase
