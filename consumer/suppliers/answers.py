"""What a supplier's HTTP answer means: a pure function from status, headers and body to a value or an error.

The table is that of DESIGN section 6; "a change" is a call that changes something at the supplier:

    2xx             the value; or `success` false → Rejected; not JSON → UnknownOutcome of a change, else Transient;
                    another shape → UnknownOutcome of a change, else Malformed
    3xx, 404, 405   Misconfigured; a redirect is never followed
    401, 403        Unauthorised (who calls decides whether the token had expired)
    429             Throttled
    other 4xx       Rejected
    5xx             UnknownOutcome of a change, else Transient
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import ValidationError

from consumer.domain.errors import Malformed, Misconfigured, Rejected, SupplierError, Throttled, Unauthorised
from consumer.suppliers.excerpts import excerpt, keys_only
from consumer.suppliers.operation import Misshapen, Said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.suppliers.operation import JSON, Operation

T = TypeVar("T")

LONGEST_WORDS: Final = 500
"""Characters of the supplier's words that we keep (`consumer.domain.errors.SupplierError`)."""
LONGEST_REST: Final = timedelta(hours=1)
"""A longer ``Retry-After`` is asked for again after this: one absurd answer must not rest a supplier for a day, and who
means it is asked once an hour."""


def _no_constant(name: str) -> JSON:
    raise ValueError(f"{name} is not JSON")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        # Too large even for a Decimal's exponent: as much JSON as any number, but none that anybody means.
        raise ValueError("a number beyond all bounds") from error


_DECODER: Final = json.JSONDecoder(parse_float=_decimal, parse_constant=_no_constant)
_ESCAPES_TO_LOOK_AT: Final = re.compile(r"\\u(?:0000|[dD])")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_WORDS: Final = ("message", "description", "msg", "error_description", "errorMsg")
_CODES: Final = ("code", "error", "errorCode")
_CODES_THAT_ARE_STATUSES: Final = {"401": 401, "403": 403, "429": 429, "503": 503}
"""Codes of a ``success: false`` that say by themselves that it is no business refusal (SUPPLIERS, Common facts:
"unless its code says so"). 400, 404 and 500 are left out: services give them to ordinary refusals too."""


def read_answer(
    operation: Operation[T], *, status: int, headers: Mapping[str, str], body: bytes, subject: str | None
) -> T:
    """Return what the answer says.

    Args:
        operation: the call that was answered.
        status: HTTP status.
        headers: of the answer; looked up in lower case.
        body: whole and unpacked.
        subject: the order or goods, for errors.

    Raises:
        SupplierError: as in the table on top of this module.
    """
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refused(operation, status, headers, _parsed_or_none(body), subject)
    try:
        value = parsed(body)
    except ValueError as error:
        raise broken(operation, status, len(body), subject) from error
    return read_value(operation, value, status=status, headers=headers, subject=subject)


def read_value(
    operation: Operation[T], value: JSON, *, status: int, headers: Mapping[str, str], subject: str | None
) -> T:
    """Return what an answer of a 2xx status says whose body is ``value``; the rest as `read_answer`."""
    try:
        if isinstance(value, dict) and "success" in value:
            if not _flag(value["success"]):
                raise _business_refusal(operation, status, headers, value, subject)
            return operation.read(Said(value.get("data"), enveloped=True))
        return operation.read(Said(value, enveloped=False))
    except (Misshapen, ValidationError) as error:
        raise _another_shape(operation, status, value, error, subject) from error


def broken(operation: Operation[T], status: int, size: int, subject: str | None) -> SupplierError:
    """Return the error for a body of ``size`` bytes that is no JSON, or not all of it."""
    what = f"the answer (HTTP {status}, {size} bytes) is not JSON"
    return operation.no_answer(what, code="broken_json", subject=subject, status=status)


def parsed(body: bytes) -> JSON:
    """Return the JSON value in ``body``, decimals exact, texts such as can be stored and sent on.

    Raises:
        ValueError: it is none.
    """
    text = body.removeprefix(_BYTE_ORDER_MARK).decode()
    try:
        value: JSON = _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return _storable(value) if _ESCAPES_TO_LOOK_AT.search(text) else value


def value_at(text: str, at: int) -> tuple[JSON, int]:
    """Return the JSON value that begins at ``at``, as `parsed` would, and where it ends.

    Raises:
        ValueError: none begins there, or it does not end.
    """
    try:
        value, end = _DECODER.raw_decode(text, at)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return _storable(value) if _ESCAPES_TO_LOOK_AT.search(text, at, end) else value, end


