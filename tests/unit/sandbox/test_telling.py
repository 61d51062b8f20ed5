"""YLH at its worst: what the receiver gets, and that the ledger knows the truth of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import ValidationError

from sandbox import CallbackConfig, SandboxConfig
from sandbox.calling import Caller, Calling
from sandbox.forms import sign
from tests.support.callback_receiver import Receiver, receiving

DELAY = 0.05


@asynccontextmanager
async def telling(calling: Calling, **manners: object) -> AsyncIterator[tuple[Caller, Receiver]]:
    async with receiving() as receiver:
        config = CallbackConfig.model_validate({"url": receiver.url, "delay": DELAY, **manners})
        async with calling(SandboxConfig(callbacks=config)) as caller:
            yield caller, receiver


async def test_a_refusal_has_its_reason_and_no_number(calling: Calling) -> None:
    async with telling(calling, refused=1) as (caller, receiver):
        await caller.create("SO-1")
        await caller.box.said_all()
        page = await caller.box.order("SO-1")
    (said,) = receiver.data("SO-1")
    assert (said["Method"], said["State"], said["FailMsg"]) == ("confirm", 0, page["fail_msg"])
    assert "ExtOrderNo" not in said
    assert (page["state"], page["answer"]) == ("refused", "refused")


async def test_out_of_stock_comes_before_a_confirm_with_a_later_stamp(calling: Calling) -> None:
    async with telling(calling, out_of_stock=1) as (caller, receiver):
        await caller.create("SO-1")
        await caller.box.said_all()
        page = await caller.box.order("SO-1")
    first, second = receiver.data("SO-1")
    assert (first["Method"], second["Method"]) == ("oostock", "confirm")
    assert first["TimeStamp"] < second["TimeStamp"]
    assert page["state"] == "confirmed"
    assert [made["timestamp"] for made in page["decisions"]] == [first["TimeStamp"], second["TimeStamp"]]


async def test_a_cancel_nobody_asked_for_ends_the_order(calling: Calling) -> None:
    async with telling(calling, intercepted=1) as (caller, receiver):
        await caller.create("SO-1")
        await caller.box.said_all()
        page = await caller.box.order("SO-1")
        assert (await caller.cancel("SO-1")).json()["success"] is False
    assert [(said["Method"], said["State"]) for said in receiver.data("SO-1")] == [("confirm", 1), ("cancel", 1)]
    assert (page["state"], page["cancels"]) == ("cancelled", 0)


async def test_a_settlement_brings_quantities_that_fit_the_order(calling: Calling) -> None:
    async with telling(calling, settled=1, delay=0.4) as (caller, receiver):
        await caller.create("SO-1")
        await caller.box.said_all()
        await caller.cancel("SO-1")
        assert (await caller.box.order("SO-1"))["state"] == "cancelling"
        assert (await caller.cancel("SO-1")).json()["success"] is False
        await caller.box.said_all()
        page = await caller.box.order("SO-1")
        assert (await caller.cancel("SO-1")).json()["success"] is False
    said = receiver.data("SO-1")[-1]
    assert (said["Method"], said["State"], page["state"]) == ("cancel", 2, "settled")
    (item,) = said["itemList"]
    assert item["totalQty"] == 2 == item["receiveQty"] + item["returnQty"] + item["rejectQty"]
    assert [
        {"product_code": item["productCode"], "total": item["totalQty"], "received": item["receiveQty"],
         "returned": item["returnQty"], "rejected": item["rejectQty"]}
    ] == page["quantities"]  # fmt: skip


async def test_a_cancel_that_was_accepted_can_fail_and_be_asked_for_again(calling: Calling) -> None:
    async with telling(calling, cancel_refused=0.5, seed=1) as (caller, receiver):
        for so_id in (f"SO-{number}" for number in range(20)):
            await caller.create(so_id)
            for _ in range(10):
                assert (await caller.cancel(so_id)).json()["success"] is True
                await caller.box.said_all()
                if (await caller.box.order(so_id))["state"] != "cancel_failed":
                    break
            page = await caller.box.order(so_id)
            assert page["state"] == "cancelled"
            states = [said["State"] for said in receiver.data(so_id) if said["Method"] == "cancel"]
            assert states == [0] * (page["cancels"] - 1) + [1]


async def test_the_callback_of_a_later_decision_overtakes_an_earlier_one(calling: Calling) -> None:
    async with telling(calling, out_of_stock=1, overtaken=0.5, seed=3, patience=1) as (caller, receiver):
        for number in range(12):
            await caller.create(f"SO-{number}")
        await caller.box.said_all()
        pages = {f"SO-{number}": await caller.box.order(f"SO-{number}") for number in range(12)}
    overtaken = 0
    for so_id, page in pages.items():
        assert page["state"] == "confirmed"
        stamps = [said["TimeStamp"] for said in receiver.data(so_id)]
        assert sorted(stamps) == [made["timestamp"] for made in page["decisions"]]
        overtaken += stamps != sorted(stamps)
    assert 0 < overtaken < 12


async def test_the_same_form_comes_again_later(calling: Calling) -> None:
    async with telling(calling, twice=1) as (caller, receiver):
        await caller.create("SO-1")
        await caller.box.said_all()
        told = await caller.box.callbacks()
    assert len(receiver.forms) == 2
    assert receiver.forms[0] == receiver.forms[1]
    assert told["kinds"] == {"true": {"200 taken": 1}, "repeated": {"200 taken": 1}}


async def test_an_early_callback_is_taken_before_the_create_answers(calling: Calling) -> None:
    async with telling(calling, early=1, delay=0.5, lead=0.2) as (caller, receiver):
        create = asyncio.create_task(caller.create("SO-1"))
        await receiver.wait(1)
        assert not create.done()
        assert (await caller.box.order("SO-1"))["state"] == "confirmed"
        assert (await create).json()["data"]["retailOrderNo"]
        # Another call does not wait.
        await caller.cancel("SO-1")
        await caller.box.said_all()
    assert len(receiver.data("SO-1")) == 2


async def test_an_early_callback_comes_also_when_the_answer_is_lost(calling: Calling) -> None:
    async with telling(calling, early=1) as (caller, receiver):
        await caller.box.add_fault({"call": "ylh.create", "times": 1, "effect": "broken_json"})
        await caller.create("SO-1")
        assert len(receiver.data("SO-1")) == 1


async def test_what_ylh_never_decided_leaves_the_ledger_alone(calling: Calling) -> None:
    async with telling(calling, forged=1, stale=1, foreign=1) as (caller, receiver):
        await caller.create("SO-1")
        await caller.box.said_all()
        ledger, told = await caller.box.ledger(), await caller.box.callbacks()
        secret = caller.box.config.credentials.ylh_callback_secret
    assert set(ledger["orders"]) == {"SO-1"}
    assert ledger["orders"]["SO-1"]["state"] == "confirmed"
    assert {kind: sum(outcomes.values()) for kind, outcomes in told["kinds"].items()} == {
        "true": 1, "forged": 1, "stale": 1, "foreign": 1,
    }  # fmt: skip
    rightly = [form["Sign"] == sign(form, secret) for form in receiver.forms]
    assert sorted(rightly) == [False, True, True, True]
    (foreign,) = [form for form in receiver.forms if "NEVER-SO-1" in form["Data"]]
    assert foreign["Method"] == "hmm.scm_heorder.confirm"
    stamps = sorted(said["TimeStamp"] for said in receiver.data("SO-1"))
    assert stamps[0] < stamps[1] == stamps[2]


async def test_what_was_not_taken_is_sent_again_where_configured(calling: Calling) -> None:
    async with telling(calling, retries=20, retry_after=0.05) as (caller, receiver):
        receiver.says = {"success": False, "code": "error", "description": "稍后再试"}
        await caller.create("SO-1")
        await receiver.wait(2)
        receiver.says = {"success": True, "code": "success"}
        await caller.box.said_all()
        assert (await caller.box.callbacks())["outcomes"] == {"200 taken": 1}
    assert len(receiver.forms) >= 3
    assert all(form == receiver.forms[0] for form in receiver.forms)


async def test_a_receiver_that_says_no_is_not_asked_again_by_default(calling: Calling) -> None:
    async with telling(calling) as (caller, receiver):
        receiver.says = {"success": False, "code": "error"}
        await caller.create("SO-1")
        await caller.box.said_all()
    assert len(receiver.forms) == 1


async def test_a_turned_down_order_is_neither_moved_nor_delivered(calling: Calling) -> None:
    async with telling(calling, refused=1) as (caller, _):
        number = (await caller.create("SO-1")).json()["data"]["retailOrderNo"]
        await caller.box.said_all()
        assert (await caller.reschedule(number, distributionTime=1798819199000)).json()["success"] is False
        assert (await caller.logistics([number])).json()["data"] == []


def test_a_range_is_from_low_to_high() -> None:
    assert CallbackConfig(url="http://x.invalid", delay=(0.1, 0.2)).span == (0.1, 0.2)
    assert CallbackConfig(url="http://x.invalid", delay=0.3).span == (0.3, 0.3)
    with pytest.raises(ValidationError, match="smaller number first"):
        CallbackConfig(url="http://x.invalid", delay=(0.2, 0.1))
