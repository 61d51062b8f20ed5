"""`relay order` as a person uses it: taking over, finding, who waits, how it came about, and who may see a customer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumer.domain.order import CallKind, CallOutcome, Intent, Order, OrderState
from consumer.domain.order_parts import Consignee, Days, Goods, HeldReschedule, Stamp, Word
from consumer.domain.outcome import Result
from consumer.domain.results import outgoing
from consumer.domain.writes import InboxEntry, InboxKey, SaveOrder, UnitOfWork
from consumer.handlers.order_results import numbered
from consumer.persistence import migrations
from consumer.persistence.store import Store
from schemas.results import OrderConfirmed
from tests.acceptance.cli_process import Answer, relay
from tests.integration.persistence.making import letter

if TYPE_CHECKING:
    from pathlib import Path

LINE: Final[dict[str, Any]] = {
    "so_id": "SO-1",
    "online_no": "JD-88",
    "version": 3,
    "state": "confirmed",
    "retail_order_no": "SO.20260101.000001",
    "ext_order_no": "E-7",
    "items": [{"product_code": "BX1", "quantity": 2}],
}


class Shell:
    """A database and `relay order` on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = f"sqlite+aiosqlite:///{directory}/relay.db"

    async def __call__(self, *arguments: str, stdin: bytes = b"") -> Answer:
        given = {"RELAY_DATABASE_URL": self.url}
        answer = await relay("order", *arguments, given=given, directory=self.directory, stdin=stdin)
        assert "Traceback" not in answer.err
        return answer


