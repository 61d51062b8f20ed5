"""What tests stand on: one broker and one PostgreSQL for the run, a virtual host and a database for each test.

`amqp_url` and `database_url` are what a test asks for. Both servers start when they are first needed; with workers
(`pytest -n`) the process that started pytest holds them for all, unless only unit tests were asked for.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.support.broker import Broker, fresh_vhost, open_broker
from tests.support.postgres import Postgres, create_database, private_postgres
from tests.support.sharing import NotHereError, SharedServer, shared_value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

_SERVERS: dict[str, Callable[[], AbstractAsyncContextManager[Broker | Postgres]]] = {
    "broker": open_broker,
    "postgres": private_postgres,
}
# How long one example takes is not what a law is about; beside other tests it may be anything.
hypothesis.settings.register_profile("relay", deadline=None)
hypothesis.settings.load_profile("relay")

_HELD = pytest.StashKey[list[SharedServer]]()
_DIRECTORY = pytest.StashKey[Path]()
_WORKER_KEY = "relay_shared_servers"


def pytest_configure(config: pytest.Config) -> None:
    """Make the place where servers are written down; start them where workers are going to want them."""
    if hasattr(config, "workerinput"):
        config.stash[_DIRECTORY] = Path(config.workerinput[_WORKER_KEY])
        return
    config.stash[_DIRECTORY] = Path(tempfile.mkdtemp(prefix="relay-tests-"))
    config.stash[_HELD] = []
    if getattr(config.option, "numprocesses", None) and not _only_unit_tests(config):
        for name in _SERVERS:
            _hold(config, name)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where to look."""
    node.workerinput[_WORKER_KEY] = str(node.config.stash[_DIRECTORY])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the servers away again."""
    for server in config.stash.get(_HELD, []):
        server.stop()
    if not hasattr(config, "workerinput") and _DIRECTORY in config.stash:
        shutil.rmtree(config.stash[_DIRECTORY], ignore_errors=True)


def _only_unit_tests(config: pytest.Config) -> bool:
    return bool(config.args) and all("unit" in Path(argument.split("::")[0]).parts for argument in config.args)


def _hold(config: pytest.Config, name: str) -> None:
    server = SharedServer(_SERVERS[name], config.stash[_DIRECTORY] / f"{name}.json")
    config.stash[_HELD].append(server)
    server.start()


def _reach(config: pytest.Config, name: str) -> dict[str, Any]:
    file = config.stash[_DIRECTORY] / f"{name}.json"
    if _HELD in config.stash and not any(server.file == file for server in config.stash[_HELD]):
        _hold(config, name)
    return shared_value(file)


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Broker:
    """The run's broker."""
    return Broker(**_reach(request.config, "broker"))


@pytest.fixture
async def amqp_url(broker: Broker) -> AsyncIterator[str]:
    """An empty virtual host, gone after the test."""
    async with fresh_vhost(broker) as url:
        yield url


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Postgres:
    """The run's PostgreSQL; skips where this machine cannot have one."""
    try:
        return Postgres(**_reach(request.config, "postgres"))
    except NotHereError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database; each test that asks runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    server: Postgres = request.getfixturevalue("postgres")
    return await create_database(server)
