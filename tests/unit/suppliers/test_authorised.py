"""Tokens, repeats and limits around a call, over httpx's own fake transport."""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from consumer.domain.errors import (
    Malformed,
    Misconfigured,
    Rejected,
    Resting,
    Throttled,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from consumer.domain.recoverability import Policy
from consumer.observability.metrics import Metrics
from consumer.settings import LimitSettings
from consumer.suppliers.authorised import Authorised, Conduct
from consumer.suppliers.calling import Caller
from consumer.suppliers.limits import Released, Timeouts, Unlimited
from consumer.suppliers.oauth2 import Grant, TokenProvider
from consumer.suppliers.operation import JSON, Operation, Said
from consumer.suppliers.retrying import Tries

Handler = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


class Heard:
    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        assert seconds >= 0
        assert status is None or 100 <= status < 600
        self.outcomes.append(f"{supplier}.{operation} {outcome}")


class Office:
    def __init__(self) -> None:
        self.logins = 0

    async def __call__(self) -> Grant:
        self.logins += 1
        await asyncio.sleep(0)
        return Grant(f"bearer t{self.logins}", 3600)


def _value(said: Said) -> JSON:
    return said.value


class Desk:
    """One account, whose supplier answers as ``handler`` says."""

    def __init__(self, handler: Handler, *, changes: bool = True, at_once: int = 100, call: float = 1.0) -> None:
        self.heard = Heard()
        self.office = Office()
        policy = Policy(immediate_delay=timedelta(milliseconds=1))
        self.conduct = Conduct(Timeouts(1.0, call), policy, at_once, self.heard)

        async def answered(request: httpx.Request) -> httpx.Response:
            answer = handler(request)
            return answer if isinstance(answer, httpx.Response) else await answer

        transport = httpx.MockTransport(answered)
        self.tokens = TokenProvider(self.office, supplier="ylh")
        headers = ((b"Content-Type", b"application/json"),)
        caller = Caller(transport, self.heard)
        self.calls = Authorised(caller, self.tokens, self.conduct, headers, "YLH_USERNAME")
        self.operation: Operation[JSON] = Operation(
            supplier="ylh",
            name="create",
            url=httpx.URL("https://ylh.example/create"),
            changes=changes,
            read=_value,
            settings="YLH_BASE_URL",
            largest=1000,
        )

    async def call(self) -> JSON:
        return await self.calls.call(self.operation, b"{}", self.conduct.tries(), subject="order SO-1")


def _fresh(status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"success": True, "data": "yes"})


async def test_a_call_carries_its_token_and_its_body() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return _fresh()

    desk = Desk(handler)
    assert await desk.call() == "yes"
    assert seen[0].headers["Authorization"] == "bearer t1"
    assert seen[0].headers["Host"] == "ylh.example"
    assert seen[0].headers["Content-Length"] == "2"
    assert seen[0].content == b"{}"
    assert desk.heard.outcomes == ["ylh.create ok"]


async def test_fifty_calls_whose_token_expired_make_one_login() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return _fresh(401 if expired and request.headers["Authorization"] == "bearer t1" else 200)

    expired = False
    desk = Desk(handler)
    await desk.call()
    expired = True
    assert await asyncio.gather(*(desk.call() for _ in range(50))) == ["yes"] * 50
    assert desk.office.logins == 2


async def test_a_fresh_token_that_is_refused_pauses_at_once() -> None:
    desk = Desk(lambda _: _fresh(401))
    with pytest.raises(Unauthorised, match="YLH_USERNAME") as caught:
        await desk.call()
    assert not caught.value.expired
    assert desk.office.logins == 1
    assert desk.tokens.ready() is None, "the refused token was dropped"
    with pytest.raises(Unauthorised, match="YLH_USERNAME"):
        await desk.call()
    assert desk.office.logins == 1, "and nobody logs in again the very next moment"


