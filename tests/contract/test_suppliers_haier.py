"""Our Haier client against the sandbox over real HTTP, fault by fault (DESIGN section 6; SUPPLIERS, Haier)."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.errors import (
    Malformed,
    Misconfigured,
    Rejected,
    Resting,
    SupplierError,
    Throttled,
    Transient,
    Unauthorised,
)
from consumer.domain.recoverability import Policy
from consumer.settings import load
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.cache import ProductCache
from consumer.suppliers.haier.client import HaierClient
from consumer.suppliers.limits import Timeouts
from consumer.suppliers.transport import AiohttpTransport
from sandbox.config import SandboxConfig
from sandbox.credentials import Credentials
from sandbox.testing import Box, running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from consumer.domain.ports import HaierGoods

NOTHING: Mapping[str, str] = {}
TWICE = Policy(immediate_retries=1, immediate_delay=timedelta(milliseconds=2))


class Heard:
    """Counts calls by operation and outcome."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        assert supplier == "haier"
        assert seconds >= 0
        assert status is None or 100 <= status < 600
        self.calls[operation, outcome] += 1


@asynccontextmanager
async def client_of(
    box: Box, *, call: float = 5.0, heard: Heard | None = None, settings: Mapping[str, str] = NOTHING
) -> AsyncIterator[HaierClient]:
    section = load({**box.environment(), **settings}, dotenv=None, need=["haier"]).haier
    conduct = Conduct(Timeouts(token=5.0, call=call), TWICE, 100, heard or Heard())
    async with AiohttpTransport() as transport:
        client = HaierClient(section, transport, conduct)
        _port: HaierGoods = client
        yield client
        await client.aclose()


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


@pytest.mark.parametrize("shape", ["envelope", "bare"])
async def test_products_are_read_from_a_list_or_an_envelope(shape: Any) -> None:
    async with running_sandbox(SandboxConfig(shape=shape)) as box, client_of(box) as client:
        known = {article["code"]: article for article in await box.catalogue()}
        found = await client.procurable_products(sorted(known)[:20])
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


async def test_a_code_that_haier_does_not_know_is_not_in_the_answer(box: Box) -> None:
    async with client_of(box) as client:
        assert await client.procurable_products(["NOBODY"]) == []


async def test_every_procurable_product_comes_in_one_list() -> None:
    async with running_sandbox(SandboxConfig(products=5000)) as box, client_of(box) as client:
        found = await client.procurable_products(None)
        procurable = {article["code"] for article in await box.catalogue() if article["procurable"]}
    assert {product.product_code for product in found} == procurable
    assert len(procurable) > 4000


async def test_no_codes_ask_for_nothing_rather_than_for_every_product(box: Box) -> None:
    async with client_of(box) as client:
        assert await client.procurable_products([]) == []
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
    heard = Heard()
    async with running_sandbox(SandboxConfig(**account)) as box, client_of(box, heard=heard) as client:
        await client.login()
        await client.procurable_products(["BX0000001"])
        await box.withdraw_tokens()
        await client.procurable_products(["BX0000001"])
    assert heard.calls["products", "ok"] == 2
    assert heard.calls["token", "ok"] == 2
    # Once the second address has worked the first is not asked again.
    assert heard.calls["token", "misconfigured"] == ("haier_auth_missing" in account)


async def test_the_wrong_scheme_names_its_setting() -> None:
    async with (
        running_sandbox(SandboxConfig(haier_auth_scheme="Bearer")) as box,
        client_of(box, settings={"HAIER_AUTH_SCHEME": ""}) as client,
    ):
        with pytest.raises(Unauthorised, match="HAIER_AUTH_SCHEME") as caught:
            await client.procurable_products(["BX0000001"])
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
    heard = Heard()
    await box.add_fault({"call": "haier.products", "nth": [1]} | fault)
    async with client_of(box, call=0.3, heard=heard) as client:
        assert len(await client.procurable_products(["BX0000001"])) == 1
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
    async with client_of(box, call=0.3) as client:
        with pytest.raises(SupplierError) as caught:
            await client.procurable_products(["BX0000001"])
    assert type(caught.value) is kind


