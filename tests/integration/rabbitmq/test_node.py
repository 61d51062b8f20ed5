"""The private node: comes up, survives a kill with its data, leaves nothing; and says why where it cannot."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aio_pika import DeliveryMode, Message

from rabbitmq import declaring, node
from rabbitmq.connection import connect
from rabbitmq.node import NodeFailed, private_node, server_executable
from rabbitmq.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

HAS_PROC = Path("/proc").exists()
needs_server = pytest.mark.skipif(server_executable() is None, reason="no rabbitmq-server is installed here")


def _processes_of(directory: Path) -> list[str]:
    """Command lines that name the node's directory, which is what the broker's own does."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in line:
            found.append(line)
    return found


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@needs_server
async def test_a_killed_node_comes_back_with_what_it_confirmed_and_leaves_nothing_in_the_end() -> None:
    async with private_node() as broker:
        directory = broker.directory
        environment = broker.server._charge.env
        connection = await connect(broker.amqp_url, name="test")
        async with connection, connection.channel() as channel:
            await declaring.apply(connection, Topology.build())
            events = await channel.get_exchange("relay.events")
            await events.publish(Message(b"{}", delivery_mode=DeliveryMode.PERSISTENT), "order.paid")

        # RabbitMQ 3.10 writes down half a second late which quorum queues it has; one newer than that stays dead.
        await asyncio.sleep(1.5)
        await broker.kill()
        await broker.start()

        connection = await connect(broker.amqp_url, name="test")
        async with connection, connection.channel() as channel:
            orders = await channel.get_queue("relay.orders")
            assert (await orders.get(timeout=10)).routing_key == "order.paid"
        if HAS_PROC:
            assert _processes_of(directory)

    assert not directory.exists()
    assert not _processes_of(directory)
    assert not _listens(int(environment["RABBITMQ_NODE_PORT"]))
    assert not _listens(int(environment["ERL_EPMD_PORT"]))


@pytest.fixture
def fake_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stands in for `rabbitmq-server`; a test writes what it does. Whatever that is, no directory may be left."""
    script = tmp_path / "rabbitmq-server"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(node, "_PLACES", (str(script),))
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "rabbitmq-server" else f"/usr/bin/{name}")
    yield script
    assert list(temporary.iterdir()) == []


def _write(script: Path, text: str) -> None:
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)


async def test_a_broker_that_ends_while_starting_is_quoted(fake_server: Path) -> None:
    _write(fake_server, 'echo "BOOT FAILED: no space left on device"; exit 1')

    with pytest.raises(NodeFailed, match="BOOT FAILED: no space left on device"):
        async with private_node():
            pass


async def test_a_broker_that_never_answers_is_given_up_and_quoted(fake_server: Path) -> None:
    _write(fake_server, 'echo "waiting for something"; exec sleep 600')

    with pytest.raises(NodeFailed, match=r"within 1 s[\s\S]*waiting for something"):
        async with private_node(timeout=1):
            pass


async def test_a_port_that_somebody_took_meanwhile_is_tried_again_with_others(
    fake_server: Path, tmp_path: Path
) -> None:
    ports = tmp_path / "ports"
    _write(fake_server, f'echo "$RABBITMQ_NODE_PORT" >>{ports}; echo "could not listen: eaddrinuse"; exit 1')

    with pytest.raises(NodeFailed, match="eaddrinuse"):
        async with private_node():
            pass

    assert len(set(ports.read_text().split())) == 3


@pytest.mark.usefixtures("fake_server")
async def test_a_machine_without_the_package_is_told_what_to_install() -> None:
    with pytest.raises(NodeFailed, match="apt-get install rabbitmq-server"):
        async with private_node():
            pass


async def test_a_directory_of_ones_own_is_kept(fake_server: Path, tmp_path: Path) -> None:
    _write(fake_server, "exit 1")
    directory = tmp_path / "data"

    with pytest.raises(NodeFailed):
        async with private_node(directory):
            pass

    assert (directory / "rabbitmq.conf").exists()
    assert (directory / ".erlang.cookie").stat().st_mode & 0o777 == 0o400
    assert os.access(directory / "broker.log", os.R_OK)
