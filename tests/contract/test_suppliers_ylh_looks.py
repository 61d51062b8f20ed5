"""Looks and probes at YLH against the sandbox over real HTTP, fault by fault (DESIGN section 6; SUPPLIERS, YLH)."""

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
from sandbox.testing import Box, running_sandbox
from tests.support.supplier_clients import (
    Heard,
    Held,
    create,
    ylh_client,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from consumer.suppliers.ylh.client import YlhClient


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as running:
        yield running


async def test_login_and_check_reach_the_supplier(box: Box) -> None:
    heard = Heard("ylh")
    async with ylh_client(box, heard=heard) as client:
        await client.login()
        await client.check()
    assert heard.calls == {("token", "ok"): 1, ("logistics", "ok"): 1}


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
    async with ylh_client(box) as client:
        with pytest.raises(SupplierError) as caught:
            await LOOKS[call](client)
    assert type(caught.value) is kind


async def test_a_probe_passes_the_brake_with_one_try_and_shares_the_tokens(box: Box) -> None:
    heard = Heard("ylh")
    async with ylh_client(box, heard=heard, brake=Held()) as client:
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
    async with ylh_client(box) as client:
        await client.check()
