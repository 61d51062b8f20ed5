"""What the figures were measured on, so that they can be compared, or not."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware and versions."""

    at: str
    """Date and time, UTC."""
    processor: str
    cores: int
    memory_gb: float | None
    system: str
    python: str
    sqlite: str
    rabbitmq: str
    postgresql: str
    libraries: dict[str, str]

    @classmethod
    def here(cls, libraries: dict[str, str], *, rabbitmq: str, postgresql: str) -> Machine:
        """Look around; ``libraries`` are those of the contestants, the servers' versions "not used" or "not here"."""
        return cls(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            processor=_processor(),
            cores=os.cpu_count() or 1,
            memory_gb=_memory(),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            python=f"{platform.python_implementation()} {platform.python_version()}",
            sqlite=sqlite3.sqlite_version,
            rabbitmq=rabbitmq,
            postgresql=postgresql,
            libraries=libraries,
        )

    def lines(self) -> list[str]:
        """For people."""
        memory = f", {self.memory_gb:.0f} GB" if self.memory_gb else ""
        return [
            f"{self.at}; {self.processor}, {self.cores} cores{memory}; {self.system}",
            f"{self.python}, RabbitMQ {self.rabbitmq}, SQLite {self.sqlite}, PostgreSQL {self.postgresql}",
            ", ".join(f"{name} {version}" for name, version in self.libraries.items()),
        ]


def load() -> float | None:
    """Processes that wanted a core during the last minute; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


_HARDLY_ANY = 50
"""One part in so many."""


@dataclass(frozen=True, slots=True)
class CpuTime:
    """What became of the time that somebody wanted a core for, since the machine started, in the system's ticks."""

    had: int
    stolen: int
    """The host of this virtual machine gave it to others (proc(5), "steal")."""

    @classmethod
    def until_now(cls, stat: Path = Path("/proc/stat")) -> CpuTime | None:
        """Read it; None where the system does not tell."""
        try:
            fields = stat.read_text(encoding="ascii").partition("\n")[0].split()
        except OSError:
            return None
        user, nice, system, _idle, _iowait, irq, softirq, stolen = map(int, fields[1:9])
        return cls(user + nice + system + irq + softirq, stolen)

    def note(self, earlier: CpuTime) -> str | None:
        """Say what share was stolen since ``earlier``; None: hardly any, so that nobody need doubt the figures."""
        stolen, had = self.stolen - earlier.stolen, self.had - earlier.had
        if stolen * _HARDLY_ANY <= had + stolen:
            return None
        share = stolen / (had + stolen)
        return (
            f"this machine's host took {share:.0%} of the time away for which a core was wanted: rounds differ by "
            "that, and latencies say nothing"
        )


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):
        return None
