"""The list of every product against the sandbox: whole or not at all, entry by entry, and nothing left behind."""

from __future__ import annotations

import asyncio
import errno
import json
from contextlib import suppress
from dataclasses import replace
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
    Unauthorised,
)
from consumer.suppliers.haier.listing import SpooledListing
from consumer.suppliers.spooling import BEGINNING, Spool
from sandbox.config import SandboxConfig
from sandbox.testing import Box, running_sandbox
from tests.support.supplier_clients import Heard, Held, haier_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from consumer.domain.looks import Look
    from consumer.domain.product import Product
    from consumer.suppliers.haier.client import HaierClient


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox(SandboxConfig(products=1100)) as running:
        yield running


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> list[Spool]:
    made: list[Spool] = []

    def remembered() -> Spool:
        made.append(Spool())
        return made[-1]

    monkeypatch.setattr("consumer.suppliers.spooling.Spool", remembered)
    return made


async def looks(client: HaierClient, size: int = 100) -> list[Look[Product]]:
    async with client.listing() as listing:
        return [look async for look in listing.parts(size)]


def codes(found: Iterable[Look[Product]]) -> list[str]:
    return [product.product_code for look in found for product in look.found]


async def procurable(box: Box) -> list[str]:
    return [article["code"] for article in await box.catalogue() if article["procurable"]]


async def all_closed(spools: list[Spool]) -> bool:
    async with asyncio.timeout(2):
        while not all(spool._file.closed for spool in spools):  # noqa: ASYNC110 -- closed in a thread that tells nobody
            await asyncio.sleep(0.01)
    return True


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"effect": "status", "status": 503}, Transient),
        ({"effect": "hang"}, Transient),
        ({"effect": "reset"}, Transient),
        ({"effect": "broken_json"}, Transient),
        ({"effect": "truncate"}, Transient),
        ({"effect": "wrong_content_type"}, Transient),
        ({"effect": "other_shape", "body": ""}, Transient),
        ({"effect": "other_shape", "body": "[]]"}, Transient),
        ({"effect": "other_shape"}, Malformed),
        ({"effect": "other_shape", "body": "{}"}, Malformed),
        ({"effect": "other_shape", "body": '{"success": true}'}, Malformed),
        ({"effect": "other_shape", "body": '{"success": true, "data": null}'}, Malformed),
        ({"effect": "other_shape", "body": '{"success": 1, "data": []}'}, Malformed),
        ({"effect": "other_shape", "body": '{"data": []}'}, Malformed),
        ({"effect": "other_shape", "body": '{"success": true, "data": [], "data": []}'}, Malformed),
        ({"effect": "other_shape", "body": '[{"productCode": "BX1"}, 1]'}, Malformed),
        ({"effect": "other_shape", "body": '{"data": [], "success": false, "code": "1"}'}, Rejected),
        ({"effect": "refuse", "code": "1", "message": "客户编码错误"}, Rejected),
        ({"effect": "status", "status": 403}, Unauthorised),
        ({"effect": "status", "status": 404}, Misconfigured),
        ({"effect": "status", "status": 429, "retry_after": "5"}, Throttled),
    ],
)
async def test_each_failure_has_its_class_and_gives_no_list(
    box: Box, spools: list[Spool], fault: dict[str, object], kind: type[SupplierError]
) -> None:
    await box.add_fault({"call": "haier.products"} | fault)
    async with haier_client(box, call=0.5) as client:
        with pytest.raises(SupplierError) as caught:
            await looks(client)
        assert await all_closed(spools)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "effect", ["truncate", "broken_json", "reset", "hang", "wrong_content_type", "other_shape", "expire_token"]
)
async def test_a_failed_try_is_repeated_and_leaves_nothing_in_the_list(box: Box, effect: str) -> None:
    heard = Heard("haier")
    async with haier_client(box, call=1, heard=heard) as client:
        # A token that has never served is not renewed: it would be refused again.
        await client.check()
        await box.add_fault({"call": "haier.products", "nth": [1], "effect": effect})
        found = await looks(client)
    assert codes(found) == await procurable(box)
    assert heard.calls["products", "ok"] == 2
    assert sum(number for (call, _), number in heard.calls.items() if call == "products") == 3


