"""Each fault does what it says, over real HTTP, and the ledger tells what really happened."""

import asyncio
import time

import httpx
import pytest
from pydantic import ValidationError

from sandbox import Rule, SandboxConfig
from sandbox.calling import Caller, Calling


async def creates(caller: Caller, so_id: str = "SO-1") -> tuple[int, int]:
    """Effects and arrivals of an order's create."""
    page = await caller.box.order(so_id)
    return page["creates"], page["create_calls"]


async def test_a_status_with_seconds_to_wait_has_no_effect(caller: Caller) -> None:
    await caller.box.add_fault({"call": "ylh.create", "effect": "status", "status": 503, "retry_after": 7, "times": 1})
    answer = await caller.create("SO-1")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["success"]) == (503, "7", False)
    assert await creates(caller) == (0, 1)
    assert (await caller.create("SO-1")).json()["success"] is True


async def test_a_status_with_a_date_a_body_and_its_effect(caller: Caller) -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    await caller.box.add_fault(
        {"effect": "status", "status": 500, "retry_after": date, "body": "boom", "applied": True, "call": "ylh.create"}
    )
    answer = await caller.create("SO-1")
    assert (answer.status_code, answer.headers["Retry-After"], answer.text) == (500, date, "boom")
    assert await creates(caller) == (1, 1)


async def test_a_delay_has_its_effect_at_once_and_answers_later(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "delay", "seconds": 0.3})
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        call = group.create_task(caller.create("SO-1"))
        await asyncio.sleep(0.1)
        assert (await creates(caller), call.done()) == ((1, 1), False)
    assert call.result().json()["success"] is True
    assert time.monotonic() - begun >= 0.3


async def test_a_late_effect_comes_though_the_client_has_left(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "late_effect", "seconds": 0.3, "times": 1})
    with pytest.raises(httpx.ReadTimeout):
        await caller.client.post(
            "/ylh-cloud-service-jst-order-dev/api/page/hmm/retailorder/receive-hmm-retail-order",
            json=caller.order("SO-1"),
            headers={"Authorization": caller.ylh_token},
            timeout=0.1,
        )
    assert await creates(caller) == (0, 1)
    await asyncio.sleep(0.4)
    assert await creates(caller) == (1, 1)


@pytest.mark.parametrize("applied", [False, True])
async def test_a_hang_ends_when_the_client_leaves(caller: Caller, applied: bool) -> None:  # noqa: FBT001  (pytest passes it by name)
    await caller.box.add_fault({"effect": "hang", "applied": applied})
    caller.client.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        await caller.create("SO-1")
    assert (await creates(caller))[0] == int(applied)
    await asyncio.sleep(0.05)
    assert (await caller.box.ledger())["statuses"]["ylh.create"] == {"none": 1}


async def test_a_hang_does_not_hold_the_stop(calling: Calling) -> None:
    async with calling() as caller:
        await caller.box.add_fault({"effect": "hang"})
        call = asyncio.ensure_future(caller.create("SO-1"))
        await asyncio.sleep(0.1)
        begun = time.monotonic()
    assert time.monotonic() - begun < 1
    with pytest.raises(httpx.TransportError):
        await call


async def test_a_lost_answer_has_its_effect(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "lost_answer", "key": "SO-1", "nth": 1})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await caller.create("SO-1")
    assert await creates(caller) == (1, 1)
    assert "重复" in (await caller.create("SO-1")).json()["message"]
    assert (await caller.box.ledger())["statuses"]["ylh.create"] == {"none": 1, "200": 1}


async def test_a_reset_has_no_effect(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "reset", "times": 1})
    with pytest.raises(httpx.ReadError):
        await caller.create("SO-1")
    assert await creates(caller) == (0, 1)
    assert (await caller.create("SO-1")).json()["success"] is True


async def test_broken_json_is_framed_and_unreadable(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "broken_json"})
    answer = await caller.create("SO-1")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert await creates(caller) == (1, 1)


async def test_another_shape_is_json_without_what_was_asked_for(caller: Caller) -> None:
    ids = await caller.box.add_fault({"effect": "other_shape", "times": 1}, {"effect": "other_shape", "body": "[[1]]"})
    assert ids == [1, 2]
    assert "success" not in (await caller.products()).json()
    assert (await caller.products()).json() == [[1]]


async def test_a_truncated_answer_ends_before_its_length(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "truncate"})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await caller.create("SO-1")
    assert await creates(caller) == (1, 1)


async def test_a_page_instead_of_json(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "wrong_content_type"})
    answer = await caller.products()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<html>")


async def test_a_redirect_has_no_effect(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "redirect", "location": "https://elsewhere.invalid/x"})
    answer = await caller.create("SO-1")
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://elsewhere.invalid/x")
    assert await creates(caller) == (0, 1)


async def test_an_expired_token_stays_expired(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "expire_token", "call": "ylh.create", "times": 1})
    assert (await caller.create("SO-1")).status_code == 401
    assert (await caller.create("SO-1")).status_code == 401
    await caller.login()
    assert (await caller.create("SO-1")).json()["success"] is True
    assert await creates(caller) == (1, 3)


