"""A person's pause of a supplier in both databases: kept, told to all processes, audited with the deed or not made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from consumer.domain.audit import AuditEntry
from consumer.domain.interventions import SupplierPause
from consumer.persistence.store import Store

if TYPE_CHECKING:
    from consumer.persistence.audit import Audit

AT = datetime(2026, 11, 22, 2, 0, 0, 123456, tzinfo=UTC)


def _entry(action: str, actor: str = "李@ops-1") -> AuditEntry:
    return AuditEntry(actor, action, AT, "ylh", "割接")


async def test_a_pause_is_kept_across_restarts_until_it_is_resumed(migrated_url: str) -> None:
    async with Store.open(migrated_url) as store:
        assert await store.supplier_pauses() == {}
        row = await store.pause_supplier("ylh", _entry("supplier.pause"))
        assert (row.action, row.subject, row.actor) == ("supplier.pause", "ylh", "李@ops-1")
    async with Store.open(migrated_url) as store:
        assert await store.supplier_pauses() == {"ylh": SupplierPause("ylh", "李@ops-1", "割接", AT)}
        resumed = await store.resume_supplier("ylh", _entry("supplier.resume"))
        assert resumed is not None
        assert await store.supplier_pauses() == {}
        assert [row.action for row in await store.audit_log()] == ["supplier.pause", "supplier.resume"]


async def test_who_pauses_last_is_who_paused_it(store: Store) -> None:
    await store.pause_supplier("ylh", _entry("supplier.pause"))
    await store.pause_supplier("haier", _entry("supplier.pause"))
    await store.pause_supplier("ylh", _entry("supplier.pause", "王"))
    assert {pause.supplier: pause.paused_by for pause in (await store.supplier_pauses()).values()} == {
        "ylh": "王",
        "haier": "李@ops-1",
    }
    assert len(await store.audit_log()) == 3


async def test_resuming_what_nobody_paused_writes_nothing(store: Store) -> None:
    assert await store.resume_supplier("ylh", _entry("supplier.resume")) is None
    assert await store.audit_log() == []


async def test_a_pause_that_cannot_be_audited_is_not_made(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    audit: Audit = store._audit

    def refuse(*_: object) -> None:
        raise ValueError("no row")

    monkeypatch.setattr(audit, "add", refuse)
    with pytest.raises(ValueError, match="no row"):
        await store.pause_supplier("ylh", _entry("supplier.pause"))
    assert await store.supplier_pauses() == {}
