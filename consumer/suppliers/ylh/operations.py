"""YLH's calls: where each goes, and what may be sent twice.

`Operation.changes` says whether a call changes something; why a change may be sent again is said at each of them
(`docs/suppliers.md` has the table of both suppliers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from consumer.suppliers.operation import MEGABYTE, Operation, Said
from consumer.suppliers.ylh import addresses
from consumer.suppliers.ylh.wire import (
    PhotoWire,
    read_accepted,
    read_created,
    read_photos,
    read_shipments,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.settings import YlhSettings
    from consumer.suppliers.parcels import RecordWire

T = TypeVar("T")

_MANY_PARCELS = 16 * MEGABYTE
"""A hundred orders with all their serial numbers come in one answer."""


@dataclass(frozen=True, slots=True)
class YlhOperations:
    """The calls of one account (SUPPLIERS, "YLH: the order's life").

    Attributes:
        create: sent again after an unknown outcome only, with the very bytes of the first send: YLH refuses a ``soId``
            that it has, and that refusal then proves the arrival.
        cancel: sent again after an unknown outcome: a second cancel of an order changes nothing, it is only refused;
            that refusal proves nothing, so that the outcome stays unknown and the callback decides.
        reschedule: sent again after an unknown outcome: the same dates twice are the same dates. Only under the lease
            of its order and from its intent, or a repeat could undo a newer reschedule. A refusal of the repeat proves
            nothing, as for a cancel.
        photos: a look; may be sent at any time.
        logistics: a look; may be sent at any time.
    """

    create: Operation[str | None]
    cancel: Operation[None]
    reschedule: Operation[None]
    photos: Operation[list[PhotoWire]]
    logistics: Operation[list[RecordWire]]

    @classmethod
    def of(cls, settings: YlhSettings) -> YlhOperations:
        """Return the calls of the account, each at its own service."""

        def call(
            name: str, place: tuple[str, str], read: Callable[[Said], T], *, changes: bool, largest: int = MEGABYTE
        ) -> Operation[T]:
            url = addresses.address(settings, *place)
            return Operation("ylh", name, url, changes, read, settings="YLH_BASE_URL and YLH_ENV", largest=largest)

        return cls(
            create=call("create", addresses.CREATE, read_created, changes=True),
            cancel=call("cancel", addresses.CANCEL, read_accepted, changes=True),
            reschedule=call("reschedule", addresses.RESCHEDULE, read_accepted, changes=True),
            photos=call("photos", addresses.PHOTOS, read_photos, changes=False),
            logistics=call("logistics", addresses.LOGISTICS, read_shipments, changes=False, largest=_MANY_PARCELS),
        )
