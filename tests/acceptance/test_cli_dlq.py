"""`relay dlq` as a shell sees it: groups, one letter, its explanation, and what people do to letters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from consumer.domain.ledger import Selection
from consumer.domain.writes import LetterStatus
from tests.acceptance.cli_process import Answer, relay
from tests.support.events import paid
from tests.support.relay import Relay, eventually, serving, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

COUNT = 6
CODES = ("E-SHOP", "E-AREA")


@pytest.fixture
async def given(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """A system whose service runs in this process, with orders that YLH has refused for two causes."""
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    async with system(amqp_url, url) as relay_system, serving(relay_system):
        await relay_system.box.add_fault(
            {"call": "ylh.create", "key": "SO-0", "effect": "refuse", "code": CODES[1], "message": "地址不支持配送"},
            {"call": "ylh.create", "effect": "refuse", "code": CODES[0], "message": "店铺未授权"},
        )
        await relay_system.send(*[paid(f"SO-{number}") for number in range(COUNT)])

        async def filed() -> bool:
            return await relay_system.store.ledger.count(Selection()) == COUNT

        await eventually(filed)
        yield relay_system


async def ask(given: Relay, directory: Path, *arguments: str, **more: str) -> Answer:
    return await relay("dlq", *arguments, given={**given.environment, **more}, directory=directory)


async def test_groups_list_show_explain_and_export(given: Relay, tmp_path: Path) -> None:
    groups = (await ask(given, tmp_path, "groups", "-o", "json")).data
    assert [(group["count"], group["error_class"], group["orders"]) for group in groups] == [
        (COUNT - 1, "rejected", COUNT - 1),
        (1, "rejected", 1),
    ]
    assert groups[0]["trend"] == {"last_hour": COUNT - 1, "hour_before": 0}
    listed = (await ask(given, tmp_path, "list", "--text", "e-area", "-o", "ndjson")).lines
    assert [letter["subject"] for letter in listed] == ["SO-0"], "the message names the code"
    assert (await ask(given, tmp_path, "list", "--since", "1h", "--until", "30m", "-o", "json")).data == []
    shown = await ask(given, tmp_path, "show", listed[0]["id"][:13], "-o", "json")
    assert shown.data["body"]["data"]["consignee"]["mobile"] == "***"
    assert shown.data["supplier_message"] == "地址不支持配送"
    whole = await ask(given, tmp_path, "show", listed[0]["id"], "--personal")
    assert "13800000000" in whole.out
    told = await ask(given, tmp_path, "explain", listed[0]["id"], "-o", "json")
    assert (told.data["can_replay"], told.data["calls"]) == (True, {"ylh.create": 1})
    assert f"relay replay plan --fingerprint {groups[1]['fingerprint']}" in told.data["commands"]
    in_chinese = await ask(given, tmp_path, "explain", listed[0]["id"], RELAY_LANG="zh")
    assert "供应商已拒绝" in in_chinese.out
    exported = await ask(given, tmp_path, "export", "-")
    letters = exported.lines
    assert len(letters) == COUNT
    assert json.loads(letters[0]["body"])["data"]["consignee"]["mobile"] == "13800000000"
    assert (await ask(given, tmp_path, "export", str(tmp_path / "letters.ndjson"))).code == 0
    assert len((tmp_path / "letters.ndjson").read_text().splitlines()) == COUNT
    assert (tmp_path / "letters.ndjson").stat().st_mode & 0o077 == 0
    again = await ask(given, tmp_path, "export", str(tmp_path / "letters.ndjson"))
    assert (again.code, "exists already" in again.err) == (1, True)
    seen = [(row.action, row.subject, json.loads(row.detail)) for row in await given.store.audit_log()]
    assert seen[0] == ("dlq.reveal", listed[0]["id"], {})
    assert seen[1:3] == [("dlq.export", None, {"letters": COUNT})] * 2


async def test_noted_discarded_restored_and_purged(given: Relay, tmp_path: Path) -> None:
    groups = (await ask(given, tmp_path, "groups", "-o", "json")).data
    one, fingerprint = groups[1]["sample"], groups[0]["fingerprint"]
    assert (await ask(given, tmp_path, "note", one, "asked YLH, ticket 7")).code == 0
    assert "asked YLH, ticket 7" in (await ask(given, tmp_path, "show", one)).out

    discard = ("discard", "--fingerprint", fingerprint, "--reason", "all sent by hand")
    unasked = await ask(given, tmp_path, *discard)
    assert (unasked.code, "--yes" in unasked.err) == (4, True)
    dry = await ask(given, tmp_path, *discard, "--dry-run")
    assert (dry.code, f"Would discard {COUNT - 1} letters" in dry.err) == (0, True)
    done = await ask(given, tmp_path, *discard, "--yes", "-o", "json")
    assert (done.code, done.data) == (0, {"done": COUNT - 1, "left": []}), done.err
    told = await given.result("sync_log.recorded", count=COUNT + 1)
    assert (told["data"]["sync_type"], told["data"]["total_count"]) == ("manual", COUNT - 1)
    again = await ask(given, tmp_path, *discard, "--yes")
    assert (again.code, "No letter is meant" in again.err) == (1, True)

    letters = await given.store.ledger.letters(Selection(status=LetterStatus.DISCARDED), limit=9)
    some = [letters[0].id, one, "no-such"]
    partly = await ask(given, tmp_path, "restore", *some, "--reason", "too early", "--yes", "-o", "json")
    assert (partly.code, partly.data["done"]) == (3, 1), partly.err
    assert {entry["id"]: entry["reason"] for entry in partly.data["left"]} == {
        one: "it is open",
        "no-such": "there is none of that id",
    }
    purge = ("purge", "--older-than", "1s", "--reason", "done with", "--yes")
    assert "4 letters deleted" in (await ask(given, tmp_path, *purge)).err
    assert await given.store.ledger.count(Selection(status=None)) == 2
    acts = [act.action for act in await given.store.audit_log()]
    assert acts == ["dlq.note", "dlq.discard", "dlq.discard", "dlq.discard", "dlq.restore", "dlq.purge"]


async def test_edited_and_replayed_as_a_new_event(given: Relay, tmp_path: Path) -> None:
    [letter] = await given.store.ledger.letters(Selection(so_id="SO-0"), limit=2)
    await given.box.clear_faults()
    edit = ("edit", letter.id, "--reason", "the customer has moved")
    patch = json.dumps({"data": {"consignee": {"address": "香港中路1号", "area": "市南区"}}})
    wrong = await ask(given, tmp_path, *edit, "--patch", '{"data": {"version": "one"}}', "--yes")
    assert (wrong.code, "data.version: expected" in wrong.err.lower()) == (1, True), wrong.err
    unchanged = await ask(given, tmp_path, *edit, "--patch", "{}", "--yes")
    assert (unchanged.code, "Nothing was changed" in unchanged.err) == (1, True)
    dry = await ask(given, tmp_path, *edit, "--patch", patch, "--dry-run")
    assert (dry.code, "data.consignee.area" in dry.out, "市南区" in dry.out) == (0, True, False)
    done = await ask(given, tmp_path, *edit, "--patch", patch, "--yes", "-o", "json")
    assert done.code == 0, done.err
    pushed = await given.result("order.push.succeeded", "SO-0")
    assert pushed["correlationid"] == done.data["event_id"] != letter.event_id

    async def replayed() -> bool:
        now = await given.store.letter(letter.id)
        return now is not None and now.status is LetterStatus.REPLAYED

    await eventually(replayed)
    kept = await given.store.letter(letter.id)
    assert kept is not None
    assert kept.body == letter.body, "the original is kept"
    shown = await ask(given, tmp_path, "show", letter.id, "-o", "json")
    [address, area] = sorted(shown.data["edited"], key=lambda one: str(one["field"]))
    assert address == {"field": "data.consignee.address", "before": '"***"', "after": '"***"'}
    assert area["field"] == "data.consignee.area"
    late = await ask(given, tmp_path, *edit, "--patch", patch, "--yes")
    assert (late.code, "is replayed; only an open one" in late.err) == (4, True), late.err
    acts = [json.loads(act.detail) for act in await given.store.audit_log() if act.action == "dlq.edit"]
    assert [act.get("refused", "done").partition(":")[0] for act in acts] == [
        "it breaks the contract",
        "Nothing was changed, so nothing is sent. `relay replay plan` sends a letter as it is.",
        "done",
        f"Letter {letter.id} is replayed; only an open one can be edited. `relay dlq show` tells more.",
    ]
    assert acts[2]["changed"] == "data.consignee.area, data.consignee.address"


async def test_odd_input_is_told_in_a_sentence(given: Relay, tmp_path: Path) -> None:
    [letter] = await given.store.ledger.letters(Selection(so_id="SO-0"), limit=2)
    (tmp_path / "gbk.json").write_bytes('{"id": "市南区"}'.encode("gbk"))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "nested.json").write_text('{"data": ' * 200 + "1" + "}" * 200)
    edit = ("edit", letter.id, "--reason", "why", "--yes")
    broken = b"\xd6\xd0".decode("utf-8", "surrogateescape")
    for given_, code, words in (
        ((*edit, "--file", "gbk.json"), 2, "not UTF-8"),
        ((*edit, "--file", "deep.json"), 2, "nested deeper"),
        ((*edit, "--patch", "@nested.json"), 2, "nested deeper"),
        ((*edit, "--patch", '{"data": {"remark": "\\ud800"}}'), 1, "surrogate"),
        (("list", "--text", broken), 2, "not UTF-8"),
        (("show", broken), 2, "not UTF-8"),
        (("list", "--since", "0001-01-01"), 2, "say how long ago"),
        (("list", "--until", "9999-12-31T23:59-12:00"), 2, "say how long ago"),
        (("discard", *("x" for _ in range(10_001)), "--reason", "why", "--yes"), 2, "more than the 10000"),
    ):
        answer = await ask(given, tmp_path, *given_)
        assert (answer.code, words in answer.err) == (code, True), (given_[:4], answer.err)
    found = await ask(given, tmp_path, "list", "--since", "2h ago", "-o", "json")
    assert len(found.data) == COUNT
