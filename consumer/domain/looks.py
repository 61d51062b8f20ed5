"""Looks at the supplier's goods, what the books hold, and what really changed between the two: values, pure functions.

A look is as old as the moment before its call: the answer is at least as new as that, however long it took.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping
    from datetime import datetime

T = TypeVar("T")
K = TypeVar("K", bound="Hashable")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry of an answer that is not of the promised shape; it harms none of the others.

    Attributes:
        product_code: as far as the entry tells it; empty where it does not, or what it tells cannot be a code.
        reason: the place and what was expected there, for a person; never what stood there instead.
    """

    product_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Look(Generic[T]):
    """What one call found.

    Attributes:
        seen_at: when it was asked, aware.
        found: the entries that could be read, in the answer's order.
        unreadable: the others.
    """

    seen_at: datetime
    found: tuple[T, ...]
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What the books hold.

    Attributes:
        value: as it was seen last.
        row_version: of its row.
        seen_at: when it was looked at, the time that it brought something new.
    """

    value: T
    row_version: int
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """A value that really changed.

    Attributes:
        new: what holds now.
        old: what held before; None at first.
        row_version: of the row that it builds on; 0: there is none yet.
        seen_at: when ``new`` was looked at.
    """

    new: T
    old: T | None
    row_version: int
    seen_at: datetime


def changes(held: Mapping[K, Known[T] | None], looks: Iterable[Look[T]], *, key: Callable[[T], K]) -> list[Change[T]]:
    """Return what of ``looks`` is a change, in the order seen; the last of a repeated key counts.

    A look older than what the books hold brings nothing: somebody else has looked, and written, since. A newer look
    that found what the books held has written nothing, so an older one that found another value still counts, until
    the next look: to know better, each look would have to write each row.

    Args:
        held: by key, what the books hold instead, None where they hold nothing; what they hold just as it was seen has
            no entry.
        looks: what was seen, and when.
        key: of a value.
    """
    found = []
    seen = {key(value): (value, look.seen_at) for look in looks for value in look.found}
    for place, (value, seen_at) in seen.items():
        if place not in held:
            continue
        before = held[place]
        if before is None:
            found.append(Change(value, None, 0, seen_at))
        elif before.value != value and before.seen_at <= seen_at:
            found.append(Change(value, before.value, before.row_version, seen_at))
    return found
