"""`relay config` as a person uses it: no secret is ever shown, and each refusal is one sentence with its cure."""

from __future__ import annotations

import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumer.accounts.sealing import new_key
from consumer.persistence import migrations
from consumer.persistence.store import Store
from consumer.settings.values import fernet_keys
from tests.acceptance.cli_process import Answer, relay, said, started
from tests.acceptance.test_cli_service import READY, free_port
from tests.support.events import event
from tests.support.relay import Relay, eventually, system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CONFIG: Final[dict[str, Any]] = {
    "client_id": "c1",
    "client_secret": "hush-client",
    "base_url": "https://openplat-test.haier.net",
    "customer_code": "8800000001",
    "send_to_code": "8800000002",
    "password": "hush-password",
    "seller_password": "hush-seller",
    "county_codes": ["330106"],
}
KEY: Final = new_key()
PASSPHRASE: Final = "correct horse 电池"


class Desk:
    """A database, a key, and `relay config` on them."""

    def __init__(self, directory: Path, key: str = KEY) -> None:
        self.directory = directory
        self.url = f"sqlite+aiosqlite:///{directory}/relay.db"
        self.given = {"RELAY_DATABASE_URL": self.url, "RELAY_SECRET_KEY": key}

    async def __call__(self, *arguments: str, stdin: object = b"", **more: str) -> Answer:
        sent = stdin if isinstance(stdin, bytes) else json.dumps(stdin, ensure_ascii=False).encode()
        answer = await relay("config", *arguments, given=self.given | more, directory=self.directory, stdin=sent)
        assert "hush" not in answer.out + answer.err
        assert "Traceback" not in answer.err
        return answer


@pytest.fixture
async def config(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    await migrations.upgrade(desk.url)
    return desk


async def test_an_account_from_its_first_check_to_its_return(config: Desk) -> None:
    assert (await config("check", "-", stdin=CONFIG)).code == 0
    empty = await config("list", "-o", "json")
    assert (empty.code, empty.data) == (0, [])
    assert "environment" in empty.err

    made = await config("set", "主店", "-", "--reason", "首次", "-o", "json", stdin=CONFIG)
    assert (made.code, made.data["revision"], made.data["active"], made.data["changed"]) == (0, 1, False, True)
    changed = await config(
        "set", "主店", "--with", "customer_code=8800000009", "--without", "county_codes", "-o", "json"
    )
    assert changed.data["differences"] == [
        {"key": "customer_code", "before": "8800000001", "after": "8800000009"},
        {"key": "county_codes", "before": ["330106"], "after": None},
    ]
    merged = await config("set", "主店", "-", "--merge", stdin={"password": "hush-newer"})
    assert "*** (another)" in merged.out

    active = await config("activate", "主店", "-o", "json")
    assert (active.data["active"], active.data["revision"]) == (True, 4)
    assert "within ten seconds" in active.err

    shown = (await config("show", "-o", "json")).data
    assert shown["config"] == {
        **{key: value for key, value in CONFIG.items() if key != "county_codes"},
        "client_secret": "***",
        "password": "***",
        "seller_password": "***",
        "customer_code": "8800000009",
    }
    assert [one["action"] for one in shown["revisions"]] == ["set", "set", "set", "activate"]
    assert shown["revisions"][0]["reason"] == "首次"
    assert re.fullmatch(r"\S+@\S+", shown["revisions"][0]["changed_by"])
    # What is shown can be given back as it is.
    assert not (await config("set", "主店", "-", "-o", "json", stdin=shown["config"])).data["changed"]

    compared = (await config("show", "主店", "--against", "1", "--revision", "3", "-o", "json")).data
    assert {one["key"] for one in compared} == {"customer_code", "county_codes", "password"}
    assert (await config("show", "主店", "--revision", "1", "-o", "json")).data["config"]["county_codes"] == ["330106"]

    back = await config("restore", "主店", "--revision", "1", "-o", "json")
    assert (back.data["revision"], back.data["active"]) == (5, True)
    assert (await config("activate", "--none")).code == 0
    table = await config("list")
    assert "主店" in table.out
    assert "c1" in table.out
    async with Store.open(config.url) as store:
        rows = await store.audit_log()
    assert [row.action for row in rows] == [
        "config.set",
        "config.set",
        "config.set",
        "config.activate",
        "config.restore",
        "config.deactivate",
    ]
    assert rows[0].reason == "首次"
    assert all(row.mac for row in rows)


async def test_every_fault_of_a_config_is_told_at_once_and_nothing_is_stored(config: Desk) -> None:
    faulty = {
        "client_idd": "c1",
        "client_secret": 5,
        "base_url": "openplat",
        "password": "hush",
        "supplier_code": "1001",
    }
    checked = await config("check", "-", "-o", "json", stdin=faulty)
    assert checked.code == 1
    assert {one["key"] for one in checked.data} == {
        "client_id",
        "client_idd",
        "client_secret",
        "base_url",
        "customer_code",
        "seller_password",
    }
    refused = await config("set", "main", "-", stdin=faulty)
    assert refused.code == 1
    assert "client_id (is it that?)" in refused.err
    assert refused.out == ""
    for broken in (b"{", b'{"password": "hush", "password": "hush"}', b"[]", b"\xff"):
        answer = await config("set", "main", "-", stdin=broken)
        assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert (await config("list", "-o", "ndjson")).lines == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["set", "main", "--with", "password=hush"], 2, "--ask password"),
        (["set", "main", "--with", "hush-nonsense-"], 2, "KEY=VALUE"),
        (["set", "main", "--ask", "password"], 2, "needs a terminal"),
        (["set", "main", "--with", "customer_code=1"], 1, "no stored account main"),
        (["set", "two words", "-"], 1, "cannot be the name"),
        (["set", "main", "none.json"], 1, "none.json: No such file"),
        (["activate"], 2, "--none"),
        (["activate", "main"], 1, "relay config list"),
        (["activate", "--none"], 1, "No stored account is active"),
        (["show", "main"], 1, "no stored account main"),
        (["show"], 2, "relay config activate"),
        (["restore", "main"], 2, "--revision"),
        (["restore", "main", "--revision", "1"], 1, "no stored account main"),
        (["backup", "b.bak"], 2, "--passphrase-file"),
    ],
)
async def test_a_slip_is_one_sentence_with_its_cure(config: Desk, arguments: list[str], code: int, words: str) -> None:
    if words == "KEY=VALUE":
        # What is no pair may be a secret with a slip in it: only that it is none is told.
        arguments = [*arguments[:-1], "nonsense"]
    answer = await config(*arguments, stdin=CONFIG)
    assert answer.code == code, answer.err
    assert words in answer.err
    assert answer.out == ""