def _storable(value: JSON) -> JSON:
    """Put U+FFFD for NUL and for halves of characters, which JSON can escape but no database and no UTF-8 can hold."""
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case list():
            return [_storable(item) for item in value]
        case dict():
            return {_UNSTORABLE.sub("\ufffd", name): _storable(item) for name, item in value.items()}
        case _:
            return value


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return the rest that ``Retry-After`` asks for (seconds, or an HTTP date); None without one that can be read."""
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        # More digits than these would overflow, and no supplier means them.
        return min(timedelta(seconds=int(given[:9])), LONGEST_REST)
    until = _http_date(given)
    if until is None:
        return None
    # The supplier's own clock wrote the date: measured against ours, a skew would shorten or lengthen the rest.
    began = _http_date(headers.get("date", "")) or now
    return min(max(until - began, timedelta(0)), LONGEST_REST)


def _http_date(text: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _parsed_or_none(body: bytes) -> JSON:
    """Read the body of an error, which may be a page of the gateway: then there are no words to quote."""
    try:
        return parsed(body)
    except ValueError:
        return None


def _flag(value: JSON) -> bool:
    match value:
        case bool():
            return value
        case "true" | "false":
            return value == "true"
        case _:
            raise Misshapen("success", "true or false")


def _text(value: JSON, names: tuple[str, ...]) -> str | None:
    if not isinstance(value, dict):
        return None
    for name in names:
        found = value.get(name)
        if isinstance(found, str | int | Decimal) and not isinstance(found, bool) and str(found).strip():
            return str(found)[:LONGEST_WORDS]
    return None


def _business_refusal(
    operation: Operation[T], status: int, headers: Mapping[str, str], value: JSON, subject: str | None
) -> SupplierError:
    meant = _CODES_THAT_ARE_STATUSES.get(_text(value, _CODES) or "")
    return _refused(operation, meant or status, headers, value, subject)


def _refused(
    operation: Operation[T], status: int, headers: Mapping[str, str], value: JSON, subject: str | None
) -> SupplierError:
    words, code = _text(value, _WORDS), _text(value, _CODES)
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _unauthorised(operation, status, words, subject)
        case HTTPStatus.TOO_MANY_REQUESTS:
            rest = retry_after(headers, datetime.now(UTC))
            wish = "it names no time" if rest is None else f"it asks for a rest of {rest.total_seconds():g} s"
            return Throttled(
                f"{operation}: the supplier is throttling us (HTTP 429); {wish}",
                supplier=operation.supplier,
                operation=operation.name,
                retry_after=rest,
                supplier_message=words,
            )
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            what, name = f"there is no such endpoint (HTTP {status})", "wrong_endpoint"
        case _ if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            what, name = f"the address redirects (HTTP {status}) and redirects are not followed", "redirected"
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.OK:
            return operation.no_answer(f"HTTP {status}", code=f"http_{status}", subject=subject, status=status)
        case _:
            return operation.error(
                Rejected,
                f"refused (HTTP {status}, code {code or 'none'}); the supplier's own words are kept with the error",
                code="refused",
                subject=subject,
                status=status,
                supplier_code=code,
                supplier_message=words,
            )
    cure = f"{what}: check {operation.settings} against {operation.url}"
    return operation.error(Misconfigured, cure, code=name, subject=None, status=status, supplier_code=code)


def _unauthorised(operation: Operation[T], status: int, words: str | None, subject: str | None) -> Unauthorised:
    forbidden = status == HTTPStatus.FORBIDDEN
    of = f" for {subject}" if subject else ""
    what = (
        "no permission, or this machine's IP address is not on the supplier's allow-list (HTTP 403): ask the supplier"
        if forbidden
        else "the token was not accepted (HTTP 401)"
    )
    return Unauthorised(
        f"{operation}{of}: {what}",
        code="forbidden" if forbidden else "token_refused",
        supplier=operation.supplier,
        operation=operation.name,
        expired=False,
        supplier_message=words,
        status=status,
    )


def _another_shape(
    operation: Operation[T], status: int, value: JSON, error: Misshapen | ValidationError, subject: str | None
) -> SupplierError:
    shown = keys_only(value) if operation.private else excerpt(value)
    what = f"the answer has another shape than documented ({_first_fault(error)}); it is {shown}"
    if operation.changes:
        return operation.no_answer(what, code="another_shape", subject=subject, status=status)
    return operation.error(Malformed, what, code="another_shape", subject=subject, status=status)


def _first_fault(error: Misshapen | ValidationError) -> str:
    if isinstance(error, Misshapen):
        return str(error)
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the whole answer'}: {first['msg']}"
