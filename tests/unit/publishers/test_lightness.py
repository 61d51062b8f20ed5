"""An order system that imports the client gets pydantic and aio-pika, and nothing of the service."""

import json
import subprocess
import sys

PROBE = """
import importlib, json, pkgutil, sys
for name in ("schemas", "rabbitmq", "publishers"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(module.name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
HEAVY = {
    "aiohttp",
    "aiosqlite",
    "alembic",
    "asyncpg",
    "consumer",
    "httpx",
    "ops",
    "prometheus_client",
    "pydantic_settings",
    "rich",
    "sandbox",
    "sqlalchemy",
    "starlette",
    "structlog",
    "tenacity",
    "testcontainers",
    "typer",
    "uvicorn",
    "uvloop",
}


def test_the_clients_rooms_pull_in_none_of_the_services_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)  # noqa: S603 - our own text
    loaded = set(json.loads(done.stdout))
    assert {"schemas", "rabbitmq", "publishers", "aio_pika", "pydantic"} <= loaded
    assert loaded & HEAVY == set()
