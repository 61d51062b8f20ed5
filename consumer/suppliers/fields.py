"""The kinds of fields in both suppliers' answers, read as generously as the papers are vague, and no more than that.

The rule for all wire models: what we need must be there; what we do not need may be missing, null or blank; what is
there must be of its documented kind, numbers as JSON numbers or as texts (SUPPLIERS, common facts). Only where no
format is documented (times, yes and no of a side remark) does something unreadable count as untold.

No message of a fault names the value: it may be personal.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China keeps no daylight saving time."""
MOST: Final = Decimal(10) ** 15
"""No amount, no quantity and no time in milliseconds reaches this: such a number is a fault."""
FINEST: Final = -12
"""Places behind the point of the finest number that is one."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YES: Final = frozenset({"1", "true", "y", "yes", "是"})
_NO: Final = frozenset({"0", "false", "n", "no", "否"})

Model = TypeVar("Model", bound=BaseModel)


class Answer(BaseModel):
    """A piece of an answer: further fields are welcome, and no fault quotes what was there."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


def many(model: type[Model], value: object) -> list[Model]:
    """Read a list of ``model``.

    Raises:
        ValidationError: it is none; the path begins with the entry's number.
    """
    return _list_of(model).validate_python(value)


def one_or_many(model: type[Model], value: object) -> list[Model]:
    """Read a list of ``model``, or one alone where the supplier may leave the list out.

    Raises:
        ValidationError: it is neither.
    """
    return [model.model_validate(value)] if isinstance(value, dict) else many(model, value)


@lru_cache(maxsize=32)
def _list_of(model: type[Model]) -> TypeAdapter[list[Model]]:
    # A list takes no config from its items: without this its own fault would quote what stood in its place.
    config = ConfigDict(hide_input_in_errors=True)
    return TypeAdapter(list[model], config=config)  # type: ignore[valid-type] # a type at run time only


def number(value: object) -> Decimal | None:
    """Return the number that ``value`` is, exactly, or None."""
    match value:
        case bool():
            return None
        case int() | Decimal():
            found = Decimal(value)
        case str() if _NUMBER.fullmatch(value.strip()):
            found = Decimal(value.strip())
        case _:
            return None
    if not found.is_finite() or abs(found) >= MOST:
        return None
    return found if found == round(found, -FINEST) else None


def as_text(value: object) -> object:
    """Read a number as a text, a blank as nothing."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    return (value.strip() or None) if isinstance(value, str) else value


def _as_texts(value: object) -> object:
    """Read null as no texts; blank entries go."""
    if value is None:
        return ()
    return [item for item in value if item not in ("", None)] if isinstance(value, list) else value


def _as_amount(value: object) -> Decimal:
    found = number(value)
    if found is None:
        raise ValueError("expected a decimal number")
    return found


def _as_whole(value: object) -> int:
    found = number(value)
    if found is None or found != found.to_integral_value():
        raise ValueError("expected a whole number")
    return int(found)


def _as_switch(value: object) -> bool:
    match value:
        case bool():
            return value
        case "1" | 1 | "0" | 0 | "true" | "false":
            return value in ("1", 1, "true")
        case _:
            raise ValueError('expected "1" or "0"')


def _as_remark(value: object) -> bool | None:
    """Read yes or no where the papers do not say how it is written; anything else says neither."""
    word = str(value).strip().lower()
    return True if word in _YES else False if word in _NO else None


def _as_moment(value: object) -> datetime | None:
    """Read a time whose format is not documented; None if no format that we know fits."""
    text = as_text(value)
    if not isinstance(text, str):
        return None
    try:
        if text.isascii() and text.isdigit():
            return _in_digits(text)
        return _in_utc(datetime.fromisoformat(text.replace("/", "-")))
    except (ValueError, OverflowError):
        return None


def _in_digits(text: str) -> datetime | None:
    match len(text):
        case 10:
            return _EPOCH + timedelta(seconds=int(text))
        case 13:
            return _EPOCH + timedelta(milliseconds=int(text))
        case 14:
            # As in the TimeStamp of YLH's callbacks.
            return _in_utc(datetime.strptime(text, "%Y%m%d%H%M%S"))  # noqa: DTZ007 -- gets its zone in the next step
        case _:
            return None


def _in_utc(read: datetime) -> datetime:
    return (read if read.tzinfo else read.replace(tzinfo=SHANGHAI)).astimezone(UTC)


def _as_lifetime(value: object) -> float | None:
    """Read how many seconds a token lives; anything else counts as untold, for that there is a rule of its own."""
    found = number(value)
    return None if found is None else float(found)


def _nothing_for_blank(value: object) -> object:
    return None if value is None or (isinstance(value, str) and not value.strip()) else value


Text = Annotated[str, BeforeValidator(as_text)]
"""Must be there; a number will do."""
OptionalText = Annotated[str | None, BeforeValidator(as_text)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_texts)]
Switch = Annotated[bool, BeforeValidator(_as_switch)]
Remark = Annotated[bool | None, BeforeValidator(_as_remark)]
Amount = Annotated[Decimal, BeforeValidator(_as_amount)]
"""Never by way of a binary float: `consumer.suppliers.answers.parsed` reads JSON's numbers as `Decimal`."""
OptionalAmount = Annotated[Annotated[Decimal, BeforeValidator(_as_amount)] | None, BeforeValidator(_nothing_for_blank)]
Whole = Annotated[int, BeforeValidator(_as_whole)]
OptionalMoment = Annotated[datetime | None, BeforeValidator(_as_moment)]
"""Aware, in UTC; a time without a zone is China's."""
OptionalLifetime = Annotated[float | None, BeforeValidator(_as_lifetime)]
"""Seconds. A token serves without it (SUPPLIERS, Haier, Token: "may be missing"): to refuse one for an odd number of
seconds would stop every call of the account."""
