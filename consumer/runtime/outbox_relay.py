"""Publishes what units of work have stored, pipelined and confirmed, and notes it as dispatched, a little later.

Rows that this process just committed are handed over in memory, without being read again. Rows that a dead process
left behind are claimed by whoever sweeps first, once their claim has run out. What does not fit into the bounded
hand-over stays in the table and is swept: memory does not grow with the backlog.

That a row went out is noted for all rows of a moment together. Whoever dies before that has them sent once more, under
the same ids, as one does who dies between the confirm and a commit made at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from consumer.domain.errors import BooksUnavailable
from consumer.domain.writes import MarkDispatched, OutboxMessage, UnitOfWork
from consumer.observability.logging import get_logger
from publishers.results import EncodedEvent, ResultPublisher

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumer.runtime.books import BatchedBooks
    from publishers.confirms import ConfirmedPublisher

log = get_logger(__name__)

_AT_ONCE = 1_000
"""Rows that are in memory already and go out together: with 200, a catalogue's events waited for confirms most of the
time."""
_SWEPT = 200
"""Rows read back together; each may be as large as an event can be."""
_HAND_OVER = 5_000
_SENDERS = 4
"""How many batches may wait for their confirms side by side: what a unit has just stored need not wait for the confirms
of those before it."""
_NOTED_AFTER = timedelta(milliseconds=200)
"""Far less than the claim of a row that was just stored (`consumer.persistence.outbox`)."""
_SWEEP_EVERY = timedelta(seconds=3)
_CLAIM_FOR = timedelta(seconds=15)


class OutboxRelay:
    """Carries outbox rows to the broker.

    Args:
        books: where rows are claimed and marked.
        publisher: confirmed publisher on its own connection.
    """

    def __init__(self, books: BatchedBooks, publisher: ConfirmedPublisher) -> None:
        self._books = books
        self._results = ResultPublisher(publisher)
        self._rows: deque[OutboxMessage] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._room = asyncio.Event()
        self._room.set()
        self._sending = 0
        self._confirmed: list[str] = []
        self._to_note = asyncio.Event()
        self._noting = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Rows handed over and not sent yet."""
        return len(self._rows)

    def hand_over(self, rows: Iterable[OutboxMessage]) -> None:
        """Take rows that are committed; what does not fit is left to the sweep."""
        for row in rows:
            if len(self._rows) >= _HAND_OVER:
                break
            self._rows.append(row)
        self._idle.clear()
        self._wake.set()
        if len(self._rows) > _HAND_OVER // 2:
            self._room.clear()

    async def hand_over_in_turn(self, rows: Iterable[OutboxMessage]) -> None:
        """Take rows that are committed, and wait until there is room for more: for one who makes many of them.

        What would not fit could be sent only once its claim has run out.
        """
        self.hand_over(rows)
        await self._room.wait()

    async def send_again(self, rows: Sequence[OutboxMessage]) -> bool:
        """Publish rows of an event that came once more; False if the broker did not confirm all of them.

        They are not marked: what is pending is the sweep's, and what was dispatched stays so.
        """
        for start in range(0, len(rows), _AT_ONCE):
            answers = await self._results.publish([_encoded(row) for row in rows[start : start + _AT_ONCE]])
            if any(answers):
                return False
        return True

    async def run(self) -> None:
        """Send until cancelled; call `flush` first to lose no time, though nothing would be lost."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_SENDERS):
                tasks.create_task(self._send_handed_over())
            tasks.create_task(self._sweep())
            tasks.create_task(self._note_now_and_then())

    async def flush(self, within: timedelta) -> bool:
        """Wait until all that was handed over is sent and noted; False if that took longer than ``within``."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._idle.wait()
                await self._note()
        except TimeoutError:
            return False
        return True

    async def _send_handed_over(self) -> None:
        while True:
            while not self._rows:
                self._wake.clear()
                await self._wake.wait()
            batch = [self._rows.popleft() for _ in range(min(_AT_ONCE, len(self._rows)))]
            if len(self._rows) <= _HAND_OVER // 2:
                self._room.set()
            self._sending += 1
            try:
                await self._send(batch)
            finally:
                self._sending -= 1
            if not self._rows and not self._sending:
                self._idle.set()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_EVERY.total_seconds())
            try:
                while rows := await self._books.claim_outbox(_SWEPT, _CLAIM_FOR):
                    if not await self._send(rows):
                        break
            except BooksUnavailable as error:
                log.warning("outbox not swept: the database does not answer", error=error)

    async def _send(self, rows: Sequence[OutboxMessage]) -> bool:
        """Send ``rows``; False if one of them was not confirmed."""
        answers = await self._results.publish([_encoded(row) for row in rows])
        sent = [row.id for row, error in zip(rows, answers, strict=True) if error is None]
        failed = [error for error in answers if error is not None]
        if failed:
            # They stay pending in the table; the sweep sends them once their claim has run out.
            log.warning(
                "results not confirmed; they will be sent again", count=len(failed), error=type(failed[0]).__name__
            )
        if sent:
            self._confirmed += sent
            self._to_note.set()
        return not failed

    async def _note_now_and_then(self) -> None:
        while True:
            await self._to_note.wait()
            await asyncio.sleep(_NOTED_AFTER.total_seconds())
            await self._note()

    async def _note(self) -> None:
        """Note what is confirmed as dispatched; one at a time, so that who waits for the lock finds it done."""
        async with self._noting:
            sent, self._confirmed = tuple(self._confirmed), []
            self._to_note.clear()
            if not sent:
                return
            try:
                await self._books.commit(UnitOfWork((MarkDispatched(sent, datetime.now(UTC)),)))
            except BooksUnavailable as error:
                # They go out once more under the same ids, which a listener drops.
                log.warning("dispatched results not marked: the database does not answer", error=error)


def _encoded(row: OutboxMessage) -> EncodedEvent:
    return EncodedEvent(
        id=row.id,
        exchange=row.exchange,
        routing_key=row.routing_key,
        body=row.body,
        mandatory=row.mandatory,
        headers=row.headers,
    )
