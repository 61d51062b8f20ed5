"""The audit log in both databases: numbered without a gap whoever writes, and as it was signed when read back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet

from consumer.domain.audit import AuditEntry, ChainKey, chain
from consumer.persistence.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.audit import AuditRow

KEY = ChainKey.derived(Fernet.generate_key().decode())
AT = datetime(2026, 5, 1, 12, 30, 1, 234567, tzinfo=timezone(timedelta(hours=8)))


def _entry(number: int) -> AuditEntry:
    return AuditEntry("李@ops-1", "supplier.pause", AT, "ylh", f"第 {number} 次", {"calls": number, "was": None})


def _holds(rows: Sequence[AuditRow]) -> bool:
    macs = [None, *(row.mac for row in rows)]
    return all(row.mac == chain(KEY, before, row) for before, row in zip(macs[:-1], rows, strict=True))


async def test_rows_read_back_are_the_ones_signed(migrated_url: str) -> None:
    async with Store.open(migrated_url, chain_key=KEY) as store:
        written = [await store.audit(_entry(number)) for number in range(3)]
        rows = await store.audit_log()
        assert rows == written
        assert rows[0].at == AT
        assert rows[0].at.tzinfo == UTC
        assert rows[2].detail == '{"calls":2,"was":null}'
        assert _holds(rows)
        assert [row.sequence for row in await store.audit_log(after=1, limit=1)] == [2]


async def test_processes_that_write_at_once_leave_no_gap_and_one_chain(migrated_url: str) -> None:
    async with Store.open(migrated_url, chain_key=KEY) as one, Store.open(migrated_url, chain_key=KEY) as two:
        await asyncio.gather(*[(one, two)[number % 2].audit(_entry(number)) for number in range(30)])
        rows = await one.audit_log()
        assert [row.sequence for row in rows] == list(range(1, 31))
        assert _holds(rows)


async def test_without_a_key_rows_are_kept_unsigned_and_a_key_that_comes_later_signs_the_next(
    migrated_url: str,
) -> None:
    async with Store.open(migrated_url) as unsigned:
        assert (await unsigned.audit(_entry(1))).mac is None
    async with Store.open(migrated_url, chain_key=KEY) as store:
        row = await store.audit(_entry(2))
        assert row.sequence == 2
        assert row.mac == chain(KEY, None, row)
