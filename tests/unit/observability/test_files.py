"""Log files: whole lines, rotated, and no trouble for the service when they cannot be written."""

import errno
import os
from pathlib import Path

import pytest

from consumer.observability.files import AppendedFile, ToughFile


def file_in(directory: Path, *, max_bytes: int = 1000, keep: int = 3) -> AppendedFile:
    return AppendedFile(directory, "sync", max_bytes, keep)


def test_the_directory_is_made(tmp_path: Path) -> None:
    file = file_in(tmp_path / "a" / "b")
    file.append(b"one\n")
    file.close()
    assert file.path.read_bytes() == b"one\n"


def test_a_full_file_is_rotated_and_the_oldest_go(tmp_path: Path) -> None:
    file = file_in(tmp_path, max_bytes=100, keep=3)
    for number in range(60):
        file.append(f"line {number:04}\n".encode())
    file.close()
    files = sorted(tmp_path.glob("sync.*Z.jsonl"))
    assert len(files) == 3
    kept = b"".join(path.read_bytes() for path in files) + file.path.read_bytes()
    numbers = [int(line.split()[1]) for line in kept.decode().splitlines()]
    assert numbers == list(range(numbers[0], 60)), "none lost, none twice, in order"
    assert all(path.stat().st_size <= 100 for path in files)


def test_two_processes_that_write_one_file_lose_no_line_when_it_rotates(tmp_path: Path) -> None:
    one, two = file_in(tmp_path, max_bytes=200, keep=1000), file_in(tmp_path, max_bytes=200, keep=1000)
    for number in range(200):
        one.append(f"one {number}\n".encode())
        two.append(f"two {number}\n".encode())
    text = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode()
    assert sorted(text.splitlines()) == sorted(f"{who} {number}" for who in ("one", "two") for number in range(200))
    one.close()
    two.close()


def test_who_comes_second_does_not_rotate_again(tmp_path: Path) -> None:
    one, two = file_in(tmp_path, max_bytes=100), file_in(tmp_path, max_bytes=100)
    one.append(b"1" * 10 + b"\n")
    two.append(b"2" * 70 + b"\n")
    one.append(b"1" * 95 + b"\n")
    two.append(b"2" * 40 + b"\n")
    one.close()
    two.close()
    assert len(list(tmp_path.iterdir())) == 2
    assert one.path.read_bytes() == b"1" * 95 + b"\n" + b"2" * 40 + b"\n"


def test_a_file_that_somebody_took_away_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.observability.files._LOOK_AGAIN_AFTER", 0.0)
    file = file_in(tmp_path)
    file.append(b"one\n")
    file.path.unlink()
    file.append(b"two\n")
    file.close()
    assert file.path.read_bytes() == b"two\n"


def test_a_line_longer_than_the_file_may_be_is_still_written(tmp_path: Path) -> None:
    file = file_in(tmp_path, max_bytes=10)
    file.append(b"x" * 100 + b"\n")
    file.append(b"y\n")
    file.close()
    assert file.path.read_bytes() == b"y\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_is_told_once_and_writing_goes_on_when_there_is_room(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = file_in(tmp_path)
    inner.path.symlink_to("/dev/full")
    file = ToughFile(inner)
    for _ in range(5):
        file.append(b"lost\n")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "No space left on device" in told
    inner.path.unlink()
    file.append(b"written\n")
    file.append(b"written\n")
    file.close()
    assert inner.path.read_bytes() == b"written\nwritten\n"
    assert capsys.readouterr().err == f"log file {inner.path} is written again; 5 lines were lost\n"


def test_after_half_a_line_the_next_one_starts_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = file_in(tmp_path)
    file = ToughFile(inner)
    whole = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: whole(fd, data[:4]))
    file.append(b"first line\n")
    monkeypatch.setattr(os, "write", whole)
    file.append(b"second line\n")
    file.close()
    assert inner.path.read_bytes() == b"firs\nsecond line\n"


def test_a_directory_that_cannot_be_made_is_told_and_borne(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "occupied").write_text("a file", encoding="utf-8")
    file = ToughFile(file_in(tmp_path / "occupied"))
    file.append(b"line\n")
    file.append(b"line\n")
    assert file.lost == 2
    assert os.strerror(errno.EEXIST) in capsys.readouterr().err or os.strerror(errno.ENOTDIR)
