"""Who takes part in ``make bench``: a module for each to run, the form in which it takes its events, what it lacks.

What runs in a contestant's process is `tests.benchmarks.contestants`; nothing of it is imported here, so that the
measuring neither needs the frameworks nor carries them. They are in the environment that ``make bench`` makes
(``.venv-bench``), not in ``.venv``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final

from tests.benchmarks import framed
from tests.benchmarks.workload import backlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from publishers.outgoing import Outgoing

_NO_BOOKS: Final = "no inbox, order state, sync log or outbox: killed before the ack, it pushes an order twice"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to do the work: ``python -m <module>``, told everything by the environment.

    Attributes:
        key: for the command line.
        name: for tables.
        module: what runs; SIGTERM ends it.
        lacks: what it does not guarantee, one line for a table.
        libraries: distributions whose versions tell what was measured.
        backlog: of a batch's name and a count: what to publish, in chunks, in the form that this one consumes.
    """

    key: str
    name: str
    module: str
    lacks: str
    libraries: tuple[str, ...] = ()
    backlog: Callable[[str, int], Iterator[list[Outgoing]]] = backlog


SERVICE: Final = Contestant(
    "service",
    "service",
    "tests.benchmarks.contestants.service",
    lacks="nothing",
    libraries=("aio-pika", "asyncpg", "httptools", "pydantic", "sqlalchemy", "uvloop"),
)
HAND_WRITTEN: Final = Contestant(
    "httpx",
    "hand-written loop",
    "tests.benchmarks.contestants.loop_httpx",
    lacks=f"{_NO_BOOKS}; no retries: what fails stays unacked until it is started again",
    libraries=("aio-pika", "asyncpg", "httpx", "pydantic", "sqlalchemy"),
)
HAND_WRITTEN_OURS: Final = Contestant(
    "transport",
    "hand-written loop, uvloop + our transport",
    "tests.benchmarks.contestants.loop_transport",
    lacks=HAND_WRITTEN.lacks,
    libraries=("aio-pika", "httptools", "httpx", "sqlalchemy", "uvloop"),
)
HAND_WRITTEN_FAST: Final = Contestant(
    "aiohttp",
    "hand-written loop, uvloop + aiohttp",
    "tests.benchmarks.contestants.loop_aiohttp",
    lacks=HAND_WRITTEN.lacks,
    libraries=("aio-pika", "aiohttp", "sqlalchemy", "uvloop"),
)
FASTSTREAM: Final = Contestant(
    "faststream",
    "FastStream",
    "tests.benchmarks.contestants.on_faststream",
    lacks=f"{_NO_BOOKS}; no retries: what fails is a dead letter",
    libraries=("faststream", "aio-pika", "aiohttp", "sqlalchemy", "uvloop"),
)
TASKIQ: Final = Contestant(
    "taskiq",
    "taskiq",
    "tests.benchmarks.contestants.on_taskiq",
    lacks=f"{_NO_BOOKS}; what fails is acked, and gone",
    libraries=("taskiq", "taskiq-aio-pika", "aio-pika", "aiohttp", "sqlalchemy", "uvloop"),
    backlog=framed.for_taskiq,
)
CELERY: Final = Contestant(
    "celery",
    "Celery",
    "tests.benchmarks.contestants.on_celery",
    lacks=f"{_NO_BOOKS}; what fails is acked, and gone",
    libraries=("celery", "kombu", "amqp", "urllib3", "sqlalchemy", "psycopg"),
    backlog=framed.for_celery,
)
DRAMATIQ: Final = Contestant(
    "dramatiq",
    "Dramatiq",
    "tests.benchmarks.contestants.on_dramatiq",
    lacks=f"{_NO_BOOKS}; retries what fails, and so pushes an order again",
    libraries=("dramatiq", "pika", "urllib3", "sqlalchemy", "psycopg"),
    backlog=framed.for_dramatiq,
)

FIELD: Final = (
    SERVICE, HAND_WRITTEN, HAND_WRITTEN_OURS, HAND_WRITTEN_FAST, FASTSTREAM, TASKIQ, CELERY, DRAMATIQ
)  # fmt: skip

PAIR: Final = (SERVICE, HAND_WRITTEN_FAST)
"""Who runs where there is no time for all."""


def here(field: Iterable[Contestant]) -> tuple[list[Contestant], list[Contestant]]:
    """Part those whose libraries are here from the others: ``make bench`` makes an environment that has them all."""
    present, missing = [], []
    for contestant in field:
        try:
            versions([contestant])
        except metadata.PackageNotFoundError:
            missing.append(contestant)
        else:
            present.append(contestant)
    return present, missing


def versions(field: Iterable[Contestant]) -> dict[str, str]:
    """Versions of all that these run on; raises `PackageNotFoundError`."""
    return {name: metadata.version(name) for name in sorted({name for one in field for name in one.libraries})}
