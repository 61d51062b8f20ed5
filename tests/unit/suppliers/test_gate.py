"""What a business call does about the account's quota: a slot for each send, and none that is sent too late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from consumer.domain.errors import BooksUnavailable, Resting, Transient, Unauthorised, UnknownOutcome
from consumer.domain.recoverability import Policy
from consumer.suppliers.authorised import Authorised, Conduct
from consumer.suppliers.calling import Caller, Unobserved
from consumer.suppliers.limits import Timeouts
from consumer.suppliers.oauth2 import Grant, TokenProvider
from consumer.suppliers.operation import JSON, Operation, Said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.suppliers.retrying import Tries


class Slots:
    """A quota that does what a test says before it answers yes."""

    def __init__(self) -> None:
        self.within: list[float] = []
        self.before: Callable[[], Awaitable[bool]] | None = None

    async def take(self, within: float) -> bool:
        self.within.append(within)
        return True if self.before is None else await self.before()


class Counter:
    """An account at a supplier that answers with one status after the other, then with 200."""

    def __init__(self, *statuses: int, call: float = 1.0, changes: bool = False) -> None:
        self.silent = False
        self.read = asyncio.Event()
        self.quota = Slots()
        self.logins = 0
        self.sent: list[str] = []
        self._statuses = list(statuses)
        self.tokens = TokenProvider(self._login, supplier="ylh")
        policy = Policy(immediate_delay=timedelta(milliseconds=1))
        self.conduct = Conduct(Timeouts(1.0, call), policy, quota=self.quota)
        caller = Caller(httpx.MockTransport(self._answer), Unobserved())
        self._calls = Authorised(caller, self.tokens, self.conduct, (), "YLH_USERNAME")
        self._operation: Operation[JSON] = Operation(
            supplier="ylh",
            name="photos",
            url=httpx.URL("https://ylh.example/photos"),
            changes=changes,
            read=_value,
            settings="YLH_BASE_URL",
        )

    async def call(self, tries: Tries | None = None) -> JSON:
        return await self._calls.call(self._operation, b"{}", tries or self.conduct.tries())

    async def _login(self) -> Grant:
        self.logins += 1
        return Grant(f"t{self.logins}", 3600)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.headers["Authorization"])
        self.read.set()
        if self.silent:
            await asyncio.Event().wait()
        return httpx.Response(self._statuses.pop(0) if self._statuses else 200, json={"success": True, "data": "yes"})


def _value(said: Said) -> JSON:
    return said.value


async def test_every_send_takes_a_slot_repeats_and_new_logins_too_and_a_login_none() -> None:
    counter = Counter(200, 401, 503)
    assert await counter.call() == "yes"
    assert (len(counter.quota.within), counter.logins) == (1, 1)
    assert await counter.call() == "yes"
    assert (len(counter.sent), len(counter.quota.within), counter.logins) == (4, 4, 2)


async def test_a_slot_is_waited_for_only_while_there_is_time_enough_for_an_answer() -> None:
    counter = Counter(call=10.0)
    await counter.call()
    assert counter.quota.within[0] == pytest.approx(counter.conduct.longest.total_seconds() - 5.0, abs=0.5)


async def test_where_no_slot_comes_in_time_nothing_is_sent_and_no_attempt_lost() -> None:
    counter = Counter()

    async def none() -> bool:
        return False

    counter.quota.before = none
    with pytest.raises(Resting) as caught:
        await counter.call()
    assert caught.value.code == "quota_taken"
    assert not counter.sent


async def test_a_slot_that_came_too_late_is_not_used_for_a_call_with_hardly_any_time_left() -> None:
    counter = Counter(call=0.1)

    async def late() -> bool:
        await asyncio.sleep(counter.conduct.longest.total_seconds() - 0.01)
        return True

    counter.quota.before = late
    with pytest.raises(Resting) as caught:
        await counter.call()
    assert caught.value.code == "quota_taken"
    assert not counter.sent


async def test_a_repeat_without_a_slot_tells_what_the_try_before_met() -> None:
    counter = Counter(503)

    async def one() -> bool:
        return len(counter.quota.within) == 1

    counter.quota.before = one
    with pytest.raises(Transient) as caught:
        await counter.call()
    assert caught.value.status == 503
    assert not isinstance(caught.value, UnknownOutcome)


async def test_a_token_that_ends_while_a_call_waits_is_not_sent() -> None:
    counter = Counter()
    await counter.call()

    async def ending() -> bool:
        token = counter.tokens.ready()
        if len(counter.quota.within) == 2:
            assert token is not None
            gone = Unauthorised(
                "another call's 401", code="x", supplier="ylh", operation="photos", expired=True, status=401
            )
            assert counter.tokens.refused(token, gone)
        return True

    counter.quota.before = ending
    assert await counter.call() == "yes"
    assert counter.sent == ["t1", "t2"]
    assert len(counter.quota.within) == 3, "the slot that came before the login is lost"


async def test_a_database_that_gives_no_slots_reaches_the_caller() -> None:
    counter = Counter()

    async def broken() -> bool:
        raise BooksUnavailable("relay.db does not answer", code="unreachable")

    counter.quota.before = broken
    with pytest.raises(BooksUnavailable):
        await counter.call()
    assert not counter.sent


async def _cancelled_once(there: asyncio.Event, counter: Counter) -> Tries:
    """Cancel a call once it is there, and return its tries."""
    tries = counter.conduct.tries()
    call = asyncio.create_task(counter.call(tries))
    await asyncio.wait_for(there.wait(), 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    return tries


def _slots(free: int) -> tuple[asyncio.Event, Callable[[], Awaitable[bool]]]:
    """Return a quota that gives so many slots and no more, and whether somebody waits for another."""
    waiting = asyncio.Event()
    left = free

    async def take() -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            waiting.set()
            await asyncio.Event().wait()
        return True

    return waiting, take


async def test_a_call_cancelled_while_it_waits_for_its_slot_has_left_nothing_open() -> None:
    counter = Counter()
    waiting, counter.quota.before = _slots(0)
    assert (await _cancelled_once(waiting, counter)).nothing_open
    assert not counter.sent


async def test_a_call_cancelled_after_an_answer_that_says_no_has_left_nothing_open() -> None:
    counter = Counter(200, 401)
    await counter.call()
    waiting, counter.quota.before = _slots(1)
    assert (await _cancelled_once(waiting, counter)).nothing_open
    assert len(counter.sent) == 2


async def test_a_call_cancelled_on_its_way_may_have_been_read() -> None:
    counter = Counter()
    counter.silent = True
    assert not (await _cancelled_once(counter.read, counter)).nothing_open


async def test_a_call_cancelled_before_its_repeat_remembers_the_send_without_an_answer() -> None:
    counter = Counter(503, changes=True)
    waiting, counter.quota.before = _slots(1)
    assert not (await _cancelled_once(waiting, counter)).nothing_open
