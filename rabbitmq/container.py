"""A RabbitMQ in a Docker container, on ports that Docker chooses, gone afterwards.

By the ``docker`` command, because a machine with Docker has that for certain. The command runs in the foreground
in the care of :mod:`rabbitmq.keeper`, so that the container ends with whoever wanted it, also when that one is killed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rabbitmq.keeper import Charge
from rabbitmq.kept import KeptServer, ServerFailed
from rabbitmq.node import answers_amqp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

DEFAULT_IMAGE = "rabbitmq:4-management"
_ENGINE_ANSWERS_WITHIN = 5.0
_PULL_TIMEOUT = 600.0
_START_TIMEOUT = 90.0


class ContainerFailed(ServerFailed):
    """The container did not become a broker; the text says at which step and why."""


@dataclass(frozen=True, slots=True)
class ContainerBroker:
    """A running container; both URLs hold user and password."""

    amqp_url: str
    management_url: str


async def engine_answers() -> bool:
    """Whether a Docker engine can be used; a machine may well have the command and no engine."""
    if shutil.which("docker") is None:
        return False
    try:
        code, _ = await _docker("info", "--format", "{{.ServerVersion}}", limit=_ENGINE_ANSWERS_WITHIN)
    except ContainerFailed:
        return False
    return code == 0


@asynccontextmanager
async def container_broker(image: str, say: Callable[[str], None]) -> AsyncIterator[ContainerBroker]:
    """Run ``image`` for the length of the block; raises :class:`ContainerFailed`."""
    code, _ = await _docker("image", "inspect", image, limit=30)
    if code != 0:
        say(f"Fetching the image {image}; only the first time, and it may take some minutes …")
        code, said = await _docker("pull", "--quiet", image, limit=_PULL_TIMEOUT)
        if code != 0:
            raise ContainerFailed(f"The image {image} could not be fetched: {_last_line(said)}")
    name = f"relay-rabbitmq-{secrets.token_hex(4)}"
    password = secrets.token_hex(12)
    directory = tempfile.mkdtemp(prefix="relay-docker-")
    charge = Charge(
        argv=(
            *("docker", "run", "--rm", "--name", name, "--hostname", "relay"),
            *("-p", "127.0.0.1::5672", "-p", "127.0.0.1::15672"),
            # Values come from the environment: a command line can be read by every user of the machine.
            *("-e", "RABBITMQ_DEFAULT_USER", "-e", "RABBITMQ_DEFAULT_PASS"),
            image,
        ),
        env={**os.environ, "RABBITMQ_DEFAULT_USER": "relay", "RABBITMQ_DEFAULT_PASS": password},
        log=str(Path(directory) / "container.log"),
        afterwards=(("docker", "rm", "--force", "--volumes", name),),
        remove=directory,
    )
    async with KeptServer(charge, name="The container") as server:
        amqp, management = await _ports_when_ready(server, name)
        yield ContainerBroker(
            amqp_url=f"amqp://relay:{password}@127.0.0.1:{amqp}/",
            management_url=f"http://relay:{password}@127.0.0.1:{management}",
        )


async def _ports_when_ready(server: KeptServer, name: str) -> tuple[int, int]:
    deadline = time.monotonic() + _START_TIMEOUT
    exited = asyncio.ensure_future(server.exited())
    try:
        while time.monotonic() < deadline:
            if exited.done():
                raise ContainerFailed(f"The container ended while starting. Its last words:\n{server.last_words()}")
            amqp, management = await _port(name, 5672), await _port(name, 15672)
            if amqp and management and await answers_amqp("127.0.0.1", amqp):
                return amqp, management
            await asyncio.wait([exited], timeout=0.3)
    finally:
        exited.cancel()
        await asyncio.wait([exited])
    raise ContainerFailed(
        f"The container did not answer AMQP within {_START_TIMEOUT:.0f} s. Its last words:\n{server.last_words()}"
    )


async def _port(name: str, inside: int) -> int | None:
    """The port on this machine; None while the container is not there yet."""
    code, said = await _docker("port", name, f"{inside}/tcp", limit=10)
    if code != 0:
        return None
    return int(said.split()[0].rpartition(":")[2])


async def _docker(*arguments: str, limit: float) -> tuple[int, str]:
    """Run one command to its end: its exit code and what it said; raises :class:`ContainerFailed` when time is up."""
    process = await asyncio.create_subprocess_exec(
        "docker",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(limit):
            said, _ = await process.communicate()
    except TimeoutError as error:
        raise ContainerFailed(f"`docker {arguments[0]}` did not end within {limit:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace").strip()


def _last_line(text: str) -> str:
    return text.splitlines()[-1] if text else "no reason given"
