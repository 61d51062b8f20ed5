"""Each way in which DESIGN, "When things go wrong", says a supplier fails, provoked at each of the twelve calls.

The table names the class that the service is to see in it. ``invalid_event`` and ``bug`` come from elsewhere;
``unmatched`` is a callback for an order that nobody knows (test_callbacks).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, get_args

import httpx
import pytest

from sandbox import SandboxConfig
from sandbox.faults import CallName, Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sandbox.calling import Caller, Calling

CALLS: Mapping[str, Callable[[Caller, str], Awaitable[httpx.Response]]] = {
    "ylh.token": lambda caller, _: caller.login_ylh(),
    "ylh.create": lambda caller, so_id: caller.create(so_id),
    "ylh.cancel": lambda caller, so_id: caller.cancel(so_id),
    "ylh.reschedule": lambda caller, number: caller.reschedule(number, installTime=1767369599000),
    "ylh.photos": lambda caller, number: caller.photos(number),
    "ylh.logistics": lambda caller, number: caller.logistics([number]),
    "haier.token": lambda caller, _: caller.login_haier(),
    "haier.products": lambda caller, _: caller.products(productCodes=["BX0000001"]),
    "haier.prices": lambda caller, _: caller.prices(productCodes=["BX0000001"]),
    "haier.stock": lambda caller, _: caller.stock(),
    "haier.logistics": lambda caller, number: caller.haier_logistics(number),
    "haier.balance": lambda caller, _: caller.balance(),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One failure: the class it is to be taken for, the rule that provokes it, what the client sees."""

    error_class: str
    seen: str
    rule: dict[str, object]

    def __str__(self) -> str:
        return f"{self.error_class}: {self.seen} by {self.rule['effect']}"


def by_status(error_class: str, status: int, **more: object) -> Row:
    """A failure that is an HTTP status."""
    return Row(error_class, str(status), {"effect": "status", "status": status, **more})


# `transient` is `unknown_outcome` too, where the call is a create, a cancel or a reschedule.
ROWS = (
    *(by_status("transient", status) for status in (500, 502, 503, 504)),
    by_status("transient", 503, retry_after=3),
    by_status("transient", 503, applied=True),
    Row("transient", "time-out", {"effect": "hang"}),
    Row("transient", "time-out", {"effect": "hang", "applied": True}),
    Row("transient", "time-out", {"effect": "delay", "seconds": 40}),
    Row("transient", "time-out", {"effect": "late_effect", "seconds": 40}),
    Row("transient", "no answer", {"effect": "lost_answer"}),
    Row("transient", "no answer", {"effect": "lost_answer", "applied": False}),
    Row("transient", "no answer", {"effect": "cut_headers"}),
    Row("transient", "half a body", {"effect": "truncate"}),
    Row("transient", "reset", {"effect": "reset"}),
    Row("transient", "reset", {"effect": "reset", "applied": True}),
    Row("transient", "unreadable", {"effect": "broken_json"}),
    by_status("throttled", 429),
    by_status("throttled", 429, retry_after=1),
    by_status("throttled", 429, retry_after_date=90),
    by_status("auth", 401),
    by_status("auth", 403),
    Row("auth", "401", {"effect": "expire_token"}),
    Row("auth", "401", {"effect": "revoke_tokens"}),
    by_status("misconfigured", 404),
    by_status("misconfigured", 405),
    *(Row("misconfigured", str(status), {"effect": "redirect", "status": status}) for status in (301, 302, 307, 308)),
    by_status("rejected", 400),
    by_status("rejected", 409),
    *(
        Row("rejected", f"200 refused with {code}", {"effect": "refuse", "code": code})
        for code in ("99999", "429", "503")
    ),
    Row("malformed", "another shape", {"effect": "other_shape"}),
    Row("malformed", "a page", {"effect": "wrong_content_type"}),
    # Right but for the way it comes.
    Row("done", "200", {"effect": "drip", "seconds": 0.1}),
    Row("done", "200 of 300000 bytes", {"effect": "huge_body", "size": 300_000}),
)
ENDINGS: Mapping[type[httpx.TransportError], str] = {
    httpx.ReadTimeout: "time-out",
    httpx.ReadError: "reset",
    httpx.ConnectError: "refused",
}


async def seen(call: Awaitable[httpx.Response]) -> str:
    """What a client sees of a call, in a few words."""
    try:
        answer = await call
    except httpx.RemoteProtocolError as error:
        return "half a body" if "complete message body" in str(error) else "no answer"
    except httpx.TransportError as error:
        return ENDINGS[type(error)]
    return read(answer) if answer.status_code == 200 else str(answer.status_code)


def read(answer: httpx.Response) -> str:
    """What a client reads in an answer of status 200."""
    if answer.headers["Content-Type"] != "application/json":
        return "a page"
    try:
        document = answer.json()
    except ValueError:
        return "unreadable"
    if document.get("version") == 2:
        return "another shape"
    if document.get("success") is False:
        return f"200 refused with {document['code']}"
    return f"200 of {len(answer.content)} bytes" if len(answer.content) > 100_000 else "200"


TAKES_TOKENS = ("expire_token", "revoke_tokens")


async def relogin(caller: Caller, call: str) -> None:
    """Log in again at the supplier of a call."""
    if call.startswith("haier."):
        caller.haier_token = (await caller.login_haier()).json()["access_token"]
    else:
        caller.ylh_token = f"Bearer {(await caller.login_ylh()).json()['access_token']}"


async def ready(caller: Caller) -> str:
    """Two orders, one with a number for the calls that need one."""
    assert (await caller.create("SO-CANCEL")).json()["success"] is True
    return str((await caller.create("SO-0")).json()["data"]["retailOrderNo"])


