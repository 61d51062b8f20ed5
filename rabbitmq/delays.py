"""Delays as people write them (``5s``, ``200ms``, ``2m``, ``1h``): in ``RELAY_RETRY_DELAYS`` and in queue names."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise

_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_WRITTEN = re.compile(r"([1-9][0-9]{0,8})(ms|s|m|h)", re.ASCII)
_ONE_MILLISECOND = timedelta(milliseconds=1)

LONGEST = timedelta(days=1)
"""A retry that waits longer is better left to the dead letters, where a person sees it."""


class InvalidDelay(ValueError):
    """Not a delay as we write them; the text says what was expected."""


def parse_delay(text: str) -> timedelta:
    """Read one delay: a whole number and ``ms``, ``s``, ``m`` or ``h``; raises :class:`InvalidDelay`."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise InvalidDelay(f"{text!r} is no delay; write a whole number and ms, s, m or h, such as 200ms, 5s, 2m or 1h")
    delay = timedelta(milliseconds=int(match[1]) * _MILLISECONDS[match[2]])
    if delay > LONGEST:
        raise InvalidDelay(f"{text!r} is longer than {format_delay(LONGEST)}, the longest delay of a retry")
    return delay


def parse_delays(text: str) -> tuple[timedelta, ...]:
    """Read a ladder, shortest first, parted by commas: ``5s,30s,2m,10m,1h``; raises :class:`InvalidDelay`."""
    delays = tuple(parse_delay(part) for part in text.split(",") if part.strip())
    check_ladder(delays)
    return delays


def check_ladder(delays: tuple[timedelta, ...]) -> None:
    """Raise :class:`InvalidDelay` unless there is a delay and each is longer than the one before."""
    if not delays:
        raise InvalidDelay("there is no delay; write at least one, such as 5s,30s,2m,10m,1h")
    for shorter, longer in pairwise(delays):
        if longer <= shorter:
            written = ",".join(map(format_delay, delays))
            raise InvalidDelay(f"{written}: each delay has to be longer than the one before it")


def format_delay(delay: timedelta) -> str:
    """Write a delay in the largest unit that holds it whole: 120 s is ``2m``, 90 s is ``90s``.

    Two spellings of the same delay thereby give the same queue. Raises :class:`InvalidDelay` for what is less than a
    millisecond or no whole number of them.
    """
    count, rest = divmod(delay, _ONE_MILLISECOND)
    if count <= 0 or rest:
        raise InvalidDelay(f"{delay} is no delay; it has to be at least a millisecond, and whole milliseconds")
    unit, size = next((unit, size) for unit, size in reversed(_MILLISECONDS.items()) if count % size == 0)
    return f"{count // size}{unit}"


def milliseconds(delay: timedelta) -> int:
    """The delay as the broker takes it."""
    return delay // _ONE_MILLISECOND
