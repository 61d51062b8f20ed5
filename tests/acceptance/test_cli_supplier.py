"""`relay supplier` as a person uses it, against the sandbox, with and without a running service."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from consumer.persistence import migrations
from consumer.persistence.store import Store
from sandbox.testing import running_sandbox
from tests.acceptance.cli_process import Answer, relay
from tests.acceptance.test_cli_service import consuming, free_port
from tests.support.events import paid
from tests.support.relay import Relay, eventually, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.testing import Box

CHANGING = ("create", "cancel", "reschedule")


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with running_sandbox() as opened:
        yield opened


@pytest.fixture
async def given(box: Box, tmp_path: Path) -> dict[str, str]:
    """Both suppliers and an empty database, no broker."""
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    await migrations.upgrade(url)
    return {**box.environment(), "RELAY_DATABASE_URL": url, "RELAY_LOG_DIR": "off"}


@pytest.fixture
async def served(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    async with system(amqp_url, url, RELAY_HTTP_PORT=str(free_port())) as relay_system:
        yield relay_system


def nothing_secret(answer: Answer, given: dict[str, str]) -> None:
    secrets = {value for name, value in given.items() if re.search(r"PASSWORD|SECRET", name)}
    assert secrets
    for secret in secrets:
        assert secret not in answer.out + answer.err


async def supplier(given: dict[str, str], directory: Path, *arguments: str, **more: str) -> Answer:
    answer = await relay("supplier", *arguments, given=given | more, directory=directory)
    nothing_secret(answer, given | more)
    return answer


# ---- test ----


async def test_every_reading_call_is_tried_and_no_other(given: dict[str, str], box: Box, tmp_path: Path) -> None:
    answer = await supplier(given, tmp_path, "test", "-o", "json")
    assert answer.code == 0, answer.err
    found = {(one["supplier"], one["call"]): one["verdict"] for one in answer.data}
    assert found == {
        **{("haier", call): "answers" for call in ("login", "products", "prices", "stock", "logistics", "balance")},
        **{("ylh", call): "answers" for call in ("login", "photos", "logistics")},
        **{("ylh", call): "not_tried" for call in CHANGING},
    }
    assert all((one["seconds"] is None) == (one["verdict"] == "not_tried") for one in answer.data)
    assert {one["told"] for one in answer.data if one["call"] in CHANGING} == {"not tried: it would change something"}
    calls = (await box.ledger())["calls"]
    assert not [name for name in calls if name.startswith("ylh.") and name.partition(".")[2] in CHANGING], calls


@pytest.mark.parametrize(
    ("name", "setting", "named"),
    [
        ("ylh", "YLH_PASSWORD", ["YLH_USERNAME", "YLH_PASSWORD", "YLH_CLIENT_ID", "YLH_CLIENT_SECRET"]),
        ("haier", "HAIER_CLIENT_SECRET", ["HAIER_CLIENT_ID", "HAIER_CLIENT_SECRET"]),
    ],
)
async def test_wrong_credentials_are_one_sentence_that_names_the_settings(
    given: dict[str, str], tmp_path: Path, name: str, setting: str, named: list[str]
) -> None:
    wrong = {setting: "not-the-right-one"}
    answer = await supplier(given, tmp_path, "test", name, "-o", "json", **wrong)
    assert answer.code == 1
    login, *others = answer.data
    assert (login["call"], login["verdict"], login["code"]) == ("login", "refused", "login_refused")
    assert all(one in login["told"] for one in named)
    assert "\n" not in login["told"]
    assert {one["verdict"] for one in others} == {"not_tried"}
    doctor = await relay("doctor", "-o", "json", given=given | wrong, directory=tmp_path)
    (finding,) = [one for one in doctor.data if one["check"] == f"{name} login"]
    assert finding["status"] == "fail"
    assert finding["message"].lower() == login["told"].lower(), "doctor and test say the same"


async def test_a_supplier_that_is_not_there_is_out_of_reach(given: dict[str, str], tmp_path: Path) -> None:
    answer = await supplier(given, tmp_path, "test", "ylh", YLH_BASE_URL=f"http://127.0.0.1:{free_port()}")
    assert answer.code == 5
    assert "YLH_BASE_URL" in answer.out
    assert "Traceback" not in answer.err


async def test_a_supplier_can_be_tried_before_there_is_a_database(given: dict[str, str], tmp_path: Path) -> None:
    there_is_none = {"RELAY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/none.db"}
    answer = await supplier(given, tmp_path, "test", "haier", **there_is_none)
    assert answer.code == 0, answer.err
    assert "the account of the environment" in answer.err
    assert not (tmp_path / "none.db").exists()


async def test_one_call_that_fails_is_told_apart(given: dict[str, str], box: Box, tmp_path: Path) -> None:
    await box.add_fault({"call": "haier.prices", "effect": "status", "status": 404})
    answer = await supplier(given, tmp_path, "test", "haier", "-o", "json")
    assert answer.code == 1
    assert [one["call"] for one in answer.data if one["verdict"] == "refused"] == ["prices"]


# ---- call ----


async def test_every_reading_call_gives_our_own_words(given: dict[str, str], tmp_path: Path) -> None:
    products = (await supplier(given, tmp_path, "call", "haier", "products", "-o", "json")).data
    code = products[0]["product_code"]
    (price,) = (await supplier(given, tmp_path, "call", "haier", "prices", "--product", code, "-o", "json")).data
    assert price["product_code"] == code
    assert re.fullmatch(r"\d+(\.\d+)?", price["supply_price"]), "money as a text"
    asked = ("--product", code, "--county", "370212")
    (stock,) = (await supplier(given, tmp_path, "call", "haier", "stock", *asked, "-o", "json")).data
    assert (stock["product_code"], stock["county_code"]) == (code, "370212")
    balances = (await supplier(given, tmp_path, "call", "haier", "balance", "-o", "json")).data
    assert balances
    assert all(isinstance(one["balance"], str) for one in balances)
    for name in ("haier", "ylh"):
        answer = await supplier(
            given, tmp_path, "call", name, "logistics", "--order", "SO.20990101.000001", "-o", "json"
        )
        assert (answer.code, answer.data) == (0, []), answer.err


async def test_a_refusal_is_told_in_the_suppliers_own_words(given: dict[str, str], tmp_path: Path) -> None:
    answer = await supplier(given, tmp_path, "call", "ylh", "photos", "--order", "SO.20990101.000001")
    assert answer.code == 1
    assert answer.out == ""
    assert re.search(r"ylh refuses photos \(code \w+\): .*[一-龥]", answer.err, re.IGNORECASE)


async def test_a_trace_shows_each_call_and_nothing_secret(given: dict[str, str], tmp_path: Path) -> None:
    answer = await supplier(given, tmp_path, "call", "haier", "balance", "--trace", "-o", "json")
    assert answer.code == 0
    assert answer.data
    assert len(re.findall(r"supplier call .*operation=(?:token|balance)", answer.err)) == 2
    assert re.search(r"operation=balance.*status=200.*request_excerpt", answer.err)
    assert "operation=token" in answer.err
    assert not re.search(r"operation=token.*excerpt", answer.err)


@pytest.mark.parametrize("call", CHANGING)
async def test_nothing_is_changed_by_hand(given: dict[str, str], box: Box, tmp_path: Path, call: str) -> None:
    answer = await supplier(given, tmp_path, "call", "ylh", call)
    assert answer.code == 4
    assert "relay event publish" in answer.err
    assert (await box.ledger())["calls"] == {}


async def test_a_person_may_look_while_the_supplier_is_paused(given: dict[str, str], tmp_path: Path) -> None:
    assert (await supplier(given, tmp_path, "pause", "haier", "--reason", "割接")).code == 0
    assert (await supplier(given, tmp_path, "call", "haier", "balance")).code == 0


# ---- status, pause, resume ----


async def test_without_a_service_status_says_so_and_shows_pauses(given: dict[str, str], tmp_path: Path) -> None:
    assert (await supplier(given, tmp_path, "pause", "ylh", "--reason", "割接 tonight")).code == 0
    answer = await supplier(given, tmp_path, "status", "-o", "json")
    assert answer.code == 0
    assert "relay consume" in answer.err
    haier, ylh = answer.data
    assert (haier["state"], haier["processes"], haier["paused"]) == ("unknown", 0, None)
    assert (ylh["state"], ylh["paused"]["reason"]) == ("paused", "割接 tonight")
    assert re.fullmatch(r".+@.+", ylh["paused"]["by"])
    people = await supplier(given, tmp_path, "status")
    assert re.search(r"paused by .+@.+ since \d{4}-.*: 割接 tonight", people.out)


async def test_pauses_are_audited_and_need_a_reason(given: dict[str, str], tmp_path: Path) -> None:
    assert (await supplier(given, tmp_path, "pause", "ylh")).code == 2
    assert (await supplier(given, tmp_path, "pause", "ylh", "--reason", " ")).code == 2
    assert (await supplier(given, tmp_path, "resume", "ylh", "--reason", "done")).code == 1
    assert (await supplier(given, tmp_path, "pause", "ylh", "--reason", "割接")).code == 0
    assert (await supplier(given, tmp_path, "resume", "ylh", "--reason", "done")).code == 0
    async with Store.open(given["RELAY_DATABASE_URL"]) as store:
        rows = await store.audit_log()
    assert [(row.action, row.subject, row.reason, "refused" in row.detail) for row in rows] == [
        ("supplier.resume", "ylh", "done", True),
        ("supplier.pause", "ylh", "割接", False),
        ("supplier.resume", "ylh", "done", False),
    ]


async def test_status_adds_up_what_the_running_services_saw(served: Relay, tmp_path: Path) -> None:
    environment = dict(served.environment)

    async def ylh() -> dict[str, Any]:
        answer = await supplier(environment, tmp_path, "status", "-o", "json")
        return dict(answer.data[1])

    second = {"RELAY_HTTP_PORT": str(free_port())}
    twin = Relay(served.settings, environment | second, served.box, served.store, served.publisher)
    async with consuming(served, tmp_path) as one, consuming(twin, tmp_path) as other:
        await served.send(*(paid(f"SO-{number}") for number in range(1, 9)))
        for number in range(1, 9):
            await served.result("order.push.succeeded", f"SO-{number}")

        async def told() -> bool:
            found = await ylh()
            return bool(found["processes"] == 2 and (found["calls"] or 0) >= 8)

        await eventually(told)
        found = await ylh()
        assert (found["state"], found["up"], found["calls"]) == ("normal", True, 8)
        assert found["success_rate"] == 1
        assert 0 < found["p50_seconds"] <= found["p95_seconds"] <= found["p99_seconds"] < 5
        assert found["calls_per_minute"] > 0
        assert 0 < found["quota_used_ratio"] < 1
        assert 0 <= found["token_age_seconds"] < 60
        assert {one["call"] for one in found["by_call"]} == {"create", "token"}

        assert (await supplier(environment, tmp_path, "pause", "ylh", "--reason", "割接")).code == 0
        await asyncio.sleep(4)
        before = (await served.box.ledger())["calls"]
        await served.send(paid("SO-20"))
        await asyncio.sleep(1)
        assert (await served.box.ledger())["calls"] == before, "a paused supplier is not called"
        assert (await ylh())["state"] == "paused"
        assert (await supplier(environment, tmp_path, "resume", "ylh", "--reason", "done")).code == 0
        await served.result("order.push.succeeded", "SO-20")

        async def counted() -> bool:
            people = await supplier(environment, tmp_path, "status", "--calls")
            assert "calls go out, circuit closed" in people.out
            return re.search(r"ylh\s+create\s+9", people.out) is not None

        await eventually(counted)

        for process in (one, other):
            process.terminate()
            assert await process.wait() == 0
        assert (await ylh())["processes"] == 0, "who ends says so"


async def test_a_failing_supplier_is_told_in_words(served: Relay, tmp_path: Path) -> None:
    await served.box.add_fault({"call": "ylh.create", "effect": "status", "status": 503})
    async with consuming(served, tmp_path):
        await served.send(paid("SO-1"))

        async def told() -> bool:
            answer = await supplier(dict(served.environment), tmp_path, "status", "-o", "json")
            error = answer.data[1]["last_error"]
            return error is not None and error["status"] == 503

        await eventually(told, within=30)
        answer = await supplier(dict(served.environment), tmp_path, "status")
        assert re.search(r"Last error\s+create: ylh\.create for order SO-1: HTTP 503", answer.out)
        lines = await supplier(dict(served.environment), tmp_path, "status", "-o", "ndjson")
        assert [line["supplier"] for line in lines.lines] == ["haier", "ylh"]