def subject(call: str, number: str) -> str:
    """What a call is about."""
    return {"ylh.create": "SO-NEW", "ylh.cancel": "SO-CANCEL"}.get(call, number)


async def all_seen(caller: Caller, number: str) -> dict[str, str]:
    """What each of the twelve calls shows."""
    return {name: await seen(call(caller, subject(name, number))) for name, call in CALLS.items()}


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_each_failure_at_each_of_the_twelve_calls(caller: Caller, row: Row) -> None:
    number = await ready(caller)
    # Once for each call: the second time, the call is as it should be.
    await caller.box.add_fault(*({"call": name, "times": 1, **row.rule} for name in CALLS))
    caller.client.timeout = httpx.Timeout(0.15 if row.seen == "time-out" else 5)
    for name, call in CALLS.items():
        assert await seen(call(caller, subject(name, number))) == row.seen, name
        if row.rule["effect"] in TAKES_TOKENS:
            await relogin(caller, name)
    fired = {rule["call"]: rule["fired"] for rule in await caller.box.faults()}
    assert fired == dict.fromkeys(CALLS, 1)


async def test_without_a_fault_each_of_the_twelve_calls_succeeds(caller: Caller) -> None:
    assert set(CALLS) == set(get_args(CallName))
    assert await all_seen(caller, await ready(caller)) == dict.fromkeys(CALLS, "200")


async def test_connects_that_fail_at_each_of_the_twelve_calls(caller: Caller) -> None:
    number = await ready(caller)
    await caller.box.refuse_connects()
    assert await all_seen(caller, number) == dict.fromkeys(CALLS, "refused")
    await caller.box.accept_connects()
    assert await all_seen(caller, number) == dict.fromkeys(CALLS, "200")


def test_every_effect_has_its_place_in_the_table() -> None:
    harmless = {Kind.ENVELOPE, Kind.BARE, Kind.NO_ORDER_NUMBER}
    assert {Kind(str(row.rule["effect"])) for row in ROWS} == set(Kind) - harmless


async def test_a_whole_supplier_hangs_and_the_other_answers(caller: Caller) -> None:
    number = await ready(caller)
    await caller.box.add_fault({"supplier": "ylh", "effect": "hang"})
    caller.client.timeout = httpx.Timeout(1, read=0.15)
    expected = {call: "time-out" if call.startswith("ylh.") else "200" for call in CALLS}
    assert await all_seen(caller, number) == expected


async def test_wrong_credentials_are_refused_whatever_the_calls_would_say(calling: Calling) -> None:
    async with calling(SandboxConfig()) as caller:
        await caller.box.add_fault(*({"call": call, "effect": "status", "status": 401} for call in get_args(CallName)))
        assert {await seen(caller.login_ylh()), await seen(caller.login_haier())} == {"401"}
        # A token that was just given and is refused: no expiry.
        assert await seen(caller.products()) == "401"
        assert (await caller.box.summary())["expired_calls"] == {"ylh": 0, "haier": 0}


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("effect", ["status", "hang", "lost_answer", "reset", "broken_json", "truncate", "cut_headers"])
async def test_an_unknown_outcome_may_have_arrived_or_not(caller: Caller, effect: str, applied: bool) -> None:  # noqa: FBT001  (pytest passes it by name)
    number = await ready(caller)
    rule = {"effect": effect, "applied": applied, **({"status": 500} if effect == "status" else {})}
    await caller.box.add_fault(rule)
    caller.client.timeout = httpx.Timeout(0.15)
    for call in ("ylh.create", "ylh.cancel", "ylh.reschedule"):
        assert await seen(CALLS[call](caller, subject(call, number))) != "200"
    effects = [
        (await caller.box.order(so_id))[kind]
        for so_id, kind in (("SO-NEW", "creates"), ("SO-CANCEL", "cancels"), ("SO-0", "reschedules"))
    ]
    assert effects == [int(applied)] * 3


async def test_every_token_is_taken_back_at_each_so_manieth_call(caller: Caller) -> None:
    await caller.box.add_fault({"supplier": "haier", "every": 3, "effect": "revoke_tokens"})
    statuses = []
    for _ in range(8):
        statuses.append((await caller.balance()).status_code)
        if statuses[-1] == 401:
            assert (await caller.balance()).status_code == 401, "the token stays invalid"
            await relogin(caller, "haier.balance")
    # Neither a login nor a call with a token that has ended takes a turn.
    assert statuses == [200, 200, 401, 200, 200, 401, 200, 200]
    summary = await caller.box.summary()
    assert (summary["revocations"], summary["expired_calls"]) == ({"ylh": 0, "haier": 2}, {"ylh": 0, "haier": 2})


async def test_retry_after_as_a_date_is_by_the_sandboxs_clock(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "status", "status": 429, "retry_after_date": 90})
    answer = await caller.balance()
    until, now = (parsedate_to_datetime(answer.headers[name]) for name in ("Retry-After", "Date"))
    assert timedelta(seconds=89) <= until - now <= timedelta(seconds=92)
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


async def test_a_slow_answer_comes_bit_by_bit_and_whole(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "drip", "seconds": 0.5})
    caller.client.timeout = httpx.Timeout(0.3)  # for each read, which is why a client needs a deadline for the whole
    begun = time.monotonic()
    answer = await caller.products()
    assert len(answer.json()["data"]) > 100
    assert time.monotonic() - begun >= 0.4


async def test_a_huge_answer_is_right_and_needs_no_memory_here(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "huge_body", "size": 30_000_000})
    answer = await caller.create("SO-1")
    assert (len(answer.content), answer.json()["success"]) == (30_000_000, True)