async def test_a_missing_or_wrong_key_is_told_and_an_exchange_loses_nothing(config: Desk) -> None:
    await config("set", "main", "-", stdin=CONFIG)
    missing = await config("set", "other", "-", stdin=CONFIG, RELAY_SECRET_KEY="")
    assert missing.code == 1
    assert "`relay config key` makes one" in missing.err
    other = new_key()
    wrong = await config("activate", "main", RELAY_SECRET_KEY=other)
    assert wrong.code == 1
    assert "cannot be decrypted with the key in RELAY_SECRET_KEY" in wrong.err
    found = await config("check", "-o", "json", RELAY_SECRET_KEY=other)
    assert found.code == 1
    assert [one["status"] for one in found.data if one["what"] == "main"] == ["fail"]

    made = await config("key")
    (secret,) = fernet_keys(made.out.strip())
    new = secret.get_secret_value()
    assert new not in made.err
    both = f"{new},{KEY}"
    aged = await config("check", "-o", "json", RELAY_SECRET_KEY=both)
    assert "`relay config key --rotate`" in str([one["cure"] for one in aged.data])
    rotated = await config("key", "--rotate", "-o", "json", RELAY_SECRET_KEY=both)
    assert rotated.data == {"secrets": 6, "accounts": 1, "revisions": 1}
    assert (await config("activate", "main", RELAY_SECRET_KEY=new)).code == 0
    assert (await config("check", RELAY_SECRET_KEY=new)).code == 0
    assert (await config("key", "--rotate", RELAY_SECRET_KEY="")).code == 2


