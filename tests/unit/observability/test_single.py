"""A command's one line in the log files: like those of the service, and never in the service's way."""

import json
import os
from pathlib import Path

import pytest

from consumer.observability.single import write_line


def line_in(directory: Path, **fields: object) -> dict[str, object]:
    write_line(directory, "audit", fields, logger="ops.audit.heads", level="info", stream="auth")
    lines = (directory / "auth.jsonl").read_text("utf-8").splitlines()
    found: dict[str, object] = json.loads(lines[-1])
    return found


def test_it_looks_like_those_of_the_service(tmp_path: Path) -> None:
    line = line_in(tmp_path / "logs", sequence=7, mac="01234567:13812345678", name="王小明")
    assert line.pop("time")
    assert line == {
        "level": "info",
        "stream": "auth",
        "logger": "ops.audit.heads",
        "message": "audit",
        "sequence": 7,
        "mac": "01234567:13812345678",
        "name": "***",
    }


def test_it_is_appended(tmp_path: Path) -> None:
    line_in(tmp_path, sequence=1)
    assert line_in(tmp_path, sequence=2)["sequence"] == 2
    assert len((tmp_path / "auth.jsonl").read_bytes().splitlines()) == 2


def test_what_cannot_be_written_is_told_and_borne(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").write_text("no directory", encoding="utf-8")
    write_line(tmp_path / "logs", "audit", {}, logger="ops", level="info", stream="auth")
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_does_not_shut_out_the_service(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    line_in(tmp_path, sequence=1)
    assert (tmp_path / "auth.jsonl").stat().st_uid == 12345