async def test_another_shape_names_the_place(box: Box) -> None:
    odd = '[{"productCode": "BX1", "isSales": "1"}, {"productCode": "BX2", "isSales": "maybe"}]'
    await box.add_fault({"call": "haier.products", "effect": "other_shape", "body": odd})
    async with client_of(box) as client:
        with pytest.raises(Malformed, match=r"1\.isSales"):
            await client.procurable_products(["BX0000001"])


async def test_fifty_looks_whose_token_was_withdrawn_make_one_login(box: Box) -> None:
    heard = Heard()
    async with client_of(box, heard=heard) as client:
        await client.procurable_products(["BX0000001"])
        await box.withdraw_tokens()
        await asyncio.gather(*(client.procurable_products(["BX0000001"]) for _ in range(50)))
    assert heard.calls["token", "ok"] == 2
    assert heard.calls["products", "ok"] == 51


async def test_a_token_told_to_live_longer_than_it_does_is_renewed_on_its_401() -> None:
    heard = Heard()
    short = SandboxConfig(token_lifetime=0.2, token_expires_in=3600)
    async with running_sandbox(short) as box, client_of(box, heard=heard) as client:
        await client.procurable_products(["BX0000001"])
        await asyncio.sleep(0.3)
        await client.procurable_products(["BX0000001"])
    assert heard.calls == {("token", "ok"): 2, ("products", "ok"): 2, ("products", "auth"): 1}


@pytest.mark.parametrize("setting", ["HAIER_CLIENT_ID", "HAIER_CLIENT_SECRET"])
async def test_wrong_credentials_are_one_clear_sentence_that_names_the_settings(box: Box, setting: str) -> None:
    async with client_of(box, settings={setting: "mistyped-secret"}) as client:
        for attempt in (client.login(), client.check(), client.procurable_products(None)):
            with pytest.raises(Unauthorised) as caught:
                await attempt
            assert not caught.value.expired
            assert setting in str(caught.value)
            assert "mistyped-secret" not in repr(caught.value)


async def test_a_host_that_does_not_resolve_pauses(box: Box) -> None:
    async with client_of(box, settings={"HAIER_BASE_URL": "http://no-such-host.invalid"}) as client:
        with pytest.raises(Misconfigured, match="HAIER_BASE_URL"):
            await client.procurable_products(None)


async def test_a_check_makes_a_call_and_takes_a_refusal_for_life(box: Box) -> None:
    await box.add_fault({"call": "haier.products", "nth": [2], "effect": "refuse", "message": "商品编码无效"})
    heard = Heard()
    async with client_of(box, heard=heard) as client:
        await client.check()
        await client.check()
        await box.add_fault({"call": "haier.products", "effect": "status", "status": 404})
        with pytest.raises(Misconfigured):
            await client.check()
    assert heard.calls["products", "ok"] == 1
    assert heard.calls["products", "rejected"] == 1


LOOKS: Mapping[str, Callable[[HaierClient], Awaitable[object]]] = {
    "haier.prices": lambda client: client.prices(["BX0000001"]),
    "haier.stock": lambda client: client.stock("BX0000001", "370212"),
    "haier.logistics": lambda client: client.shipments("SO.NEVER"),
    "haier.balance": lambda client: client.balances(),
}


@pytest.mark.parametrize("call", LOOKS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"effect": "status", "status": 503}, Transient),
        ({"effect": "hang"}, Transient),
        ({"effect": "broken_json"}, Transient),
        ({"effect": "other_shape"}, Malformed),
        ({"effect": "other_shape", "body": "{}"}, Malformed),
        ({"effect": "other_shape", "body": '{"success": true}'}, Malformed),
        ({"effect": "other_shape", "body": '{"success": true, "data": null}'}, Malformed),
        ({"effect": "refuse", "message": "无权限"}, Rejected),
        ({"effect": "status", "status": 429}, Throttled),
        ({"effect": "status", "status": 404}, Misconfigured),
    ],
)
async def test_a_look_is_never_unknown_and_never_silently_empty(
    box: Box, call: str, fault: dict[str, object], kind: type[SupplierError]
) -> None:
    await box.add_fault({"call": call} | fault)
    async with client_of(box, call=0.3) as client:
        with pytest.raises(SupplierError) as caught:
            await LOOKS[call](client)
    assert type(caught.value) is kind


