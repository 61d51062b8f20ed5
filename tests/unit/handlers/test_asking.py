"""The calls of one batch."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import BooksUnavailable, Malformed, Misconfigured, Rejected, Resting, Throttled, Transient
from consumer.handlers.asking import AT_ONCE, WAITS, NotWanted, answers, last_refusal
from tests.support.virtual_time import run_virtually

if TYPE_CHECKING:
    from consumer.domain.errors import SupplierError

REFUSED = Rejected("refused", code="rejected", supplier="haier", operation="prices")
MISSHAPEN = Malformed("another shape", code="malformed", supplier="haier", operation="prices")
THROTTLED = Throttled("too many", supplier="haier", operation="prices")
RESTING = Resting("at rest", code="at_rest", supplier="haier", operation="prices")
DENIED = Misconfigured("no such path", code="not_found", supplier="haier", operation="prices")
GONE = Transient("gone", code="disconnected", supplier="haier", operation="prices")


async def _answer(value: str | SupplierError) -> str:
    if isinstance(value, str):
        return value
    raise value


async def test_a_call_that_is_refused_or_misshapen_harms_no_other() -> None:
    asks = {key: partial(_answer, value) for key, value in (("a", "1"), ("b", REFUSED), ("c", MISSHAPEN), ("d", "2"))}
    found = await answers(asks)
    assert found == {"a": "1", "b": REFUSED, "c": MISSHAPEN, "d": "2"}
    assert list(found) == ["a", "b", "c", "d"]
    assert last_refusal(found) is REFUSED
    assert last_refusal({"a": "1", "c": MISSHAPEN}) is None


async def test_a_format_that_fails_all_calls_is_for_a_person() -> None:
    with pytest.raises(Malformed, match="another shape"):
        await answers({"a": partial(_answer, MISSHAPEN), "b": partial(_answer, MISSHAPEN)})


@pytest.mark.parametrize("error", [GONE, THROTTLED, RESTING])
def test_what_has_no_answer_is_asked_again_and_the_others_are_not(error: SupplierError) -> None:
    asked = list[str]()

    async def ask(key: str) -> str:
        asked.append(key)
        if key == "b" and asked.count("b") < 3:
            raise error
        return key

    found = run_virtually(answers({key: partial(ask, key) for key in "abc"}))
    assert list(found.items()) == [("a", "a"), ("b", "b"), ("c", "c")]
    assert asked == ["a", "b", "c", "b", "b"]


def test_a_call_that_never_has_an_answer_fails_alone() -> None:
    found = run_virtually(answers({"a": partial(_answer, "1"), "b": partial(_answer, GONE)}))
    assert found == {"a": "1", "b": GONE}


@pytest.mark.parametrize("error", [RESTING, THROTTLED])
def test_a_supplier_that_stays_at_rest_sends_the_batch_round(error: SupplierError) -> None:
    with pytest.raises(type(error)):
        run_virtually(answers({"a": partial(_answer, "1"), "b": partial(_answer, error)}))


def test_calls_that_are_not_wanted_any_more_are_not_made() -> None:
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.5)
        return ""

    async def wanted() -> bool:
        return asked < 60

    with pytest.raises(NotWanted):
        run_virtually(answers(dict.fromkeys(range(100), ask), wanted=wanted))
    assert asked == 80


@pytest.mark.parametrize("error", [GONE, DENIED])
async def test_nothing_is_waited_for_where_nothing_was_brought(error: SupplierError) -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(type(error)):
        await answers({"a": partial(_answer, error), "b": partial(_answer, error)})
    assert asyncio.get_running_loop().time() - began < WAITS[0]


async def test_a_fault_of_ours_ends_the_calls() -> None:
    ended = []

    async def waiting() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("waiting")
        return "late"

    async def broken() -> str:
        raise BooksUnavailable("away", code="unreachable")

    with pytest.raises(BooksUnavailable):
        await answers({"a": waiting, "b": broken})
    assert ended == ["waiting"]


async def test_only_some_calls_wait_together() -> None:
    together = most = 0

    async def ask() -> str:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0)
        together -= 1
        return ""

    assert len(await answers(dict.fromkeys(range(100), ask))) == 100
    assert most == AT_ONCE


async def test_nothing_is_asked_for_nothing() -> None:
    assert await answers({}) == {}
