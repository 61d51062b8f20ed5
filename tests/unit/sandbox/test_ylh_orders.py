"""YLH's create, cancel and reschedule as SUPPLIERS has them."""

import re

import pytest

from sandbox import SandboxConfig
from sandbox.calling import Caller, Calling

END_OF_DAY = 1767369599000  # 2026-01-02 23:59:59 in Shanghai
DUPLICATE = re.compile(r"(子?单号|soId).*重复|重复推送")


async def test_create_gives_an_order_number_and_stands_in_the_ledger(caller: Caller) -> None:
    answer = (await caller.create("SO-1")).json()
    assert answer["success"] is True
    assert re.fullmatch(r"SO\.20260101\.[0-9]{12}", answer["data"]["retailOrderNo"])
    page = await caller.box.order("SO-1")
    assert (page["creates"], page["create_calls"], page["state"]) == (1, 1, "created")
    assert page["retail_order_no"] == answer["data"]["retailOrderNo"]


async def test_the_same_order_gets_the_same_number_in_another_sandbox(caller: Caller, calling: Calling) -> None:
    first = (await caller.create("SO-1")).json()
    async with calling() as other:
        assert (await other.create("SO-1")).json() == first


async def test_a_second_create_is_refused_as_a_duplicate_with_status_200(caller: Caller) -> None:
    await caller.create("SO-1")
    again = await caller.create("SO-1", totalAmt="5199.91")
    assert again.status_code == 200
    assert again.json()["success"] is False
    assert DUPLICATE.search(again.json()["message"])
    page = await caller.box.order("SO-1")
    assert (page["creates"], page["create_calls"], page["duplicates_refused"], page["refused"]) == (1, 2, 1, 0)
    assert len(set(page["body_digests"])) == 2


async def test_a_careless_supplier_takes_an_order_twice_and_the_summary_says_so(calling: Calling) -> None:
    async with calling(SandboxConfig(refuse_duplicates=False)) as caller:
        await caller.create("SO-1")
        await caller.create("SO-1")
        await caller.create("SO-2")
        summary = await caller.box.summary()
    assert (summary["orders"], summary["creates"], summary["doubled"]) == (2, 3, 1)
    assert summary["doubled_so_ids"] == ["SO-1"]


BAD_CREATES: list[tuple[str, dict[str, object]]] = [
    ("shopName", {"shopName": " "}),
    ("consigneeName", {"consigneeName": None}),
    ("detailAddress", {"detailAddress": 7}),
    ("sellerCode", {"sellerCode": "1234"}),
    ("sellerCode", {"sellerCode": "12345678"}),
    ("createTime", {"createTime": 1767240000}),
    ("createTime", {"createTime": None}),
    ("totalQty", {"totalQty": 3}),
    ("totalQty", {"totalQty": "two"}),
    ("totalAmt", {"totalAmt": "2599.95"}),
    ("totalAmt", {"totalAmt": "NaN"}),
    ("totalAmt", {"totalAmt": -1}),
    ("itemList", {"itemList": []}),
    ("itemList", {"itemList": None}),
    ("distributionTime", {"distributionTime": END_OF_DAY - 1000}),
    ("deliveryInstall", {"deliveryInstall": False}),
    ("deliveryInstall", {"distributionTime": END_OF_DAY, "installTime": END_OF_DAY}),
    ("deliveryInstall", {"distributionTime": END_OF_DAY, "deliveryInstall": "true"}),
]


@pytest.mark.parametrize(("named", "changed"), BAD_CREATES)
async def test_a_bad_create_is_refused_by_the_name_of_its_field(
    caller: Caller, named: str, changed: dict[str, object]
) -> None:
    answer = await caller.create("SO-1", **changed)
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert named in answer.json()["message"]
    assert not DUPLICATE.search(answer.json()["message"])
    page = await caller.box.order("SO-1")
    assert (page["creates"], page["refused"]) == (0, 1)


