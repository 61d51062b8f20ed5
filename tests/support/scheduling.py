"""``python -m tests.support.scheduling``: `relay schedule` as a process with a short lease; says whether it leads."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from consumer.bootstrap.scheduling import keep_schedule
from consumer.domain.schedule_books import Holder
from consumer.runtime.scheduler import Pace
from consumer.settings import load

if TYPE_CHECKING:
    from consumer.runtime.scheduler import Leading

LEASE: Final = timedelta(seconds=1.5)
LEADS: Final = "leads"
STANDS_BY: Final = "stands by"


def _tell(standing: Leading | Holder) -> None:
    print(STANDS_BY if isinstance(standing, Holder) else LEADS, flush=True)  # noqa: T201 - how the parent knows


async def _main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pace = Pace(lease=LEASE, turn_every=timedelta(seconds=0.4))
    await keep_schedule(load(dotenv=None, need=("database",)), stop=stop, tell=_tell, pace=pace)


if __name__ == "__main__":
    asyncio.run(_main())
