"""CPU time and memory of another process, read from outside, so that no contestant has to measure itself."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process, all threads."""

    cpu_seconds: float
    """User and system, since it started; on Linux in steps of 10 ms."""
    rss_mb: float
    """Resident now, in 10⁶ bytes."""
    peak_rss_mb: float
    """Most that was ever resident; where the system does not tell (macOS), the same as now."""


def usage(pid: int) -> Usage:
    """Read it; raises `ProcessLookupError` when there is no such process."""
    if sys.platform != "linux":
        return _from_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ProcessLookupError(f"process {pid} is gone") from error
    # proc(5): the second field, in brackets, may hold spaces; utime and stime are the 14th and the 15th.
    fields = stat.rpartition(")")[2].split()
    sizes = dict(line.split(":", 1) for line in status.splitlines() if line.startswith(("VmRSS", "VmHWM")))
    if len(sizes) < 2:  # a zombie has none
        raise ProcessLookupError(f"process {pid} has ended")
    return Usage(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
        rss_mb=int(sizes["VmRSS"].split()[0]) * 1024 / MB,
        peak_rss_mb=int(sizes["VmHWM"].split()[0]) * 1024 / MB,
    )


def _from_ps(pid: int) -> Usage:
    told = subprocess.run(  # noqa: S603 - our own arguments
        ["/bin/ps", "-o", "time=,rss=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    if not told:
        raise ProcessLookupError(f"process {pid} is gone")
    seconds = 0.0
    for part in told[0].split(":"):
        seconds = seconds * 60 + float(part)
    rss = int(told[1]) * 1024 / MB
    return Usage(cpu_seconds=seconds, rss_mb=rss, peak_rss_mb=rss)


def family_cpu_seconds(pid: int) -> float:
    """CPU seconds of a process, of those it started, and of those of them that it has seen end; 0 but on Linux.

    Raises:
        ProcessLookupError: there is no such process.
    """
    if sys.platform != "linux":
        return 0.0
    own = _times(Path(f"/proc/{pid}/stat"))
    if own is None:
        raise ProcessLookupError(f"process {pid} is gone")
    others = [times for path in Path("/proc").glob("[0-9]*/stat") if (times := _times(path)) and times[0] == pid]
    return (sum(own[1:]) + sum(used for _, used, _ in others)) / _TICKS


def _times(stat: Path) -> tuple[int, int, int] | None:
    """Parent, ticks used, ticks that ended children used; None for a process that is gone."""
    try:
        fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
