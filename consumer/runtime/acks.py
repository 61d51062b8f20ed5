"""Which acks to send: one channel's delivery tags, settled in any order, told to the broker in few frames.

Pure logic. ``ack(multiple=True)`` covers every tag up to a number, so it may be sent only below the lowest open tag;
what is settled above an open tag is acked by itself at once, since one slow delivery must not use up the whole
prefetch window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Ack:
    """One ``basic.ack`` frame."""

    tag: int
    multiple: bool


class AckLedger:
    """The delivery tags of one channel. Tags come in ascending order, as AMQP gives them."""

    def __init__(self) -> None:
        # Ordered: dict keeps the order of arrival, which is the order of the tags.
        self._open: dict[int, None] = {}
        self._settled: set[int] = set()

    @property
    def open(self) -> int:
        """Deliveries not settled yet."""
        return len(self._open)

    def opened(self, tag: int) -> None:
        """Note a delivery."""
        self._open[tag] = None

    def settled(self, tag: int) -> None:
        """Note that ``tag`` may be acked."""
        del self._open[tag]
        self._settled.add(tag)

    def forgotten(self, tag: int) -> None:
        """Note that ``tag`` was answered otherwise (returned to its queue)."""
        del self._open[tag]

    def take(self) -> Sequence[Ack]:
        """Return the frames that tell everything settled since the last call."""
        if not self._settled:
            return ()
        lowest_open = next(iter(self._open), None)
        below = [tag for tag in self._settled if lowest_open is None or tag < lowest_open]
        frames: list[Ack] = []
        if below:
            frames.append(Ack(max(below), multiple=len(below) > 1))
        frames.extend(Ack(tag, multiple=False) for tag in sorted(self._settled.difference(below)))
        self._settled.clear()
        return frames
