"""What the summary counts in front of the business: the worst second, logins, throttled calls, ended tokens."""

import asyncio
import random

from sandbox import SandboxConfig
from sandbox.calling import Caller, Calling
from sandbox.pace import Pace


def paced(moments: list[float]) -> int:
    """The worst second of calls at these moments."""
    clock = iter(moments)
    pace = Pace(clock=lambda: next(clock))
    for _ in moments:
        pace.note()
    return pace.worst


def test_the_worst_second_slides() -> None:
    assert paced([]) == 0
    assert paced([0.0]) == 1
    assert paced([0.0, 0.9, 1.1, 1.2, 1.9, 3.0]) == 4
    assert paced([0.0, 1.0, 2.0]) == 1


def test_the_worst_second_is_what_counting_every_window_gives() -> None:
    lots = random.Random(7)  # noqa: S311  (a test's data)
    moments = sorted(round(lots.uniform(0, 20), 3) for _ in range(2000))
    assert paced(moments) == max(sum(start <= moment < start + 1 for moment in moments) for start in moments)


async def test_the_worst_second_is_kept_for_each_supplier_without_token_calls(caller: Caller) -> None:
    await asyncio.gather(*(caller.create(f"SO-{n}") for n in range(12)), caller.products(), caller.balance())
    await caller.box.withdraw_tokens()
    await caller.products()
    summary = await caller.box.summary()
    assert summary["worst_second"] == {"ylh": 12, "haier": 3}
    await caller.box.reset()
    assert (await caller.box.summary())["worst_second"] == {"ylh": 0, "haier": 0}


async def test_throttled_calls_are_counted_and_are_in_the_worst_second(calling: Calling) -> None:
    async with calling(SandboxConfig(rate_limit=3)) as caller:
        for _ in range(5):
            await caller.products(productCodes=["BX0000001"])
        await caller.box.add_fault({"supplier": "ylh", "effect": "status", "status": 429})
        await caller.cancel("SO-1")
        await caller.login_ylh()
        summary = await caller.box.summary()
    assert summary["throttled"] == {"ylh": 1, "haier": 2}, "a token call that is turned away is no business call"
    assert summary["worst_second"]["haier"] == 5


async def test_logins_revocations_and_calls_with_an_ended_token(caller: Caller) -> None:
    await caller.box.withdraw_tokens()
    for _ in range(3):
        assert (await caller.products()).status_code == 401
    await caller.login_haier(client_secret="wrong")
    caller.ylh_token = "bearer made-up"
    assert (await caller.cancel("SO-1")).status_code == 401
    await caller.login()
    await caller.products()
    summary = await caller.box.summary()
    assert summary["logins"] == {"ylh": 2, "haier": 2}
    assert summary["revocations"] == {"ylh": 1, "haier": 1}
    assert summary["expired_calls"] == {"ylh": 0, "haier": 3}, "a token that never was is another thing"
    assert summary["operations"]["haier.token"] == 3
    await caller.box.reset()
    cleared = await caller.box.summary()
    assert (cleared["logins"], cleared["revocations"]) == ({"ylh": 0, "haier": 0}, {"ylh": 0, "haier": 0})
    assert (await caller.products()).status_code == 200, "tokens stay"
