"""Our YLH client against the sandbox over real HTTP, fault by fault (DESIGN section 6; SUPPLIERS, YLH)."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.domain.errors import (
    BooksUnavailable,
    Malformed,
    Misconfigured,
    Rejected,
    Resting,
    SupplierError,
    Throttled,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from consumer.domain.ports import OrderArrived, YlhOrders
from consumer.domain.recoverability import Policy
from consumer.settings import load
from consumer.suppliers.authorised import Conduct
from consumer.suppliers.limits import Released, Timeouts, Unlimited
from consumer.suppliers.transport import AiohttpTransport
from consumer.suppliers.ylh.client import YlhClient
from sandbox.config import SandboxConfig
from sandbox.testing import Box, running_sandbox
from schemas.events import OrderCancelled, OrderPaid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from consumer.suppliers.limits import Brake, Quota

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ONCE = Policy(immediate_retries=0)
NOTHING: Mapping[str, str] = {}
TWICE = Policy(immediate_retries=1, immediate_delay=timedelta(milliseconds=2))


class Heard:
    """Counts calls by operation and outcome."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        assert supplier == "ylh"
        assert seconds >= 0
        assert status is None or 100 <= status < 600
        self.calls[operation, outcome] += 1


@asynccontextmanager
async def client_of(
    box: Box,
    *,
    policy: Policy = TWICE,
    call: float = 5.0,
    heard: Heard | None = None,
    settings: Mapping[str, str] = NOTHING,
    quota: Quota | None = None,
    brake: Brake | None = None,
) -> AsyncIterator[YlhClient]:
    section = load({**box.environment(), **settings}, dotenv=None, need=["ylh"]).ylh
    conduct = Conduct(
        Timeouts(token=5.0, call=call), policy, 100, heard or Heard(), quota or Unlimited(), brake or Released()
    )
    async with AiohttpTransport() as transport:
        client = YlhClient(section, transport, conduct)
        _port: YlhOrders = client
        yield client
        await client.aclose()


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


def order(so_id: str = "SO-1", **changes: Any) -> OrderPaid:
    item = {
        "product_code": "BX0000001",
        "quantity": 1,
        "retail_price": "2999.00",
        "discount": "99.50",
        "actual_price": "2899.50",
        "is_gift": False,
    }
    data: dict[str, Any] = {
        "so_id": so_id,
        "online_no": "T1",
        "version": 1,
        "created_at": "2026-01-01T10:00:00+08:00",
        "consignee": {
            "name": "张三",
            "mobile": "13800138000",
            "province": "山东省",
            "city": "青岛市",
            "area": "崂山区",
            "address": "海尔路1号",
        },
        "items": [item],
        "total_amount": "2899.50",
        "distribution_on": "2026-01-05",
        "install_on": "2026-01-05",
        "government_subsidy": True,
    }
    return OrderPaid.model_validate(data | changes)


def cancel_of(so_id: str = "SO-1") -> OrderCancelled:
    return OrderCancelled.model_validate(
        {"so_id": so_id, "version": 2, "reason": "不要了", "cancelled_at": "2026-01-01T10:00:00+08:00"}
    )


async def create(client: YlhClient, so_id: str = "SO-1", *, unanswered: bool = False) -> OrderArrived:
    return await client.create(so_id, client.create_body(order(so_id)), unanswered=unanswered)


async def cancel(client: YlhClient, so_id: str = "SO-1") -> None:
    await client.cancel(so_id, client.cancel_body(cancel_of(so_id), source_system=None, now=NOW))


@pytest.mark.parametrize("shape", ["envelope", "bare"])
@pytest.mark.parametrize("environment", ["dev", "pre", "prod"])
async def test_an_order_is_created_and_cancelled(shape: Any, environment: Any) -> None:
    async with running_sandbox(SandboxConfig(shape=shape, ylh_env=environment)) as box, client_of(box) as client:
        arrived = await create(client)
        await cancel(client)
        seen = await box.order("SO-1")
    assert arrived.retail_order_no == seen["retail_order_no"] is not None
    assert not arrived.by_duplicate
    assert (seen["creates"], seen["cancels"], seen["state"]) == (1, 1, "cancelled")


