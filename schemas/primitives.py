"""The kinds of values that the contract knows, each with one phrase that tells a publisher what was expected.

The phrase reaches people in `event.rejected` (EVENTS, "Out"), so a value's type, range and pattern fail with the same
words. All checks run inside pydantic's core: this is the hot path. Patterns mean the same in Rust, in ECMA 262 (JSON
Schema) and in Python.

Limits that EVENTS does not give are ours: product codes and platform order numbers 64 characters, names of places,
people and shops 64 or 128, an address 256, a remark 500. Text is never cut and never stripped: too long is rejected.
NUL and other control characters are refused: PostgreSQL cannot store the first, no supplier can print the rest.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import GetPydanticSchema
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

MAX_VERSION = 2**53 - 1
"""Largest whole number that every JSON reader holds exactly (EVENTS, `version`)."""

# A printable text has at least one character that is not white space, and no control character but tab and line ends.
_PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_NO_NUL = r"^[^\x00]*$"
_DATE = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$"
_DATETIME = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
_MONEY = r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?$"
_SIGNED_MONEY = r"^-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?$"
_FRACTION = r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$"
_SO_ID = r"^[A-Za-z0-9._-]{1,64}$"
_COUNTY = r"^[0-9]{6}$"
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_SHA256 = r"^[0-9a-f]{64}$"
_CODE = r"^[a-z][a-z0-9_]{0,63}$"
_URI_REFERENCE = r"^([A-Za-z0-9._~:/?#@!$&'()*+,;=-]|\[|\]|%[0-9A-Fa-f]{2})+$"


def _kind(core: CoreSchema, expected: str, json_schema: dict[str, Any]) -> GetPydanticSchema:
    """Bind a core schema to its one phrase and to its JSON Schema."""
    wrapped = core_schema.custom_error_schema(
        core, custom_error_type="contract", custom_error_message=expected, custom_error_context={"expected": expected}
    )
    return GetPydanticSchema(lambda _source, _handler: wrapped, lambda _core, _handler: dict(json_schema))


def _text(limit: int, *, pattern: str = _PRINTABLE, least: int = 1) -> GetPydanticSchema:
    return _kind(
        core_schema.str_schema(strict=True, min_length=least, max_length=limit, pattern=pattern),
        f"text of {least} to {limit} characters, not blank, without control characters"
        if pattern == _PRINTABLE
        else f"text of at most {limit} characters without NUL",
        {"type": "string", "minLength": least, "maxLength": limit, "pattern": pattern},
    )


def _pattern(pattern: str, expected: str, limit: int) -> GetPydanticSchema:
    return _kind(
        core_schema.str_schema(strict=True, max_length=limit, pattern=pattern),
        expected,
        {"type": "string", "maxLength": limit, "pattern": pattern},
    )


def _whole(least: int, most: int, expected: str) -> GetPydanticSchema:
    return _kind(
        core_schema.int_schema(strict=True, ge=least, le=most),
        expected,
        {"type": "integer", "minimum": least, "maximum": most},
    )


def _written_out(value: object) -> object:
    """Write a `Decimal` without an exponent, so that Python callers pass the same pattern as JSON."""
    return format(value, "f") if isinstance(value, Decimal) else value


def _decimal(pattern: str, expected: str) -> GetPydanticSchema:
    text = core_schema.str_schema(strict=True, max_length=20, pattern=pattern)
    from_json = core_schema.chain_schema([text, core_schema.decimal_schema()])
    either = core_schema.json_or_python_schema(
        json_schema=from_json,
        python_schema=core_schema.no_info_before_validator_function(_written_out, from_json),
        serialization=core_schema.to_string_ser_schema(when_used="json-unless-none"),
    )
    return _kind(either, expected, {"type": "string", "pattern": pattern})


def _moment(pattern: str, parsed: CoreSchema, native: CoreSchema, expected: str, format_: str) -> GetPydanticSchema:
    from_json = core_schema.chain_schema([core_schema.str_schema(strict=True, max_length=40, pattern=pattern), parsed])
    either = core_schema.json_or_python_schema(
        json_schema=from_json, python_schema=core_schema.union_schema([native, from_json])
    )
    return _kind(either, expected, {"type": "string", "format": format_, "pattern": pattern})


SoId = Annotated[str, _pattern(_SO_ID, "1 to 64 of the characters A-Z a-z 0-9 . _ -", 64)]
"""The shop's sub-order number, unique over all sources."""

