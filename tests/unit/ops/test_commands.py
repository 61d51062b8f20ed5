"""The command tree as a shell sees it, where no broker is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.cli.app import run

ROOT = Path(__file__).parents[3]
EXPECTED = {
    "consume": [],
    "sandbox": [],
    "schedule": ["list"],
    "event": ["validate", "publish"],
    "sync": ["products", "logistics", "show", "list"],
    "order": ["show"],
    "queues": [],
    "topology": ["show", "check", "apply"],
    "db": ["upgrade", "current"],
    "schema": ["export"],
    "doctor": [],
    "demo": [],
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("RELAY_", "YLH_", "HAIER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in EXPECTED)


@pytest.mark.parametrize(
    "command", [[group, name] for group, names in EXPECTED.items() for name in (names or [""])], ids=" ".join
)
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*filter(None, command), "--help"]) == 0
    assert "Usage: relay" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("relay 0.")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nonsense"], "nonsense"),
        (["event", "validate", "--nonsense"], "--nonsense"),
        (["queues", "--output", "yaml"], "yaml"),
        (["order", "show"], "SO_ID"),
        (["queues", "--watch", "--output", "json"], "ndjson"),
        (["consume", "--lanes", "relay.nowhere"], "relay.catalog"),
        (["sync", "products", "--codes", " , "], "--codes"),
        (["sync", "products", "--wait", "--timeout", "soon"], "soon"),
        (["topology", "show", "--permissions", "--format", "definitions"], "definitions"),
        (["event", "validate", "nowhere.json"], "nowhere.json"),
    ],
)
def test_misuse_is_one_sentence_with_code_2(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("Error: ")
    assert word in told.err
    assert len(told.err.splitlines()) == 1


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh interpreter that is about to be asked for ``relay --help``."""
    code = f"import sys; from ops.cli import main; sys.argv = ['relay', '--help']; {code}"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own code


def test_help_imports_neither_driver_nor_broker_client_nor_pydantic() -> None:
    heavy = ["sqlalchemy", "aio_pika", "pydantic", "httpx", "aiohttp", "uvicorn", "consumer", "rabbitmq", "schemas"]
    answer = python(f"main(); print([name for name in {heavy} if name in sys.modules])")
    assert answer.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_one_sentence_says_what_to_install(missing: str) -> None:
    answer = python(f"sys.modules[{missing!r}] = None; sys.exit(main())")
    assert answer.returncode == 1
    assert "haier-relay[service]" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_settings_that_are_wrong_are_all_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELAY_HTTP_PORT", "many")
    assert run(["consume"]) == 2
    told = capsys.readouterr().err
    assert "RELAY_HTTP_PORT" in told
    assert "YLH_USERNAME" in told
    assert "HAIER_CLIENT_ID" in told


def test_permissions_are_commands_for_each_kind_of_user(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELAY_AMQP_URL", "amqp://u:secret@h/shop")
    assert run(["topology", "show", "--permissions"]) == 0
    told = capsys.readouterr().out
    assert "rabbitmqctl set_permissions -p 'shop' 'relay-orders'" in told
    assert "secret" not in told


def test_the_shape_as_data_and_as_definitions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topology", "show", "--output", "json"]) == 0
    shape = json.loads(capsys.readouterr().out)
    assert "relay.orders" in {queue["name"] for queue in shape["queues"]}
    assert run(["topology", "show", "--format", "definitions"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((ROOT / "rabbitmq/definitions.json").read_text())


def test_database_upgrade_tells_from_and_to(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["db", "current", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["current"] is None
    assert not (tmp_path / "relay.db").exists(), "to look must not make a database"
    assert run(["db", "upgrade", "--output", "json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["from"], first["changed"]) == (None, True)
    assert run(["db", "upgrade"]) == 0
    assert "Nothing to do" in capsys.readouterr().err
    assert run(["db", "current", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["current"] == first["to"]


def test_books_that_are_not_there_are_out_of_reach(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["order", "show", "SO-1"]) == 5
    assert "relay db upgrade" in capsys.readouterr().err
    assert not (tmp_path / "relay.db").exists()


def test_schemas_are_written_and_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["schema", "export", "--directory", "out"]) == 0
    assert run(["schema", "export", "--directory", "out", "--check"]) == 0
    (tmp_path / "out" / "order.paid.schema.json").write_text("{}")
    capsys.readouterr()
    assert run(["schema", "export", "--directory", "out", "--check", "--output", "json"]) == 1
    assert "order.paid" in json.loads(capsys.readouterr().out)[0]["difference"]


def test_the_committed_schemas_are_current() -> None:
    assert run(["schema", "export", "--directory", str(ROOT / "schemas/json"), "--check"]) == 0


def test_no_broker_is_code_5(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RELAY_AMQP_URL", "amqp://user:hunter2@127.0.0.1:1/")
    for command in (["topology", "check"], ["topology", "apply"], ["queues"], ["sync", "products"]):
        assert run(command) == 5, command
        told = capsys.readouterr()
        assert told.out == ""
        assert "127.0.0.1:1 cannot be used" in told.err
        assert "hunter2" not in told.err


def test_interrupting_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.cli.topology.settings_for", interrupted)
    assert run(["topology", "check"]) == 130
    assert capsys.readouterr() == ("", "")