async def test_a_success_without_a_number_is_a_success(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "effect": "no_order_number"})
    async with client_of(box) as client:
        assert await create(client) == OrderArrived(None)


async def test_a_lost_answer_is_cleared_up_by_the_resend_within_the_same_call(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "nth": [1], "effect": "lost_answer"})
    async with client_of(box) as client:
        assert await create(client) == OrderArrived(None, by_duplicate=True)
    assert (await box.order("SO-1"))["creates"] == 1


async def test_a_lost_answer_is_cleared_up_by_a_later_call_that_says_so(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "nth": [1], "effect": "lost_answer"})
    async with client_of(box, policy=ONCE) as client:
        with pytest.raises(UnknownOutcome):
            await create(client)
        assert await create(client, unanswered=True) == OrderArrived(None, by_duplicate=True)
    assert (await box.order("SO-1"))["creates"] == 1


async def test_a_duplicate_that_proves_nothing_is_a_refusal(box: Box) -> None:
    async with client_of(box) as client:
        await create(client)
        with pytest.raises(Rejected) as caught:
            await create(client)
    assert caught.value.code == "already_at_supplier"
    assert caught.value.supplier_message == "子单号重复，请勿重复推送"
    assert caught.value.supplier_code == "20001"


async def test_a_text_about_goods_that_repeat_is_another_matter(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "effect": "refuse", "message": "商品编码重复"})
    async with client_of(box) as client:
        with pytest.raises(Rejected) as caught:
            await create(client, unanswered=True)
    assert caught.value.code == "refused"


async def test_a_503_is_sent_once_more(box: Box) -> None:
    heard = Heard()
    await box.add_fault({"call": "ylh.create", "nth": [1], "effect": "status", "status": 503})
    async with client_of(box, heard=heard) as client:
        assert (await create(client)).retail_order_no is not None
    assert heard.calls == {("token", "ok"): 1, ("create", "unknown_outcome"): 1, ("create", "ok"): 1}
    assert (await box.order("SO-1"))["creates"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "status", "status": 500},
        {"effect": "status", "status": 503},
        {"effect": "hang"},
        {"effect": "delay", "seconds": 2},
        {"effect": "late_effect", "seconds": 2},
        {"effect": "lost_answer"},
        {"effect": "reset"},
        {"effect": "broken_json"},
        {"effect": "other_shape"},
        {"effect": "other_shape", "body": "[]"},
        {"effect": "other_shape", "body": '{"success": true, "data": "SO.1"}'},
        {"effect": "truncate"},
        {"effect": "wrong_content_type"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_whatever_follows_the_first_byte_and_is_no_readable_answer_leaves_a_create_unknown(
    box: Box, fault: dict[str, object]
) -> None:
    await box.add_fault({"call": "ylh.create"} | fault)
    async with client_of(box, policy=ONCE, call=0.3) as client:
        with pytest.raises(UnknownOutcome):
            await create(client)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"effect": "refuse", "code": "30009", "message": "库存不足"}, Rejected),
        ({"effect": "status", "status": 400}, Rejected),
        ({"effect": "status", "status": 403}, Unauthorised),
        ({"effect": "status", "status": 404}, Misconfigured),
        ({"effect": "status", "status": 405}, Misconfigured),
        ({"effect": "redirect", "location": "http://elsewhere.invalid/"}, Misconfigured),
        ({"effect": "status", "status": 429}, Throttled),
    ],
)
async def test_a_readable_no_is_not_sent_again(box: Box, fault: dict[str, object], kind: type[SupplierError]) -> None:
    heard = Heard()
    await box.add_fault({"call": "ylh.create"} | fault)
    async with client_of(box, heard=heard) as client:
        with pytest.raises(kind):
            await create(client)
    assert heard.calls["create", kind.error_class.value] == 1
    assert sum(heard.calls.values()) == 2


async def test_a_refusal_keeps_the_suppliers_words(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "effect": "refuse", "code": "30009", "message": "收货人张三信息有误"})
    async with client_of(box) as client:
        with pytest.raises(Rejected) as caught:
            await create(client)
    assert (caught.value.supplier_code, caught.value.supplier_message) == ("30009", "收货人张三信息有误")
    assert "张三" not in str(caught.value)