EventId = Annotated[str, _text(128)]
Source = Annotated[
    str,
    _pattern(_URI_REFERENCE, "a URI reference of 1 to 255 characters, such as /shop/orders or urn:shop:orders", 255),
]
Tag = Annotated[str, _text(32)]
"""Short text; also a mobile number as it is written: virtual numbers with an extension, landlines."""
Name = Annotated[str, _text(64)]
Title = Annotated[str, _text(128)]
Sentence = Annotated[str, _text(256)]
Remark = Annotated[str, _text(500)]
Verbatim = Annotated[str, _text(2000, pattern=_NO_NUL, least=0)]
"""A supplier's own words and values, or ours about them: kept as they came, since nobody can ask for better ones."""

CountyCode = Annotated[str, _pattern(_COUNTY, "six digits (a GB/T 2260 county code)", 6)]
ErrorCode = Annotated[str, _pattern(_CODE, "a code in lower case such as already_pushed", 64)]
UuidText = Annotated[str, _pattern(_UUID, "a UUID in lower case with hyphens", 36)]
Sha256 = Annotated[str, _pattern(_SHA256, "64 hexadecimal digits in lower case", 64)]

Money = Annotated[
    Decimal, _decimal(_MONEY, 'money as text: digits, at most two places, never negative, such as "1999.00"')
]
"""At most ten digits before the point. Numbers are refused in JSON: a binary float is no money."""
Balance = Annotated[Decimal, _decimal(_SIGNED_MONEY, 'money as text, at most two places, such as "-120.50"')]
Fraction = Annotated[Decimal, _decimal(_FRACTION, 'a decimal as text, at most six places, such as "0.05"')]

Version = Annotated[int, _whole(1, MAX_VERSION, f"a whole number from 1 to {MAX_VERSION}")]
Quantity = Annotated[int, _whole(1, 1_000_000, "a whole number from 1 to 1000000")]
Count = Annotated[int, _whole(0, MAX_VERSION, f"a whole number from 0 to {MAX_VERSION}")]
Flag = Annotated[bool, _kind(core_schema.bool_schema(strict=True), "true or false", {"type": "boolean"})]

Day = Annotated[
    date,
    _moment(
        _DATE,
        core_schema.date_schema(),
        core_schema.date_schema(strict=True),
        "a day of the calendar as YYYY-MM-DD",
        "date",
    ),
]
Moment = Annotated[
    datetime,
    _moment(
        _DATETIME,
        core_schema.datetime_schema(tz_constraint="aware"),
        core_schema.datetime_schema(strict=True, tz_constraint="aware"),
        "a time as RFC 3339 with an offset, such as 2026-01-31T09:30:00+08:00",
        "date-time",
    ),
]

ExtensionValue = Annotated[
    str | int | bool | None,
    _kind(
        core_schema.nullable_schema(
            core_schema.union_schema(
                [
                    core_schema.bool_schema(strict=True),
                    core_schema.int_schema(strict=True, ge=-MAX_VERSION, le=MAX_VERSION),
                    core_schema.str_schema(strict=True, max_length=1024, pattern=_NO_NUL),
                ]
            )
        ),
        "an attribute's value: text of at most 1024 characters, a whole number, true or false",
        {"type": ["string", "integer", "boolean", "null"], "maxLength": 1024},
    ),
]
"""CloudEvents types of an extension attribute in JSON. null means that the attribute is not set."""