async def test_a_supplier_at_rest_is_not_asked(box: Box) -> None:
    async with haier_client(box, brake=Held()) as client:
        with pytest.raises(Resting):
            await looks(client)
    assert await box.calls() == []


async def test_unreadable_entries_are_told_with_their_places_and_harm_no_other(box: Box) -> None:
    entries: list[object] = [{"productCode": f"BX{place}", "isSales": "1"} for place in range(1200)]
    entries[3] = {"productCode": "BX3", "isSales": "perhaps"}
    entries[777] = {"isSales": "1"}
    entries[1199] = None
    await box.add_fault({"call": "haier.products", "effect": "other_shape", "body": json.dumps(entries)})
    async with haier_client(box) as client:
        found = await looks(client, 250)
    assert [len(look.found) + len(look.unreadable) for look in found] == [250, 250, 250, 250, 200]
    assert codes(found) == [f"BX{place}" for place in range(1200) if place not in (3, 777, 1199)]
    assert [(one.product_code, one.reason) for look in found for one in look.unreadable] == [
        ("BX3", '3.isSales: expected "1" or "0"'),
        ("", "777.productCode: expected a value"),
        ("", "1199: expected an object"),
    ]


async def test_a_list_is_judged_by_its_beginning(box: Box) -> None:
    strange = [{"code": "BX1"}] * BEGINNING + [{"productCode": "BX2", "isSales": "1"}]
    await box.add_fault({"call": "haier.products", "effect": "other_shape", "body": json.dumps(strange)})
    async with haier_client(box) as client:
        with pytest.raises(Malformed, match=r"0\.productCode: expected a value"):
            await looks(client)


@pytest.mark.parametrize("body", ["[]", ' {"success": "true", "data" : [ ] } '])
async def test_a_list_without_entries_has_no_parts(box: Box, body: str) -> None:
    await box.add_fault({"call": "haier.products", "effect": "other_shape", "body": body})
    async with haier_client(box) as client, client.listing() as listing:
        assert listing.count == 0
        assert [look async for look in listing.parts(10)] == []


async def test_it_can_be_read_again_from_the_beginning_also_after_a_reading_that_was_left(
    box: Box, spools: list[Spool]
) -> None:
    async with haier_client(box) as client:
        async with client.listing() as listing:
            first = [look async for look in listing.parts(100)]
            async for look in listing.parts(7):
                assert codes([look]) == codes(first)[:7]
                break
            assert codes([look async for look in listing.parts(10_000)]) == codes(first)
            with pytest.raises(ValueError, match="at least one"):
                await anext(listing.parts(0))
            assert isinstance(listing, SpooledListing)
        assert len(spools) == 1
        assert await all_closed(spools)


async def test_an_answer_beyond_all_bounds_is_not_kept(box: Box) -> None:
    await box.add_fault({"call": "haier.products", "effect": "huge_body", "size": 3_000_000})
    async with haier_client(box) as client:
        operations = client._operations
        client._operations = replace(operations, listing=replace(operations.listing, largest=1_000_000))
        with pytest.raises(Malformed, match="larger than 1000000 bytes"):
            await looks(client)


async def test_no_room_for_the_answer_is_told_with_the_place(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_blocks: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def made() -> Spool:
        spool = Spool()
        monkeypatch.setattr(spool, "_file", FullFile(spool._file))
        return spool

    class FullFile:
        def __init__(self, file: object) -> None:
            self._file = file

        def __getattr__(self, name: str) -> object:
            return full if name == "writelines" else getattr(self._file, name)

    monkeypatch.setattr("consumer.suppliers.spooling.Spool", made)
    async with haier_client(box) as client:
        with pytest.raises(Transient, match=r"No space left on device.*TMPDIR") as caught:
            await looks(client)
    assert caught.value.code == "no_room"


async def test_whoever_gives_up_while_it_arrives_leaves_no_file(box: Box, spools: list[Spool]) -> None:
    await box.add_fault({"call": "haier.products", "effect": "drip", "seconds": 5})
    async with haier_client(box, call=10) as client:
        asking = asyncio.create_task(looks(client))
        await asyncio.sleep(0.3)
        assert len(spools) == 1
        assert not spools[0]._file.closed
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        assert await all_closed(spools)