async def test_a_backup_opens_on_another_machine_with_its_passphrase_alone(config: Desk, tmp_path: Path) -> None:
    await config("set", "main", "-", stdin=CONFIG)
    await config("activate", "main")
    (tmp_path / "pass").write_text(f"{PASSPHRASE}\n", encoding="utf-8")
    file = tmp_path / "accounts.bak"
    taken = await config("backup", str(file), "--passphrase-file", "pass", "-o", "json")
    assert (taken.code, taken.data["accounts"], taken.data["revisions"]) == (0, 1, 2)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"hush" not in file.read_bytes()
    first = file.read_bytes()
    assert (await config("backup", str(file), "--passphrase-file", "pass")).code == 6
    assert file.read_bytes() == first
    assert (await config("backup", str(file), "--passphrase-file", "pass", "--yes")).code == 0
    assert file.read_bytes() != first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]  # noqa: PTH208 - blocks for no time
    short = await config("backup", "other.bak", "--passphrase-file", "-", stdin=b"short\n")
    assert short.code == 1
    assert "at least 12 characters" in short.err
    assert not (tmp_path / "other.bak").exists()

    (tmp_path / "new").mkdir()
    elsewhere = Desk(tmp_path / "new", new_key())
    await migrations.upgrade(elsewhere.url)
    refused = await elsewhere("restore", "--file", str(file), "--passphrase-file", "-", stdin=b"another passphrase")
    assert refused.code == 1
    assert "passphrase is another one" in refused.err
    restored = await elsewhere(
        "restore", "--file", str(file), "--passphrase-file", str(tmp_path / "pass"), "-o", "json"
    )
    assert restored.data == [{"name": "main", "fate": "added", "revision": 2, "is_active": True}]
    assert (await elsewhere("check")).code == 0
    await elsewhere("set", "main", "--with", "customer_code=1")
    again = ("restore", "--file", str(file), "--passphrase-file", str(tmp_path / "pass"))
    assert (await elsewhere(*again)).code == 6
    assert (await elsewhere(*again, "--yes", "-o", "json")).data[0]["fate"] == "changed"


# ---- the service ----


@pytest.fixture
async def served(amqp_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    """A system whose environment has no account at Haier."""
    url = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    async with system(amqp_url, url, RELAY_HTTP_PORT=str(free_port()), RELAY_SECRET_KEY=KEY) as relay_system:
        yield relay_system


async def test_the_service_starts_with_a_stored_account_alone_and_says_which(served: Relay, tmp_path: Path) -> None:
    document = {
        name.removeprefix("HAIER_").lower(): value
        for name, value in served.environment.items()
        if name.startswith("HAIER_")
    }
    given = {name: value for name, value in served.environment.items() if not name.startswith("HAIER_")}

    async def ask(*arguments: str, stdin: bytes = b"", **more: str) -> Answer:
        return await relay(*arguments, given=given | more, directory=tmp_path, stdin=stdin)

    without = await ask("consume")
    assert without.code == 2
    assert "HAIER_CLIENT_ID: is missing" in without.err
    assert "relay config activate NAME" in without.err
    both = await ask("consume", YLH_ENV="nowhere")
    assert {"HAIER_CLIENT_ID", "YLH_ENV"} <= set(re.findall(r"  - (\w+)", both.err))

    assert (await ask("config", "set", "main", "-", stdin=json.dumps(document).encode())).code == 0
    assert (await ask("config", "activate", "main")).code == 0
    assert set(re.findall(r"  - (\w+)", (await ask("consume", YLH_ENV="nowhere")).err)) == {"YLH_ENV"}
    locked = await ask("consume", RELAY_SECRET_KEY=new_key())
    assert locked.code == 1
    assert "cannot be decrypted" in locked.err

    async with started("consume", given=given, directory=tmp_path) as process:
        lines = await said(process.stderr, READY)
        assert any("the stored account main, revision 2" in line for line in lines)
        await served.send(event("sync.products.requested", {"product_codes": ["BX0000001"]}, event_id="sync-1"))
        row = (await served.result("sync.completed"))["data"]["sync_log"]
        account = (await ask("config", "show", "-o", "json")).data
        assert row["config_id"] == account["config_id"]

        async def told() -> bool:
            (haier,) = [
                one for one in (await ask("supplier", "status", "-o", "json")).data if one["supplier"] == "haier"
            ]
            return bool(haier["accounts"]) and haier["accounts"][0]["name"] == "main"

        await eventually(told)