@pytest.mark.parametrize("after", [{"effect": "status", "status": 429}, {"effect": "status", "status": 403}])
async def test_an_unknown_outcome_stays_unknown_when_the_repeat_is_turned_away(
    box: Box, after: dict[str, object]
) -> None:
    await box.add_fault(
        {"call": "ylh.create", "nth": [1], "effect": "lost_answer"}, {"call": "ylh.create", "nth": [1]} | after
    )
    async with client_of(box) as client:
        with pytest.raises(UnknownOutcome):
            await create(client)
        await client.login()
        assert (await create(client, unanswered=True)).by_duplicate


@pytest.mark.parametrize(
    ("wish", "least", "most"),
    [("7", 7, 7), ("date", 3, 60), (None, None, None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0)],
)
async def test_429_says_how_long_to_rest(box: Box, wish: str | None, least: int | None, most: int | None) -> None:
    if wish == "date":
        wish = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    await box.add_fault({"call": "ylh.create", "effect": "status", "status": 429, "retry_after": wish})
    async with client_of(box) as client:
        with pytest.raises(Throttled) as caught:
            await create(client)
    rest = caught.value.retry_after
    if rest is None or least is None or most is None:
        assert rest is None
        assert least is None
    else:
        assert timedelta(seconds=least) <= rest <= timedelta(seconds=most)


async def test_fifty_creates_whose_token_was_withdrawn_make_one_login(box: Box) -> None:
    heard = Heard()
    async with client_of(box, heard=heard) as client:
        await create(client, "SO-0")
        await box.withdraw_tokens()
        await asyncio.gather(*(create(client, f"SO-{number}") for number in range(1, 51)))
    assert heard.calls["token", "ok"] == 2
    assert (await box.summary())["creates"] == 51


async def test_fifty_first_creates_make_one_login(box: Box) -> None:
    heard = Heard()
    async with client_of(box, heard=heard) as client:
        await asyncio.gather(*(create(client, f"SO-{number}") for number in range(50)))
    assert heard.calls == {("token", "ok"): 1, ("create", "ok"): 50}


async def test_a_token_refused_while_fresh_pauses_without_a_storm_of_logins(box: Box) -> None:
    heard = Heard()
    await box.add_fault({"call": "ylh.create", "effect": "expire_token"})
    async with client_of(box, heard=heard) as client:
        with pytest.raises(Unauthorised, match="YLH_USERNAME") as caught:
            await create(client)
    assert not caught.value.expired
    assert heard.calls == {("token", "ok"): 1, ("create", "auth"): 1}


@pytest.mark.parametrize("setting", ["YLH_PASSWORD", "YLH_USERNAME", "YLH_CLIENT_ID", "YLH_CLIENT_SECRET"])
async def test_wrong_credentials_are_one_clear_sentence_that_names_the_settings(box: Box, setting: str) -> None:
    async with client_of(box, settings={setting: "mistyped-secret"}) as client:
        for attempt in (client.login(), client.check(), create(client)):
            with pytest.raises(Unauthorised) as caught:
                await attempt
            assert not caught.value.expired
            assert setting in str(caught.value)
            assert "mistyped-secret" not in repr(caught.value)
            assert caught.value.code == "login_refused"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"effect": "status", "status": 503}, Transient),
        ({"effect": "hang"}, Transient),
        ({"effect": "lost_answer"}, Transient),
        ({"effect": "broken_json"}, Transient),
        ({"effect": "other_shape"}, Misconfigured),
        ({"effect": "status", "status": 404}, Misconfigured),
        ({"effect": "redirect", "location": "/login"}, Misconfigured),
        ({"effect": "status", "status": 415}, Misconfigured),
        ({"effect": "status", "status": 429, "retry_after": "3"}, Throttled),
        ({"effect": "refuse", "message": "账号已停用"}, Unauthorised),
    ],
)
async def test_a_login_that_fails_never_leaves_a_create_unknown_or_refused(
    box: Box, fault: dict[str, object], kind: type[SupplierError]
) -> None:
    await box.add_fault({"call": "ylh.token"} | fault)
    section = load(box.environment(), dotenv=None, need=["ylh"]).ylh
    conduct = Conduct(Timeouts(token=0.3, call=5), ONCE)
    async with AiohttpTransport() as transport:
        client = YlhClient(section, transport, conduct)
        with pytest.raises(kind) as caught:
            await create(client)
        assert type(caught.value) is kind
        await client.aclose()


