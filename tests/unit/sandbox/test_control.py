"""The ledger and the other control endpoints."""

import asyncio
import json
from hashlib import sha256

import pytest

from sandbox.calling import Caller
from sandbox.ledger import KEPT_CALLS, KEPT_DIGESTS, Ledger

CREATE = "/ylh-cloud-service-jst-order-dev/api/page/hmm/retailorder/receive-hmm-retail-order"


async def test_the_ledger_counts_calls_effects_and_statuses(caller: Caller) -> None:
    await caller.create("SO-1")
    await caller.create("SO-1")
    await caller.create("SO-2", shopName="")
    await caller.products(productCodes=["BX0000001"])
    ledger = await caller.box.ledger()
    assert set(ledger["orders"]) == {"SO-1", "SO-2"}
    assert ledger["calls"] == {"haier.token": 1, "ylh.token": 1, "ylh.create": 3, "haier.products": 1}
    assert ledger["statuses"]["ylh.create"] == {"200": 3}
    assert set(ledger["orders"]["SO-1"]) >= {
        "creates", "create_calls", "duplicates_refused", "cancels", "cancel_calls", "reschedules", "state",
        "retail_order_no", "refused", "body_digests",
    }  # fmt: skip


async def test_the_digest_is_of_the_body_byte_for_byte(caller: Caller) -> None:
    body = json.dumps(caller.order("SO-1"), indent=3).encode()
    for _ in range(2):
        await caller.client.post(CREATE, content=body, headers={"Authorization": caller.ylh_token})
    assert (await caller.box.order("SO-1"))["body_digests"] == [sha256(body).hexdigest()] * 2


async def test_a_create_without_a_token_is_counted_as_a_call(caller: Caller) -> None:
    await caller.client.post(CREATE, json=caller.order("SO-1"))
    page = await caller.box.order("SO-1")
    assert (page["creates"], page["create_calls"]) == (0, 1)


async def test_an_order_nobody_named_is_404(caller: Caller) -> None:
    with pytest.raises(LookupError, match="SO-404"):
        await caller.box.order("SO-404")


async def test_reset_forgets_orders_and_counts(caller: Caller) -> None:
    await caller.create("SO-1")
    await caller.box.reset()
    assert await caller.box.ledger() == {"orders": {}, "calls": {}, "statuses": {}}
    assert (await caller.create("SO-1")).json()["success"] is True


async def test_the_summary_adds_up(caller: Caller) -> None:
    for so_id in ("SO-1", "SO-2", "SO-2"):
        await caller.create(so_id)
    await caller.cancel("SO-1")
    await caller.cancel("SO-404")
    summary = await caller.box.summary()
    assert summary == {
        "orders": 2, "mentioned": 3, "creates": 2, "create_calls": 3, "duplicates_refused": 1, "refused": 1,
        "cancelled": 1, "cancels": 1, "reschedules": 0, "doubled": 0, "doubled_so_ids": [], "calls": 7,
        "operations": {"haier.token": 1, "ylh.token": 1, "ylh.create": 3, "ylh.cancel": 2},
        "worst_second": {"ylh": 5, "haier": 0}, "throttled": {"ylh": 0, "haier": 0},
        "logins": {"ylh": 1, "haier": 1}, "revocations": {"ylh": 0, "haier": 0},
        "expired_calls": {"ylh": 0, "haier": 0},
    }  # fmt: skip


async def test_recent_calls_show_no_secret_and_nobodys_name(caller: Caller) -> None:
    await caller.box.add_fault({"call": "ylh.create", "effect": "status", "status": 500})
    await caller.create("SO-1")
    await caller.products()
    text = json.dumps([await caller.box.calls(), await caller.box.ledger()], ensure_ascii=False)
    last = (await caller.box.calls())[-2]
    assert (last["call"], last["status"], last["fault"], last["keys"]) == ("ylh.create", "500", "status", ["SO-1"])
    private = ["王小明", "13800000000", "海尔路", caller.ylh_token.split()[1], caller.haier_token]
    secrets = [value for name, value in caller.known.items() if "PASSWORD" in name or "SECRET" in name]
    assert not [word for word in (*private, *secrets) if word in text]


def test_memory_is_bounded_where_calls_repeat() -> None:
    ledger = Ledger()
    for n in range(KEPT_CALLS + 5):
        ledger.create_arrived("SO-1", b"%d" % n)
        ledger.answered("ylh.create", "200", None, ("SO-1",), float(n))
    assert (len(ledger.recent), len(ledger.orders["SO-1"].digests)) == (KEPT_CALLS, KEPT_DIGESTS)
    assert ledger.orders["SO-1"].create_calls == KEPT_CALLS + 5


async def test_a_wrong_path_method_or_body_is_told_plainly(caller: Caller) -> None:
    client = caller.client
    nowhere = await client.get("/_sandbox/nowhere")
    assert (nowhere.status_code, "ledger" in nowhere.json()["error"]) == (404, True)
    put = await client.put("/_sandbox/faults")
    assert (put.status_code, put.json()["error"]) == (405, "/_sandbox/faults takes DELETE, GET, POST, not PUT.")
    for path in ("faults", "callbacks"):
        assert (await client.post(f"/_sandbox/{path}", content=b"{")).status_code == 400
    assert (await client.get("/_sandbox/catalogue/nothing")).status_code == 404


async def test_health_answers_while_calls_hang(caller: Caller) -> None:
    await caller.box.add_fault({"effect": "hang"})
    call = asyncio.ensure_future(caller.create("SO-1"))
    await asyncio.sleep(0.05)
    assert (await caller.client.get("/_sandbox/health")).json() == {"status": "ok", "ylh_env": "dev"}
    call.cancel()
