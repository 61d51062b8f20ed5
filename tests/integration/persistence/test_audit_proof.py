"""`verify` on both databases: what somebody did past relay is found, what relay did is sound; heads get to the log."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from consumer.domain.audit import AuditEntry, AuditRow, ChainKey, told
from consumer.domain.audit_check import FindingKind, Head
from consumer.domain.errors import RelayError
from consumer.observability.logging import configure
from consumer.persistence.audit import AuditFilter
from consumer.persistence.store import Store
from consumer.runtime.audit_heads import HeadWatch, log_head
from ops.audit.heads import heads_in
from ops.audit.verifying import MOST, verify

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Connection

KEY = ChainKey.derived(Fernet.generate_key().decode())
OLD = ChainKey.derived(Fernet.generate_key().decode())
INSERTED = (
    "INSERT INTO audit_log (sequence, at, actor, action, detail) SELECT 6, at, 'x', 'x', '{}' FROM audit_log LIMIT 1"
)
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def entry(number: int, action: str = "supplier.pause", actor: str = "li@ops-1") -> AuditEntry:
    return AuditEntry(actor, action, AT + timedelta(minutes=number), f"s{number}", "割接", {"number": number})


@pytest.fixture
def written() -> list[AuditRow]:
    return []


@pytest.fixture
async def told_store(migrated_url: str, written: list[AuditRow]) -> AsyncIterator[Store]:
    async with Store.open(migrated_url, chain_key=KEY, announce=written.append) as opened:
        yield opened


async def tampered(store: Store, *statements: str) -> None:
    def work(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    await store._database.write(work)


def heads_of(rows: list[AuditRow]) -> list[Head]:
    return [Head(row.sequence, row.mac) for row in rows]


async def found(store: Store, heads: list[AuditRow]) -> list[FindingKind]:
    verdict = await verify(store, [KEY, OLD], heads_of(heads), [])
    return [finding.kind for finding in verdict.findings.kept]


async def test_each_committed_row_is_told_once_and_one_that_is_undone_is_not(
    told_store: Store, written: list[AuditRow]
) -> None:
    await asyncio.gather(*[told_store.audit(entry(number)) for number in range(20)])
    await told_store.pause_supplier("ylh", entry(20))
    assert await told_store.resume_supplier("haier", entry(21)) is None

    def undone(connection: Connection) -> None:
        told_store._audit.add(connection, entry(22))
        raise RelayError("something went wrong", code="wrong")

    with pytest.raises(RelayError):
        await told_store._database.write(undone)
    assert sorted(written, key=lambda row: row.sequence) == await told_store.audit_log()
    assert len(written) == 21


async def test_what_relay_wrote_is_sound_over_a_key_that_comes_and_one_that_is_exchanged(migrated_url: str) -> None:
    rows: list[AuditRow] = []
    for key in (None, OLD, KEY):
        async with Store.open(migrated_url, chain_key=key, announce=rows.append) as store:
            for number in range(5):
                await store.audit(entry(number))
            verdict = await verify(store, [KEY, OLD], heads_of(rows), [])
            assert verdict.sound
    assert (verdict.check.rows, verdict.check.signed, verdict.check.unsigned, verdict.heads) == (15, 10, 5, 15)
    assert verdict.check.head == rows[-1]


async def test_rows_without_any_signature_prove_nothing_unless_the_log_tells_of_them(migrated_url: str) -> None:
    async with Store.open(migrated_url, chain_key=KEY) as store:
        rows = [await store.audit(entry(number)) for number in range(3)]
        sound = await verify(store, [KEY], [], [])
        assert (sound.sound, sound.proves_nothing) == (True, False)
        await store._database.write(lambda connection: connection.execute(text("UPDATE audit_log SET mac = NULL")))
        alone, compared = await verify(store, [KEY], [], []), await verify(store, [KEY], heads_of(rows), [])
    assert (alone.sound, alone.proves_nothing) == (True, True)
    assert "somebody took all signatures out" in alone.not_proven[0]
    assert (compared.sound, compared.proves_nothing) == (False, False)


@pytest.mark.parametrize(
    ("statements", "kinds"),
    [
        (["UPDATE audit_log SET reason = 'x' WHERE sequence = 3"], ["changed"]),
        (["UPDATE audit_log SET detail = '{}' WHERE sequence = 5"], ["changed"]),
        (["UPDATE audit_log SET mac = NULL WHERE sequence = 5"], ["other_head", "unsigned"]),
        (["DELETE FROM audit_log WHERE sequence IN (2, 3)"], ["missing"]),
        (["DELETE FROM audit_log WHERE sequence > 3"], ["cut_off", "cut_off"]),
        (["DELETE FROM audit_log"], ["cut_off"] * 5),
        (
            [
                "UPDATE audit_log SET sequence = 99 WHERE sequence = 2",
                "UPDATE audit_log SET sequence = 2 WHERE sequence = 3",
                "UPDATE audit_log SET sequence = 3 WHERE sequence = 99",
            ],
            ["moved", "moved", "other_head", "other_head"],
        ),
        (["UPDATE audit_log SET sequence = -7 WHERE sequence = 1"], ["inserted", "missing"]),
        ([INSERTED], ["unsigned"]),
    ],
)
async def test_what_somebody_did_past_relay_is_found(
    told_store: Store, written: list[AuditRow], statements: list[str], kinds: list[str]
) -> None:
    for number in range(5):
        await told_store.audit(entry(number))
    assert await found(told_store, written) == []
    await tampered(told_store, *statements)
    assert sorted(await found(told_store, written)) == kinds


async def test_a_head_that_many_processes_tell_is_one_finding(told_store: Store, written: list[AuditRow]) -> None:
    for number in range(3):
        await told_store.audit(entry(number))
    await tampered(told_store, "DELETE FROM audit_log WHERE sequence = 3")
    heads = [Head(row.sequence, row.mac) for _ in range(700) for row in written]
    verdict = await verify(told_store, [KEY], heads, [])
    assert (verdict.findings.count, verdict.heads) == (1, 2_100)


async def test_acts_after_a_cut_do_not_cover_it_up(told_store: Store, written: list[AuditRow]) -> None:
    for number in range(5):
        await told_store.audit(entry(number))
    log = list(written)
    await tampered(told_store, "DELETE FROM audit_log WHERE sequence > 3")
    for number in (7, 8, 9):
        await told_store.audit(entry(number))
    assert await found(told_store, []) == []
    assert await found(told_store, log) == [FindingKind.OTHER_HEAD] * 2


async def test_what_no_row_can_hold_is_read_and_found(told_store: Store, written: list[AuditRow]) -> None:
    if told_store._database.dialect.name != "sqlite":
        pytest.skip("only SQLite keeps in a column what does not belong there")
    for number in range(5):
        await told_store.audit(entry(number))
    await tampered(
        told_store,
        "UPDATE audit_log SET at = 'noon' WHERE sequence = 1",
        "UPDATE audit_log SET at = 9223372036854775807 WHERE sequence = 2",
        "UPDATE audit_log SET actor = x'ff00', detail = 7 WHERE sequence = 3",
        "UPDATE audit_log SET mac = x'ff' WHERE sequence = 4",
    )
    findings = await found(told_store, written)
    assert set(findings) == {FindingKind.CHANGED, FindingKind.UNKNOWN_KEY, FindingKind.OTHER_HEAD}
    assert len(await told_store.acts(AuditFilter(), 10)) == 5


async def test_acts_are_found_by_each_filter_the_newest_first(told_store: Store) -> None:
    for number, (action, actor) in enumerate(
        [("replay.start", "li@ops-1"), ("replay.cancel", "wang@ops-1"), ("replayed", "li@ops-2"), ("a_b", "li_x@ops")]
    ):
        await told_store.audit(entry(number, action, actor))

    async def numbers(wanted: AuditFilter, limit: int = 10) -> list[int]:
        return [row.sequence for row in await told_store.acts(wanted, limit)]

    assert await numbers(AuditFilter()) == [4, 3, 2, 1]
    assert await numbers(AuditFilter(), 2) == [4, 3]
    assert await numbers(AuditFilter(since=AT + timedelta(minutes=1), until=AT + timedelta(minutes=3))) == [3, 2]
    assert await numbers(AuditFilter(action="replay")) == [2, 1]
    assert await numbers(AuditFilter(action="replay.start")) == [1]
    assert await numbers(AuditFilter(actor="li")) == [4, 3, 1]
    assert await numbers(AuditFilter(actor="i_")) == [4]
    assert await numbers(AuditFilter(subject="s2")) == [3]
    assert await numbers(AuditFilter(subject="s")) == []


# ---- the log ----


@asynccontextmanager
async def logged(directory: Path) -> AsyncIterator[None]:
    logs = configure(directory=directory, max_bytes=600)
    try:
        yield
    finally:
        logs.close()


async def test_heads_are_in_the_log_of_the_service_also_in_rotated_files(migrated_url: str, tmp_path: Path) -> None:
    async with logged(tmp_path), Store.open(migrated_url, chain_key=KEY, announce=log_head) as store:
        for number in range(9):
            await store.audit(entry(number))
        assert len(list(tmp_path.glob("auth.*Z.jsonl"))) > 1  # noqa: ASYNC240 - blocks for no time
        heads = list(heads_in(tmp_path))
        assert sorted(head.sequence for head in heads) == list(range(1, 10))
        assert (await verify(store, [KEY], heads, [tmp_path])).not_proven == []
        await tampered(store, "DELETE FROM audit_log WHERE sequence > 8")
        assert (await verify(store, [KEY], heads, [tmp_path])).findings.kept[0].kind is FindingKind.CUT_OFF


async def test_a_running_service_tells_the_newest_head_of_others_once(migrated_url: str, tmp_path: Path) -> None:
    async with logged(tmp_path), Store.open(migrated_url, chain_key=KEY) as store:
        watch = HeadWatch(store)
        await watch.run()
        assert list(heads_in(tmp_path)) == []
        for number in range(3):
            await store.audit(entry(number))
        await watch.run()
        await watch.run()
        [head] = heads_in(tmp_path)
        row = await store.audit_head()
        assert row is not None
        assert head == Head(3, row.mac)
        await tampered(store, "DELETE FROM audit_log WHERE sequence > 2")
        await store.audit(entry(7))
        await watch.run()
        assert len({head.mac for head in heads_in(tmp_path)}) == 2


async def test_what_is_kept_does_not_grow_with_the_log(migrated_url: str) -> None:
    async with Store.open(migrated_url, chain_key=KEY) as store:

        def many(connection: Connection) -> None:
            for number in range(6_000):
                store._audit.add(connection, entry(number))

        await store._database.write(many)
        await tampered(store, "UPDATE audit_log SET reason = 'x' WHERE sequence > 3000")
        tracemalloc.start()
        verdict = await verify(store, [KEY], (Head(number, None) for number in range(1, 8_001)), [])
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert verdict.findings.count == 3_000 + 2_000
    assert len(verdict.findings.kept) == MOST
    assert most < 10 * 1024**2


def test_lines_that_are_torn_or_no_heads_tell_nothing(tmp_path: Path) -> None:
    row = AuditRow(7, AT, "li", "a", None, None, "{}", KEY.sign(b""))
    head = {"message": "audit", **told(row)}
    lines = [
        head,
        {**head, "sequence": "7"},
        {**head, "sequence": True},
        {**head, "mac": "***"},
        {**head, "message": "something"},
        {**head, "mac": None, "sequence": 8},
        ['"message":"audit"'],
    ]
    text_ = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (tmp_path / "auth.jsonl").write_text(text_ + '{"message":"audit","sequence":9', encoding="utf-8")
    assert list(heads_in(tmp_path)) == [Head(7, row.mac), Head(8, None)]
    assert list(heads_in(tmp_path / "nowhere")) == []
