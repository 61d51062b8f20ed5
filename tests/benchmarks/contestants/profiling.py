"""CPU time by function, each thread on its own, without another dependency.

The clock is the thread's own CPU clock: waiting for the other thread or for the disk is not counted. cProfile makes
small functions look dearer than they are, so compare lines, not sums.
"""

from __future__ import annotations

import cProfile
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def profiled(directory: Path | None) -> Iterator[None]:
    """Write ``main.prof``, and on Python 3.11 ``thread-N.prof``, into ``directory``; None: do nothing.

    From 3.12 on one profiler at a time is all that Python has, so there only the main thread is seen.
    """
    if directory is None:
        yield
        return
    if sys.version_info < (3, 12):
        _profile_threads(directory)
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        profile.dump_stats(directory / "main.prof")


def _profile_threads(directory: Path) -> None:
    run = threading.Thread.run

    def profiled_run(thread: threading.Thread) -> None:
        profile = cProfile.Profile(time.thread_time)
        try:
            profile.runcall(run, thread)
        finally:
            profile.dump_stats(directory / f"thread-{thread.name.replace('/', '-')}.prof")

    # The one place that every thread passes, on its own side.
    threading.Thread.run = profiled_run  # type: ignore[method-assign, assignment]