async def test_tokens_taken_back_before_anybody_was_let_in_are_expiries_of_an_account_known_to_be_good() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return _fresh(401 if request.headers["Authorization"] in {"bearer t1", "bearer t2"} and gone else 200)

    gone = False
    desk = Desk(handler)
    await desk.call()
    gone = True
    assert await asyncio.gather(*(desk.call() for _ in range(50))) == ["yes"] * 50
    assert desk.office.logins == 3


@pytest.mark.parametrize("refused_count", [False, True])
async def test_tokens_taken_back_every_sixty_calls_cost_a_login_each_and_pause_nothing(refused_count: bool) -> None:  # noqa: FBT001 -- a table
    """A hundred under way, more than a token lives for: many are refused, some tokens before anybody was let in."""
    dice = random.Random(1)  # noqa: S311 -- how long things take
    good, calls, taken_back = 1, 0, 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal good, calls, taken_back
        await asyncio.sleep(dice.uniform(0, 0.01))
        let_in = request.headers["Authorization"] == f"bearer t{desk.office.logins}" and good == desk.office.logins
        if let_in or refused_count:
            calls += 1
            if calls % 60 == 0:
                good, taken_back = desk.office.logins + 1, taken_back + 1
        answer = _fresh(200 if let_in else 401)
        await asyncio.sleep(dice.uniform(0, 0.01))
        return answer

    desk = Desk(handler, call=30)
    await desk.call()
    outcomes = await asyncio.gather(*(desk.call() for _ in range(400)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if outcome != "yes"]
    assert all(isinstance(error, Unauthorised) and error.expired for error in refused), "none of them pauses the lane"
    assert len(refused) < 200
    assert 2 < desk.office.logins <= taken_back + 1


async def test_three_new_logins_a_message_and_no_more() -> None:
    desk = Desk(lambda _: _fresh(401))

    async def accepted_elsewhere() -> None:
        # Another call was let in with each of these tokens, so every refusal is an expiry.
        while True:
            token = desk.tokens.ready()
            if token is not None:
                desk.tokens.let_in(token)
            await asyncio.sleep(0)

    elsewhere = asyncio.create_task(accepted_elsewhere())
    with pytest.raises(Unauthorised) as caught:
        await desk.call()
    elsewhere.cancel()
    assert caught.value.expired
    assert caught.value.code == "token_expired"
    assert desk.office.logins == 4


async def test_403_pauses_and_is_told_again_without_another_login() -> None:
    desk = Desk(lambda _: _fresh(403))
    for _ in range(2):
        with pytest.raises(Unauthorised) as caught:
            await desk.call()
        assert (caught.value.code, caught.value.expired) == ("forbidden", False)
    assert desk.office.logins == 1


async def test_a_refusal_shows_that_the_token_was_accepted() -> None:
    answers = [httpx.Response(200, json={"success": False}), _fresh(401), _fresh()]
    desk = Desk(lambda _: answers.pop(0))
    with pytest.raises(Rejected):
        await desk.call()
    assert await desk.call() == "yes"


@pytest.mark.parametrize(
    ("error", "of_a_change", "of_a_look"),
    [
        (httpx.ConnectError("refused"), Transient, Transient),
        (httpx.ConnectTimeout("slow"), Transient, Transient),
        (httpx.PoolTimeout("full"), Transient, Transient),
        (httpx.UnsupportedProtocol("ftp"), Misconfigured, Misconfigured),
        (httpx.ReadTimeout("silence"), UnknownOutcome, Transient),
        (httpx.WriteTimeout("deaf"), UnknownOutcome, Transient),
        (httpx.ReadError("reset"), UnknownOutcome, Transient),
        (httpx.WriteError("reset"), UnknownOutcome, Transient),
        (httpx.RemoteProtocolError("no HTTP"), UnknownOutcome, Transient),
    ],
)
async def test_only_what_was_not_sent_is_safe_for_a_change(
    error: httpx.TransportError, of_a_change: type[Exception], of_a_look: type[Exception]
) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    for changes, kind in ((True, of_a_change), (False, of_a_look)):
        desk = Desk(handler, changes=changes)
        with pytest.raises(kind) as caught:
            await desk.call()
        assert type(caught.value) is kind


async def test_a_call_ends_after_its_time_although_the_answer_trickles() -> None:
    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204 -- an endless body
            while True:
                await asyncio.sleep(0.01)
                yield b" "

    desk = Desk(lambda _: httpx.Response(200, stream=Trickle()), call=0.1)
    with pytest.raises(UnknownOutcome, match=r"no answer within 0.1 s"):
        await desk.call()


@pytest.mark.parametrize(("changes", "kind"), [(True, UnknownOutcome), (False, Malformed)])
async def test_an_answer_is_read_up_to_a_limit(changes: bool, kind: type[Exception]) -> None:  # noqa: FBT001 -- a table
    desk = Desk(lambda _: httpx.Response(200, content=b"[" + b" " * 1000), changes=changes)
    with pytest.raises(kind, match="1000 bytes"):
        await desk.call()


async def test_an_answer_that_cannot_be_unpacked_has_its_class() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))

    with pytest.raises(Transient, match="unpacked"):
        await Desk(handler, changes=False).call()