@pytest.mark.parametrize("field", ["productCode", "itemQty", "retailPrice", "discountAmount", "actualPrice"])
async def test_each_field_of_an_item_is_mandatory(caller: Caller, field: str) -> None:
    item = {name: value for name, value in caller.order("SO-1")["itemList"][0].items() if name != field}
    answer = (await caller.create("SO-1", itemList=[item])).json()
    assert (answer["success"], answer["message"]) == (False, f"{field}不能为空")


async def test_goods_that_are_not_procurable_are_refused(caller: Caller) -> None:
    blocked = next(goods["code"] for goods in await caller.box.catalogue() if not goods["procurable"])
    item = {**caller.order("SO-1")["itemList"][0], "productCode": blocked}
    answer = (await caller.create("SO-1", itemList=[item])).json()
    assert answer["success"] is False
    assert blocked in answer["message"]


async def test_a_refused_order_may_be_sent_again(caller: Caller) -> None:
    await caller.create("SO-1", shopName="")
    assert (await caller.create("SO-1")).json()["success"] is True


async def test_delivery_and_installation_together_are_taken(caller: Caller) -> None:
    times = {"distributionTime": END_OF_DAY, "installTime": END_OF_DAY, "deliveryInstall": "true"}
    assert (await caller.create("SO-1", **times)).json()["success"] is True
    assert (await caller.box.order("SO-1"))["install_time"] == str(END_OF_DAY)


async def test_cancel_is_taken_once(caller: Caller) -> None:
    await caller.create("SO-1")
    assert (await caller.cancel("SO-1")).json()["success"] is True
    assert (await caller.cancel("SO-1")).json()["success"] is False
    page = await caller.box.order("SO-1")
    assert (page["cancels"], page["cancel_calls"], page["state"]) == (1, 2, "cancelled")


async def test_cancel_of_an_order_that_never_came_is_unknown(caller: Caller) -> None:
    answer = await caller.cancel("SO-404")
    assert (answer.status_code, answer.json()["message"]) == (200, "订单不存在")
    page = await caller.box.order("SO-404")
    assert (page["cancels"], page["cancel_calls"], page["state"]) == (0, 1, "unknown")


async def test_cancel_time_must_be_a_string_of_milliseconds(caller: Caller) -> None:
    await caller.create("SO-1")
    for wrong in (1767240000000, "1767240000", None):
        answer = (await caller.cancel("SO-1", cancelTime=wrong)).json()
        assert (answer["success"], "cancelTime" in answer["message"]) == (False, True)
    assert (await caller.box.order("SO-1"))["cancels"] == 0


async def test_a_create_after_a_cancel_is_still_a_duplicate(caller: Caller) -> None:
    await caller.create("SO-1")
    await caller.cancel("SO-1")
    assert DUPLICATE.search((await caller.create("SO-1")).json()["message"])


async def test_reschedule_finds_the_order_by_either_number(caller: Caller) -> None:
    await caller.create("SO-1")
    page = await caller.box.order("SO-1")
    for number in (page["retail_order_no"], page["ext_order_no"]):
        assert (await caller.reschedule(number, distributionTime=END_OF_DAY)).json()["success"] is True
    page = await caller.box.order("SO-1")
    assert (page["reschedules"], page["reschedule_calls"], page["distribution_time"]) == (2, 2, str(END_OF_DAY))


async def test_reschedule_refuses_another_clock_time_no_time_and_an_unknown_order(caller: Caller) -> None:
    number = (await caller.create("SO-1")).json()["data"]["retailOrderNo"]
    for times in ({"installTime": END_OF_DAY - 1000}, {}):
        assert (await caller.reschedule(number, **times)).json()["success"] is False
    assert (await caller.reschedule("SO.20260101.1", installTime=END_OF_DAY)).json()["description"] == "订单不存在"
    assert (await caller.box.order("SO-1"))["reschedules"] == 0


async def test_reschedule_of_a_cancelled_order_is_refused(caller: Caller) -> None:
    number = (await caller.create("SO-1")).json()["data"]["retailOrderNo"]
    await caller.cancel("SO-1")
    assert (await caller.reschedule(number, installTime=END_OF_DAY)).json()["success"] is False
