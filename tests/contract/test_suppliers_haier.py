"""Goods and logins at Haier against the sandbox over real HTTP, fault by fault (DESIGN section 6; SUPPLIERS, Haier)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.errors import (
    Malformed,
    Misconfigured,
    Rejected,
    SupplierError,
    Throttled,
    Transient,
    Unauthorised,
)
from consumer.domain.looks import Unreadable
from sandbox.config import SandboxConfig
from sandbox.testing import Box, running_sandbox
from tests.support.supplier_clients import (
    Heard,
    haier_client,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


@pytest.mark.parametrize("shape", ["envelope", "bare"])
async def test_products_are_read_from_a_list_or_an_envelope(shape: Any) -> None:
    async with running_sandbox(SandboxConfig(shape=shape)) as box, haier_client(box) as client:
        known = {article["code"]: article for article in await box.catalogue()}
        found = (await client.products(sorted(known)[:20])).found
    assert [product.product_code for product in found] == sorted(known)[:20]
    for product in found:
        article = known[product.product_code]
        assert (product.model, product.category, product.brand) == (
            article["model"],
            article["group"],
            article["brand"],
        )
        assert product.procurable is article["procurable"]
    assert {product.procurable for product in found} == {True, False}


async def test_every_procurable_product_comes_in_one_list() -> None:
    async with running_sandbox(SandboxConfig(products=5000)) as box, haier_client(box) as client:
        async with client.listing() as listing:
            looks = [look async for look in listing.parts(500)]
        procurable = [article["code"] for article in await box.catalogue() if article["procurable"]]
    assert [product.product_code for look in looks for product in look.found] == procurable
    assert listing.count == len(procurable) > 4000
    assert [len(look.found) for look in looks] == [500] * 9 + [250]
    assert {look.seen_at for look in looks} == {listing.seen_at}


async def test_no_codes_and_too_many_are_refused_here_rather_than_taken_for_every_product(box: Box) -> None:
    async with haier_client(box) as client:
        for ask in (client.products, client.prices):
            for codes in ([], [f"BX{number:07}" for number in range(21)]):
                with pytest.raises(ValueError, match="1 to 20"):
                    await ask(codes)
    assert await box.calls() == []


@pytest.mark.parametrize(
    "account",
    [
        {"haier_token_key": "token"},
        {"haier_token_under_data": True},
        {"haier_token_key": "token", "haier_token_under_data": True, "token_expires_in": None},
        {"haier_auth_scheme": "bare"},
        {"haier_auth_scheme": "Bearer"},
        {"haier_auth_missing": True},
    ],
    ids="-".join,
)
async def test_every_way_of_giving_and_showing_a_token(account: Any) -> None:
    heard = Heard("haier")
    async with running_sandbox(SandboxConfig(**account)) as box, haier_client(box, heard=heard) as client:
        await client.login()
        await client.products(["BX0000001"])
        await box.withdraw_tokens()
        await client.products(["BX0000001"])
    assert heard.calls["products", "ok"] == 2
    assert heard.calls["token", "ok"] == 2
    # Once the second address has worked the first is not asked again.
    assert heard.calls["token", "misconfigured"] == ("haier_auth_missing" in account)


async def test_the_wrong_scheme_names_its_setting() -> None:
    async with (
        running_sandbox(SandboxConfig(haier_auth_scheme="Bearer")) as box,
        haier_client(box, settings={"HAIER_AUTH_SCHEME": ""}) as client,
    ):
        with pytest.raises(Unauthorised, match="HAIER_AUTH_SCHEME") as caught:
            await client.products(["BX0000001"])
    assert not caught.value.expired


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "status", "status": 500},
        {"effect": "hang"},
        {"effect": "lost_answer"},
        {"effect": "reset"},
        {"effect": "broken_json"},
        {"effect": "truncate"},
        {"effect": "wrong_content_type"},
        {"effect": "other_shape"},
    ],
    ids=lambda fault: str(fault["effect"]),
)
async def test_a_look_is_repeated_once_and_then_succeeds(box: Box, fault: dict[str, object]) -> None:
    heard = Heard("haier")
    await box.add_fault({"call": "haier.products", "nth": [1]} | fault)
    async with haier_client(box, call=0.3, heard=heard) as client:
        assert len((await client.products(["BX0000001"])).found) == 1
    assert heard.calls["products", "ok"] == 1
    assert sum(heard.calls.values()) == 3


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"effect": "status", "status": 503}, Transient),
        ({"effect": "hang"}, Transient),
        ({"effect": "broken_json"}, Transient),
        ({"effect": "truncate"}, Transient),
        ({"effect": "other_shape"}, Malformed),
        ({"effect": "other_shape", "body": "{}"}, Malformed),
        ({"effect": "other_shape", "body": '{"success": true}'}, Malformed),
        ({"effect": "refuse", "code": "1", "message": "客户编码错误"}, Rejected),
        ({"effect": "status", "status": 400}, Rejected),
        ({"effect": "status", "status": 403}, Unauthorised),
        ({"effect": "status", "status": 404}, Misconfigured),
        ({"effect": "redirect", "location": "/login"}, Misconfigured),
        ({"effect": "status", "status": 429, "retry_after": "5"}, Throttled),
    ],
)
async def test_each_failure_of_a_look_has_its_class(
    box: Box, fault: dict[str, object], kind: type[SupplierError]
) -> None:
    await box.add_fault({"call": "haier.products"} | fault)
    async with haier_client(box, call=0.3) as client:
        with pytest.raises(SupplierError) as caught:
            await client.products(["BX0000001"])
    assert type(caught.value) is kind


async def test_an_entry_of_another_shape_harms_none_of_the_others_and_is_told_with_its_place(box: Box) -> None:
    odd = '[{"productCode": "BX1", "isSales": "1"}, {"productCode": "BX2", "isSales": "maybe"}, "BX3", {"isSales": 0}]'
    await box.add_fault({"call": "haier.products", "effect": "other_shape", "body": odd})
    async with haier_client(box) as client:
        look = await client.products(["BX1", "BX2"])
    assert [product.product_code for product in look.found] == ["BX1"]
    assert look.unreadable == (
        Unreadable("BX2", '1.isSales: expected "1" or "0"'),
        Unreadable("", "2: expected an object"),
        Unreadable("", "3.productCode: expected a value"),
    )


async def test_an_answer_without_one_readable_entry_is_another_shape_and_names_the_place(box: Box) -> None:
    odd = '[{"productCode": "BX1", "isSales": "maybe"}, {"productCode": "BX2"}]'
    await box.add_fault({"call": "haier.products", "effect": "other_shape", "body": odd})
    async with haier_client(box) as client:
        with pytest.raises(Malformed, match=r'0\.isSales: expected "1" or "0"'):
            await client.products(["BX1", "BX2"])


async def test_fifty_looks_whose_token_was_withdrawn_make_one_login(box: Box) -> None:
    heard = Heard("haier")
    async with haier_client(box, heard=heard) as client:
        await client.products(["BX0000001"])
        await box.withdraw_tokens()
        await asyncio.gather(*(client.products(["BX0000001"]) for _ in range(50)))
    assert heard.calls["token", "ok"] == 2
    assert heard.calls["products", "ok"] == 51


async def test_a_token_told_to_live_longer_than_it_does_is_renewed_on_its_401() -> None:
    heard = Heard("haier")
    short = SandboxConfig(token_lifetime=0.2, token_expires_in=3600)
    async with running_sandbox(short) as box, haier_client(box, heard=heard) as client:
        await client.products(["BX0000001"])
        await asyncio.sleep(0.3)
        await client.products(["BX0000001"])
    assert heard.calls == {("token", "ok"): 2, ("products", "ok"): 2, ("products", "auth"): 1}


@pytest.mark.parametrize("setting", ["HAIER_CLIENT_ID", "HAIER_CLIENT_SECRET"])
async def test_wrong_credentials_are_one_clear_sentence_that_names_the_settings(box: Box, setting: str) -> None:
    async with haier_client(box, settings={setting: "mistyped-secret"}) as client:
        for attempt in (client.login, client.check, client.balances):
            with pytest.raises(Unauthorised) as caught:
                await attempt()
            assert not caught.value.expired
            assert setting in str(caught.value)
            assert "mistyped-secret" not in repr(caught.value)


async def test_a_host_that_does_not_resolve_pauses(box: Box) -> None:
    async with haier_client(box, settings={"HAIER_BASE_URL": "http://no-such-host.invalid"}) as client:
        with pytest.raises(Misconfigured, match="HAIER_BASE_URL"):
            await client.balances()


async def test_a_check_makes_a_call_and_takes_a_refusal_for_life(box: Box) -> None:
    await box.add_fault({"call": "haier.products", "nth": [2], "effect": "refuse", "message": "商品编码无效"})
    heard = Heard("haier")
    async with haier_client(box, heard=heard) as client:
        await client.check()
        await client.check()
        await box.add_fault({"call": "haier.products", "effect": "status", "status": 404})
        with pytest.raises(Misconfigured):
            await client.check()
    assert heard.calls["products", "ok"] == 1
    assert heard.calls["products", "rejected"] == 1
