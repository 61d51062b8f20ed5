"""Looks and probes at Haier against the sandbox over real HTTP, fault by fault (DESIGN section 6; SUPPLIERS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.domain.errors import (
    Malformed,
    Misconfigured,
    Rejected,
    Resting,
    SupplierError,
    Throttled,
    Transient,
)
from sandbox.config import SandboxConfig
from sandbox.credentials import Credentials
from sandbox.testing import Box, running_sandbox
from tests.support.supplier_clients import (
    Heard,
    Held,
    haier_client,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from consumer.suppliers.haier.client import HaierClient


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


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
    async with haier_client(box, call=0.3) as client:
        with pytest.raises(SupplierError) as caught:
            await LOOKS[call](client)
    assert type(caught.value) is kind


async def test_the_balance_takes_the_customers_password_else_the_account_s(box: Box) -> None:
    async with haier_client(box, settings={"HAIER_CUSTOMER_PASSWORD": ""}) as client:
        with pytest.raises(Rejected, match="balance"):
            await client.balances()
    known = SandboxConfig(credentials=Credentials(haier_customer_password="sandbox-password"))
    async with (
        running_sandbox(known) as same,
        haier_client(same, settings={"HAIER_CUSTOMER_PASSWORD": ""}) as client,
    ):
        assert len(await client.balances()) == 2


async def test_a_probe_passes_the_brake_with_one_try(box: Box) -> None:
    heard = Heard("haier")
    async with haier_client(box, heard=heard, brake=Held()) as client:
        with pytest.raises(Resting):
            await client.prices(["BX0000001"])
        await client.check()
        await box.add_fault({"call": "haier.products", "effect": "status", "status": 503})
        with pytest.raises(Transient):
            await client.check()
    assert heard.calls == {("token", "ok"): 1, ("products", "ok"): 1, ("products", "transient"): 1}
