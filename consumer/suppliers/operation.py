"""What one kind of supplier call is, and the errors that name it: values only; reading an answer needs no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from consumer.domain.errors import SupplierError, Transient, UnknownOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    import httpx

T = TypeVar("T")
JSON: TypeAlias = "Mapping[str, JSON] | list[JSON] | str | int | Decimal | bool | None"

MEGABYTE = 1024 * 1024


class Misshapen(ValueError):
    """A readable answer whose value is not what the call promises.

    Args:
        where: the offending place, e.g. ``0.isSales``; empty for the whole value.
        expected: what should have been there. Never the value itself: it may hold personal data or a token.
    """

    def __init__(self, where: str, expected: str) -> None:
        super().__init__(f"{where or 'the whole answer'}: expected {expected}")
        self.where = where
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Said:
    """The value of a 2xx answer.

    Attributes:
        value: ``data`` of the envelope, or the whole of a bare answer.
        enveloped: an envelope said ``success``; a bare value has to speak for itself.
    """

    value: JSON
    enveloped: bool


class Intake(Protocol):
    """Takes the body of a success while it arrives, where that is a list too long to be held whole.

    It belongs to one business call; each try begins it anew.
    """

    @property
    def size(self) -> int:
        """Bytes taken since `begin`."""
        ...

    async def begin(self) -> None:
        """Forget what an earlier try has brought."""
        ...

    async def take(self, block: bytes) -> None:
        """Keep the next piece of the body, cut anywhere.

        Raises:
            OSError: there is no room for it.
        """
        ...

    async def end(self) -> JSON:
        """Return the body's value, of its list only the beginning.

        Raises:
            Misshapen: it has two lists, or something long that is none.
            ValueError: it is no JSON document, or not a whole one.
            OSError: there is no room for it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One kind of call.

    Attributes:
        supplier: ``ylh`` or ``haier``.
        name: as in errors and metrics, e.g. ``create``.
        url: whole URL; every call is a POST.
        changes: whether it changes something there. False: it may be sent again at any time, and a lost answer is just
            lost. True: a missing answer leaves the outcome unknown (DESIGN section 6), and whether a second send does
            harm is a matter of each call, written down where its operation is made.
        read: turns the answer's value (the envelope taken off) into what the caller wants, or raises `Misshapen`. It is
            told whether there was an envelope: a success that says so may hold less than a bare value must.
        settings: which settings to look at when the address is wrong, for error messages.
        private: the answer holds a token: nothing of it may be shown.
        largest: bytes of answer that are read at most.
        intake: where the body of a success goes; ``read`` is then told of the beginning of its list only. None: it is
            held whole. Not for a change.
        host: value of the ``Host`` header.
        target: what stands in the request line: path and query.
    """

    supplier: str
    name: str
    url: httpx.URL
    changes: bool
    read: Callable[[Said], T]
    settings: str
    private: bool = False
    largest: int = MEGABYTE
    intake: Intake | None = None

    host: bytes = field(init=False, repr=False)
    target: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", self.url.netloc)
        object.__setattr__(self, "target", self.url.raw_path)

    def into(self, intake: Intake) -> Operation[T]:
        """Return this call with an answer that goes into ``intake``.

        Raises:
            ValueError: it changes something there: its answer has to be read whole.
        """
        if self.changes:
            raise ValueError(f"{self} changes something at the supplier: its answer is no long list")
        return replace(self, intake=intake)

    def __str__(self) -> str:
        return f"{self.supplier}.{self.name}"

    def probe(self) -> Operation[None]:
        """Return this call for the question whether somebody answers at all, whatever the answer says.

        Raises:
            ValueError: it changes something there.
        """
        if self.changes:
            raise ValueError(f"{self} changes something at the supplier: it is no probe")
        return Operation(self.supplier, self.name, self.url, changes=False, read=_anything, settings=self.settings)

    def no_answer(
        self, what: str, *, code: str, subject: str | None, status: int | None = None
    ) -> Transient | UnknownOutcome:
        """Return the error for a call that was sent, at least in part, and got no readable answer."""
        if self.changes:
            unsure = f"{what}; it may or may not have happened there"
            return self.error(UnknownOutcome, unsure, code=code, subject=subject, status=status)
        return self.error(Transient, what, code=code, subject=subject, status=status)

    def not_sent(self, what: str, *, code: str, subject: str | None) -> Transient:
        """Return the error for a call of which nothing was sent."""
        return self.error(Transient, f"{what}; nothing was sent", code=code, subject=subject)

    def error(
        self,
        kind: type[_Error],
        what: str,
        *,
        code: str,
        subject: str | None,
        status: int | None = None,
        supplier_code: str | None = None,
        supplier_message: str | None = None,
    ) -> _Error:
        """Return an error of ``kind`` that names the call and, if there is one, the order or goods (``subject``)."""
        of = f" for {subject}" if subject else ""
        return kind(
            f"{self}{of}: {what}",
            code=code,
            supplier=self.supplier,
            operation=self.name,
            status=status,
            supplier_code=supplier_code,
            supplier_message=supplier_message,
        )


def _anything(said: Said) -> None:
    del said


_Error = TypeVar("_Error", bound=SupplierError)