async def test_a_packed_answer_is_unpacked() -> None:
    packed = gzip.compress(b'"yes"')

    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(packed))

    assert await Desk(handler, changes=False).call() == "yes"


async def test_a_call_beyond_the_bulkhead_waits_and_then_ends_with_nothing_sent() -> None:
    door = asyncio.Event()
    sent = 0

    async def handler(_: httpx.Request) -> httpx.Response:
        nonlocal sent
        sent += 1
        await door.wait()
        return _fresh()

    desk = Desk(handler, at_once=2, call=30)
    under_way = [asyncio.create_task(desk.call()) for _ in range(2)]
    await asyncio.sleep(0.01)
    hurried = Tries(Policy(immediate_retries=0), timedelta(seconds=0.05))
    with pytest.raises(Resting) as caught:
        await desk.calls.call(desk.operation, b"{}", hurried)
    assert (caught.value.code, sent) == ("bulkhead_full", 2)
    door.set()
    assert await asyncio.gather(*under_way) == ["yes", "yes"]


async def test_429_is_not_repeated_and_says_how_long_to_rest() -> None:
    calls = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        return httpx.Response(429, headers={"Retry-After": "7"})

    with pytest.raises(Throttled) as caught:
        await Desk(handler).call()
    assert caught.value.retry_after == timedelta(seconds=7)
    assert calls == 1


async def test_a_cancelled_call_gives_its_place_back() -> None:
    door = asyncio.Event()

    async def handler(_: httpx.Request) -> httpx.Response:
        await door.wait()
        return _fresh()

    desk = Desk(handler, at_once=1)
    first = asyncio.create_task(desk.call())
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    door.set()
    assert await desk.call() == "yes"


def test_the_deadline_covers_a_login_every_try_and_the_pauses() -> None:
    policy = Policy(immediate_retries=2, immediate_delay=timedelta(seconds=0.5))
    assert Timeouts(10, 30).total(policy) == timedelta(seconds=10 + 90 + 1.5)


def test_the_settings_give_the_conduct_and_our_metrics_hear_of_every_call() -> None:
    metrics = Metrics.create(version="1", event_types=())
    limits = LimitSettings(token_timeout=timedelta(seconds=3), supplier_timeout=timedelta(seconds=7))
    conduct = Conduct.of(limits, policy=Policy(), observer=metrics, at_once=50, quota=Unlimited(), brake=Released())
    conduct.observer.supplier_call("ylh", "create", "ok", seconds=0.1, status=200)
    assert (conduct.timeouts, conduct.connections) == (Timeouts(3, 7), 54)
    assert b'relay_supplier_requests_total{operation="create",outcome="ok",supplier="ylh"} 1.0' in metrics.render()[0]
