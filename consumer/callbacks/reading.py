"""From a form that is rightly signed to an event of the contract (SUPPLIERS, "YLH calls us back"). Pure.

Generous with what we do not need (further fields, numbers as texts, blanks for nothing), strict with what we do: which
order, which state, which quantities. What cannot be read goes to a person and is never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, Field, ValidationError

from consumer.callbacks.admission import time_of
from consumer.callbacks.signature import callback_id
from consumer.suppliers.answers import parsed
from consumer.suppliers.fields import Answer, OptionalText, Text, Whole, many, number
from schemas.codec import encode
from schemas.envelope import event_model
from schemas.events.callbacks import PART_OF_THE_GOODS, ReturnedItem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SOURCE: Final = "/haier-relay/callbacks/ylh"
"""CloudEvents ``source`` of all callbacks."""
UNKNOWN: Final = "unknown"

_PREFIX: Final = "hmm.scm_heorder."
_TYPES: Final = {
    "confirm": "supplier.callback.confirmed",
    "cancel": "supplier.callback.cancelled",
    "oostock": "supplier.callback.out_of_stock",
}
_LONGEST_SHOWN: Final = 64


class Unreadable(ValueError):
    """Rightly signed, and yet no callback that we know; the text says why without quoting the customer's data.

    Args:
        message: for a person: what is wrong with it, and what to do.
        code: ``unknown_method`` or ``unreadable_callback``.
    """

    def __init__(self, message: str, *, code: str = "unreadable_callback") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Read:
    """A callback as an event.

    Attributes:
        id: the event's.
        type: event type, also the routing key.
        at: the callback's ``TimeStamp``, aware.
        platform_order_no: our order's number, as YLH gives it back.
        ext_order_no: Haier's number, where it gives one.
        body: CloudEvents structured JSON; the same bytes for a repetition.
    """

    id: str
    type: str
    at: datetime
    platform_order_no: str
    ext_order_no: str | None
    body: bytes


def _as_words(value: object) -> object:
    """Leave a text as it is, for it is passed on verbatim; a number becomes one, a blank is none."""
    if isinstance(value, str):
        return value if value.strip() else None
    found = number(value)
    return value if found is None else str(found)


class _Item(Answer):
    product_code: Text = Field(alias="productCode")
    total: Whole = Field(alias="totalQty")
    received: Whole = Field(alias="receiveQty")
    returned: Whole = Field(alias="returnQty")
    rejected: Whole = Field(alias="rejectQty")


class _Told(Answer):
    platform_order_no: Text = Field(alias="PlatformOrderNo")
    ext_order_no: OptionalText = Field(None, alias="ExtOrderNo")
    fail_msg: Annotated[str | None, BeforeValidator(_as_words)] = Field(None, alias="FailMsg")
    state: object = Field(None, alias="State")
    items: object = Field(None, alias="itemList")


def method_of(parameters: Mapping[str, str]) -> str:
    """Return the method in short (``confirm``, ``cancel``, ``oostock``), or `UNKNOWN`."""
    short = parameters.get("Method", "").strip().removeprefix(_PREFIX)
    return short if short in _TYPES and parameters["Method"].strip() == f"{_PREFIX}{short}" else UNKNOWN


def read(parameters: Mapping[str, str]) -> Read:
    """Return the callback in ``parameters`` as an event.

    Raises:
        Unreadable: it is none that we know.
    """
    method = method_of(parameters)
    if method == UNKNOWN:
        shown = parameters["Method"].strip()[:_LONGEST_SHOWN]
        raise Unreadable(
            f"YLH called with the method {shown!r}, which this version does not know: ask YLH what it means",
            code="unknown_method",
        )
    at = time_of(parameters["TimeStamp"])
    if at is None:
        raise Unreadable("its TimeStamp is no time written as yyyyMMddHHmmss: ask YLH when it was meant")
    id_ = callback_id(parameters)
    try:
        told = _Told.model_validate(parsed(parameters["Data"].encode()))
        event = event_model(_TYPES[method]).model_validate(
            {
                "specversion": "1.0",
                "id": id_,
                "source": SOURCE,
                "type": _TYPES[method],
                "subject": told.platform_order_no,
                "time": at,
                "datacontenttype": "application/json",
                "data": _data(method, told, at),
            }
        )
    except ValidationError as error:
        raise Unreadable(f"its Data is not as YLH's papers have it: {_faults(error)}. Ask YLH what it means") from None
    except ValueError:
        raise Unreadable("its Data is no JSON: ask YLH what was meant") from None
    return Read(id_, event.type, at, told.platform_order_no, told.ext_order_no, encode(event))


def _data(method: str, told: _Told, at: datetime) -> dict[str, object]:
    known: dict[str, object] = {
        "platform_order_no": told.platform_order_no,
        "ext_order_no": told.ext_order_no,
        "fail_msg": told.fail_msg,
        "occurred_at": at,
    }
    state = _whole(told.state)
    match method:
        case "confirm":
            return {**known, "state": state}
        case "cancel":
            return {**known, "state": state, "items": _items(told, state)}
        case _:
            # The method counts, not the state: one that says nothing here must not stop the news.
            return {**known, "state": state if state in {0, 1} else None}


def _whole(value: object) -> int | None:
    found = number(value)
    return int(found) if found is not None and found == found.to_integral_value() else None


def _items(told: _Told, state: int | None) -> tuple[ReturnedItem, ...] | None:
    if told.items in (None, "", []):
        return None
    try:
        return tuple(ReturnedItem(**item.model_dump()) for item in many(_Item, told.items))
    except ValidationError:
        if state == PART_OF_THE_GOODS:
            raise
        # State 1 and 0 are of the whole order: they hold without quantities.
        return None


def _faults(error: ValidationError) -> str:
    """Name the fields at fault and what was expected there, not what came."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'Data'}: {fault['msg']}" for fault in faults[:5])