async def test_login_and_check_reach_the_supplier(box: Box) -> None:
    heard = Heard()
    async with client_of(box, heard=heard) as client:
        await client.login()
        await client.check()
    assert heard.calls == {("token", "ok"): 1, ("logistics", "ok"): 1}


async def test_nothing_is_sent_to_an_address_that_refuses_connections(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with client_of(box, settings={"YLH_BASE_URL": f"http://127.0.0.1:{port}"}) as client:
        with pytest.raises(Transient, match="nothing was sent"):
            await create(client)


@pytest.mark.parametrize("setting", ["YLH_BASE_URL", "YLH_AUTH_URL"])
async def test_a_host_that_does_not_resolve_pauses(box: Box, setting: str) -> None:
    async with client_of(box, settings={setting: "http://no-such-host.invalid/oauth/token"}) as client:
        with pytest.raises(Misconfigured, match=setting) as caught:
            await create(client)
    assert caught.value.code == "host_unresolvable"


async def test_the_wrong_environment_calls_services_that_are_not_there(box: Box) -> None:
    async with client_of(box, settings={"YLH_ENV": "pre"}) as client:
        with pytest.raises(Misconfigured, match="YLH_ENV"):
            await create(client)


async def test_a_cancel_of_an_order_that_ylh_does_not_have(box: Box) -> None:
    async with client_of(box) as client:
        with pytest.raises(Rejected) as caught:
            await cancel(client, "SO-NEVER")
    assert (caught.value.code, caught.value.supplier_message) == ("order_unknown", "订单不存在")


async def test_a_cancel_refused_at_the_first_try_is_a_refusal(box: Box) -> None:
    async with client_of(box) as client:
        await create(client)
        await cancel(client)
        with pytest.raises(Rejected) as caught:
            await cancel(client)
    assert caught.value.code == "refused"


async def test_a_cancel_refused_only_after_a_lost_answer_stays_unknown(box: Box) -> None:
    await box.add_fault({"call": "ylh.cancel", "nth": [1], "effect": "lost_answer"})
    async with client_of(box) as client:
        await create(client)
        with pytest.raises(UnknownOutcome):
            await cancel(client)
    assert (await box.order("SO-1"))["cancels"] == 1


@pytest.mark.parametrize("effect", ["lost_answer", "broken_json", "other_shape", "hang"])
async def test_a_cancel_without_a_readable_answer_is_unknown(box: Box, effect: str) -> None:
    await box.add_fault({"call": "ylh.cancel", "effect": effect})
    async with client_of(box, policy=ONCE, call=0.3) as client:
        await create(client)
        with pytest.raises(UnknownOutcome):
            await cancel(client)


async def reschedule(client: YlhClient, number: str) -> None:
    body = client.reschedule_body(number, distribution_on=date(2026, 1, 9), install_on=None)
    await client.reschedule(number, body)


async def number_of(client: YlhClient) -> str:
    number = (await create(client)).retail_order_no
    assert number is not None
    return number


async def test_a_reschedule_whose_answer_was_lost_is_sent_again(box: Box) -> None:
    heard = Heard()
    await box.add_fault({"call": "ylh.reschedule", "nth": [1], "effect": "lost_answer"})
    async with client_of(box, heard=heard) as client:
        await reschedule(client, await number_of(client))
    assert (heard.calls["reschedule", "unknown_outcome"], heard.calls["reschedule", "ok"]) == (1, 1)
    assert (await box.order("SO-1"))["reschedules"] == 2


@pytest.mark.parametrize("effect", ["lost_answer", "broken_json", "other_shape", "hang"])
async def test_a_reschedule_without_a_readable_answer_is_unknown(box: Box, effect: str) -> None:
    await box.add_fault({"call": "ylh.reschedule", "effect": effect})
    async with client_of(box, policy=ONCE, call=0.3) as client:
        number = await number_of(client)
        with pytest.raises(UnknownOutcome):
            await reschedule(client, number)


@pytest.mark.parametrize(
    "after",
    [{"effect": "refuse", "message": "当前状态不能改约"}, {"effect": "status", "status": 429}],
    ids=lambda fault: str(fault["effect"]),
)
async def test_a_reschedule_turned_away_only_after_a_lost_answer_stays_unknown(
    box: Box, after: dict[str, object]
) -> None:
    await box.add_fault(
        {"call": "ylh.reschedule", "nth": [1], "effect": "lost_answer"}, {"call": "ylh.reschedule", "nth": [1]} | after
    )
    async with client_of(box) as client:
        number = await number_of(client)
        with pytest.raises(UnknownOutcome):
            await reschedule(client, number)


async def test_a_reschedule_refused_at_the_first_try_is_a_refusal(box: Box) -> None:
    async with client_of(box) as client:
        number = await number_of(client)
        await cancel(client)
        with pytest.raises(Rejected) as caught:
            await reschedule(client, number)
    assert (caught.value.code, caught.value.supplier_message) == ("refused", "订单已取消，不能改约")


class OutOfReach:
    """A quota whose database is gone after the first call."""

    def __init__(self) -> None:
        self.asked = 0

    async def take(self, within: float) -> bool:
        assert within >= 0
        self.asked += 1
        if self.asked > 1:
            raise BooksUnavailable("the database does not answer", code="database_unavailable")
        return True


async def test_an_unknown_outcome_outlives_a_quota_that_cannot_be_asked_for_the_repeat(box: Box) -> None:
    await box.add_fault({"call": "ylh.create", "nth": [1], "effect": "lost_answer"})
    async with client_of(box, quota=OutOfReach()) as client:
        with pytest.raises(UnknownOutcome):
            await create(client)
    assert (await box.order("SO-1"))["creates"] == 1


LOOKS: Mapping[str, Callable[[YlhClient], Awaitable[object]]] = {
    "ylh.photos": lambda client: client.photos("SO.NEVER"),
    "ylh.logistics": lambda client: client.shipments(["SO.NEVER"]),
}


@pytest.mark.parametrize("call", LOOKS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"effect": "status", "status": 503}, Transient),
        ({"effect": "lost_answer"}, Transient),
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
    async with client_of(box) as client:
        with pytest.raises(SupplierError) as caught:
            await LOOKS[call](client)
    assert type(caught.value) is kind


