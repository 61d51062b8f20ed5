"""Lots that a seed draws: the same seed and the same words draw the same lot, whatever was drawn before.

So a run can be repeated although its calls come in another order each time.
"""

from dataclasses import dataclass
from hashlib import blake2b


def lot(drawn_by: str) -> float:
    """A number from 0 up to 1. A cheaper checksum would tie the lots of neighbouring seeds and counts to each other."""
    return int.from_bytes(blake2b(drawn_by.encode(), digest_size=8).digest()) / 2**64


@dataclass(frozen=True, slots=True)
class Lots:
    """The lots of one seed; ``of`` names what is drawn for, e.g. an order and how often it was asked about."""

    seed: int

    def hit(self, share: float, *of: object) -> bool:
        """Whether this one is among ``share`` of all."""
        return self._drawn(of) < share

    def between(self, span: tuple[float, float], *of: object) -> float:
        """A number within ``span``."""
        low, high = span
        return low + (high - low) * self._drawn(of)

    def one_of(self, count: int, *of: object) -> int:
        """A number from 0 to ``count`` - 1."""
        return int(self._drawn(of) * count)

    def _drawn(self, of: tuple[object, ...]) -> float:
        return lot("/".join(map(str, (self.seed, *of))))
