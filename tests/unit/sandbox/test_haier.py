"""The Haier calls as SUPPLIERS has them."""

from decimal import Decimal

import pytest

from sandbox import SandboxConfig
from sandbox.calling import Caller, Calling


async def test_products_by_code_have_the_documented_keys_and_both_spellings_of_the_group(caller: Caller) -> None:
    answer = (await caller.products(productCodes=["BX0000001", "BX0000002", "BX9999999"])).json()
    pages = {page["productCode"]: page for page in answer["data"]}
    assert set(pages) == {"BX0000001", "BX0000002"}
    assert pages["BX0000001"]["productGroupName"] == "冰箱"
    assert pages["BX0000002"]["productGroupNamd"] == "洗衣机"
    assert isinstance(pages["BX0000002"]["productLageUrls"], list)


async def test_flags_come_as_strings_and_as_numbers(caller: Caller) -> None:
    answer = (await caller.products(productCodes=["BX0000001", "BX0000002"])).json()
    assert [page["isSales"] for page in answer["data"]] == ["1", 1]


async def test_the_whole_list_holds_procurable_goods_only(caller: Caller) -> None:
    pages = (await caller.products()).json()["data"]
    goods = await caller.box.catalogue()
    assert len(goods) == 200
    assert {page["productCode"] for page in pages} == {found["code"] for found in goods if found["procurable"]}
    assert 0 < len(pages) < 200


async def test_an_article_that_is_not_procurable_says_why(caller: Caller) -> None:
    blocked = next(found["code"] for found in await caller.box.catalogue() if not found["procurable"])
    page = (await caller.products(productCodes=[blocked])).json()["data"][0]
    assert (str(page["isSales"]), page["noSalesReason"]) == ("0", "商品暂不可采")


@pytest.mark.parametrize(
    "changed",
    [
        {"productCodes": [f"BX{n:07d}" for n in range(21)]},
        {"productCodes": []},
        {"productCodes": "BX0000001"},
        {"productCodes": [1]},
        {"customerCode": "1"},
        {"customerCode": None},
        {"passWord": "wrong"},
        {"searchType": "ALL"},
        {"sendToCode": None},
        {"supplierCode": None, "sendToCode": None},
        {"supplierCode": "2002"},
    ],
)
async def test_a_bad_question_for_goods_is_refused_with_status_200(caller: Caller, changed: dict[str, object]) -> None:
    answer = await caller.products(**changed)
    assert (answer.status_code, answer.json()["success"], answer.json()["data"]) == (200, False, None)


async def test_the_supplier_code_may_be_left_out(caller: Caller) -> None:
    assert (await caller.products(supplierCode=None, productCodes=["BX0000001"])).json()["success"] is True


async def test_prices_obey_the_suppliers_formula(caller: Caller) -> None:
    codes = [f"BX{n:07d}" for n in range(1, 21)]
    pages = (await caller.prices(productCodes=codes)).json()["data"]
    assert [page["productCode"] for page in pages] == codes
    seen = set()
    for page in pages:
        if page["supplyPrice"] is None:
            seen.add("no price")
            assert (str(page["isSales"]), page["reason"]) == ("0", "价格未生效")
            continue
        policy = page["stockRebatePolicy"]
        typed = policy in {"COM", "FHQ", "BF", "DTDBF"}
        seen |= {"typed" if typed else "fraction", type(page["supplyPrice"]).__name__}
        supply, invoice, rebate = (Decimal(str(page[name])) for name in ("supplyPrice", "invoicePrice", "rebateMoney"))
        assert invoice == supply * (1 - (Decimal(0) if typed else Decimal(str(policy)))) - rebate
    assert seen == {"no price", "typed", "fraction", "str", "float"}


@pytest.mark.parametrize(
    "changed",
    [
        {"productCodes": [f"BX{n:07d}" for n in range(21)]},
        {"productCodes": None},
        {"priceType": "XX"},
        {"passWord": "no"},
        {"sendToCode": "1"},
    ],
)
async def test_a_bad_question_for_prices_is_refused(caller: Caller, changed: dict[str, object]) -> None:
    answer = await caller.prices(**{"productCodes": ["BX0000001"], **changed})
    assert (answer.status_code, answer.json()["success"]) == (200, False)


async def test_stock_is_one_object_for_one_article_and_county(caller: Caller) -> None:
    page = (await caller.stock()).json()["data"]
    assert set(page) == {"secCode", "stock", "warehouseGrade", "timelinessData"}
    assert set(page["timelinessData"]) == {"cutTime", "achieveUserOrderCut", "hour", "isTranfer"}
    assert page["stock"] == (await caller.stock()).json()["data"]["stock"]


async def test_stock_differs_by_county_and_comes_as_string_or_number(caller: Caller) -> None:
    counties = [f"3702{n:02d}" for n in range(10, 40)]
    stocks = [(await caller.stock(countyCode=county)).json()["data"]["stock"] for county in counties]
    assert len(set(stocks)) > 5
    assert "0" in stocks
    other = (await caller.stock(productCode="BX0000002")).json()["data"]
    assert isinstance(other["stock"], int)


