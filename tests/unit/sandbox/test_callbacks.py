"""YLH's callbacks: signed as SUPPLIERS says, sent after their delay, to a receiver over real HTTP."""

import asyncio
import json

import pytest

from sandbox import CallbackConfig, SandboxConfig
from sandbox.calling import Caller, Calling
from sandbox.forms import sign
from tests.support.callback_receiver import receiving


async def outcomes(caller: Caller, count: int) -> dict[str, int]:
    """Wait until so many callbacks have been answered."""
    async with asyncio.timeout(5):
        while True:
            told = await caller.box.callbacks()
            if sum(told["outcomes"].values()) >= count:
                return dict(told["outcomes"])
            await asyncio.sleep(0.01)


def test_the_worked_example_of_the_signature() -> None:
    parameters = {
        "AppKey": "k1",
        "Data": '{"State":1}',
        "Method": "hmm.scm_heorder.confirm",
        "TimeStamp": "20260101120000",
        "Sign": "not part of it",
        "Empty": "  ",
    }
    assert sign(parameters, "s3cret") == "FC1A29A065B3FCB80F68AB857B8E1807"


async def test_create_and_cancel_are_told_with_a_right_signature(calling: Calling) -> None:
    async with receiving() as receiver:
        config = SandboxConfig(callbacks=CallbackConfig(url=receiver.url, delay=0.05))
        async with calling(config) as caller:
            await caller.create("SO-1")
            assert receiver.forms == []
            await receiver.wait(1)
            await caller.cancel("SO-1")
            assert await outcomes(caller, 2) == {"200 taken": 2}
            page = await caller.box.order("SO-1")
    methods = [form["Method"] for form in receiver.forms]
    assert methods == ["hmm.scm_heorder.confirm", "hmm.scm_heorder.cancel"]
    for form in receiver.forms:
        assert json.loads(form["Data"]) == {
            "PlatformOrderNo": "SO-1",
            "State": 1,
            "ExtOrderNo": page["ext_order_no"],
        }
        assert form["AppKey"] == config.credentials.ylh_callback_app_key
        assert form["Sign"] == sign(form, config.credentials.ylh_callback_secret)
        assert len(form["TimeStamp"]) == 14


async def test_what_was_refused_is_not_told(calling: Calling) -> None:
    async with (
        receiving() as receiver,
        calling(SandboxConfig(callbacks=CallbackConfig(url=receiver.url, delay=0))) as caller,
    ):
        await caller.create("SO-1", shopName="")
        await caller.cancel("SO-1")
        await caller.create("SO-2")
        assert await outcomes(caller, 1) == {"200 taken": 1}
        await asyncio.sleep(0.05)
    assert [json.loads(form["Data"])["PlatformOrderNo"] for form in receiver.forms] == ["SO-2"]


async def test_copies_and_the_platforms_own_number(calling: Calling) -> None:
    async with receiving() as receiver:
        settings = CallbackConfig(url=receiver.url, delay=0, copies=2, platform_order_no="online_no")
        async with calling(SandboxConfig(callbacks=settings)) as caller:
            await caller.create("SO-1")
            await receiver.wait(2)
    assert receiver.forms[0] == receiver.forms[1]
    assert json.loads(receiver.forms[0]["Data"])["PlatformOrderNo"] == "ON-SO-1"


async def test_any_callback_can_be_asked_for(calling: Calling) -> None:
    item = {"product_code": "BX0000001", "total": 2, "received": 1, "rejected": 1}
    async with (
        receiving() as receiver,
        calling(SandboxConfig(callbacks=CallbackConfig(url=receiver.url, copies=0))) as caller,
    ):
        await caller.create("SO-1")
        await caller.box.send_callback(so_id="SO-1", method="cancel", state=2, items=[item], timestamp="20260101120000")
        await receiver.wait(1)
        await caller.box.send_callback(so_id="SO-9", state=0, fail_msg="库存不足", wrong_signature=True)
        await receiver.wait(2)
        with pytest.raises(ValueError, match="method"):
            await caller.box.send_callback(so_id="SO-1", method="unheard-of")
    partly, failed = receiver.forms
    assert partly["TimeStamp"] == "20260101120000"
    assert json.loads(partly["Data"])["itemList"] == [
        {"productCode": "BX0000001", "totalQty": 2, "receiveQty": 1, "returnQty": 0, "rejectQty": 1}
    ]
    assert json.loads(failed["Data"]) == {"PlatformOrderNo": "SO-9", "State": 0, "FailMsg": "库存不足"}
    assert failed["Sign"] != sign(failed, SandboxConfig().credentials.ylh_callback_secret)


async def test_what_the_receiver_said_is_kept(calling: Calling) -> None:
    async with receiving() as receiver:
        receiver.says = {"success": False, "code": "error", "description": "签名错误"}
        async with calling(SandboxConfig(callbacks=CallbackConfig(url=receiver.url, delay=0))) as caller:
            await caller.create("SO-1")
            assert await outcomes(caller, 1) == {"200 refused": 1}


async def test_a_receiver_that_is_away_harms_nobody(calling: Calling) -> None:
    async with receiving() as receiver:
        pass
    async with calling(SandboxConfig(callbacks=CallbackConfig(url=receiver.url, delay=0))) as caller:
        await caller.create("SO-1")
        assert await outcomes(caller, 1) == {"unreached: ClientConnectorError": 1}


async def test_without_a_receiver_a_callback_cannot_be_asked_for(caller: Caller) -> None:
    with pytest.raises(ValueError, match=r"callbacks\.url"):
        await caller.box.send_callback(so_id="SO-1")
