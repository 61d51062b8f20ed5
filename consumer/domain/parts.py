"""Long lists in the parts that one call takes (SUPPLIERS: 20 products, 20 prices, 100 orders): split, never cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def parts(keys: Iterable[str], most: int) -> Iterator[list[str]]:
    """Yield ``keys`` in their order, each once, in lists of at most ``most``; nothing for none."""
    once = list(dict.fromkeys(keys))
    for start in range(0, len(once), most):
        yield once[start : start + most]
