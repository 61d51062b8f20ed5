"""The steps of one form, in the order in which they may tell something.

    form → AppKey and signature → method, data → window → broker | outbox → "success"
                                        ↘ ledger     ↘ ledger

Until the signature is known to be right, nothing of the body is looked at beyond its shape, nothing of it is logged
and nothing is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.callbacks import answers
from consumer.callbacks.form import NotAForm, parameters
from consumer.callbacks.reading import UNKNOWN, Unreadable, method_of, read
from consumer.callbacks.taking import NotTaken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.callbacks.admission import Admission
    from consumer.callbacks.answers import Answer
    from consumer.callbacks.parking import Parking
    from consumer.callbacks.reading import Read
    from consumer.callbacks.taking import Taking


class Outcome(StrEnum):
    """How a call ended; the label of ``relay_callbacks_total`` and of the log line."""

    TAKEN = "taken"
    """The broker has confirmed it."""
    STORED = "stored"
    """It is in the outbox."""
    REPEATED = "repeated"
    """Outside the window, and done long ago."""
    STALE = "stale"
    """Outside the window: refused, in the ledger."""
    UNREADABLE = "unreadable"
    """Rightly signed and no callback that we know: refused, in the ledger."""
    UNSIGNED = "unsigned"
    """AppKey or signature are not right."""
    MALFORMED = "malformed"
    """No form that could be signed: path, method, content type, size, shape."""
    LIMITED = "limited"
    """Refused, from an address of which too much was refused."""
    BUSY = "busy"
    """More at once than we take."""
    UNAVAILABLE = "unavailable"
    """Neither broker nor database has it."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a form.

    Attributes:
        answer: what the caller is told.
        outcome: how it ended.
        method: ``confirm``, ``cancel``, ``oostock`` or ``unknown``.
        event: the event that it is, where it was read.
        code: what exactly was wrong, where there is a stable name for it.
    """

    answer: Answer
    outcome: Outcome
    method: str = UNKNOWN
    event: Read | None = None
    code: str | None = None

    @property
    def signed(self) -> bool:
        """Whether the caller has proved to be YLH."""
        return self.outcome not in _STRANGERS


_STRANGERS = frozenset(
    {Outcome.UNSIGNED, Outcome.MALFORMED, Outcome.LIMITED, Outcome.BUSY},
)


class Receiving:
    """Takes forms in.

    Args:
        admission: whose forms.
        taking: makes events durable.
        parking: files what is refused though it is signed.
        now: the clock against which the window is held (aware).
    """

    def __init__(
        self,
        admission: Admission,
        taking: Taking,
        parking: Parking,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._admission = admission
        self._taking = taking
        self._parking = parking
        self._now = now

    async def receive(self, body: bytes) -> Came:
        """Take one form in; whatever the bytes, it returns."""
        try:
            found = parameters(body)
        except NotAForm:
            return Came(answers.NOT_A_FORM, Outcome.MALFORMED)
        if not self._admission.admits(found):
            return Came(answers.UNSIGNED, Outcome.UNSIGNED)
        method = method_of(found)
        try:
            return await self._signed(found, method)
        except NotTaken:
            return Came(answers.UNAVAILABLE, Outcome.UNAVAILABLE, method)

    async def _signed(self, found: Mapping[str, str], method: str) -> Came:
        try:
            event = read(found)
        except Unreadable as why:
            await self._parking.unreadable(found, why)
            return Came(answers.UNREADABLE, Outcome.UNREADABLE, method, code=why.code)
        if not self._admission.in_time(event.at, self._now()):
            if await self._parking.stale(event):
                return Came(answers.STALE, Outcome.STALE, method, event)
            return Came(answers.TAKEN, Outcome.REPEATED, method, event)
        way = await self._taking.take(event)
        return Came(answers.TAKEN, Outcome(way.value), method, event)