@pytest.mark.parametrize(
    "changed",
    [
        {"countyCode": "37021"},
        {"countyCode": "370212,370203"},
        {"countyCode": ["370212"]},
        {"productCode": "nothing"},
        {"productCode": ["BX0000001"]},
        {"source": "X"},
        {"sellerPassword": "wrong"},
        {"salesCode": "1"},
        {"senderCode": "1"},
    ],
)
async def test_a_bad_question_for_stock_is_refused(caller: Caller, changed: dict[str, object]) -> None:
    answer = await caller.stock(**changed)
    assert (answer.status_code, answer.json()["success"]) == (200, False)


async def test_logistics_of_both_suppliers_agree(caller: Caller) -> None:
    number = (await caller.create("SO-1")).json()["data"]["retailOrderNo"]
    page = (await caller.logistics([number, "SO.20200101.000001"])).json()["data"][0]
    assert page["orderCode"] == number
    assert [set(line) for line in page["logisticsList"]] == [{"logisticsCompany", "logisticsNo", "snCode"}] * 2
    lists = (await caller.haier_logistics(number)).json()["data"]
    assert set(lists) == {
        "getAllLogisticsInfoByOrderCode",
        "getStockDeliveryLogisticsRecord",
        "getStockDeliveryLogisticsRecordThirdparty",
    }
    assert lists["getAllLogisticsInfoByOrderCode"][0]["logisticsList"] == page["logisticsList"]
    by_record = await caller.haier_logistics(number, deliveryRecordCode="another")
    assert by_record.json()["data"]["getAllLogisticsInfoByOrderCode"] == []


async def test_logistics_takes_a_bare_list_of_at_most_a_hundred(caller: Caller) -> None:
    assert (await caller.logistics([f"SO.{n}" for n in range(100)])).json()["data"] == []
    for wrong in ([f"SO.{n}" for n in range(101)], [], {"orderCodes": ["SO.1"]}, [1]):
        answer = await caller.logistics(wrong)
        assert (answer.status_code, answer.json()["success"]) == (200, False)


async def test_haier_logistics_checks_the_account(caller: Caller) -> None:
    for wrong in ({"sellerPassword": "no"}, {"sellerCode": "1"}, {"orderCode": ""}):
        assert (await caller.haier_logistics("SO.1", **wrong)).json()["success"] is False


async def test_photos_of_an_order(caller: Caller) -> None:
    number = (await caller.create("SO-1")).json()["data"]["retailOrderNo"]
    pages = (await caller.photos(number)).json()["data"]
    assert [set(page) for page in pages] == [{"imageType", "imageUrl", "uploadTime"}] * 2
    assert (await caller.photos("SO.1")).json()["description"] == "订单不存在"


async def test_a_cancelled_order_and_one_not_yet_shipped_have_no_logistics(calling: Calling) -> None:
    async with calling(SandboxConfig(ship_after=60)) as caller:
        number = (await caller.create("SO-1")).json()["data"]["retailOrderNo"]
        assert (await caller.logistics([number])).json()["data"] == []
        assert (await caller.photos(number)).json()["data"] == []
    async with calling() as caller:
        await caller.create("SO-1")
        await caller.cancel("SO-1")
        assert (await caller.logistics([number])).json()["data"] == []


async def test_balance_names_the_payers(calling: Calling) -> None:
    async with calling() as caller:
        payers = (await caller.balance()).json()["data"]
        assert {type(payer["payerAccountBalance"]) for payer in payers} == {str, int}
        for wrong in ({"customerPassword": "no"}, {"customerCode": "1"}):
            assert (await caller.balance(**wrong)).json()["success"] is False
    async with calling(SandboxConfig(balance_as_list=False)) as caller:
        payer = (await caller.balance()).json()["data"]
        assert set(payer) == {
            "saleGroupCode",
            "saleGroupName",
            "payerAccountCode",
            "payerAccountName",
            "payerAccountBalance",
        }


async def test_a_changed_article_shows_in_goods_prices_and_stock(caller: Caller) -> None:
    await caller.box.change_product("BX0000001", procurable=False, supply_price="1234.50", stock={"370212": 5})
    page = (await caller.products(productCodes=["BX0000001"])).json()["data"][0]
    price = (await caller.prices(productCodes=["BX0000001"])).json()["data"][0]
    assert (page["isSales"], price["supplyPrice"]) == ("0", "1234.50")
    assert (await caller.stock()).json()["data"]["stock"] == "5"
    with pytest.raises(LookupError, match="no product X"):
        await caller.box.change_product("X", procurable=True)
    with pytest.raises(ValueError, match="supply_price"):
        await caller.box.change_product("BX0000001", supply_price="-1")


async def test_a_bare_shape_leaves_the_envelope_to_refusals(calling: Calling) -> None:
    async with calling(SandboxConfig(shape="bare")) as caller:
        assert isinstance((await caller.products()).json(), list)
        assert (await caller.create("SO-1")).json()["soId"] == "SO-1"
        assert (await caller.cancel("SO-1")).json() is True
        assert (await caller.create("SO-1")).json()["success"] is False


async def test_another_size_of_the_catalogue(calling: Calling) -> None:
    async with calling(SandboxConfig(products=3)) as caller:
        assert len((await caller.products()).json()["data"]) == 3
