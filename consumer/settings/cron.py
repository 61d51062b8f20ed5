"""A cron expression, checked when it is read and asked for its times afterwards (cronsim reads it).

Five fields as in Debian's cron, in whose footsteps cronsim goes where clocks change: a fixed time that does not exist
that day comes at the end of the gap, one that exists twice comes once, ``*`` hours go by real time. Six fields begin
with seconds and always go by real time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

EXPECTED: Final = "five fields such as 0 3 * * * (minute, hour, day, month, weekday), or six that begin with seconds"
LONGEST: Final = 200
"""Characters of an expression."""

_ANY_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)
# Each looks back further than the one before; the first that holds a due time has the newest.
_LOOKS: Final = tuple(timedelta(seconds=seconds) for seconds in (90, 5_400, 129_600, 3_456_000, 40_000_000))


@dataclass(frozen=True, slots=True)
class Cron:
    """One expression, evaluated in the time zone that its methods are given; all moments are in UTC.

    Raises:
        ValueError: it is none, or no time ever fits it.
    """

    expression: str

    def __post_init__(self) -> None:
        if len(self.expression) > LONGEST:
            raise ValueError(f"is longer than {LONGEST} characters")
        try:
            next(CronSim(self.expression, _ANY_DAY))
        except CronSimError as error:
            raise ValueError(f"is no cron expression ({error})") from None
        except StopIteration:
            raise ValueError("never comes due") from None

    def after(self, moment: datetime, zone: tzinfo) -> Iterator[datetime]:
        """Return the due times after ``moment``, each later than the one before."""
        last = moment
        for local in CronSim(self.expression, moment.astimezone(zone)):
            due = local.astimezone(UTC)
            # Begun within an hour that comes twice, cronsim tells times of the first one.
            if due > last:
                yield due
                last = due

    def newest(self, after: datetime, until: datetime, zone: tzinfo) -> datetime | None:
        """Return the last due time that is after ``after`` and not after ``until``; None: there is none."""
        for span in _LOOKS:
            if until - span <= after:
                break
            newest = self._last(until - span, until, zone)
            if newest is not None:
                return newest
        return self._last(after, until, zone)

    def _last(self, after: datetime, until: datetime, zone: tzinfo) -> datetime | None:
        newest = None
        for due in self.after(after, zone):
            if due > until:
                break
            newest = due
        return newest
