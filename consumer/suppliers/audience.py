"""Several who hear of every call: metrics count, the circuit judges, the reports remember."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.suppliers.calling import FailureListener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.domain.errors import SupplierError
    from consumer.suppliers.calling import CallObserver


class Audience:
    """Several who hear of every call, as one observer."""

    def __init__(self, observers: Sequence[CallObserver]) -> None:
        self._observers = tuple(observers)
        self._listeners = tuple(one for one in self._observers if isinstance(one, FailureListener))

    def supplier_call(self, supplier: str, operation: str, outcome: str, *, seconds: float, status: int | None) -> None:
        """Tell all of them."""
        for observer in self._observers:
            observer.supplier_call(supplier, operation, outcome, seconds=seconds, status=status)

    def supplier_failed(self, error: SupplierError) -> None:
        """Tell those who want to know why."""
        for listener in self._listeners:
            listener.supplier_failed(error)
