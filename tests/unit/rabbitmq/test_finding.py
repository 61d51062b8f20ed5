"""Where a broker comes from: the order, and what is said on the way. Docker, apt and the servers are stand-ins here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from rabbitmq import container, finding, installing, node
from rabbitmq.finding import BrokerNotAvailable, find_broker
from rabbitmq.installing import InstallFailed, install_command
from rabbitmq.node import answers_amqp

if TYPE_CHECKING:
    from pathlib import Path

# Answers AMQP's greeting as a broker does, on the port that is its argument; "0" takes a free one and writes it down.
SPEAKER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
if len(sys.argv) > 2:
    open(sys.argv[2], "w").write(str(listener.getsockname()[1]))
while True:
    client, _ = listener.accept()
    client.recv(8)
    client.sendall(bytes([1]))
    client.close()
"""


class Machine:
    """What a test says is on this machine; nothing is, to begin with."""

    def __init__(self, directory: Path) -> None:
        self.binaries = directory / "bin"
        self.binaries.mkdir()
        self.speaker = directory / "speaker.py"
        self.speaker.write_text(SPEAKER)
        self.calls = directory / "docker-calls"
        self.port = directory / "port"
        self.server = directory / "rabbitmq-server"
        self.said: list[str] = []

    def with_docker(self, *, run: str | None = None, info: str = "exit 0", image: str = "exit 0") -> None:
        run = run or f"exec {sys.executable} {self.speaker} 0 {self.port}"
        self._script(
            self.binaries / "docker",
            f'echo "$*" >>{self.calls}\n'
            f'case "$1" in info) {info};; image) {image};; pull) echo "no route to it"; exit 1;; run) {run};;\n'
            f'port) while read -r port; do :; done <{self.port} 2>/dev/null || [ -n "$port" ] || exit 1\n'
            'echo "127.0.0.1:$port";; esac',
        )

    def with_server(self) -> None:
        self._script(self.server, f'exec {sys.executable} {self.speaker} "$RABBITMQ_NODE_PORT"')

    @staticmethod
    def _script(path: Path, text: str) -> None:
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.binaries))
    monkeypatch.setattr(node, "_PLACES", (str(made.server),))
    return made


async def test_the_broker_that_is_named_is_the_one_or_none(machine: Machine) -> None:
    machine.with_server()
    environ = {"RELAY_AMQP_URL": "amqp://someone:secret@127.0.0.1:1/"}

    with pytest.raises(BrokerNotAvailable, match=r"127\.0\.0\.1:1.*RELAY_AMQP_URL names this broker") as caught:
        async with find_broker(machine.said.append, environ=environ):
            pass

    assert "secret" not in str(caught.value)


async def test_a_docker_engine_comes_before_what_is_installed_and_its_container_is_removed(machine: Machine) -> None:
    machine.with_docker()
    machine.with_server()

    async with find_broker(machine.said.append, environ={}) as broker:
        port = int(machine.port.read_text())
        assert broker.amqp_url.endswith(f"@127.0.0.1:{port}/")
        assert broker.management_url is not None
        assert broker.origin == "a container of rabbitmq:4-management"
        assert await answers_amqp("127.0.0.1", port)

    assert not await answers_amqp("127.0.0.1", port)
    calls = machine.calls.read_text().splitlines()
    name = next(line.split("--name ")[1].split()[0] for line in calls if line.startswith("run"))
    assert calls[-1] == f"rm --force --volumes {name}"
    password = broker.amqp_url.split(":")[2].split("@")[0]
    assert password not in machine.calls.read_text()


async def test_the_image_may_come_from_elsewhere(machine: Machine) -> None:
    machine.with_docker()

    async with find_broker(
        machine.said.append, environ={"RELAY_RABBITMQ_IMAGE": "mirror.example/rabbitmq:4"}
    ) as broker:
        assert "mirror.example/rabbitmq:4" in broker.origin


async def test_a_docker_command_without_an_engine_is_no_docker(machine: Machine) -> None:
    machine.with_docker(info="exit 1")
    machine.with_server()

    async with find_broker(machine.said.append, environ={}) as broker:
        assert broker.origin == f"a private node ({machine.server})"


async def test_an_engine_that_does_not_answer_is_not_waited_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_ENGINE_ANSWERS_WITHIN", 0.2)
    machine.with_docker(info="exec /bin/sleep 60")
    machine.with_server()

    async with find_broker(machine.said.append, environ={}) as broker:
        assert "private node" in broker.origin


@pytest.mark.parametrize(
    ("docker", "reason"),
    [
        ({"image": "exit 1"}, "no route to it"),
        ({"run": 'echo "port is already allocated"; exit 125'}, "port is already allocated"),
    ],
)
async def test_a_container_that_fails_says_why_and_gives_way(
    machine: Machine, docker: dict[str, str], reason: str
) -> None:
    machine.with_docker(**docker)
    machine.with_server()

    async with find_broker(machine.said.append, environ={}) as broker:
        assert "private node" in broker.origin

    assert any(reason in line for line in machine.said)


async def test_a_machine_without_a_broker_gets_one_by_apt_where_that_is_allowed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prefix() -> tuple[str, ...]:
        return ("sudo", "-n")

    async def install(prefix: tuple[str, ...]) -> None:
        assert prefix == ("sudo", "-n")
        machine.with_server()

    monkeypatch.setattr(finding, "apt_prefix", prefix)
    monkeypatch.setattr(finding, "install_by_apt", install)

    async with find_broker(machine.said.append, environ={}) as broker:
        assert "private node" in broker.origin

    assert any("with apt" in line for line in machine.said)


async def test_where_none_can_be_had_one_message_holds_what_was_tried_and_the_command(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "_OS_RELEASE", machine.binaries / "os-release")
    (machine.binaries / "os-release").write_text('ID=ubuntu\nID_LIKE="debian"\n')

    with pytest.raises(BrokerNotAvailable) as caught:
        async with find_broker(machine.said.append, environ={}):
            pass

    text = str(caught.value)
    for words in ("docker info", "no rabbitmq-server", "apt-get install -y rabbitmq-server", "RELAY_AMQP_URL"):
        assert words in text


async def test_an_installation_that_fails_is_part_of_that_message(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prefix() -> tuple[str, ...]:
        return ()

    async def install(_prefix: tuple[str, ...]) -> None:
        raise InstallFailed("apt could not install rabbitmq-server:\nE: no network")

    monkeypatch.setattr(finding, "apt_prefix", prefix)
    monkeypatch.setattr(finding, "install_by_apt", install)

    with pytest.raises(BrokerNotAvailable, match="E: no network"):
        async with find_broker(machine.said.append, environ={}):
            pass


@pytest.mark.parametrize(
    ("os_release", "command"),
    [
        ("ID=debian\n", "apt-get install"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt-get install"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf install"),
        ("ID=alpine\n", "apk add"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper install"),
        ("ID=arch\n", "pacman"),
    ],
)
def test_each_system_is_told_its_own_command(os_release: str, command: str) -> None:
    told = install_command(os_release, platform="linux")

    assert told is not None
    assert command in told


def test_a_system_that_we_do_not_know_is_told_no_wrong_command() -> None:
    assert install_command("ID=plan9\n", platform="linux") is None
    assert install_command("", platform="darwin") == "brew install rabbitmq"