class Held:
    """A brake that is on."""

    def held(self) -> str:
        return "YLH is at rest"


async def test_a_probe_passes_the_brake_with_one_try_and_shares_the_tokens(box: Box) -> None:
    heard = Heard()
    async with client_of(box, heard=heard, brake=Held()) as client:
        with pytest.raises(Resting):
            await create(client)
        await client.check()
        await box.add_fault({"call": "ylh.logistics", "effect": "status", "status": 503})
        with pytest.raises(Transient):
            await client.check()
    assert heard.calls == {("token", "ok"): 1, ("logistics", "ok"): 1, ("logistics", "transient"): 1}


@pytest.mark.parametrize("body", ['{"success": true, "data": null}', "[]", "{}", '{"success": false, "code": "1"}'])
async def test_a_probe_takes_any_readable_answer_for_life(box: Box, body: str) -> None:
    await box.add_fault({"call": "ylh.logistics", "effect": "other_shape", "body": body})
    async with client_of(box) as client:
        await client.check()


async def test_several_units_are_sent_or_refused_as_the_setting_says(box: Box) -> None:
    item = order().items[0].model_dump(mode="json") | {"quantity": 2}
    several = order(items=[item], total_amount="5799.00")
    for setting in ("off", "warn"):
        async with client_of(box, settings={"RELAY_YLH_SINGLE_UNIT": setting}) as client:
            assert b'"totalQty":2' in client.create_body(several)
    async with client_of(box, settings={"RELAY_YLH_SINGLE_UNIT": "reject"}) as client:
        client.create_body(order())
        with pytest.raises(Rejected) as caught:
            client.create_body(several)
    assert caught.value.code == "single_unit"


async def test_a_backlog_goes_through_a_hundred_at_once(box: Box) -> None:
    async with client_of(box) as client:
        await asyncio.gather(*(create(client, f"SO-{number}") for number in range(500)))
    assert (await box.summary())["creates"] == 500