@pytest.fixture
async def order(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    await migrations.upgrade(shell.url)
    return shell


def _lines(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


async def test_orders_of_an_older_system_are_taken_over_whole_or_not_at_all(order: Shell) -> None:
    good, bad = LINE, {**LINE, "so_id": "SO-2", "state": "new", "items": []}
    refused = await order("import", "-", "--reason", "migration", "--yes", stdin=_lines(good, bad))
    assert refused.code == 1
    assert "line 2:" in refused.err
    assert (await order("show", "SO-1")).code == 1

    asked = await order("import", "-", "--reason", "migration", stdin=_lines(good))
    assert asked.code == 4
    async with Store.open(order.url) as store:
        [tried] = await store.audit_log()
    assert (tried.action, "needs --yes" in json.loads(tried.detail)["refused"]) == ("order.import", True)
    assert (await order("import", "-", "--reason", " ", "--yes", stdin=_lines(good))).code == 2
    looked = await order("import", "-", "--reason", "migration", "--dry-run", "-o", "json", stdin=_lines(good))
    assert looked.data == [{"read": 1, "imported": 0, "would_import": 1, "left": 0, "faulty": 0}]

    taken = await order("import", "-", "--reason", "migration", "--yes", "-o", "json", stdin=_lines(good))
    assert taken.data[0]["imported"] == 1
    again = await order(
        "import", "-", "--reason", "migration", "--yes", "--partial", "-o", "json", stdin=_lines(good, bad)
    )
    assert again.code == 3
    assert (again.data[0]["left"], again.data[0]["faulty"]) == (1, 1)
    shown = await order("show", "SO-1", "-o", "json")
    assert shown.data["state"] == "confirmed"
    assert shown.data["retail_order_no"] == "SO.20260101.000001"


async def test_an_order_is_found_by_any_number_and_listed_while_it_waits(order: Shell) -> None:
    await order("import", "-", "--reason", "migration", "--yes", stdin=_lines(LINE))
    for number in ("SO-1", "JD-88", "SO.20260101.000001", "E-7"):
        found = await order("find", number, "-o", "json")
        assert [one["so_id"] for one in found.data] == ["SO-1"]
    assert (await order("find", "9999")).code == 1
    assert [one["so_id"] for one in (await order("list", "-o", "ndjson", "--older-than", "1ms")).lines] == ["SO-1"]
    assert (await order("list", "--state", "pushed", "-o", "json", "--older-than", "1ms")).data == []
    assert (await order("list", "--state", "lost")).code == 2
    assert (await order("list", "--older-than", "soon")).code == 2


async def test_a_timeline_tells_all_and_hides_the_customer_unless_somebody_says_why(order: Shell) -> None:
    await order("import", "-", "--reason", "migration", "--yes", stdin=_lines(LINE))
    now = datetime.now(UTC)
    key = InboxKey("/haier-relay/callbacks/ylh", "c1")
    history = [{"attempt": 1, "at": now.isoformat(), "class": "transient", "code": "timeout", "message": "too slow"}]
    async with Store.open(order.url) as store:
        books = (await store.orders(["SO-1"]))["SO-1"]
        known = replace(books, consignee=Consignee("王小明", "13812345678", "山东省 青岛市 崂山区 海尔路1号"))
        counted, result = numbered(known, "order.confirmed", OrderConfirmed, version=3, now=now, fail_msg=None)
        assert isinstance(result, Result)
        rows = outgoing((result,), key=key, correlationid="paid-1", traceparent=None, now=now)
        entry = InboxEntry(key, "d", "supplier.callback.confirmed", "done", now, "SO-1", now, json.dumps(history))
        assert await store.apply([UnitOfWork((SaveOrder(counted, "w"), entry, *rows))]) == [None]

    told = await order("timeline", "SO-1", "-o", "json")
    kinds = [moment["kind"] for moment in told.data["timeline"] if moment["kind"] != "state"]
    assert kinds == ["received", "attempt", "done", "result"]
    assert told.data["timeline"][-1]["state"] == "confirmed"
    assert told.data["consignee"] == {"name": "王**", "mobile": "138****5678", "address": "山东省 青岛市"}
    assert "海尔路" not in (await order("timeline", "SO-1")).out
    assert [one["so_id"] for one in (await order("find", "5678", "-o", "json")).data] == ["SO-1"]
    assert [one["so_id"] for one in (await order("find", "138-1234 5678", "-o", "json")).data] == ["SO-1"]
    assert (await order("find", "95678")).code == 1

    assert (await order("timeline", "SO-1", "--reveal")).code == 2
    revealed = await order("timeline", "SO-1", "--reveal", "--reason", "customer calls", "-o", "json")
    assert revealed.data["consignee"]["mobile"] == "13812345678"
    acts = [moment for moment in revealed.data["timeline"] if moment["kind"] == "act"]
    assert [(act["what"], act["said"]) for act in acts] == [("order.reveal", "customer calls")]
    assert acts[0]["actor"]
    # As a terminal of another encoding sends it.
    gone_wrong = await order("timeline", "SO-1", "--reveal", "--reason", "caf\udce9", "-o", "ndjson")
    assert gone_wrong.lines[-1]["said"] == "caf?"
    assert (await order("timeline", "SO-9")).code == 1


async def test_an_order_shows_what_ylh_said_last_who_works_on_it_and_what_its_last_call_may_have_done(
    order: Shell,
) -> None:
    now = datetime.now(UTC)
    call = Intent(CallKind.CREATE, b"{}", "d", 3, CallOutcome.UNKNOWN, "/shop", "e1", now)
    known = Order(
        "SO-1",
        state=OrderState.PUSHING,
        intent=call,
        goods=(Goods("BX1", 2, 1, 1, 0),),
        answer=Stamp(Word.OUT_OF_STOCK, now, "d"),
        held=(HeldReschedule(InboxKey("/shop", "e2"), 4, Days(None, "2026-12-03"), now),),
    )
    async with Store.open(order.url) as store:
        assert await store.apply([UnitOfWork((SaveOrder(known, "run-1", lease=timedelta(minutes=5)),))]) == [None]
    told = (await order("show", "SO-1", "-o", "json")).data
    assert (told["lease"]["owner"], told["answer"]["word"], told["ending"]) == ("run-1", "out_of_stock", None)
    assert told["goods"][0]["returned"] == 1
    assert told["held"][0]["install_on"] == "2026-12-03"
    shown = (await order("show", "SO-1")).out
    for words in ("OUTCOME UNKNOWN", "by run-1, until", "out of stock (TimeStamp", "installation on 2026-12-03"):
        assert words in shown


async def test_an_order_of_which_there_is_only_a_letter_has_a_timeline(order: Shell) -> None:
    async with Store.open(order.url) as store:
        assert await store.apply([UnitOfWork((replace(letter("l1"), subject="SO-7"),))]) == [None]
    told = (await order("timeline", "SO-7", "-o", "json")).data
    assert (told["state"], told["consignee"]) == (None, None)
    assert [(moment["kind"], moment["letter"]) for moment in told["timeline"]] == [("parked", "l1")]
