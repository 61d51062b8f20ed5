"""An answer that is taken in piece by piece (`consumer.suppliers.operation.Intake`), in the terms of `read_answer`."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from consumer.domain.errors import Malformed, SupplierError
from consumer.suppliers.answers import broken, read_value
from consumer.suppliers.operation import Misshapen

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterator, Mapping

    from consumer.suppliers.operation import Intake, Operation

T = TypeVar("T")


async def keep(
    chunks: AsyncIterable[bytes], operation: Operation[T], intake: Intake, *, status: int, subject: str | None
) -> None:
    """Let ``intake`` take the body of a success.

    Raises:
        SupplierError: it is larger than the operation allows, or there is no room for it.
    """
    with _room(operation, subject):
        await intake.begin()
        async for chunk in chunks:
            if intake.size + len(chunk) > operation.largest:
                raise too_large(operation, operation.largest, status, subject)
            await intake.take(chunk)


async def read_arrived(
    operation: Operation[T], intake: Intake, *, status: int, headers: Mapping[str, str], subject: str | None
) -> T:
    """Return what the answer with the beginning of its list says, once all of it is here and known to be whole.

    Args:
        operation: the call that was answered.
        intake: has the body.
        status: HTTP status, a success.
        headers: of the answer; looked up in lower case.
        subject: the order or goods, for errors.

    Raises:
        SupplierError: as `consumer.suppliers.answers.read_answer`.
    """
    try:
        with _room(operation, subject):
            value = await intake.end()
    except Misshapen as error:
        what = f"the answer ({intake.size} bytes) has another shape than documented ({error})"
        raise operation.error(Malformed, what, code="another_shape", subject=subject, status=status) from error
    except ValueError as error:
        raise broken(operation, status, intake.size, subject) from error
    return read_value(operation, value, status=status, headers=headers, subject=subject)


def too_large(operation: Operation[T], most: int, status: int, subject: str | None) -> SupplierError:
    """Return the error for an answer of more than ``most`` bytes."""
    what = f"the answer is larger than {most} bytes and was not read to its end"
    if operation.changes:
        return operation.no_answer(what, code="answer_too_large", subject=subject, status=status)
    return operation.error(Malformed, what, code="answer_too_large", subject=subject, status=status)


@contextmanager
def _room(operation: Operation[T], subject: str | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"the answer cannot be kept in {tempfile.gettempdir()} ({error.strerror}): make room there"
        raise operation.no_answer(
            f"{where}, or name another place in TMPDIR", code="no_room", subject=subject
        ) from error