async def test_the_balance_takes_the_customers_password_else_the_account_s(box: Box) -> None:
    async with client_of(box, settings={"HAIER_CUSTOMER_PASSWORD": ""}) as client:
        with pytest.raises(Rejected, match="balance"):
            await client.balances()
    known = SandboxConfig(credentials=Credentials(haier_customer_password="sandbox-password"))
    async with (
        running_sandbox(known) as same,
        client_of(same, settings={"HAIER_CUSTOMER_PASSWORD": ""}) as client,
    ):
        assert len(await client.balances()) == 2


class Held:
    """A brake that is on."""

    def held(self) -> str:
        return "Haier is at rest"


async def test_a_probe_passes_the_brake_with_one_try_and_no_cache(box: Box) -> None:
    heard = Heard()
    section = load(box.environment(), dotenv=None, need=["haier"]).haier
    conduct = Conduct(Timeouts(token=5.0, call=5.0), TWICE, 100, heard, brake=Held())
    async with AiohttpTransport() as transport:
        client = HaierClient(section, transport, conduct)
        with pytest.raises(Resting):
            await client.prices(["BX0000001"])
        await client.check()
        await box.add_fault({"call": "haier.products", "effect": "status", "status": 503})
        with pytest.raises(Transient):
            await client.check()
        await client.aclose()
    assert heard.calls == {("token", "ok"): 1, ("products", "ok"): 1, ("products", "transient"): 1}


class Told:
    """Adds up what a cache tells."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0

    def cache_used(self, cache: str, hits: int, misses: int) -> None:
        assert cache == "products"
        self.hits += hits
        self.misses += misses


@asynccontextmanager
async def keeping_client(box: Box, told: Told, clock: Callable[[], float]) -> AsyncIterator[HaierClient]:
    section = load(box.environment(), dotenv=None, need=["haier"]).haier
    cache = ProductCache(timedelta(minutes=15), told, clock=clock)
    async with AiohttpTransport() as transport:
        client = HaierClient(section, transport, Conduct(), cache=cache)
        yield client
        await client.aclose()


async def asked(box: Box, call: str) -> int:
    return int((await box.ledger())["calls"].get(call, 0))


async def test_products_asked_for_by_code_are_kept_a_quarter_of_an_hour(box: Box) -> None:
    now, told = 0.0, Told()
    codes = [f"BX{number:07}" for number in range(1, 31)]
    async with keeping_client(box, told, lambda: now) as client:
        first = await client.procurable_products(codes)
        again = await client.procurable_products([*codes, "BX0000031", "NOSUCH"])
        assert await asked(box, "haier.products") == 3
        assert again[:30] == first
        assert [product.seen_at for product in again[:30]] == [product.seen_at for product in first]
        now = 901.0
        await client.procurable_products(codes[:20])
        assert await asked(box, "haier.products") == 4
    assert (told.hits, told.misses) == (30, 30 + 2 + 20)


async def test_a_code_that_haier_does_not_know_is_asked_for_each_time(box: Box) -> None:
    async with keeping_client(box, Told(), lambda: 0.0) as client:
        for _ in range(2):
            assert await client.procurable_products(["NOSUCH"]) == []
    assert await asked(box, "haier.products") == 2


async def test_the_whole_catalogue_is_always_asked_for_and_renews_what_is_kept(box: Box) -> None:
    told = Told()
    async with keeping_client(box, told, lambda: 0.0) as client:
        await client.procurable_products(["BX0000001"])
        await box.change_product("BX0000001", procurable=True)
        for _ in range(2):
            await client.procurable_products(None)
        renewed = await client.procurable_products(["BX0000001"])
        assert await asked(box, "haier.products") == 3
        assert (await client.procurable_products(["BX0000002"]))[0].product_code == "BX0000002"
        assert await asked(box, "haier.products") == 4
    assert [product.procurable for product in renewed] == [True]
    assert (told.hits, told.misses) == (1, 2)


async def test_prices_stock_and_logistics_are_never_kept(box: Box) -> None:
    async with keeping_client(box, Told(), lambda: 0.0) as client:
        for look in LOOKS.values():
            await look(client)
            await look(client)
    for call in LOOKS:
        assert await asked(box, call) == 2