async def test_a_refusal_in_the_suppliers_words(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "refuse", "key": "SO-1", "code": "E7", "message": "收货地址超出配送范围"})
    answer = await caller.create("SO-1")
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert (answer.json()["code"], answer.json()["message"]) == ("E7", "收货地址超出配送范围")
    page = await caller.box.order("SO-1")
    assert (page["creates"], page["refused"]) == (0, 1)
    assert (await caller.create("SO-2")).json()["success"] is True


async def test_one_call_in_the_other_shape(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "bare", "times": 1})
    assert isinstance((await caller.products()).json(), list)
    assert (await caller.products()).json()["success"] is True


async def test_an_envelope_where_answers_are_bare(calling: Calling) -> None:
    config = SandboxConfig(shape="bare", faults=(Rule.model_validate({"effect": "envelope", "call": "ylh.create"}),))
    async with calling(config) as caller:
        assert (await caller.create("SO-1")).json()["success"] is True


async def test_a_success_without_the_order_number(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "no_order_number"})
    answer = (await caller.create("SO-1")).json()
    assert (answer["success"], answer["data"]) == (True, {"soId": "SO-1"})


async def test_the_token_call_takes_faults_too(caller: Caller) -> None:
    await caller.box.add_fault({"call": "ylh.token", "effect": "status", "status": 500, "times": 1})
    assert (await caller.login_ylh()).status_code == 500
    assert (await caller.login_ylh()).status_code == 200
    assert (await caller.box.ledger())["calls"]["ylh.token"] == 3


async def test_rules_choose_by_supplier_pattern_and_goods(caller: Caller) -> None:
    await caller.box.add_fault(
        {"supplier": "haier", "key": "BX0000005", "effect": "status", "status": 500},
        {"pattern": "SO-[0-9]+7", "effect": "status", "status": 502},
    )
    assert (await caller.products(productCodes=["BX0000001", "BX0000005"])).status_code == 500
    assert (await caller.stock(productCode="BX0000005")).status_code == 500
    assert (await caller.products()).status_code == 200, "a rule with a key leaves the whole list alone"
    assert (await caller.create("SO-17")).status_code == 502
    assert (await caller.create("SO-170")).status_code == 200


async def test_a_rule_for_a_so_id_finds_the_reschedule_by_its_order_number(caller: Caller) -> None:
    number = (await caller.create("SO-1")).json()["data"]["retailOrderNo"]
    await caller.box.add_fault({"call": "ylh.reschedule", "key": "SO-1", "effect": "refuse", "message": "不可改约"})
    assert (await caller.reschedule(number, installTime=1767369599000)).json()["description"] == "不可改约"
    assert (await caller.box.order("SO-1"))["refused"] == 1


async def test_the_nth_call_is_counted_for_each_key(caller: Caller) -> None:
    await caller.box.add_fault({"call": "ylh.create", "nth": [1, 3], "effect": "status", "status": 503})
    for so_id in ("SO-1", "SO-2"):
        statuses = [(await caller.create(so_id)).status_code for _ in range(4)]
        assert statuses == [503, 200, 503, 200]


async def test_rules_are_listed_removed_and_cleared(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "reset", "call": "haier.stock"}, {"effect": "refuse", "call": "ylh.create"})
    await caller.create("SO-1")
    listed = await caller.box.faults()
    assert [(rule["id"], rule["fired"], rule["effect"]) for rule in listed] == [(1, 0, "reset"), (2, 1, "refuse")]
    assert (await caller.client.delete("/_sandbox/faults/2")).json() == {"removed": 1}
    assert (await caller.client.delete("/_sandbox/faults/2")).status_code == 404
    assert (await caller.create("SO-1")).json()["success"] is True
    await caller.box.clear_faults()
    assert await caller.box.faults() == []


def drawn(seed: int, calls: list[tuple[str, int]]) -> set[tuple[str, int]]:
    """Which of the calls (key, how often) a rule of probability one in three hits."""
    rule = Rule.model_validate({"probability": 1 / 3, "seed": seed, "effect": "reset"})
    return {(key, n) for key, count in calls for n in range(count) if rule.hits("ylh.create", (key,))}


def test_probability_draws_the_same_lots_for_a_seed_whatever_the_order() -> None:
    calls = [(f"SO-{n}", 2) for n in range(300)]
    first = drawn(1, calls)
    assert first == drawn(1, calls[::-1])
    assert first != drawn(2, calls)
    assert 150 < len(first) < 250


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "effect"),
        ({"effect": "explode"}, "effect"),
        ({"effect": "status"}, "needs status"),
        ({"effect": "delay"}, "needs seconds"),
        ({"effect": "status", "status": 200}, "status"),
        ({"effect": "hang", "status": 503}, "means nothing"),
        ({"effect": "refuse", "applied": True}, "applied"),
        ({"effect": "reset", "pattern": "("}, "regular expression"),
        ({"effect": "reset", "nth": [0]}, "nth"),
        ({"effect": "reset", "probability": 2}, "probability"),
        ({"effect": "reset", "call": "ylh.creat"}, "call"),
        ({"effect": "reset", "when": "now"}, "when"),
    ],
)
async def test_a_bad_rule_is_refused_with_its_field(caller: Caller, rule: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        await caller.box.add_fault(rule)
    with pytest.raises(ValidationError, match=said):
        Rule.model_validate(rule)
